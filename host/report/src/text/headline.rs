//! The verdict in one sentence, and who was judged.

use nodepol_model::{Horizon, Phase, Report, Severity, Verdict};

use super::page::{Page, style};
use crate::outcome::{FailOn, Outcome};

/// What the policies say about one horizon, as one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing was judged.
    Nothing,
    /// The kubelet comes up.
    Up,
    /// It is down, and rightly so.
    Waiting,
    /// It cannot be told.
    Unknown,
    /// It comes up, and something else is broken.
    Faulty,
    /// It does not come up.
    Down,
}

impl Standing {
    fn of(report: &Report, horizon: Horizon) -> Self {
        let failing = report
            .policies
            .iter()
            .filter(|policy| {
                policy
                    .verdict
                    .is_some_and(|said| said.at(horizon) == Verdict::Fail)
            })
            .map(|policy| policy.severity)
            .max();
        match (failing, horizon) {
            (Some(Severity::Blocker), _) | (Some(Severity::BootBlocker), Horizon::NextBoot) => {
                Self::Down
            }
            (Some(_), _) => Self::Faulty,
            (None, _) => match report.verdict.at(horizon) {
                Verdict::NotApplicable => Self::Nothing,
                Verdict::Pass | Verdict::Warn => Self::Up,
                Verdict::Waiting => Self::Waiting,
                Verdict::Unknown | Verdict::Fail => Self::Unknown,
            },
        }
    }

    const fn now(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Up => "can run now",
            Self::Waiting => "is down now, and rightly so",
            Self::Unknown => "may or may not be able to run now",
            Self::Faulty => "can run now, with a fault",
            Self::Down => "cannot stay up now",
        }
    }

    const fn next_boot(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Up => "will come up after a reboot",
            Self::Waiting => "will wait after a reboot, and rightly so",
            Self::Unknown => "may or may not come up after a reboot",
            Self::Faulty => "will come up after a reboot, with a fault",
            Self::Down => "will not come up after a reboot",
        }
    }

    const fn is_good(self) -> bool {
        matches!(self, Self::Up | Self::Waiting)
    }
}

/// The first line.
pub(super) fn write(page: &mut Page, report: &Report, fail_on: FailOn) {
    let outcome = Outcome::of(report, fail_on);
    let (word, color) = match outcome {
        Outcome::Ready if report.verdict.worst() == Verdict::Waiting => ("WAITING", style::GOOD),
        Outcome::Ready => ("READY", style::GOOD),
        Outcome::Failed => ("NOT READY", style::BAD),
        Outcome::Undecided => ("UNDECIDED", style::DOUBT),
    };
    page.line(
        0,
        &[
            (color, word),
            (style::PLAIN, "  "),
            (style::STRONG, &sentence(report, outcome)),
        ],
    );
    if let Some(counts) = counts(report, fail_on) {
        page.paragraph(word.len() + 2, word.len() + 2, style::PLAIN, &counts);
    }
    page.blank();
}

fn sentence(report: &Report, outcome: Outcome) -> String {
    let now = Standing::of(report, Horizon::Now);
    let next = Standing::of(report, Horizon::NextBoot);
    match (now, next) {
        (Standing::Nothing, Standing::Nothing) => {
            if report.policies.iter().any(|policy| policy.error.is_some()) {
                "no policy could judge this node".to_owned()
            } else {
                "no policy applies to this node, so nothing was judged".to_owned()
            }
        }
        (Standing::Waiting, Standing::Waiting) => {
            "the kubelet waits for its configuration, as it should on a node that has not joined"
                .to_owned()
        }
        (Standing::Unknown, Standing::Unknown) => {
            "it cannot be told whether the kubelet comes up, for evidence is missing".to_owned()
        }
        // Policies failed by themselves: what the others say is not the answer.
        (now, next)
            if outcome == Outcome::Undecided && ![now, next].contains(&Standing::Unknown) =>
        {
            "what was judged shows no fault, but not everything could be judged".to_owned()
        }
        (now, Standing::Nothing) => format!("the kubelet {}", now.now()),
        (Standing::Nothing, next) => format!("the kubelet {}", next.next_boot()),
        (Standing::Up, Standing::Up) => {
            "the kubelet can run now and will come up after a reboot".to_owned()
        }
        (now, next) => {
            let and = if now.is_good() == next.is_good() {
                "and"
            } else {
                "but"
            };
            format!("the kubelet {}, {and} {}", now.now(), next.next_boot())
        }
    }
}

/// How many policies say what, where that is more than "all is well".
fn counts(report: &Report, fail_on: FailOn) -> Option<String> {
    let count = |verdict: Verdict| {
        report
            .policies
            .iter()
            .filter(|policy| policy.verdict.is_some_and(|said| said.worst() == verdict))
            .count()
    };
    let policies = |count: usize| if count == 1 { "policy" } else { "policies" };
    let mut parts: Vec<String> = Vec::new();
    // `2 policies fail, 1 warns`: the first of them says of what.
    let subject = |parts: &[String], count: usize| match parts {
        [] => format!("{count} {}", policies(count)),
        _ => count.to_string(),
    };
    let fail = count(Verdict::Fail);
    if fail > 0 {
        let s = if fail == 1 { "s" } else { "" };
        parts.push(format!("{} fail{s}", subject(&parts, fail)));
    }
    let warn = count(Verdict::Warn);
    if warn > 0 {
        let s = if warn == 1 { "s" } else { "" };
        let counts = if fail_on == FailOn::Warn {
            " (which counts as a failure here)"
        } else {
            ""
        };
        parts.push(format!("{} warn{s}{counts}", subject(&parts, warn)));
    }
    let unknown = count(Verdict::Unknown);
    if unknown > 0 {
        let counts = if fail_on == FailOn::Unknown {
            " (which counts as a failure here)"
        } else {
            ""
        };
        parts.push(format!("{} cannot tell{counts}", subject(&parts, unknown)));
    }
    let errors = report
        .policies
        .iter()
        .filter(|policy| policy.error.is_some())
        .count();
    if errors > 0 {
        parts.push(format!("{errors} {} could not be run", policies(errors)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `FAIL  `: a verdict as the heading of a policy, in one width.
pub(super) fn tag(verdict: Verdict) -> String {
    format!("{:<6}", verdict.as_str().to_uppercase())
}

/// Who was judged, when, and in which phase.
pub(super) fn write_node(page: &mut Page, report: &Report) {
    let node = &report.node;
    let mut parts = vec![node.name.clone().unwrap_or_else(|| "(no name)".to_owned())];
    parts.extend(node.os.clone());
    parts.extend(node.kernel.as_ref().map(|it| format!("kernel {it}")));
    parts.push(match &node.kubelet {
        Some(version) => format!("kubelet {version}"),
        None => "kubelet of an unknown version".to_owned(),
    });
    parts.push(
        node.runtime
            .clone()
            .unwrap_or_else(|| "no known runtime".to_owned()),
    );
    parts.push(node.join_state.clone());
    page.labelled(0, "node", &parts.join(", "));
    page.labelled(
        0,
        "phase",
        &format!("{}: {}", report.phase.name, report.phase.reason),
    );
    if report.phase.name == Phase::Image {
        page.labelled(0, "", "of an image only its next boot can be judged");
    }
    // Nobody reads nanoseconds; the document has them.
    page.labelled(0, "as of", &format!("{:.0}", report.taken_at));
}
