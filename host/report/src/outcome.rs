//! What follows from a report: the verdict over all policies and the exit code.
//!
//! | what the policies say | `--fail-on fail` | `--fail-on warn` | `--fail-on unknown` |
//! | --- | --- | --- | --- |
//! | all pass, wait, or do not apply (one at least does) | 0 | 0 | 0 |
//! | something warns, or a waiver has expired or matches nothing | 0 | 1 | 0 |
//! | something is unknown, by a hygiene policy | 0 | 0 | 1 |
//! | something is unknown, by any other policy | 3 | 3 | 1 |
//! | a policy itself failed (an error) | 3 | 3 | 3 |
//! | nothing applied, or nothing but a hygiene policy that could not tell | 3 | 3 | 3, or 1 if one could not tell |
//! | something fails, whatever else is said | 1 | 1 | 1 |
//!
//! Where several rows hold, 1 beats 3 beats 0. Exit code 2 is not in the table:
//! it means that there is no report (usage, input or policy set).

use std::fmt;
use std::str::FromStr;

use nodepol_model::{Horizon, PolicyReport, Report, Severity, Verdict, Verdicts};

/// What counts as a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Only a broken rule.
    #[default]
    Fail,
    /// A warning as well.
    Warn,
    /// Evidence that could not be read as well.
    Unknown,
}

impl FailOn {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Fail, Self::Warn, Self::Unknown];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|choice| choice.as_str() == name)
            .ok_or_else(|| format!("it is one of fail, warn, unknown, not `{name}`"))
    }
}

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The kubelet comes up, or waits as it should.
    Ready,
    /// A policy failed.
    Failed,
    /// It cannot be told.
    Undecided,
}

impl Outcome {
    /// What `report` comes to, by the table of this module.
    pub fn of(report: &Report, fail_on: FailOn) -> Self {
        let says = |verdict: Verdict| {
            report.policies.iter().any(|policy| {
                policy
                    .verdict
                    .is_some_and(|said| said.now == verdict || said.next_boot == verdict)
            })
        };
        let failed = says(Verdict::Fail)
            || (fail_on == FailOn::Warn && (says(Verdict::Warn) || !report.waivers.is_empty()))
            || (fail_on == FailOn::Unknown && says(Verdict::Unknown));
        if failed {
            return Self::Failed;
        }
        let erred = report.policies.iter().any(|policy| policy.error.is_some());
        match overall(&report.policies).worst() {
            _ if erred => Self::Undecided,
            Verdict::Unknown | Verdict::NotApplicable => Self::Undecided,
            Verdict::Pass | Verdict::Waiting | Verdict::Warn | Verdict::Fail => Self::Ready,
        }
    }

    /// The exit code of `nodepol eval`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Failed => 1,
            Self::Undecided => 3,
        }
    }
}

/// The gravest verdict of all policies that count, for each horizon.
///
/// A hygiene policy that could not read its evidence does not count: nothing
/// breaks by it, so it leaves nothing undecided.
pub fn overall(policies: &[PolicyReport]) -> Verdicts {
    let gravest = |horizon: Horizon| {
        policies
            .iter()
            .filter_map(|policy| Some((policy.severity, policy.verdict?.at(horizon))))
            .filter(|said| *said != (Severity::Hygiene, Verdict::Unknown))
            .map(|(_, verdict)| verdict)
            .max()
            .unwrap_or(Verdict::NotApplicable)
    };
    Verdicts {
        now: gravest(Horizon::Now),
        next_boot: gravest(Horizon::NextBoot),
    }
}
