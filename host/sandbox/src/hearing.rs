//! One node, and the policies that judge it.

use std::sync::Arc;
use std::time::Instant;

use nodepol_facts::Facts;
use nodepol_model::Horizon;
use nodepol_model::report::{Cost, PolicyError, PolicyErrorKind};

use crate::answer::{self, Answer};
use crate::bindings::exports::nodepol::policy::check;
use crate::clean::clean_line;
use crate::failure::Stage;
use crate::host_state::LogLine;
use crate::limits::Limits;
use crate::load::Prepared;
use crate::parameters::Argument;
use crate::run::Run;

/// Lets policies judge one node.
///
/// Each gets a store and an instance of its own, which nobody used before. Only the
/// policies of [`crate::Standard`] share one, until one of them fails: none of them
/// is asked in a store in which another trapped or ran into a limit.
pub struct Hearing {
    facts: Arc<Facts>,
    /// That of the standard policies.
    shared: Option<Run>,
}

/// What came of one evaluation.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Its answer, or how the policy itself failed.
    pub outcome: Result<Answer, PolicyError>,
    /// What it logged, in order, also if it failed.
    pub log: Vec<LogLine>,
    /// What it cost.
    pub cost: Cost,
}

impl Hearing {
    /// Of the node of which `facts` are known.
    pub fn new(facts: Arc<Facts>) -> Self {
        Self {
            facts,
            shared: None,
        }
    }

    /// Lets a policy judge the node at `horizons`.
    ///
    /// `arguments` are those that [`crate::parameters::check`] gives.
    pub fn evaluate(
        &mut self,
        policy: &Prepared,
        horizons: &[Horizon],
        arguments: &[Argument],
        limits: &Limits,
    ) -> Evaluation {
        let started = Instant::now();
        let asked: Vec<_> = horizons.iter().copied().map(answer::horizon_to).collect();
        let which = policy.member.iter().cloned();
        let given: Vec<_> = which
            .chain(arguments.iter().map(Argument::to_wit))
            .collect();
        let call = |run: &mut Run| {
            run.call(Stage::Evaluate, |policy, store| {
                policy
                    .nodepol_policy_check()
                    .call_evaluate(store, &asked, &given)
            })
        };
        let fresh = || Run::new(policy, Some(Arc::clone(&self.facts)), limits);
        let shared = self.shared.take_if(|run| run.serves(policy, limits));
        let is_shared = shared.is_some();
        let mut run = shared.map_or_else(fresh, |run| run.again(policy));
        let mut called = call(&mut run);
        // What others hold of the memory is not its own.
        if is_shared
            && called
                .as_ref()
                .is_err_and(|it| it.kind == PolicyErrorKind::Memory)
        {
            run = fresh();
            called = call(&mut run);
        }
        let (fuel, log) = (run.fuel_used(), run.take_log());
        if policy.member.is_some() && called.is_ok() && self.shared.is_none() {
            self.shared = Some(run);
        }
        let outcome = called.and_then(|result| match result {
            Ok(answer) => answer::checked(answer, horizons, limits),
            Err(failure) => Err(failed(failure)),
        });
        Evaluation {
            outcome,
            log,
            cost: Cost {
                fuel,
                micros: u64::try_from(started.elapsed().as_micros()).ok(),
            },
        }
    }
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hearing").finish_non_exhaustive()
    }
}

/// What the component says about itself.
fn failed(failure: check::Failure) -> PolicyError {
    let text = |text: &str| {
        let mut text = clean_line(text);
        if text.len() > 1024 {
            text.truncate(text.floor_char_boundary(1024));
            text.push('…');
        }
        text
    };
    PolicyError {
        kind: PolicyErrorKind::Plugin,
        message: match failure {
            check::Failure::InvalidParameter(said) => {
                format!("it refuses a parameter: {}", text(&said))
            }
            check::Failure::Internal(said) => format!("it could not work: {}", text(&said)),
        },
    }
}
