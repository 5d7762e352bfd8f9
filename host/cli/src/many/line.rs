//! One line for each node.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use nodepol_model::{API_VERSION, Report, Verdict};
use nodepol_report::{Format, Outcome};
use nodepol_sandbox::clean_line;
use serde_json::json;

/// The formats in which many nodes can be reported.
///
/// # Errors
/// Any other format, with what to do.
pub(crate) fn check(format: Format) -> Result<()> {
    match format {
        Format::Text | Format::Json => Ok(()),
        #[allow(unreachable_patterns, reason = "formats are added in another crate")]
        other => bail!("many nodes are reported as text or json, not as {other}"),
    }
}

/// The line of a node that was judged.
pub(super) fn of(
    format: Format,
    source: &str,
    report: &Report,
    outcome: Outcome,
) -> Result<String> {
    if format == Format::Json {
        let mut line = serde_json::to_string(report)?;
        line.push('\n');
        return Ok(line);
    }
    let mut line = format!(
        "{:<9}  {}",
        word(outcome),
        clean_line(&name(source, report))
    );
    for (word, verdict) in [("fail", Verdict::Fail), ("warn", Verdict::Warn)] {
        list(&mut line, word, says(report, verdict));
    }
    if outcome == Outcome::Undecided {
        list(&mut line, "unknown", says(report, Verdict::Unknown));
    }
    let errors = report
        .policies
        .iter()
        .filter(|policy| policy.error.is_some());
    list(&mut line, "error", errors.map(|policy| policy.id.as_str()));
    line.push('\n');
    Ok(line)
}

/// The line of a snapshot that could not be judged.
pub(super) fn unreadable(format: Format, source: &str, error: &str) -> String {
    tracing::warn!("{source}: {error}");
    if format == Format::Json {
        let document = json!({
            "apiVersion": API_VERSION,
            "kind": "Unreadable",
            "source": source,
            "error": error,
        });
        return format!("{document}\n");
    }
    format!("UNREADABLE {}: {}\n", clean_line(source), clean_line(error))
}

fn list<'a>(line: &mut String, word: &str, ids: impl Iterator<Item = &'a str>) {
    let ids: Vec<_> = ids.collect();
    if !ids.is_empty() {
        // A string takes all that is written.
        let _ = write!(line, "  {word}: {}", ids.join(", "));
    }
}

fn says(report: &Report, verdict: Verdict) -> impl Iterator<Item = &str> {
    let policies = report.policies.iter();
    policies.filter_map(move |policy| {
        let said = policy.verdict?;
        (said.now == verdict || said.next_boot == verdict).then_some(policy.id.as_str())
    })
}

/// The node's own name, and that of the snapshot where it has none.
pub(super) fn name(source: &str, report: &Report) -> String {
    report
        .node
        .name
        .clone()
        .unwrap_or_else(|| source.to_owned())
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ready => "READY",
        Outcome::Failed => "NOT READY",
        Outcome::Undecided => "UNDECIDED",
    }
}
