//! The trait that a policy implements, and the component made of it.

use crate::answer::gravity;
use crate::{Description, Finding, Horizon, Parameters, Unavailable, Verdict};

/// A policy.
pub trait Policy {
    /// Who it is. Reads no facts.
    fn describe() -> Description;

    /// Judges the node at one horizon.
    ///
    /// # Errors
    /// [`Unavailable`] if evidence that the judgement needs could not be read:
    /// the verdict is `unknown`.
    fn judge(at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable>;
}

/// What a policy says about one horizon.
///
/// ```
/// use nodepol_plugin::{Finding, Judgement, Verdict};
///
/// let quiet = Judgement::of(vec![], "nothing is wrong");
/// assert_eq!((quiet.verdict(), quiet.summary()), (Verdict::Pass, "nothing is wrong"));
///
/// let both = vec![Finding::warn("slow", "it is slow"), Finding::fail("down", "it is down")];
/// let judged = Judgement::of(both, "nothing is wrong");
/// assert_eq!((judged.verdict(), judged.summary()), (Verdict::Fail, "it is down"));
/// assert_eq!(judged.findings().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) summary: String,
    pub(crate) findings: Vec<Finding>,
}

impl Judgement {
    /// The rule holds.
    pub fn pass(summary: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Pass,
            summary: summary.into(),
            findings: Vec::new(),
        }
    }

    /// The rule has no meaning on this node, and why.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NotApplicable,
            summary: why.into(),
            findings: Vec::new(),
        }
    }

    /// The gravest of the findings; a pass with the summary `otherwise` if
    /// there are none, or only notes.
    pub fn of(findings: Vec<Finding>, otherwise: impl Into<String>) -> Self {
        let mut judgement = Self::pass(otherwise);
        for finding in &findings {
            if gravity(finding.0.verdict) > gravity(judgement.verdict) {
                judgement.verdict = finding.0.verdict;
                judgement.summary.clone_from(&finding.0.message);
            }
        }
        judgement.findings = findings;
        judgement
    }

    /// Its verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// It in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What was found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl From<Finding> for Judgement {
    fn from(finding: Finding) -> Self {
        Self {
            verdict: finding.0.verdict,
            summary: finding.0.message.clone(),
            findings: vec![finding],
        }
    }
}

/// What [`policy!`](crate::policy!) puts between a [`Policy`] and the ABI.
pub mod component {
    use super::Policy;
    use crate::bindings::exports::nodepol::policy::check;
    use crate::{Answer, Argument, Failure, Horizon, Parameters, log};

    /// A policy as the host calls it.
    #[derive(Clone, Copy)]
    pub struct Native {
        /// Who it is.
        pub describe: fn() -> check::Description,
        /// Judges the node; needs a host that serves the facts.
        pub evaluate: fn(Vec<Horizon>, Vec<Argument>) -> Result<Answer, Failure>,
    }

    /// Answers `describe`.
    pub fn describe<P: Policy>() -> check::Description {
        report_panics();
        P::describe().0
    }

    /// Answers `evaluate`.
    ///
    /// # Errors
    /// None of its own: a policy that cannot read evidence answers `unknown`.
    pub fn evaluate<P: Policy>(
        horizons: Vec<Horizon>,
        arguments: Vec<Argument>,
    ) -> Result<Answer, Failure> {
        report_panics();
        let parameters = Parameters::new(arguments);
        let judged = horizons.into_iter().map(|horizon| {
            let judgement = P::judge(horizon, &parameters)
                .unwrap_or_else(|unavailable| super::Finding::from(unavailable).into());
            (horizon, judgement)
        });
        Ok(crate::answer::answer(judged.collect()))
    }

    /// A panic ends in a trap that says nothing; the log line says why. Outside
    /// of a component there is no host to log to, and Rust says it itself.
    fn report_panics() {
        if cfg!(target_arch = "wasm32") {
            std::panic::set_hook(Box::new(|panic| {
                log::write(log::Level::Error, &panic.to_string());
            }));
        }
    }
}

/// Makes a component of a [`Policy`]. Compiled for anything but WebAssembly it
/// gives `native`, the same two functions without an ABI.
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::nodepol::policy::check::Guest for Component {
                fn describe() -> $crate::bindings::exports::nodepol::policy::check::Description {
                    $crate::component::describe::<$policy>()
                }

                fn evaluate(
                    horizons: Vec<$crate::Horizon>,
                    parameters: Vec<$crate::Argument>,
                ) -> Result<$crate::Answer, $crate::Failure> {
                    $crate::component::evaluate::<$policy>(horizons, parameters)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };

        /// The policy as the host calls it, outside of a component.
        #[cfg(not(target_arch = "wasm32"))]
        pub fn native() -> $crate::component::Native {
            $crate::component::Native {
                describe: $crate::component::describe::<$policy>,
                evaluate: $crate::component::evaluate::<$policy>,
            }
        }
    };
}
