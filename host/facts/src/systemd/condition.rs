//! `Condition…=` and `Assert…=`: what a unit wants to find before it starts.
//!
//! Source: `man systemd.unit` (Conditions and Asserts); `config_parse_unit_condition_path`
//! and `config_parse_unit_condition_string` in `src/core/load-fragment.c`,
//! `condition_test_list` in `src/shared/condition.c`.

use nodepol_model::snapshot::{File, FileNode};
use nodepol_model::{Horizon, Location, Part, Unavailable};
use serde::Serialize;
use serde_json::Value;

use super::search::View;
use super::unit::{LoadState, Loaded};
use super::{Units, live, specifier};
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

/// Where the next boot finds something else than what is there now.
const VOLATILE: [&str; 6] = ["/run", "/var/run", "/proc", "/sys", "/dev", "/tmp"];

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
            let list = if is_key(&assignment.key, "Condition") {
                &mut conditions
            } else if is_key(&assignment.key, "Assert") {
                &mut asserts
            } else {
                continue;
            };
            // An empty one forgets all of them, of whatever kind.
            if assignment.value.is_empty() {
                list.clear();
                continue;
            }
            let (trigger, rest) = prefix(&assignment.value, '|');
            let (negated, rest) = prefix(rest, '!');
            let Ok(parameter) = specifier::expand(rest, &unit.id, evidence) else {
                continue;
            };
            list.push(Condition {
                met: test(&assignment.key, &parameter, evidence).map(|found| found != negated),
                kind: assignment.key.clone(),
                parameter,
                negated,
                trigger,
                at: assignment.location(&file.path),
            });
        }
    }
    conditions.extend(asserts);
    conditions
}

/// `ConditionPathExists` is one, `Conditions` and `Condition` are none.
fn is_key(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

fn prefix(text: &str, mark: char) -> (bool, &str) {
    text.strip_prefix(mark)
        .map_or((false, text), |rest| (true, rest.trim_start()))
}

/// Whether what a condition asks for is there, as far as files that persist tell.
fn test(key: &str, path: &str, evidence: &Evidence) -> Option<bool> {
    let kind = key
        .strip_prefix("Condition")
        .or_else(|| key.strip_prefix("Assert"))?;
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !path.starts_with('/') || VOLATILE.iter().any(|root| below(root)) {
        return None;
    }
    let of = |wanted: fn(&File) -> Option<bool>| match evidence.stat(path) {
        Part::Present((_, file)) => wanted(file),
        Part::Absent => Some(false),
        Part::Unreadable(_) => None,
    };
    match kind {
        "PathExists" => match evidence.stat_metadata(path) {
            Part::Present(_) => Some(true),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        },
        "PathIsDirectory" => of(|file| Some(matches!(file.node, FileNode::Directory(_)))),
        "PathIsSymbolicLink" => match evidence.lstat(path) {
            Part::Present(file) => Some(matches!(file.node, FileNode::Symlink(_))),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        },
        "DirectoryNotEmpty" => of(|file| match &file.node {
            FileNode::Directory(Part::Present(names)) => Some(!names.is_empty()),
            FileNode::Directory(_) => None,
            _ => Some(false),
        }),
        "FileNotEmpty" => {
            of(|file| Some(matches!(file.node, FileNode::Regular(_)) && file.size > 0))
        }
        "FileIsExecutable" => {
            of(|file| Some(matches!(file.node, FileNode::Regular(_)) && file.mode & 0o111 != 0))
        }
        _ => None,
    }
}
