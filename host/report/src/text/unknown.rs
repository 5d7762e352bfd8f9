//! What could not be read, and how to make it readable. One missing piece of
//! evidence is told once, however many policies wanted it.

use std::collections::{BTreeMap, BTreeSet};

use nodepol_model::{Finding, PolicyReport, Report, Verdict};

use super::page::{Page, style};
use super::symptom::{Folded, Place};

/// How many sources are listed for one reason.
const MOST_SOURCES: usize = 12;

/// What is missing for one reason.
#[derive(Default)]
struct Gap<'a> {
    sources: BTreeSet<&'a str>,
    policies: BTreeSet<&'a str>,
}

/// Everything that could not be told.
pub(super) fn write(page: &mut Page, report: &Report, folded: &Folded) {
    let mut gaps: BTreeMap<&str, Gap<'_>> = BTreeMap::new();
    for (index, policy) in report.policies.iter().enumerate() {
        let silent = policy.findings.is_empty()
            && policy
                .verdict
                .is_some_and(|said| said.worst() == Verdict::Unknown);
        if silent {
            let gap = gaps.entry(&policy.summary).or_default();
            gap.policies.insert(&policy.id);
        }
        for (at, finding) in policy.findings.iter().enumerate() {
            let counts = finding.verdict == Verdict::Unknown
                && finding.waived.is_none()
                && !folded.is_folded(Place(index, at));
            if counts {
                add(&mut gaps, policy, finding);
            }
        }
    }
    if gaps.is_empty() {
        return;
    }
    page.blank();
    page.line(
        0,
        &[
            (style::DOUBT, "UNKNOWN"),
            (style::PLAIN, "  evidence that could not be read"),
        ],
    );
    for (reason, gap) in gaps {
        page.paragraph(2, 2, style::PLAIN, reason);
        for source in gap.sources.iter().take(MOST_SOURCES) {
            page.line(6, &[(style::STRONG, source)]);
        }
        if let Some(more) = gap.sources.len().checked_sub(MOST_SOURCES + 1) {
            page.line(6, &[(style::DIM, &format!("and {} more", more + 1))]);
        }
        let policies: Vec<&str> = gap.policies.into_iter().collect();
        page.labelled(4, "wanted by", &format!(" {}", policies.join(", ")));
        if let Some(remedy) = remedy(reason) {
            page.labelled(4, "to do", &format!(" {remedy}"));
        }
    }
}

fn add<'a>(gaps: &mut BTreeMap<&'a str, Gap<'a>>, policy: &'a PolicyReport, finding: &'a Finding) {
    // `source: reason`, the reason being what was seen at the source, is what
    // missing evidence looks like; any other message stands for itself.
    let missing: Vec<(&str, &str)> = finding
        .evidence
        .iter()
        .map(|evidence| (evidence.at.source.as_str(), evidence.value.as_str()))
        .filter(|(source, reason)| {
            finding
                .message
                .strip_prefix(source)
                .is_some_and(|rest| rest.strip_prefix(": ").is_some_and(|rest| rest == *reason))
        })
        .collect();
    if missing.is_empty() {
        let gap = gaps.entry(&finding.message).or_default();
        gap.policies.insert(&policy.id);
        gap.sources
            .extend(finding.evidence.iter().map(|it| it.at.source.as_str()));
    }
    for (source, reason) in missing {
        let gap = gaps.entry(reason).or_default();
        gap.policies.insert(&policy.id);
        gap.sources.insert(source);
    }
}

/// What makes it readable, where the reason is one that is known.
fn remedy(reason: &str) -> Option<&'static str> {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&[
        "permission denied",
        "access denied",
        "not permitted",
        "eacces",
    ]) {
        Some("run it again as root: `sudo nodepol eval`")
    } else if says(&["not gathered", "was not asked", "was not run"]) {
        Some("take a new snapshot on the node, as root: `sudo nodepol snapshot -o FILE`")
    } else if says(&[
        "no manager",
        "d-bus",
        "dbus",
        "no bus",
        "connection refused",
    ]) {
        Some("run it on the node itself, as root, while its systemd runs")
    } else if says(&["larger than", "too large", "timed out", "no answer"]) {
        Some("look at it by hand: it is not what a healthy node has there")
    } else {
        None
    }
}
