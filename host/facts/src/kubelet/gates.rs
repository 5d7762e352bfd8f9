//! Which release of the kubelet knows which feature gate, how it is set by
//! default, and whether it is locked to that.

use std::sync::OnceLock;

/// The first minor version of 1.x that the table tells of. What it had may be
/// older.
pub(crate) const FIRST: u32 = 25;
/// The last minor version of 1.x that the table tells of.
pub(crate) const LAST: u32 = 36;

/// Gates of every release that stand for many others (`component-base/featuregate`).
pub(crate) const GROUPS: [&str; 2] = ["AllAlpha", "AllBeta"];

static TABLE: &str = include_str!("gates.txt");
static NEEDS: &str = include_str!("gate_needs.txt");
static STAGES: &str = include_str!("gate_stages.txt");

/// What a release makes of a feature gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It has it.
    Known {
        /// Whether it is on where nobody sets it.
        default: bool,
        /// To set the other value ends the kubelet (`LockToDefault`).
        locked: bool,
    },
    /// It went in this minor version of 1.x.
    Gone(u32),
    /// It came in this minor version of 1.x.
    NotYet(u32),
    /// No release from [`FIRST`] to [`LAST`] has it.
    Never,
}

/// A change of a gate in a minor version.
#[derive(Debug, Clone, Copy)]
struct Change {
    minor: u32,
    to: Option<(bool, bool)>,
}

/// What 1.`minor` makes of a gate, by the releases of the table: one after them
/// counts as the last.
pub(crate) fn gate(name: &str, minor: u32) -> Gate {
    if GROUPS.contains(&name) {
        return Gate::Known {
            default: false,
            locked: false,
        };
    }
    let Some((_, changes)) = table()
        .binary_search_by_key(&name, |(known, _)| known)
        .ok()
        .and_then(|index| table().get(index))
    else {
        return Gate::Never;
    };
    match changes.iter().rev().find(|change| change.minor <= minor) {
        Some(Change {
            to: Some((default, locked)),
            ..
        }) => Gate::Known {
            default: *default,
            locked: *locked,
        },
        Some(change) => Gate::Gone(change.minor),
        None => changes
            .first()
            .map_or(Gate::Never, |change| Gate::NotYet(change.minor)),
    }
}

/// Which of [`GROUPS`] switches a gate of 1.`minor` that nobody sets by itself
/// (`setUnsetAlphaGates` and `setUnsetBetaGates` in `component-base/featuregate`).
///
/// # Errors
/// `()` if its stage in that release is not known.
pub(crate) fn group(name: &str, minor: u32) -> Result<Option<&'static str>, ()> {
    let stage = STAGES
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .and_then(|changes| {
            changes
                .split(' ')
                .filter_map(stage)
                .take_while(|(since, _)| *since <= minor)
                .last()
        });
    match stage {
        Some((_, "a")) => Ok(Some("AllAlpha")),
        Some((_, "b")) => Ok(Some("AllBeta")),
        Some(_) => Ok(None),
        // To set what is locked ends the kubelet, so no group does it.
        None => match gate(name, minor) {
            Gate::Known { locked: true, .. } => Ok(None),
            _ => Err(()),
        },
    }
}

/// `30b`
fn stage(word: &str) -> Option<(u32, &str)> {
    let end = word.find(|c: char| !c.is_ascii_digit())?;
    let (since, stage) = word.split_at(end);
    Some((since.parse().ok()?, stage))
}

/// Whether every release of the table has the gate and takes the value.
pub(crate) fn always_takes(name: &str, value: bool) -> bool {
    (FIRST..=LAST).all(|minor| match gate(name, minor) {
        Gate::Known { default, locked } => !locked || default == value,
        Gate::Gone(_) | Gate::NotYet(_) | Gate::Never => false,
    })
}

/// The gates of 1.`minor` that need others, with those, by name.
pub(crate) fn needs(minor: u32) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut needs: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in NEEDS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(name), Some(since)) = (words.next(), words.next()) else {
            continue;
        };
        if since.parse::<u32>().is_ok_and(|since| since <= minor) {
            // A later line of the same gate takes the place of the one before.
            needs.retain(|(known, _)| *known != name);
            needs.push((name, words.collect()));
        }
    }
    needs
}

/// The names that 1.`minor` knows, sorted.
pub(crate) fn names(minor: u32) -> impl Iterator<Item = &'static str> {
    table()
        .iter()
        .map(|(name, _)| *name)
        .filter(move |name| matches!(gate(name, minor), Gate::Known { .. }))
}

fn table() -> &'static [(&'static str, Vec<Change>)] {
    static ROWS: OnceLock<Vec<(&str, Vec<Change>)>> = OnceLock::new();
    ROWS.get_or_init(|| TABLE.lines().filter_map(row).collect())
}

/// `NodeSwap 25- 30+ 34+!`
fn row(line: &'static str) -> Option<(&'static str, Vec<Change>)> {
    let mut words = line.split(' ');
    let name = words.next().filter(|name| *name != "#")?;
    let changes: Option<Vec<_>> = words.map(change).collect();
    Some((name, changes.filter(|changes| !changes.is_empty())?))
}

/// `34+!`
fn change(word: &str) -> Option<Change> {
    let end = word.find(|c: char| !c.is_ascii_digit())?;
    let (minor, mark) = word.split_at(end);
    let to = match mark {
        "+" => Some((true, false)),
        "-" => Some((false, false)),
        "+!" => Some((true, true)),
        "-!" => Some((false, true)),
        "x" => None,
        _ => return None,
    };
    Some(Change {
        minor: minor.parse().ok()?,
        to,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Gate = Gate::Known {
        default: true,
        locked: false,
    };
    const OFF: Gate = Gate::Known {
        default: false,
        locked: false,
    };

    #[test]
    fn every_line_is_a_gate_with_its_changes() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(table().len(), lines.count());
        assert!(table().is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, changes) in table() {
            assert!(
                changes.is_sorted_by(|a, b| a.minor < b.minor)
                    && changes
                        .iter()
                        .all(|change| (FIRST..=LAST).contains(&change.minor)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_gate_needs_is_there_and_on_by_default() {
        assert!(needs(34).is_empty());
        for minor in 35..=LAST {
            assert!(!needs(minor).is_empty());
            for (name, needed) in needs(minor) {
                let on = |gate| matches!(gate, Gate::Known { default: true, .. });
                if on(gate(name, minor)) {
                    assert!(
                        needed.iter().all(|needed| on(gate(needed, minor))),
                        "{name} {minor}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_stages_are_of_gates() {
        let mut known = 0;
        for line in STAGES.lines().filter(|line| !line.starts_with('#')) {
            let (name, changes) = line.split_once(' ').unwrap();
            let changes: Vec<_> = changes
                .split(' ')
                .map(|word| stage(word).unwrap())
                .collect();
            assert!(
                changes.is_sorted_by(|a, b| a.0 < b.0 && a.1 != b.1),
                "{name}"
            );
            for (since, stage) in changes {
                assert!(["a", "b", "g"].contains(&stage), "{name}");
                assert!(
                    matches!(gate(name, since), Gate::Known { .. }),
                    "{name} {since}"
                );
            }
            known += 1;
        }
        assert!(known > 200);
    }

    #[test]
    fn a_stage_decides_what_switches_a_gate() {
        for (name, minor, group_of_it) in [
            ("KubeletCgroupDriverFromCRI", 29, Some("AllAlpha")),
            ("KubeletCgroupDriverFromCRI", 31, Some("AllBeta")),
            ("KubeletCgroupDriverFromCRI", 34, None),
            // Beta, and off by default.
            ("NodeSwap", 28, Some("AllBeta")),
            ("NodeSwap", 27, Some("AllAlpha")),
            ("GracefulNodeShutdown", 25, Some("AllBeta")),
            ("LoggingAlphaOptions", 36, Some("AllAlpha")),
            ("AppArmor", 32, None),
        ] {
            assert_eq!(group(name, minor), Ok(group_of_it), "{name} {minor}");
        }
        // It is not in the list any more.
        assert_eq!(group("DevicePluginCDIDevices", 28), Err(()));
        assert_eq!(group("NeverHeardOf", 36), Err(()));
    }

    #[test]
    fn gates_come_change_and_go() {
        assert_eq!(gate("NodeSwap", 29), OFF);
        assert_eq!(gate("NodeSwap", 30), ON);
        let locked = Gate::Known {
            default: true,
            locked: true,
        };
        assert_eq!(gate("NodeSwap", 34), locked);
        assert_eq!(gate("AppArmor", 32), locked);
        assert_eq!(gate("AppArmor", 33), Gate::Gone(33));
        assert_eq!(gate("KubeletPSI", 30), Gate::NotYet(33));
        // It went before the table begins.
        assert_eq!(gate("RuntimeClass", 30), Gate::Gone(25));
        assert_eq!(gate("NeverHeardOf", 36), Gate::Never);
        assert_eq!(gate("AllAlpha", 25), OFF);
    }

    #[test]
    fn what_no_release_refuses() {
        assert!(always_takes("GracefulNodeShutdown", false));
        assert!(always_takes("AllBeta", true));
        assert!(!always_takes("NodeSwap", false));
        assert!(always_takes("NodeSwap", true));
        assert!(!always_takes("AppArmor", true));
        assert!(!always_takes("KubeletPSI", true));
        assert!(!always_takes("NeverHeardOf", true));
    }
}
