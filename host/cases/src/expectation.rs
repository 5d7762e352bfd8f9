//! What a policy must say, and how what it said differs.

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
    let mut differences = Vec::new();
    for (name, expected, actual) in [
        ("now", expected.now, verdicts.now),
        ("next-boot", expected.next_boot, verdicts.next_boot),
    ] {
        if expected != actual {
            differences.push(format!("{name}: expected {expected}, it is {actual}"));
        }
    }
    let ids: Vec<_> = findings.iter().map(|finding| finding.id.as_str()).collect();
    if ids != expected.findings {
        differences.push(format!(
            "findings: expected {:?}, they are {ids:?}",
            expected.findings
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
            differences.push(format!(
                "steps: no step with {wanted:?} in its order; they are {steps:#?}"
            ));
        }
    }
    let places: Vec<_> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .flat_map(|evidence| {
            let at = &evidence.at;
            [
                at.source.clone(),
                format!("{}:{}", at.source, at.line.unwrap_or(0)),
            ]
        })
        .collect();
    for wanted in &expected.evidence {
        if !places.contains(wanted) {
            differences.push(format!(
                "evidence: nothing points at {wanted}; it is {places:?}"
            ));
        }
    }
    if let Some(wanted) = &expected.message
        && !findings
            .iter()
            .any(|finding| finding.message.contains(wanted.as_str()))
    {
        let messages: Vec<_> = findings.iter().map(|finding| &finding.message).collect();
        differences.push(format!(
            "message: none contains {wanted:?}; they are {messages:?}"
        ));
    }
    differences
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
