//! Writes what a policy says into the case that asked.

use std::path::Path;

use nodepol_sandbox::Answer;
use serde::Serialize;

use crate::error::AuthorError;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Expect<'a> {
    now: String,
    next_boot: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Block<'a> {
    expect: Expect<'a>,
}

/// Replaces `expect:` of the case at `path` by the answer; everything else in
/// the file, comments too, stays as it is.
///
/// # Errors
/// If the file cannot be read or written.
pub fn bless(path: &Path, answer: &Answer) -> Result<(), AuthorError> {
    let text = std::fs::read_to_string(path).map_err(AuthorError::read(path))?;
    let block =
        block(answer).map_err(|error| AuthorError::Bless(path.to_owned(), error.to_string()))?;
    std::fs::write(path, replaced(&text, &block)).map_err(AuthorError::write(path))
}

/// The answer as `expect:` of a case.
pub(crate) fn block(answer: &Answer) -> Result<String, serde_yaml::Error> {
    let mut evidence: Vec<_> = answer
        .findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| match evidence.at.line {
            Some(line) => format!("{}:{line}", evidence.at.source),
            None => evidence.at.source.clone(),
        })
        .collect();
    evidence.dedup();
    serde_yaml::to_string(&Block {
        expect: Expect {
            now: answer.verdicts.now.to_string(),
            next_boot: answer.verdicts.next_boot.to_string(),
            findings: answer
                .findings
                .iter()
                .map(|finding| finding.id.as_str())
                .collect(),
            evidence,
            steps: answer
                .findings
                .iter()
                .filter_map(|finding| finding.fix.as_ref())
                .flat_map(|fix| &fix.steps)
                .map(|step| nodepol_cases::render(&step.action))
                .collect(),
        },
    })
}

/// `text` with its top-level `expect:` replaced by `block`, or `block` added.
fn replaced(text: &str, block: &str) -> String {
    let mut kept = String::new();
    let mut placed = false;
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let top = !line.starts_with([' ', '\t', '#', '\n', '-']);
        if line.starts_with("expect:") {
            inside = true;
            placed = true;
            kept.push_str(block);
            continue;
        }
        if inside && top {
            inside = false;
        }
        if !inside {
            kept.push_str(line);
        }
    }
    if !placed {
        if !kept.is_empty() && !kept.ends_with('\n') {
            kept.push('\n');
        }
        kept.push_str(block);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_the_expectation_is_replaced() {
        let new = "expect:\n  now: pass\n";
        let old = "# why\nproves: x\nexpect:\n  now: fail\n  findings:\n  - a\nparameters: {}\n";
        assert_eq!(
            replaced(old, new),
            "# why\nproves: x\nexpect:\n  now: pass\nparameters: {}\n"
        );
        assert_eq!(replaced("proves: x", new), format!("proves: x\n{new}"));
        assert_eq!(
            replaced("expect: {now: fail}\nat: +1d\n", new),
            format!("{new}at: +1d\n")
        );
    }
}
