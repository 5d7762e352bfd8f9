//! Findings: what a policy found, with its evidence and the way out.

use crate::bindings::exports::nodepol::policy::check;
use crate::{Fix, Location, Sourced, Unavailable, Verdict};

/// One thing that a policy found.
///
/// ```
/// use nodepol_plugin::{Finding, Judgement, Location, Sourced, Verdict};
///
/// let finding = Finding::warn("lease-old", "the lease is 3 hours old")
///     .evidence(Location::line("/etc/acme.conf", 7), "lease = 2026-05-01")
///     .explained(Location::source("acme --show"), "stale", "says the agent itself")
///     .symptom_of("clock-sanity");
/// assert_eq!((finding.id(), finding.verdict()), ("lease-old", Verdict::Warn));
/// // A value of a fact brings its own place.
/// let name = Sourced::from_source("/etc/hostname", "node-1");
/// let finding = Finding::fail("wrong-name", "the node is called node-1").seen(name);
/// // One finding is a judgement as it is; for several there is `Judgement::of`.
/// let judgement: Judgement = finding.into();
/// assert_eq!(judgement.summary(), "the node is called node-1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Finding(pub(crate) check::Finding);

impl Finding {
    fn new(id: &str, verdict: Verdict, message: impl Into<String>) -> Self {
        Self(check::Finding {
            id: id.to_owned(),
            verdict,
            horizons: Vec::new(),
            message: message.into(),
            evidence: Vec::new(),
            fix: None,
            symptom_of: Vec::new(),
        })
    }

    /// The rule is broken. `id` is stable and in kebab-case: waivers name it.
    pub fn fail(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Fail, message)
    }

    /// Something is likely to go wrong.
    pub fn warn(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Warn, message)
    }

    /// Down, and rightly so.
    pub fn waiting(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Waiting, message)
    }

    /// Worth knowing, and nothing is wrong.
    pub fn note(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Pass, message)
    }

    /// It cannot be told.
    pub fn unknown(id: &str, message: impl Into<String>) -> Self {
        Self::new(id, Verdict::Unknown, message)
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What it means for the verdict.
    pub fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// What is wrong, for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was seen, where.
    #[must_use]
    pub fn evidence(mut self, at: Location, value: impl Into<String>) -> Self {
        self.0.evidence.push(check::Evidence {
            at,
            value: value.into(),
            note: None,
        });
        self
    }

    /// What was seen, where, and what it means here.
    #[must_use]
    pub fn explained(
        mut self,
        at: Location,
        value: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        self.0.evidence.push(check::Evidence {
            at,
            value: value.into(),
            note: Some(note.into()),
        });
        self
    }

    /// A value that carries its own place.
    #[must_use]
    pub fn seen(self, seen: Sourced) -> Self {
        self.evidence(seen.at, seen.value)
    }

    /// The way out.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.0.fix = Some(fix.0);
        self
    }

    /// The `policy` or `policy/finding` that explains this one if it speaks.
    #[must_use]
    pub fn symptom_of(mut self, cause: &str) -> Self {
        self.0.symptom_of.push(cause.to_owned());
        self
    }

    /// It compares a date with the node's clock: where that cannot be right, what
    /// clock-sanity finds comes first.
    #[must_use]
    pub fn by_the_clock(self) -> Self {
        [
            "clock-sanity/before-2020",
            "clock-sanity/before-certificates",
            "clock-sanity/before-files",
            "clock-sanity/not-synchronised-and-expired",
        ]
        .into_iter()
        .fold(self, Self::symptom_of)
    }
}

impl From<Unavailable> for Finding {
    fn from(unavailable: Unavailable) -> Self {
        let Unavailable { source, reason } = unavailable;
        Self::unknown("evidence-unavailable", format!("{source}: {reason}")).evidence(
            Location {
                source,
                line: None,
                column: None,
                pointer: None,
            },
            reason,
        )
    }
}
