//! Writes what a policy says into the case that asked.
//!
//! Of the file only those keys of `expect:` change that do not hold: everything
//! else stays as it is, comments too.

use std::collections::BTreeSet;
use std::path::Path;

use nodepol_cases::{Case, Expectation, differences, differing};
use nodepol_sandbox::Answer;

use crate::error::AuthorError;

/// Writes the answer into the case at `path`, which expects something else.
///
/// # Errors
/// If the file cannot be read or written.
pub fn bless(path: &Path, answer: &Answer) -> Result<(), AuthorError> {
    let text = std::fs::read_to_string(path).map_err(AuthorError::read(path))?;
    std::fs::write(path, blessed(path, &text, answer)).map_err(AuthorError::write(path))
}

/// The text of a case with the answer in it.
fn blessed(path: &Path, text: &str, answer: &Answer) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(start) = lines.iter().position(|line| line.starts_with("expect:")) else {
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return format!("{text}{end}{}", block(answer));
    };
    let end = end_of_block(&lines, start);
    let around = |body: &str| format!("{}{body}{}", lines[..start].concat(), lines[end..].concat());
    if let Some(expected) = expectation(path, text)
        && let Some(body) = edited(&lines[start..end], &expected, answer)
    {
        let whole = around(&body);
        // Whatever YAML was used that is not understood line by line: what was
        // written must be read as it is meant.
        if expectation(path, &whole).is_some_and(|expected| {
            differences(&expected, answer.verdicts, &answer.findings).is_empty()
        }) {
            return whole;
        }
    }
    around(&block(answer))
}

fn expectation(path: &Path, text: &str) -> Option<Expectation> {
    Case::parse(path, text).ok()?.expect
}

/// Where the block that begins at `start` ends: blank lines and comments after
/// its last line belong to what follows.
fn end_of_block(lines: &[&str], start: usize) -> usize {
    let mut end = start + 1;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        let text = line.trim_start();
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        // A list may stand at the column of its key.
        if text.len() == line.len() && !text.starts_with(['-', '}', ']']) {
            break;
        }
        end = at + 1;
    }
    end
}

/// A key of `expect:` with its lines, or lines between keys.
struct Segment<'a> {
    key: Option<&'a str>,
    lines: Vec<&'a str>,
}

/// The lines of `expect:` with what does not hold replaced; none if they are not
/// one key below the other.
fn edited(lines: &[&str], expected: &Expectation, answer: &Answer) -> Option<String> {
    let (head, body) = lines.split_first()?;
    let after = head.trim_end().strip_prefix("expect:")?.trim_start();
    if !after.is_empty() && !after.starts_with('#') {
        return None;
    }
    let indent = body
        .iter()
        .find(|line| !is_loose(line))
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .filter(|indent| *indent > 0)?;
    let mut segments = segments(body, indent)?;
    let wrong: BTreeSet<_> = differing(expected, answer.verdicts, &answer.findings);
    if wrong.contains("findings") && !segments.iter().any(|it| it.key == Some("findings")) {
        segments.push(Segment {
            key: Some("findings"),
            lines: Vec::new(),
        });
    }
    let mut text = (*head).to_owned();
    for segment in segments {
        match segment.key {
            Some(key) if wrong.contains(key) => {
                if !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(&replaced(key, &segment.lines, indent, answer)?);
            }
            _ => text.push_str(&segment.lines.concat()),
        }
    }
    Some(text)
}

fn is_loose(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || text.starts_with('#')
}

fn segments<'a>(body: &[&'a str], indent: usize) -> Option<Vec<Segment<'a>>> {
    let mut segments: Vec<Segment<'a>> = Vec::new();
    let mut loose: Vec<&str> = Vec::new();
    for line in body {
        if is_loose(line) {
            loose.push(line);
            continue;
        }
        let text = line.trim_start_matches(' ');
        let deep = line.len() - text.len();
        if deep > indent || (deep == indent && text.starts_with('-')) {
            // More of the key above; comments before it are among its lines.
            let last = segments.last_mut()?;
            last.lines.append(&mut loose);
            last.lines.push(line);
        } else if deep == indent {
            if !loose.is_empty() {
                segments.push(Segment {
                    key: None,
                    lines: std::mem::take(&mut loose),
                });
            }
            segments.push(Segment {
                key: Some(text.split_once(':')?.0),
                lines: vec![line],
            });
        } else {
            return None;
        }
    }
    Some(segments)
}

/// A key with what the policy says, its comments kept; empty if the key says
/// nothing any more.
fn replaced(key: &str, old: &[&str], indent: usize, answer: &Answer) -> Option<String> {
    let first = old.first().copied().unwrap_or_default();
    let flow = first.is_empty() || first.contains('[');
    let kept: String = old
        .iter()
        .skip(1)
        .filter(|line| line.trim().starts_with('#'))
        .copied()
        .collect();
    let new = written(key, indent, flow, answer)?;
    let mut text = kept;
    for (number, line) in new.lines().enumerate() {
        // What the file says of a line that stays, it still says.
        let same = old
            .iter()
            .find(|old| uncommented(old).trim() == line.trim());
        match same {
            Some(old) => text.push_str(old.trim_end()),
            None => {
                text.push_str(line);
                if number == 0 && uncommented(first).len() < first.trim_end().len() {
                    text.push_str(first[uncommented(first).len()..].trim_end());
                }
            }
        }
        text.push('\n');
    }
    Some(text)
}

/// A line without the comment at its end.
fn uncommented(line: &str) -> &str {
    let line = line.trim_end();
    match line.find(" #") {
        // A `#` in quotes is none; such a line is compared as a whole.
        Some(at) if !line[..at].contains(['"', '\'']) => line[..at].trim_end(),
        _ => line,
    }
}

/// The answer as `expect:` of a case that said nothing of it.
pub(crate) fn block(answer: &Answer) -> String {
    let mut text = String::from("expect:\n");
    for (key, flow) in [
        ("now", true),
        ("next-boot", true),
        ("findings", true),
        ("evidence", false),
        ("steps", false),
    ] {
        text.push_str(&written(key, 2, flow, answer).unwrap_or_default());
    }
    text
}

/// One key of `expect:`; nothing for a list that is empty. None if there is no
/// such key.
fn written(key: &str, indent: usize, flow: bool, answer: &Answer) -> Option<String> {
    let blank = " ".repeat(indent);
    let findings = &answer.findings;
    let list: Vec<String> = match key {
        "now" => return Some(format!("{blank}now: {}\n", answer.verdicts.now)),
        "next-boot" => return Some(format!("{blank}next-boot: {}\n", answer.verdicts.next_boot)),
        "message" => {
            return Some(findings.first().map_or_else(String::new, |finding| {
                format!("{blank}message: {}\n", scalar(&finding.message))
            }));
        }
        "findings" => findings.iter().map(|finding| finding.id.clone()).collect(),
        "evidence" => {
            let mut places: Vec<_> = findings
                .iter()
                .flat_map(|finding| &finding.evidence)
                .map(|evidence| match evidence.at.line {
                    Some(line) => format!("{}:{line}", evidence.at.source),
                    None => evidence.at.source.clone(),
                })
                .collect();
            places.dedup();
            places
        }
        "steps" => findings
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
            .flat_map(|fix| &fix.steps)
            .map(|step| nodepol_cases::render(&step.action))
            .collect(),
        _ => return None,
    };
    let list: Vec<String> = list.iter().map(|item| scalar(item)).collect();
    if list.is_empty() {
        return Some(String::new());
    }
    if flow {
        return Some(format!("{blank}{key}: [{}]\n", list.join(", ")));
    }
    let mut text = format!("{blank}{key}:\n");
    for item in list {
        text.push_str(&format!("{blank}  - {item}\n"));
    }
    Some(text)
}

/// A text as a scalar of YAML, in a list or not: bare where it cannot be taken
/// for anything else.
fn scalar(text: &str) -> String {
    let bare = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " ._/=@+:-".contains(letter))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if bare {
        return text.to_owned();
    }
    // A text of JSON is one of YAML.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use nodepol_model::report::Evidence;
    use nodepol_model::{
        Action, Disruption, Finding, Fix, Location, Place, Step, Verdict, Verdicts,
    };

    use super::*;

    /// Fails now and at the next boot, with a place and a step.
    fn failing() -> Answer {
        Answer {
            verdicts: Verdicts {
                now: Verdict::Fail,
                next_boot: Verdict::Fail,
            },
            summary: "it is off".to_owned(),
            findings: vec![Finding {
                id: "is-off".to_owned(),
                verdict: Verdict::Fail,
                horizons: Vec::new(),
                message: "it is off: turn it on".to_owned(),
                evidence: vec![Evidence {
                    at: Location {
                        source: "/etc/a.conf".to_owned(),
                        line: Some(2),
                        column: None,
                        pointer: None,
                    },
                    value: "off".to_owned(),
                    note: None,
                    excerpt: None,
                }],
                fix: Some(Fix {
                    summary: "turn it on".to_owned(),
                    steps: vec![Step {
                        description: "on".to_owned(),
                        place: Place::Node,
                        action: Action::Note {
                            text: "write `on` # not off".to_owned(),
                        },
                        disruption: Disruption::None,
                        verify: None,
                    }],
                }),
                symptom_of: Vec::new(),
                waived: None,
            }],
        }
    }

    #[track_caller]
    fn becomes(old: &str, new: &str) {
        let path = Path::new("case.yaml");
        let text = blessed(path, old, &failing());
        assert_eq!(text, new);
        let expected = expectation(path, &text).unwrap();
        let answer = failing();
        assert_eq!(
            differences(&expected, answer.verdicts, &answer.findings),
            Vec::<String>::new()
        );
    }

    const WHOLE: &str = "expect:\n  now: fail\n  next-boot: fail\n  findings: [is-off]\n  \
                         evidence:\n    - /etc/a.conf:2\n  steps:\n    - \"write `on` # not off\"\n";

    #[test]
    fn a_case_without_an_expectation_gets_all_of_it() {
        becomes("proves: x", &format!("proves: x\n{WHOLE}"));
        becomes(
            "proves: x\n# the end\n",
            &format!("proves: x\n# the end\n{WHOLE}"),
        );
    }

    #[test]
    fn comments_and_what_holds_stay() {
        becomes(
            "# top\nproves: x # why\n\nexpect: # by hand\n  # of now\n  now: pass   # ticket 12\n  \
             next-boot: fail # too\n  message: turn it on\n\n# of the key\nparameters: {}\n# end\n",
            "# top\nproves: x # why\n\nexpect: # by hand\n  # of now\n  now: fail   # ticket 12\n  \
             next-boot: fail # too\n  message: turn it on\n  findings: [is-off]\n\n# of the key\n\
             parameters: {}\n# end\n",
        );
    }

    #[test]
    fn lists_keep_their_style_and_lines_that_stay_their_comments() {
        becomes(
            "expect:\n    now: fail\n    next-boot: fail\n    findings: [on] # one\n    evidence:\n    \
             # two places\n    - /etc/a.conf:2 # the line\n    - /etc/b.conf\n    steps: [reboot]\n    \
             message: no\n",
            "expect:\n    now: fail\n    next-boot: fail\n    findings: [is-off] # one\n    \
             # two places\n    evidence:\n    - /etc/a.conf:2 # the line\n    steps: [\"write `on` # \
             not off\"]\n    message: \"it is off: turn it on\"\n",
        );
    }

    #[test]
    fn other_ways_to_write_it_are_replaced_as_a_whole() {
        becomes(
            "expect: {now: pass,\n  next-boot: pass\n}\n\nat: +1d\n",
            &format!("{WHOLE}\nat: +1d\n"),
        );
        becomes(
            "expect:\n  \"now\": pass\n  next-boot: fail\n  findings: [is-off]\n# end\n",
            &format!("{WHOLE}# end\n"),
        );
    }

    #[test]
    fn what_says_nothing_any_more_is_left_out() {
        let answer = Answer {
            verdicts: Verdicts {
                now: Verdict::Pass,
                next_boot: Verdict::Pass,
            },
            summary: "on".to_owned(),
            findings: Vec::new(),
        };
        let old = "expect:\n  now: fail\n  next-boot: pass\n  findings: [is-off]\n  steps: [reboot]\n  \
                   message: off\nat: +1d\n";
        assert_eq!(
            blessed(Path::new("case.yaml"), old, &answer),
            "expect:\n  now: pass\n  next-boot: pass\nat: +1d\n"
        );
    }
}
