//! `Condition…=` and `Assert…=`: what a unit wants to find before it starts.
//!
//! Source: `man systemd.unit` (Conditions and Asserts); `config_parse_unit_condition_path`
//! and `config_parse_unit_condition_string` in `src/core/load-fragment.c`,
//! `condition_test_list` in `src/shared/condition.c`.

use nodepol_model::{Horizon, Location, Unavailable};
use serde::Serialize;
use serde_json::Value;

use super::search::View;
use super::unit::{LoadState, Loaded};
use super::{Units, condition_test, live, specifier};
use crate::evidence::Evidence;

/// A condition or an assertion of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The key, such as `ConditionPathExists` or `AssertPathExists`.
    pub kind: String,
    /// What it asks for, without its prefixes.
    pub parameter: String,
    /// It carries the prefix `!`.
    pub negated: bool,
    /// It carries the prefix `|`: one of these is enough.
    pub trigger: bool,
    /// Whether it is met; none where that is not tested or cannot be told.
    pub met: Option<bool>,
    /// Where it stands.
    pub at: Location,
}

impl Units {
    /// The conditions and assertions of a unit, in order: as the manager last
    /// tested them (now), or as the files say them, tested as far as what
    /// persists tells (next boot).
    ///
    /// # Errors
    /// [`Unavailable`] if the manager or the files could not be read.
    pub fn conditions(&self, at: Horizon, name: &str) -> Result<Vec<Condition>, Unavailable> {
        match at {
            Horizon::NextBoot => {
                let unit = self.load(View::NextBoot, name)?;
                Ok(of_files(&unit, &self.evidence))
            }
            Horizon::Now => {
                let unit = self.evidence.loaded_unit(name)?;
                let on_disk = self
                    .load(View::Disk, name)
                    .map(|unit| of_files(&unit, &self.evidence))
                    .unwrap_or_default();
                let mut found = Vec::new();
                for property in ["Conditions", "Asserts"] {
                    let tested = unit.properties.get(property).and_then(Value::as_array);
                    for test in tested.into_iter().flatten() {
                        found.extend(of_manager(test, &on_disk));
                    }
                }
                Ok(found)
            }
        }
    }

    /// Whether the conditions and the assertions of a unit are met at the next
    /// boot; none where that cannot be told.
    ///
    /// # Errors
    /// [`Unavailable`] if the files could not be read.
    pub fn conditions_met(&self, name: &str) -> Result<Option<bool>, Unavailable> {
        let (asserts, conditions): (Vec<_>, Vec<_>) = self
            .conditions(Horizon::NextBoot, name)?
            .into_iter()
            .partition(|condition| condition.kind.starts_with("Assert"));
        Ok(match (met(&conditions), met(&asserts)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
    }
}

/// `condition_test_list`: all that carry no `|` are met, and one of those that do.
/// None where that cannot be told.
fn met(conditions: &[Condition]) -> Option<bool> {
    let mut result = Some(true);
    for condition in conditions.iter().filter(|condition| !condition.trigger) {
        match condition.met {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    let triggers = || conditions.iter().filter(|condition| condition.trigger);
    if triggers().next().is_none() || triggers().any(|trigger| trigger.met == Some(true)) {
        return result;
    }
    if triggers().all(|trigger| trigger.met == Some(false)) {
        return Some(false);
    }
    None
}

/// Type, trigger, negated, parameter, result: 1 met, 0 not tested, below not met.
fn of_manager(test: &Value, on_disk: &[Condition]) -> Option<Condition> {
    let kind = test.get(0)?.as_str()?.to_owned();
    let parameter = test.get(3)?.as_str()?.to_owned();
    let at = on_disk
        .iter()
        .find(|known| known.kind == kind && known.parameter == parameter)
        .map_or_else(live::origin, |known| known.at.clone());
    Some(Condition {
        trigger: test.get(1)?.as_bool()?,
        negated: test.get(2)?.as_bool()?,
        met: match test.get(4)?.as_i64()? {
            0 => None,
            result => Some(result > 0),
        },
        kind,
        parameter,
        at,
    })
}

fn of_files(unit: &Loaded, evidence: &Evidence) -> Vec<Condition> {
    let (mut conditions, mut asserts) = (Vec::new(), Vec::new());
    if unit.state != LoadState::Loaded {
        return conditions;
    }
    for file in &unit.files {
        for assignment in &file.assignments {
            if assignment.section != "Unit" {
                continue;
            }
            let Some(kind) = condition_test::kind(&assignment.key) else {
                continue;
            };
            let list = if assignment.key.starts_with("Assert") {
                &mut asserts
            } else {
                &mut conditions
            };
            // An empty one forgets all of them, of whatever kind.
            if assignment.value.is_empty() {
                list.clear();
                continue;
            }
            let (trigger, rest) = prefix(&assignment.value, '|');
            let (negated, rest) = prefix(rest, '!');
            let expanded = specifier::expand(rest, &unit.id, evidence).ok();
            let found = expanded
                .as_ref()
                .and_then(|parameter| condition_test::holds(kind, parameter, evidence));
            list.push(Condition {
                met: found.map(|found| found != negated),
                kind: assignment.key.clone(),
                parameter: expanded.unwrap_or_else(|| rest.to_owned()),
                negated,
                trigger,
                at: assignment.location(&file.path),
            });
        }
    }
    conditions.extend(asserts);
    conditions
}

fn prefix(text: &str, mark: char) -> (bool, &str) {
    text.strip_prefix(mark)
        .map_or((false, text), |rest| (true, rest.trim_start()))
}
