//! Checks what a policy set gives to a policy against what the policy declares.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bindings::exports::nodepol::policy::check;
use crate::clean::{is_unsafe, shortened};
use crate::names::nearest;

/// A parameter that a policy declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// In kebab-case.
    pub name: String,
    /// What it is if the policy set is silent; its case is the type.
    pub default: Value,
    /// What it does, in one line.
    pub description: String,
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list of texts.
    TextList(Vec<String>),
    /// Seconds; written with a unit, such as `30d`.
    Duration(u64),
}

impl Value {
    /// The type, for people.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Text(_) => "text",
            Self::TextList(_) => "list of texts",
            Self::Duration(_) => "duration",
        }
    }
}

impl fmt::Display for Value {
    /// As a policy set would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{}", Json::from(value.as_str())),
            Self::TextList(values) => write!(f, "{}", Json::from(values.clone())),
            Self::Duration(seconds) => {
                let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
                match units
                    .into_iter()
                    .find(|(unit, _)| *seconds > 0 && seconds.is_multiple_of(*unit))
                {
                    Some((unit, letter)) => write!(f, "{}{letter}", seconds / unit),
                    None => write!(f, "{seconds}s"),
                }
            }
        }
    }
}

/// A parameter as it is given to an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The parameter's name.
    pub name: String,
    /// Its value, of the declared type.
    pub value: Value,
}

impl Argument {
    pub(crate) fn to_wit(&self) -> check::Argument {
        check::Argument {
            name: self.name.clone(),
            value: match &self.value {
                Value::Boolean(value) => check::Value::Boolean(*value),
                Value::Integer(value) => check::Value::Integer(*value),
                Value::Text(value) => check::Value::Text(value.clone()),
                Value::TextList(values) => check::Value::TextList(values.clone()),
                Value::Duration(seconds) => check::Value::Duration(*seconds),
            },
        }
    }
}

/// What is wrong with one given parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterProblem {
    /// The policy has no such parameter.
    #[error("there is no parameter `{name}`{}", hint(.nearest, .known))]
    Unknown {
        /// The name that was given.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// All names that there are.
        known: Vec<String>,
    },
    /// The value has another type.
    #[error("`{name}` is a {wanted}, and {given} is none{hint}")]
    Type {
        /// The parameter.
        name: String,
        /// Its type.
        wanted: &'static str,
        /// What was given.
        given: String,
        /// How to write it.
        hint: &'static str,
    },
}

impl ParameterProblem {
    /// The name under which the policy set gave it.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. } | Self::Type { name, .. } => name,
        }
    }
}

fn hint(nearest: &Option<String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; `{nearest}` is meant?"),
        None if known.is_empty() => "; this policy has no parameters".to_owned(),
        None => format!("; there are `{}`", known.join("`, `")),
    }
}

/// The arguments of an evaluation: every declared parameter, as given or by
/// its default, in the order of the declaration.
///
/// # Errors
/// Everything that is wrong, in the order of the names.
pub fn check(
    declared: &[Parameter],
    given: &BTreeMap<String, Json>,
) -> Result<Vec<Argument>, Vec<ParameterProblem>> {
    let mut problems = Vec::new();
    let mut values = BTreeMap::new();
    for (name, json) in given {
        match declared.iter().find(|parameter| parameter.name == *name) {
            None => problems.push(ParameterProblem::Unknown {
                name: crate::clean_line(name),
                nearest: nearest(name, declared.iter().map(|p| p.name.as_str())).map(str::to_owned),
                known: declared.iter().map(|p| p.name.clone()).collect(),
            }),
            Some(parameter) => match typed(&parameter.default, json) {
                Ok(value) => {
                    values.insert(name.as_str(), value);
                }
                Err(hint) => problems.push(ParameterProblem::Type {
                    name: name.clone(),
                    wanted: parameter.default.type_name(),
                    given: shortened(&json.to_string()),
                    hint,
                }),
            },
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(declared
        .iter()
        .map(|parameter| Argument {
            name: parameter.name.clone(),
            value: values
                .remove(parameter.name.as_str())
                .unwrap_or_else(|| parameter.default.clone()),
        })
        .collect())
}

/// The longest text that a policy set may give.
const MAX_TEXT: usize = 64 << 10;

/// `json` as a value of the type that `like` has, or how to write one.
fn typed(like: &Value, json: &Json) -> Result<Value, &'static str> {
    let text = |json: &Json| match json {
        Json::String(text) if text.len() > MAX_TEXT => Err("; it is too long"),
        Json::String(text) if text.contains(|c| is_unsafe(c) && !matches!(c, '\n' | '\t')) => {
            Err("; it has control characters")
        }
        Json::String(text) => Ok(text.clone()),
        Json::Bool(_) | Json::Number(_) => Err("; put it in quotes"),
        _ => Err(""),
    };
    match like {
        Value::Boolean(_) => json
            .as_bool()
            .map(Value::Boolean)
            .ok_or("; write `true` or `false`"),
        Value::Integer(_) => json
            .as_i64()
            .map(Value::Integer)
            .ok_or("; write a whole number"),
        Value::Text(_) => text(json).map(Value::Text),
        Value::TextList(_) => match json {
            Json::Array(items) => items
                .iter()
                .map(text)
                .collect::<Result<_, _>>()
                .map(Value::TextList),
            _ => Err("; write `[\"one\", \"two\"]`"),
        },
        Value::Duration(_) => json
            .as_str()
            .and_then(duration)
            .map(Value::Duration)
            .ok_or("; write a number with its unit, such as `30d`, `12h`, `90m` or `45s`"),
    }
}

/// The seconds of `30d`, `12h`, `1h30m`.
fn duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut previous = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let mut tail = tail.chars();
        let unit = match tail.next()? {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        // From large to small, each unit once.
        if unit >= previous {
            return None;
        }
        previous = unit;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail.as_str();
    }
    (previous != u64::MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared() -> Vec<Parameter> {
        let parameter = |name: &str, default| Parameter {
            name: name.to_owned(),
            default,
            description: "A parameter.".to_owned(),
        };
        vec![
            parameter("warn-before", Value::Duration(30 * 86_400)),
            parameter("tolerate", Value::Boolean(false)),
            parameter("most", Value::Integer(3)),
            parameter("unit", Value::Text("kubelet.service".to_owned())),
            parameter("paths", Value::TextList(Vec::new())),
        ]
    }

    fn given(json: Json) -> BTreeMap<String, Json> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_given_replaces_the_default_and_all_are_given() {
        let arguments = check(
            &declared(),
            &given(json!({"paths": ["/a"], "warn-before": "1d12h", "most": -2})),
        )
        .unwrap();
        let values: Vec<_> = arguments.into_iter().map(|a| a.value).collect();
        assert_eq!(
            values,
            [
                Value::Duration(129_600),
                Value::Boolean(false),
                Value::Integer(-2),
                Value::Text("kubelet.service".to_owned()),
                Value::TextList(vec!["/a".to_owned()]),
            ]
        );
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = check(
            &declared(),
            &given(json!({
                "warn-befor": "1d", "warn-before": 30, "tolerate": "yes", "most": 1.5,
                "unit": 7, "paths": "a", "zzzzzzzzz": null
            })),
        )
        .unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "`most` is a integer, and 1.5 is none; write a whole number",
                "`paths` is a list of texts, and \"a\" is none; write `[\"one\", \"two\"]`",
                "`tolerate` is a boolean, and \"yes\" is none; write `true` or `false`",
                "`unit` is a text, and 7 is none; put it in quotes",
                "there is no parameter `warn-befor`; `warn-before` is meant?",
                "`warn-before` is a duration, and 30 is none; write a number with its unit, \
                 such as `30d`, `12h`, `90m` or `45s`",
                "there is no parameter `zzzzzzzzz`; there are `warn-before`, `tolerate`, \
                 `most`, `unit`, `paths`",
            ]
        );
        assert_eq!(
            check(&[], &given(json!({"a": 1}))).unwrap_err()[0].to_string(),
            "there is no parameter `a`; this policy has no parameters"
        );
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1h30m", 5400),
            ("0s", 0),
            ("45s", 45),
        ] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "30",
            "d",
            "1m1h",
            "1d1d",
            "-1d",
            "1.5h",
            "1 d",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(Value::Duration(5400).to_string(), "90m");
        assert_eq!(Value::Duration(2_592_000).to_string(), "30d");
        assert_eq!(Value::Duration(0).to_string(), "0s");
    }
}
