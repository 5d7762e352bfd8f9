//! What needs less attention: what waits, what is waived, what went wrong with
//! policies themselves, and what is fine.

use nodepol_model::report::PolicyErrorKind;
use nodepol_model::{PolicyReport, Report, Verdict};

use super::page::{Page, style};
use super::{fix, picture};

fn worst(policy: &PolicyReport) -> Option<Verdict> {
    policy.verdict.map(|said| said.worst())
}

/// Policies that say that something is down, and rightly so.
pub(super) fn write_waiting(page: &mut Page, report: &Report) {
    for policy in &report.policies {
        if worst(policy) != Some(Verdict::Waiting) {
            continue;
        }
        page.blank();
        page.line(
            0,
            &[(style::GOOD, "WAITING  "), (style::STRONG, &policy.id)],
        );
        if policy.findings.is_empty() {
            page.paragraph(2, 2, style::PLAIN, &policy.summary);
        }
        for finding in policy.findings.iter().filter(|it| it.waived.is_none()) {
            page.paragraph(2, 2, style::PLAIN, &finding.message);
            for evidence in &finding.evidence {
                picture::write(page, evidence, finding.verdict);
            }
            if let Some(fix) = &finding.fix {
                fix::write(page, fix);
            }
        }
    }
}

/// Waived findings, which are not counted, and waivers that do nothing.
pub(super) fn write_waived(page: &mut Page, report: &Report) {
    let waived: Vec<_> = report
        .policies
        .iter()
        .flat_map(|policy| policy.findings.iter().map(move |finding| (policy, finding)))
        .filter_map(|(policy, finding)| Some((policy, finding, finding.waived.as_ref()?)))
        .collect();
    if !waived.is_empty() {
        page.blank();
        page.line(
            0,
            &[
                (style::DIM, "WAIVED"),
                (style::PLAIN, "  found, and not counted"),
            ],
        );
    }
    for (policy, finding, waiver) in waived {
        page.paragraph(
            2,
            4,
            style::PLAIN,
            &format!(
                "{}/{} ({}): {}",
                policy.id, finding.id, finding.verdict, finding.message
            ),
        );
        let until = match waiver.expires {
            Some(expires) => format!(" (until {expires})"),
            None => " (for good)".to_owned(),
        };
        page.labelled(4, "because", &format!("{}{until}", waiver.reason));
    }
    if report.waivers.is_empty() {
        return;
    }
    page.blank();
    page.line(
        0,
        &[
            (style::DOUBT, "WARN  "),
            (
                style::PLAIN,
                "waivers that do nothing; remove or renew them",
            ),
        ],
    );
    for note in &report.waivers {
        page.paragraph(
            2,
            4,
            style::PLAIN,
            &format!("{}: `{}` {}", note.at, note.names, note.problem),
        );
    }
}

/// Policies that failed by themselves: neither a pass nor a verdict.
pub(super) fn write_errors(page: &mut Page, report: &Report) {
    for policy in &report.policies {
        let Some(error) = &policy.error else {
            continue;
        };
        page.blank();
        page.line(
            0,
            &[
                (style::BAD, "ERROR  "),
                (style::STRONG, &policy.id),
                (
                    style::DIM,
                    &format!(
                        "  {}; the policy itself failed, so it judged nothing",
                        word(error.kind)
                    ),
                ),
            ],
        );
        for line in error.message.lines() {
            page.paragraph(2, 2, style::PLAIN, line);
        }
        page.labelled(
            2,
            "policy",
            &format!(
                "{} (sha256 {})",
                policy.plugin.origin,
                short(&policy.plugin.digest)
            ),
        );
    }
}

/// The start of a digest: enough to tell components apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

const fn word(kind: PolicyErrorKind) -> &'static str {
    match kind {
        PolicyErrorKind::Trap => "trap",
        PolicyErrorKind::Fuel => "out of fuel",
        PolicyErrorKind::Timeout => "timeout",
        PolicyErrorKind::Memory => "out of memory",
        PolicyErrorKind::Budget => "over budget",
        PolicyErrorKind::BadAnswer => "bad answer",
        PolicyErrorKind::Plugin => "own failure",
        PolicyErrorKind::NotGranted => "not granted",
        PolicyErrorKind::NotLoadable => "not loadable",
    }
}

/// What passes and what does not apply, by id.
pub(super) fn write_quiet(page: &mut Page, report: &Report) {
    let ids = |verdict: Verdict| -> Vec<&str> {
        report
            .policies
            .iter()
            .filter(|policy| worst(policy) == Some(verdict))
            .map(|policy| policy.id.as_str())
            .collect()
    };
    let pass = ids(Verdict::Pass);
    let silent = ids(Verdict::NotApplicable);
    if !pass.is_empty() || !silent.is_empty() {
        page.blank();
    }
    for (word, ids) in [("pass", pass), ("n/a", silent)] {
        if !ids.is_empty() {
            page.labelled(0, word, &format!("{:<3} {}", ids.len(), ids.join(", ")));
        }
    }
}
