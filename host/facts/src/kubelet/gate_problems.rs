//! Feature gates that this release of the kubelet does not know or may not set.

use nodepol_model::{Location, Unavailable};
use serde_json::Value as Json;
use strsim::levenshtein;

use super::SettingValue;
use super::effective::Effective;
use super::gates::{self, FIRST, Gate, LAST};
use crate::sourced::{Problem, Version};

const GATES: &str = "/featureGates";

/// What is wrong with the feature gates that are set: `removed-gate`,
/// `later-gate`, `locked-gate` and `needed-gate` end the kubelet. No release is known to have an
/// `unfamiliar-gate`, but a vendor may.
///
/// # Errors
/// [`Unavailable`] if the configuration is not known; or if nothing is wrong for
/// certain, and a gate is set that not every release takes, and the release is
/// not known or is none of those that are.
pub(crate) fn problems(
    effective: &Effective,
    version: Option<&Version>,
) -> Result<Vec<Problem>, Unavailable> {
    let Some(Json::Object(set)) = effective.get(GATES)?.map(|gates| gates.value) else {
        return Ok(Vec::new());
    };
    let mut problems = Vec::new();
    let mut undecided = None;
    for (name, value) in set {
        let Some(setting) = effective.get(&pointer(&name))? else {
            continue;
        };
        // What is no boolean does not decode, which is told elsewhere.
        let Some(value) = value.as_bool() else {
            continue;
        };
        match version {
            Some(version) if version.minor >= FIRST => {
                let found = problem(&name, value, &setting, version);
                let is_decided = found.as_ref().is_some_and(|problem| problem.fatal);
                if version.minor <= LAST || is_decided {
                    problems.extend(found);
                } else {
                    undecided.get_or_insert(name);
                }
            }
            None if gates::always_takes(&name, value) => {}
            _ => {
                undecided.get_or_insert(name);
            }
        }
    }
    if problems.iter().all(|problem| !problem.fatal)
        && let Some(version) = version
    {
        problems.extend(needed(effective, version.minor)?);
    }
    match undecided {
        Some(name) if problems.iter().all(|problem| !problem.fatal) => Err(Unavailable::new(
            "kubelet --version",
            match version {
                Some(version) => format!(
                    "what kubelet {} makes of the feature gate {name} is not known: only those of \
                     1.{FIRST} to 1.{LAST} are",
                    version.text
                ),
                None => format!(
                    "its version is not known, and what it makes of the feature gate {name} hangs \
                     on it"
                ),
            },
        )),
        _ => Ok(problems),
    }
}

fn problem(name: &str, value: bool, setting: &SettingValue, version: &Version) -> Option<Problem> {
    let unrecognized = |note: String| {
        format!(
            "unrecognized feature gate: {name} ({note}, and this one is {})",
            version.text
        )
    };
    let (kind, message, fatal) = match gates::gate(name, version.minor) {
        Gate::Known { default, locked } => {
            if !locked || default == value {
                return None;
            }
            let message = format!(
                "cannot set feature gate {name} to {value}, feature is locked to {default}"
            );
            ("locked-gate", message, true)
        }
        Gate::Gone(FIRST) => {
            let note = format!("the kubelet has not had it since 1.{FIRST} or longer");
            ("removed-gate", unrecognized(note), true)
        }
        Gate::Gone(minor) => {
            let note = format!("the kubelet has not had it since 1.{minor}");
            ("removed-gate", unrecognized(note), true)
        }
        // A patch of the release before it may have brought it as well.
        Gate::NotYet(minor) => {
            let note = format!("the kubelet has it since 1.{minor}");
            ("later-gate", unrecognized(note), version.minor + 1 < minor)
        }
        Gate::Never => {
            let message = format!(
                "no kubelet from 1.{FIRST} to 1.{LAST} is known to have the feature gate {name}, \
                 and it exits of one that it does not know"
            );
            ("unfamiliar-gate", message, false)
        }
    };
    Some(Problem {
        kind,
        message,
        at: setting.origin.clone(),
        fatal,
        nearest: (kind == "unfamiliar-gate")
            .then(|| nearest(name, version.minor))
            .flatten(),
    })
}

/// Gates that are on and need one that is off. The one that somebody set is to
/// blame.
fn needed(effective: &Effective, minor: u32) -> Result<Vec<Problem>, Unavailable> {
    let mut problems = Vec::new();
    if minor > LAST {
        return Ok(problems);
    }
    // Whether a gate is on, and where that is said if it is. None if it is not
    // there, or not known.
    let state = |name: &str| -> Result<Option<(bool, Option<Location>)>, Unavailable> {
        let set = match effective.get(&pointer(name))? {
            Some(set) if matches!(gates::gate(name, minor), Gate::Known { .. }) => Some(set),
            _ => by_default(effective, &pointer(name), Some(minor)),
        };
        Ok(set.map(|set| {
            let at = (!set.is_default).then_some(set.origin);
            (set.value == Json::Bool(true), at)
        }))
    };
    for (name, needs) in gates::needs(minor) {
        let Some((true, own)) = state(name)? else {
            continue;
        };
        for need in needs {
            if let Some((false, at)) = state(need)?
                && let Some(at) = at.or_else(|| own.clone())
            {
                problems.push(Problem {
                    kind: "needed-gate",
                    message: format!(
                        "{name} is enabled, but depends on features that are disabled: [{need}]"
                    ),
                    at,
                    fatal: true,
                    nearest: None,
                });
            }
        }
    }
    Ok(problems)
}

fn nearest(name: &str, minor: u32) -> Option<String> {
    if name.len() > 128 {
        return None;
    }
    let (far, nearest) = gates::names(minor)
        .map(|known| (levenshtein(name, known), known))
        .min()?;
    (far <= (name.len() / 4).max(1)).then(|| nearest.to_owned())
}

/// How a gate is set that nobody sets by itself: by `AllAlpha` or `AllBeta` if it
/// is of theirs, or else by default. None where that hangs on a release or a stage
/// that is not known, or for a gate that the release does not have.
pub(crate) fn by_default(
    effective: &Effective,
    at: &str,
    minor: Option<u32>,
) -> Option<SettingValue> {
    let name = at.strip_prefix(GATES)?.strip_prefix('/')?;
    let minor = minor.filter(|minor| (FIRST..=LAST).contains(minor))?;
    let Gate::Known { default, .. } = gates::gate(name, minor) else {
        return None;
    };
    let set = |group: &str| effective.get(&pointer(group)).ok().flatten();
    let by_group = match gates::group(name, minor) {
        Ok(group) => group.and_then(set),
        Err(()) if gates::GROUPS.iter().all(|group| set(group).is_none()) => None,
        Err(()) => return None,
    };
    Some(by_group.unwrap_or_else(|| SettingValue {
        value: Json::Bool(default),
        origin: Location::source("default"),
        is_default: true,
        overridden: Vec::new(),
    }))
}

fn pointer(name: &str) -> String {
    format!("{GATES}/{}", crate::document::escape_token(name))
}
