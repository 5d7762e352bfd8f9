//! Flags that this release of the kubelet does not know.

use nodepol_model::Unavailable;
use strsim::levenshtein;

use super::flag_table;
use super::flags::Flags;
use super::releases::{self, Known};
use crate::sourced::{Problem, Sourced, Version};

/// Why the kubelet refuses its command line, and what looks like a misspelt
/// flag.
///
/// # Errors
/// [`Unavailable`] if nothing is wrong for certain, and a flag is there that
/// only some releases know, and the release is not known.
pub(crate) fn flags(flags: &Flags, version: Option<&Version>) -> Result<Vec<Problem>, Unavailable> {
    let mut problems = flags.problems.clone();
    let mut undecided = None;
    for (name, value) in flags.given() {
        match version {
            Some(version) => problems.extend(flag(name, value, version)),
            None if releases::flag_hangs_on_release(name) => {
                undecided.get_or_insert(name);
            }
            None => {}
        }
        if flag_table::find(name).is_none() && !releases::flag_hangs_on_release(name) {
            problems.extend(misspelt(name, value));
        }
    }
    match undecided {
        Some(name) if problems.iter().all(|problem| !problem.fatal) => Err(Unavailable::new(
            "kubelet",
            format!("its version is not known, and not every version has the flag --{name}"),
        )),
        _ => Ok(problems),
    }
}

fn flag(name: &str, value: &Sourced<String>, version: &Version) -> Option<Problem> {
    let (kind, note) = match releases::flag(name, version.minor) {
        Known::Yes => return None,
        Known::Gone(minor) => (
            "removed-flag",
            format!("the kubelet has not had it since 1.{minor}"),
        ),
        Known::NotYet(minor) => ("later-flag", format!("the kubelet has it since 1.{minor}")),
    };
    Some(Problem {
        kind,
        message: format!(
            "unknown flag: --{name} ({note}, and this one is {})",
            version.text
        ),
        at: value.origin.clone(),
        fatal: true,
        nearest: None,
    })
}

/// A vendor may have flags of its own: only what nearly is one of the kubelet's
/// is worth a word.
fn misspelt(name: &str, value: &Sourced<String>) -> Option<Problem> {
    if name.len() > 64 || ["v", "h", "help", "version"].contains(&name) {
        return None;
    }
    let (far, nearest) = flag_table::names()
        .map(|known| (levenshtein(name, known), known))
        .min()?;
    (far <= 2 && name.len() > 6).then(|| Problem {
        kind: "unfamiliar-flag",
        message: format!("no kubelet is known to have the flag --{name}"),
        at: value.origin.clone(),
        fatal: false,
        nearest: Some(format!("--{nearest}")),
    })
}
