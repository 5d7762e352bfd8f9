//! Who a policy says it is.

use std::collections::BTreeSet;

use nodepol_model::{Phase, Severity};
use serde::{Deserialize, Serialize};

use crate::bindings::exports::nodepol::policy::check;
use crate::clean::{clean_line, shortened};
use crate::limits::Limits;
use crate::names::is_kebab;
use crate::parameters::{Parameter, Value};

/// The most parameters that a policy may declare.
const MAX_PARAMETERS: usize = 64;

/// What `describe` answers, checked and cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// In kebab-case.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What must hold, in one line.
    pub rule: String,
    /// What is at stake.
    pub severity: Severity,
    /// The phases it is meant for.
    pub phases: Vec<Phase>,
    /// What a policy set may give it.
    pub parameters: Vec<Parameter>,
    /// Where its documentation is: an `https` or `http` URL.
    pub documentation: Option<String>,
}

/// Checks a description by the rules of `wit/check.wit`.
pub(crate) fn checked(
    described: check::Description,
    limits: &Limits,
) -> Result<Description, String> {
    let longest = limits.text.min(4096);
    let line = |what: &str, text: &str| {
        let clean = clean_line(text).trim().to_owned();
        if clean.is_empty() {
            return Err(format!("its description has no {what}"));
        }
        if clean.len() > longest {
            return Err(format!(
                "the {what} in its description is longer than {longest} bytes"
            ));
        }
        Ok(clean)
    };
    if !is_kebab(&described.id) {
        return Err(format!(
            "its id {:?} is not in kebab-case",
            shortened(&described.id)
        ));
    }
    let phases: BTreeSet<Phase> = described.phases.iter().map(phase_from).collect();
    if phases.is_empty() {
        return Err("its description names no phase".to_owned());
    }
    if described.parameters.len() > MAX_PARAMETERS {
        return Err(format!("it has more than {MAX_PARAMETERS} parameters"));
    }
    let mut names = BTreeSet::new();
    let mut parameters = Vec::new();
    for parameter in described.parameters {
        if !is_kebab(&parameter.name) {
            return Err(format!(
                "the name of its parameter {:?} is not in kebab-case",
                shortened(&parameter.name)
            ));
        }
        if !names.insert(parameter.name.clone()) {
            return Err(format!("it has two parameters `{}`", parameter.name));
        }
        parameters.push(Parameter {
            description: line("description of a parameter", &parameter.description)?,
            default: default_value(&parameter.name, parameter.default)?,
            name: parameter.name,
        });
    }
    let documentation = match described.documentation {
        None => None,
        Some(url) => {
            let url = line("documentation", &url)?;
            if !(url.starts_with("https://") || url.starts_with("http://")) || url.contains(' ') {
                return Err("its documentation is not a URL".to_owned());
            }
            Some(url)
        }
    };
    Ok(Description {
        id: described.id,
        title: line("title", &described.title)?,
        rule: line("rule", &described.rule)?,
        severity: severity_from(described.severity),
        phases: phases.into_iter().collect(),
        parameters,
        documentation,
    })
}

fn default_value(name: &str, value: check::Value) -> Result<Value, String> {
    let clean = |text: String| {
        if text.contains(crate::clean::is_unsafe) || text.len() > 4096 {
            Err(format!(
                "the default of its parameter `{name}` is too long or has control characters"
            ))
        } else {
            Ok(text)
        }
    };
    Ok(match value {
        check::Value::Boolean(value) => Value::Boolean(value),
        check::Value::Integer(value) => Value::Integer(value),
        check::Value::Text(value) => Value::Text(clean(value)?),
        check::Value::TextList(values) => {
            Value::TextList(values.into_iter().map(clean).collect::<Result<_, _>>()?)
        }
        check::Value::Duration(seconds) => Value::Duration(seconds),
    })
}

const fn phase_from(phase: &check::Phase) -> Phase {
    match phase {
        check::Phase::Image => Phase::Image,
        check::Phase::PreJoin => Phase::PreJoin,
        check::Phase::Boot => Phase::Boot,
        check::Phase::Running => Phase::Running,
    }
}

const fn severity_from(severity: check::Severity) -> Severity {
    match severity {
        check::Severity::Blocker => Severity::Blocker,
        check::Severity::BootBlocker => Severity::BootBlocker,
        check::Severity::Degraded => Severity::Degraded,
        check::Severity::TimeBomb => Severity::TimeBomb,
        check::Severity::Hygiene => Severity::Hygiene,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> check::Description {
        check::Description {
            id: "swap-off".to_owned(),
            title: "Swap".to_owned(),
            rule: "Swap is off.".to_owned(),
            severity: check::Severity::Blocker,
            phases: vec![check::Phase::Running, check::Phase::Boot],
            parameters: vec![check::Parameter {
                name: "tolerate".to_owned(),
                default: check::Value::Boolean(false),
                description: "Whether swap may be on.".to_owned(),
            }],
            documentation: Some("https://example.org/swap".to_owned()),
        }
    }

    fn complaint(change: impl FnOnce(&mut check::Description)) -> String {
        let mut wrong = described();
        change(&mut wrong);
        checked(wrong, &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_good_description_is_taken() {
        let good = checked(described(), &Limits::default()).unwrap();
        assert_eq!(good.id, "swap-off");
        assert_eq!(good.phases, [Phase::Boot, Phase::Running]);
        assert_eq!(good.parameters[0].default, Value::Boolean(false));
    }

    #[test]
    fn every_rule_is_checked() {
        assert!(complaint(|d| d.id = "Swap Off".to_owned()).contains("kebab"));
        assert!(complaint(|d| d.title = "\x1b[1m \n".to_owned()).contains("no title"));
        assert!(complaint(|d| d.rule = "x".repeat(5000)).contains("longer"));
        assert!(complaint(|d| d.phases.clear()).contains("no phase"));
        assert!(complaint(|d| d.parameters.push(d.parameters[0].clone())).contains("two"));
        assert!(complaint(|d| d.parameters[0].name = "A".to_owned()).contains("kebab"));
        assert!(
            complaint(|d| d.parameters[0].default = check::Value::Text("\x07".to_owned()))
                .contains("control")
        );
        assert!(complaint(|d| d.documentation = Some("javascript:x".to_owned())).contains("URL"));
        assert!(
            complaint(|d| d.parameters = vec![d.parameters[0].clone(); 100]).contains("more than")
        );
    }
}
