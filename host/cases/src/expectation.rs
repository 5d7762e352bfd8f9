//! What a policy must say, and how what it said differs.

use std::collections::BTreeSet;

use nodepol_model::{Action, Finding, Verdict, Verdicts};
use serde::Deserialize;

/// What a policy must say of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expectation {
    /// The verdict of now.
    pub now: Verdict,
    /// The verdict of the next boot.
    pub next_boot: Verdict,
    /// The ids of all findings, in order.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Texts that steps of the fixes must contain, in the order of the steps.
    #[serde(default)]
    pub steps: Vec<String>,
    /// Sources (`path` or `path:line`) that the evidence must name.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// A text that a message must contain.
    pub message: Option<String>,
}

/// How an answer differs from what is expected, one line each; empty if it does
/// not.
pub fn differences(
    expected: &Expectation,
    verdicts: Verdicts,
    findings: &[Finding],
) -> Vec<String> {
    compared(expected, verdicts, findings)
        .into_iter()
        .map(|(key, difference)| format!("{key}: {difference}"))
        .collect()
}

/// The keys of `expect` that do not hold.
pub fn differing(
    expected: &Expectation,
    verdicts: Verdicts,
    findings: &[Finding],
) -> BTreeSet<&'static str> {
    compared(expected, verdicts, findings)
        .into_iter()
        .map(|(key, _)| key)
        .collect()
}

/// Each difference, with the key that it is about.
fn compared(
    expected: &Expectation,
    verdicts: Verdicts,
    findings: &[Finding],
) -> Vec<(&'static str, String)> {
    let mut differences = Vec::new();
    for (key, expected, actual) in [
        ("now", expected.now, verdicts.now),
        ("next-boot", expected.next_boot, verdicts.next_boot),
    ] {
        if expected != actual {
            differences.push((key, format!("expected {expected}, it is {actual}")));
        }
    }
    let ids: Vec<_> = findings.iter().map(|finding| finding.id.as_str()).collect();
    if ids != expected.findings {
        differences.push((
            "findings",
            format!(
                "expected {}, they are {}",
                listed(&expected.findings),
                listed(&ids)
            ),
        ));
    }
    let steps: Vec<_> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .flat_map(|fix| &fix.steps)
        .map(|step| render(&step.action))
        .collect();
    let mut rest = steps.iter();
    for wanted in &expected.steps {
        if !rest.any(|step| step.contains(wanted.as_str())) {
            differences.push((
                "steps",
                format!(
                    "no step with {wanted:?} in this place; they are{}",
                    one_a_line(&steps)
                ),
            ));
            break;
        }
    }
    let seen: Vec<_> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| &evidence.at)
        .collect();
    for wanted in &expected.evidence {
        let named = seen.iter().any(|at| {
            at.source == *wanted
                || at
                    .line
                    .is_some_and(|line| format!("{}:{line}", at.source) == *wanted)
        });
        if !named {
            let places: Vec<_> = seen
                .iter()
                .map(|at| match at.line {
                    Some(line) => format!("{}:{line}", at.source),
                    None => at.source.clone(),
                })
                .collect();
            differences.push((
                "evidence",
                format!("nothing points at {wanted}; it is{}", one_a_line(&places)),
            ));
        }
    }
    if let Some(wanted) = &expected.message
        && !findings
            .iter()
            .any(|finding| finding.message.contains(wanted.as_str()))
    {
        let messages: Vec<_> = findings
            .iter()
            .map(|finding| finding.message.clone())
            .collect();
        differences.push((
            "message",
            format!(
                "none contains {wanted:?}; they are{}",
                one_a_line(&messages)
            ),
        ));
    }
    differences
}

/// `[a, b]`, as a case writes it.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    format!("[{}]", words.join(", "))
}

fn one_a_line(texts: &[String]) -> String {
    if texts.is_empty() {
        return " none".to_owned();
    }
    texts.iter().map(|text| format!("\n  {text}")).collect()
}

/// An action as one line: what `steps` of a case are compared with.
pub fn render(action: &Action) -> String {
    match action {
        Action::Command { argv } => argv.join(" "),
        Action::SetValue {
            path,
            pointer,
            json,
        } => format!("set {path} {pointer} {json}"),
        Action::RemoveKey { path, pointer } => format!("remove {path} {pointer}"),
        Action::WriteFile { path, .. } => format!("write {path}"),
        Action::RemoveLine { path, line, .. } => format!("remove {path}:{line}"),
        Action::Unit { name, verb } => format!("systemctl {} {name}", verb.as_str()),
        Action::Note { text } => text.clone(),
    }
}
