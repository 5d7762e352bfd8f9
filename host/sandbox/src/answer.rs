//! Checks what a policy answers, cleans it, and puts it into the words of the
//! report.

use std::collections::BTreeSet;

use nodepol_model::fix::{Action, Disruption, Fix, Place, Step, UnitVerb};
use nodepol_model::report::{Evidence, Finding, PolicyError, PolicyErrorKind};
use nodepol_model::{Horizon, Location, Verdict, Verdicts};

use crate::bindings::exports::nodepol::policy::check;
use crate::bindings::nodepol::policy::types;
use crate::clean::{clean_line, clean_text, is_unsafe, shortened};
use crate::failure::bad_answer;
use crate::limits::{Bytes, Limits};
use crate::names::is_kebab;

/// What an item of a list counts besides its texts.
const ITEM: usize = 16;

/// What a policy says about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its verdicts.
    pub verdicts: Verdicts,
    /// In one line.
    pub summary: String,
    /// In the policy's own order.
    pub findings: Vec<Finding>,
}

pub(crate) const fn horizon_to(horizon: Horizon) -> types::Horizon {
    match horizon {
        Horizon::Now => types::Horizon::Now,
        Horizon::NextBoot => types::Horizon::NextBoot,
    }
}

const fn horizon_from(horizon: types::Horizon) -> Horizon {
    match horizon {
        types::Horizon::Now => Horizon::Now,
        types::Horizon::NextBoot => Horizon::NextBoot,
    }
}

const fn verdict_from(verdict: check::Verdict) -> Verdict {
    match verdict {
        check::Verdict::Pass => Verdict::Pass,
        check::Verdict::Warn => Verdict::Warn,
        check::Verdict::Fail => Verdict::Fail,
        check::Verdict::Waiting => Verdict::Waiting,
        check::Verdict::Unknown => Verdict::Unknown,
        check::Verdict::NotApplicable => Verdict::NotApplicable,
    }
}

/// Checks an answer to the question about `asked`.
///
/// - The verdict at a horizon is the gravest of the findings that speak of it;
///   without one it is `pass` or `not-applicable`: who says anything else says
///   why, in a finding.
/// - A horizon that was not asked about is `not-applicable` and has no findings.
/// - A finding has an id in kebab-case, and horizons.
/// - Texts are bounded; what a fix would run or write has no control characters.
pub(crate) fn checked(
    answer: check::Answer,
    asked: &[Horizon],
    limits: &Limits,
) -> Result<Answer, PolicyError> {
    if answer.findings.len() > limits.findings {
        return Err(budget(format!(
            "it has {} findings and may have {}",
            answer.findings.len(),
            limits.findings
        )));
    }
    let mut reader = Reader { limits, used: 0 };
    let verdicts = Verdicts {
        now: verdict_from(answer.now),
        next_boot: verdict_from(answer.next_boot),
    };
    let summary = reader.line("the summary", &answer.summary)?;
    let findings = answer
        .findings
        .into_iter()
        .map(|finding| reader.finding(finding))
        .collect::<Result<Vec<_>, _>>()?;
    consistent(verdicts, &findings, asked).map_err(bad_answer)?;
    Ok(Answer {
        verdicts,
        summary,
        findings,
    })
}

fn budget(message: String) -> PolicyError {
    PolicyError {
        kind: PolicyErrorKind::Budget,
        message,
    }
}

/// Whether verdicts and findings say the same.
fn consistent(verdicts: Verdicts, findings: &[Finding], asked: &[Horizon]) -> Result<(), String> {
    for finding in findings {
        let id = &finding.id;
        if finding.horizons.is_empty() {
            return Err(format!("its finding `{id}` names no horizon"));
        }
        for horizon in &finding.horizons {
            if !asked.contains(horizon) {
                return Err(format!(
                    "its finding `{id}` speaks of {horizon}, which was not asked about"
                ));
            }
        }
        if finding.verdict == Verdict::NotApplicable {
            return Err(format!("its finding `{id}` says not-applicable"));
        }
    }
    for horizon in [Horizon::Now, Horizon::NextBoot] {
        let said = verdicts.at(horizon);
        if !asked.contains(&horizon) {
            if said != Verdict::NotApplicable {
                return Err(format!(
                    "it says {said} at {horizon}, which was not asked about"
                ));
            }
            continue;
        }
        let worst = findings
            .iter()
            .filter(|finding| finding.horizons.contains(&horizon))
            .map(|finding| finding.verdict)
            .max();
        match worst {
            Some(worst) if worst != said => {
                return Err(format!(
                    "it says {said} at {horizon}, and the gravest of its findings there \
                     says {worst}"
                ));
            }
            None if !matches!(said, Verdict::Pass | Verdict::NotApplicable) => {
                return Err(format!(
                    "it says {said} at {horizon} and has no finding that says why"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes texts out of an answer, within their budget.
struct Reader<'a> {
    limits: &'a Limits,
    used: usize,
}

impl Reader<'_> {
    fn count(&mut self, what: &str, bytes: usize) -> Result<(), PolicyError> {
        if bytes > self.limits.text {
            return Err(budget(format!(
                "{what} has {bytes} bytes and may have {}",
                Bytes(self.limits.text)
            )));
        }
        self.used = self.used.saturating_add(bytes).saturating_add(ITEM);
        if self.used > self.limits.answer {
            return Err(budget(format!(
                "its answer is larger than {}",
                Bytes(self.limits.answer)
            )));
        }
        Ok(())
    }

    /// One line for a person.
    fn line(&mut self, what: &str, text: &str) -> Result<String, PolicyError> {
        self.count(what, text.len())?;
        Ok(clean_line(text))
    }

    /// Lines for a person.
    fn text(&mut self, what: &str, text: &str) -> Result<String, PolicyError> {
        self.count(what, text.len())?;
        Ok(clean_text(text))
    }

    /// A text that is used as it is: cleaning it would make another one of it.
    fn exact(&mut self, what: &str, text: String) -> Result<String, PolicyError> {
        self.count(what, text.len())?;
        if text.contains(|c| is_unsafe(c) && !matches!(c, '\n' | '\t')) {
            return Err(bad_answer(format!("{what} has control characters")));
        }
        Ok(text)
    }

    fn path(&mut self, path: String) -> Result<String, PolicyError> {
        let path = self.exact("a path of a fix", path)?;
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(bad_answer(format!(
                "a fix names the path {:?}, which is not absolute",
                shortened(&path)
            )));
        }
        Ok(path)
    }

    fn pointer(&mut self, pointer: String) -> Result<String, PolicyError> {
        let pointer = self.exact("a pointer", pointer)?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(bad_answer(format!(
                "{:?} is no pointer of RFC 6901",
                shortened(&pointer)
            )));
        }
        Ok(pointer)
    }

    fn argv(&mut self, argv: Vec<String>) -> Result<Vec<String>, PolicyError> {
        if argv.first().is_none_or(String::is_empty) {
            return Err(bad_answer("a command of a fix names no program".to_owned()));
        }
        argv.into_iter()
            .map(|word| self.exact("a command of a fix", word))
            .collect()
    }

    fn location(&mut self, at: types::Location) -> Result<Location, PolicyError> {
        Ok(Location {
            source: self.line("a location", &at.source)?,
            // They count from 1; a 0 says that it is not known.
            line: at.line.filter(|line| *line > 0),
            column: at.column.filter(|column| *column > 0),
            pointer: at
                .pointer
                .map(|pointer| self.pointer(pointer))
                .transpose()?,
        })
    }

    fn finding(&mut self, finding: check::Finding) -> Result<Finding, PolicyError> {
        if !is_kebab(&finding.id) {
            return Err(bad_answer(format!(
                "the id of its finding {:?} is not in kebab-case",
                shortened(&finding.id)
            )));
        }
        self.count("an id", finding.id.len())?;
        let message = self.text("the message of a finding", &finding.message)?;
        if message.trim().is_empty() {
            return Err(bad_answer(format!(
                "its finding `{}` has no message",
                finding.id
            )));
        }
        let evidence = finding
            .evidence
            .into_iter()
            .map(|evidence| {
                Ok(Evidence {
                    at: self.location(evidence.at)?,
                    value: self.text("a value of evidence", &evidence.value)?,
                    note: evidence
                        .note
                        .map(|note| self.line("a note of evidence", &note))
                        .transpose()?,
                    excerpt: None,
                })
            })
            .collect::<Result<_, PolicyError>>()?;
        let symptom_of = finding
            .symptom_of
            .into_iter()
            .map(|cause| {
                self.count("a cause", cause.len())?;
                let mut parts = cause.split('/');
                let good = parts.next().is_some_and(is_kebab)
                    && parts.next().is_none_or(is_kebab)
                    && parts.next().is_none();
                if good {
                    Ok(cause)
                } else {
                    Err(bad_answer(format!(
                        "`symptom-of` says {:?}, which is neither `policy` nor `policy/finding`",
                        shortened(&cause)
                    )))
                }
            })
            .collect::<Result<_, _>>()?;
        let horizons: BTreeSet<Horizon> = finding.horizons.into_iter().map(horizon_from).collect();
        Ok(Finding {
            id: finding.id,
            verdict: verdict_from(finding.verdict),
            horizons: horizons.into_iter().collect(),
            message,
            evidence,
            fix: finding.fix.map(|fix| self.fix(fix)).transpose()?,
            symptom_of,
            waived: None,
        })
    }

    fn fix(&mut self, fix: check::Fix) -> Result<Fix, PolicyError> {
        if fix.steps.is_empty() {
            return Err(bad_answer("a fix has no steps".to_owned()));
        }
        Ok(Fix {
            summary: self.line("the summary of a fix", &fix.summary)?,
            steps: fix
                .steps
                .into_iter()
                .map(|step| {
                    Ok(Step {
                        description: self.line("a step of a fix", &step.description)?,
                        place: place_from(step.place),
                        action: self.action(step.action)?,
                        disruption: disruption_from(step.disruption),
                        verify: step.verify.map(|argv| self.argv(argv)).transpose()?,
                    })
                })
                .collect::<Result<_, PolicyError>>()?,
        })
    }

    fn action(&mut self, action: check::Action) -> Result<Action, PolicyError> {
        Ok(match action {
            check::Action::Command(argv) => Action::Command {
                argv: self.argv(argv)?,
            },
            check::Action::SetValue(set) => {
                let json = self.exact("a value of a fix", set.json)?;
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&json) {
                    return Err(bad_answer(format!(
                        "a fix sets a value that is no JSON: {error}"
                    )));
                }
                Action::SetValue {
                    path: self.path(set.path)?,
                    pointer: self.pointer(set.pointer)?,
                    json,
                }
            }
            check::Action::RemoveKey(remove) => Action::RemoveKey {
                path: self.path(remove.path)?,
                pointer: self.pointer(remove.pointer)?,
            },
            check::Action::WriteFile(write) => {
                if write.mode > 0o7777 {
                    return Err(bad_answer(format!(
                        "a fix writes a file with the mode {:o}",
                        write.mode
                    )));
                }
                Action::WriteFile {
                    path: self.path(write.path)?,
                    mode: write.mode,
                    content: self.exact("the content of a file", write.content)?,
                }
            }
            check::Action::RemoveLine(remove) => {
                if remove.line == 0 {
                    return Err(bad_answer("a fix removes line 0".to_owned()));
                }
                Action::RemoveLine {
                    path: self.path(remove.path)?,
                    line: remove.line,
                    text: self.exact("a line that a fix removes", remove.text)?,
                }
            }
            check::Action::Unit(unit) => {
                let verb = verb_from(unit.verb);
                if unit.name.is_empty() != (verb == UnitVerb::DaemonReload) {
                    return Err(bad_answer(format!(
                        "a fix does {} to {:?}: only daemon-reload has no unit",
                        verb.as_str(),
                        shortened(&unit.name)
                    )));
                }
                Action::Unit {
                    name: self.exact("the unit of a fix", unit.name)?,
                    verb,
                }
            }
            check::Action::Note(text) => Action::Note {
                text: self.text("a note of a fix", &text)?,
            },
        })
    }
}

const fn place_from(place: check::Place) -> Place {
    match place {
        check::Place::Node => Place::Node,
        check::Place::ControlPlane => Place::ControlPlane,
        check::Place::Admin => Place::Admin,
        check::Place::Image => Place::Image,
    }
}

const fn disruption_from(disruption: check::Disruption) -> Disruption {
    match disruption {
        check::Disruption::None => Disruption::None,
        check::Disruption::Restart => Disruption::Restart,
        check::Disruption::Evict => Disruption::Evict,
        check::Disruption::Reboot => Disruption::Reboot,
    }
}

const fn verb_from(verb: check::UnitVerb) -> UnitVerb {
    match verb {
        check::UnitVerb::Enable => UnitVerb::Enable,
        check::UnitVerb::Disable => UnitVerb::Disable,
        check::UnitVerb::Mask => UnitVerb::Mask,
        check::UnitVerb::Unmask => UnitVerb::Unmask,
        check::UnitVerb::Start => UnitVerb::Start,
        check::UnitVerb::Stop => UnitVerb::Stop,
        check::UnitVerb::Restart => UnitVerb::Restart,
        check::UnitVerb::ResetFailed => UnitVerb::ResetFailed,
        check::UnitVerb::DaemonReload => UnitVerb::DaemonReload,
    }
}
