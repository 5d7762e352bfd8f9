//! What the machine says of itself, from inside.

use std::collections::{BTreeMap, BTreeSet};

use nodepol_gather::systemd::allowed::{self, Property};
use nodepol_model::snapshot::LoadedUnit;
use nodepol_tests::bed::boot::Booted;
use serde_json::Value as Json;

use crate::show;

/// What the systemd of Debian 12 is too old to have.
const NEWER_THAN_252: &[&str] = &[
    "RestartMaxDelayUSec",
    "RestartMode",
    "RestartSteps",
    "RestartUSecNext",
    "WantsMountsFor",
];

/// What a unit that is starting over and over changes all the time.
pub(crate) const RESTLESS: &[&str] = &[
    "ActiveEnterTimestamp",
    "ActiveExitTimestamp",
    "ActiveState",
    "AssertTimestamp",
    "ConditionTimestamp",
    "ControlGroup",
    "ExecMainCode",
    "ExecMainExitTimestamp",
    "ExecMainPID",
    "ExecMainStartTimestamp",
    "ExecMainStatus",
    "ExecStart",
    "ExecStartEx",
    "InactiveEnterTimestamp",
    "InactiveExitTimestamp",
    "InvocationID",
    "Job",
    "MainPID",
    "NRestarts",
    "Result",
    "StateChangeTimestamp",
    "SubState",
];

/// Runs a command that must succeed; what it prints.
pub(crate) fn run(bed: &Booted, argv: &[&str]) -> String {
    let output = bed.run(argv).expect("nsenter");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{argv:?}: {}: {errors}",
        output.status
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Compares each property of `unit` with both `systemctl show` and `busctl`,
/// except for `changing`; gives how many it has compared.
pub(crate) fn compare_unit(
    bed: &Booted,
    name: &str,
    unit: &LoadedUnit,
    changing: &[&str],
) -> usize {
    // Asked with a column of its own: a unit without a file is an error of `is-enabled`.
    let enabled = bed
        .run(&["systemctl", "is-enabled", "--", name])
        .expect("nsenter");
    let enabled = String::from_utf8(enabled.stdout).expect("UTF-8");
    assert_eq!(
        unit.unit_file_state.as_deref().unwrap_or(""),
        enabled.trim(),
        "{name}"
    );

    let loaded = busctl(bed, "/org/freedesktop/systemd1", MANAGER, "LoadUnit", name);
    let path = loaded[0].as_str().expect("a path").to_owned();
    let mut typed = get_all(bed, &path, "org.freedesktop.systemd1.Unit");
    let mut kept: Vec<Property> = allowed::UNIT.to_vec();
    if let Some(interface) = allowed::interface_of(name) {
        typed.extend(get_all(bed, &path, interface.name));
        kept.extend(interface.kept.iter().copied().flatten());
    }
    let shown = run(
        bed,
        &["systemctl", "show", "--all", "--timestamp=us", "--", name],
    );
    compare(name, &kept, &unit.properties, &typed, &shown, changing)
}

/// The same for the properties of the manager.
pub(crate) fn compare_manager(bed: &Booted, properties: &BTreeMap<String, Json>) -> usize {
    let typed = get_all(bed, "/org/freedesktop/systemd1", MANAGER);
    let shown = run(bed, &["systemctl", "show", "--all", "--timestamp=us"]);
    compare("manager", allowed::MANAGER, properties, &typed, &shown, &[])
}

const MANAGER: &str = "org.freedesktop.systemd1.Manager";

fn compare(
    of: &str,
    kept: &[Property],
    gathered: &BTreeMap<String, Json>,
    typed: &BTreeMap<String, Json>,
    shown: &str,
    changing: &[&str],
) -> usize {
    let mut compared = 0;
    let names: BTreeSet<&str> = kept.iter().map(|property| property.name).collect();
    for name in gathered.keys() {
        assert!(names.contains(name.as_str()), "{of}: {name} is on no list");
    }
    for property in kept {
        let name = property.name;
        let Some(typed) = typed.get(name) else {
            assert!(
                NEWER_THAN_252.contains(&name),
                "{of}: systemd has no {name}"
            );
            assert!(!gathered.contains_key(name), "{of}: {name} was made up");
            continue;
        };
        assert_eq!(
            typed["type"], property.signature,
            "{of}: the type of {name}"
        );
        let gathered = gathered
            .get(name)
            .unwrap_or_else(|| panic!("{of}: {name} is missing"));
        if changing.contains(&name) {
            continue;
        }
        assert_eq!(
            gathered,
            &as_gathered(property, &typed["data"]),
            "{of}: {name} by busctl"
        );
        if let Some(mut expected) = show::lines(property, gathered) {
            let mut lines = shown_lines(shown, name);
            if property.set {
                // systemd's order is that of a hash table.
                for line in expected.iter_mut().chain(&mut lines) {
                    *line = sorted_words(line);
                }
            }
            assert_eq!(expected, lines, "{of}: {name} by systemctl show");
        }
        compared += 1;
    }
    compared
}

/// `key=` of each line that has it; a command takes one line each.
fn shown_lines(shown: &str, name: &str) -> Vec<String> {
    shown
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
        .collect()
}

fn sorted_words(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    words.sort_unstable();
    words.join(" ")
}

/// What busctl prints, with sets sorted and bytes in hexadecimal.
fn as_gathered(property: &Property, data: &Json) -> Json {
    let mut json = data.clone();
    if let Json::Array(items) = &mut json {
        if property.signature == "ay" {
            let bytes = items
                .iter()
                .map(|byte| format!("{:02x}", byte.as_u64().expect("a byte")));
            return bytes.collect::<String>().into();
        }
        if property.set {
            items.sort_by_key(|item| item.as_str().map(str::to_owned));
        }
    }
    json
}

fn busctl(bed: &Booted, path: &str, interface: &str, method: &str, argument: &str) -> Json {
    let argv = [
        "busctl",
        "--json=short",
        "--",
        "call",
        "org.freedesktop.systemd1",
        path,
    ];
    let call = [interface, method, "s", argument];
    let printed = run(bed, &[&argv[..], &call[..]].concat());
    let json: Json = serde_json::from_str(&printed).expect("JSON");
    json["data"].clone()
}

fn get_all(bed: &Booted, path: &str, interface: &str) -> BTreeMap<String, Json> {
    let data = busctl(
        bed,
        path,
        "org.freedesktop.DBus.Properties",
        "GetAll",
        interface,
    );
    let object = data[0].as_object().expect("properties");
    object
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
