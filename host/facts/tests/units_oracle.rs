//! Units against what systemd 252 itself made of the same files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command_line;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use command_line::quoted;
use nodepol_facts::evidence::Evidence;
use nodepol_facts::systemd::{Command, Units, time};
use nodepol_model::Horizon::NextBoot;
use nodepol_model::Location;
use serde_json::{Value, json};

/// What was compared, and what differs.
#[derive(Default)]
struct Tally {
    agree: usize,
    differ: Vec<String>,
}

impl Tally {
    fn compare(&mut self, what: &str, ours: &Value, theirs: &Value) {
        if ours == theirs {
            self.agree += 1;
        } else {
            self.differ
                .push(format!("{what}\n    ours   {ours}\n    theirs {theirs}"));
        }
    }

    /// Prints the result; fails if anything differs that `explained` does not
    /// name, or if an explanation is out of date.
    fn finish(self, title: &str, explained: &[(&str, &str)]) {
        let compared = self.agree + self.differ.len();
        println!("{title}: agree {} / compared {compared}", self.agree);
        let mut wrong = Vec::new();
        let mut used = BTreeSet::new();
        for difference in &self.differ {
            match explained
                .iter()
                .find(|(what, _)| difference.starts_with(what))
            {
                Some((what, why)) => {
                    used.insert(*what);
                    println!("  explained ({why}): {difference}");
                }
                None => {
                    println!("  {difference}");
                    wrong.push(difference);
                }
            }
        }
        for (what, _) in explained {
            assert!(used.contains(what), "nothing differs any more: {what}");
        }
        assert!(compared > 0, "nothing was compared");
        assert!(wrong.is_empty(), "{} differ", wrong.len());
    }
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// Compares one unit with what the oracle says of it.
fn compare_unit(tally: &mut Tally, label: &str, units: &Units, name: &str, oracle: &Value) {
    let unit = units
        .get(NextBoot, name)
        .unwrap_or_else(|e| panic!("{label}: {e}"));
    tally.compare(
        &format!("{label} load_state"),
        &json!(unit.load_state),
        &oracle["load_state"],
    );
    if let Some(fragment) = oracle.get("fragment") {
        tally.compare(
            &format!("{label} fragment"),
            &json!(unit.fragment),
            fragment,
        );
    }
    if let Some(drop_ins) = oracle.get("drop_ins") {
        tally.compare(
            &format!("{label} drop_ins"),
            &json!(unit.drop_ins),
            drop_ins,
        );
    }
    if let Some(state) = oracle.get("is_enabled") {
        tally.compare(
            &format!("{label} is_enabled"),
            &json!(unit.file_state),
            state,
        );
    }
    // The root's mount unit adds itself to others, which the oracle leaves out.
    let rooted = |names: Vec<String>| -> BTreeSet<String> {
        names.into_iter().filter(|name| name != "-.mount").collect()
    };
    if unit.load_state == "loaded"
        && let Some(slice) = oracle.get("slice").filter(|s| !s.is_null() && *s != "n/a")
    {
        let requires = units.dependencies(NextBoot, name, "Requires").unwrap();
        let has = requires.iter().any(|r| slice == r);
        tally.compare(&format!("{label} slice {slice}"), &json!(has), &json!(true));
    }
    for (field, kind) in [
        ("after", "After"),
        ("before", "Before"),
        ("requires", "Requires"),
        ("wants", "Wants"),
        ("binds_to", "BindsTo"),
        ("part_of", "PartOf"),
        ("conflicts", "Conflicts"),
        ("wanted_by", "WantedBy"),
        ("required_by", "RequiredBy"),
    ] {
        // A unit that is refused has what had been read until then.
        if unit.load_state != "loaded" && unit.load_state != "masked" {
            continue;
        }
        if oracle.get(field).is_none() && label.starts_with("nodes/") {
            continue;
        }
        let ours = rooted(units.configured_dependencies(name, kind).unwrap());
        let theirs = rooted(texts(&oracle[field]));
        tally.compare(&format!("{label} {field}"), &json!(ours), &json!(theirs));
    }
    if unit.load_state != "loaded" {
        return;
    }
    for (key, section, setting) in [
        ("description", "Unit", "Description"),
        ("user", "Service", "User"),
        ("what", "Mount", "What"),
        ("where", "Mount", "Where"),
    ] {
        if let Some(theirs) = oracle.get(key) {
            let set = units.assignments(name, section, setting).unwrap();
            if let Some(last) = set.last().filter(|last| !last.value.contains('%')) {
                tally.compare(&format!("{label} {key}"), &json!(last.value), theirs);
            }
        }
    }
    let Some(service) = units.service(NextBoot, name).unwrap() else {
        return;
    };
    tally.compare(
        &format!("{label} type"),
        &json!(service.kind),
        &oracle["type"],
    );
    tally.compare(
        &format!("{label} restart"),
        &json!(service.restart),
        &oracle["restart"],
    );
    tally.compare(
        &format!("{label} restart_sec"),
        &json!(time::format(service.restart_usec)),
        &oracle["restart_sec"],
    );
    tally.compare(
        &format!("{label} slice"),
        &json!(service.slice),
        &oracle["slice"],
    );
    for key in [
        "ExecCondition",
        "ExecStartPre",
        "ExecStart",
        "ExecStartPost",
        "ExecReload",
        "ExecStop",
        "ExecStopPost",
    ] {
        let ours: Vec<String> = units
            .commands(NextBoot, name, key)
            .unwrap_or_else(|unavailable| {
                vec![Command {
                    path: String::new(),
                    argv: vec![unavailable.reason],
                    ignore_failure: false,
                    at: Location::default(),
                }]
            })
            .iter()
            .map(|command| {
                let words: Vec<String> = command.argv.iter().map(|word| quoted(word)).collect();
                words.join(" ")
            })
            .collect();
        tally.compare(
            &format!("{label} {key}"),
            &json!(ours),
            &json!(texts(&oracle["exec"][key])),
        );
    }
    let files: Vec<String> = units
        .environment_files(NextBoot, name)
        .unwrap()
        .into_iter()
        .map(|file| format!("{}{}", if file.optional { "-" } else { "" }, file.path))
        .collect();
    tally.compare(
        &format!("{label} environment_files"),
        &json!(files),
        &json!(texts(&oracle["environment_files"])),
    );
    let environment: BTreeSet<String> = units
        .own_environment(name)
        .unwrap()
        .into_iter()
        .map(|(name, value)| format!("{name}={}", value.value))
        .collect();
    let theirs: BTreeSet<String> = texts(&oracle["environment"]).into_iter().collect();
    tally.compare(
        &format!("{label} environment"),
        &json!(environment),
        &json!(theirs),
    );
    if let Some(limit) = oracle.get("start_limit").and_then(Value::as_array) {
        if let Some(interval) = limit[0].as_str() {
            let read = time::parse_seconds(interval);
            tally.compare(
                &format!("{label} start_limit"),
                &json!(Some(service.start_limit_interval_usec)),
                &json!(read),
            );
        }
        if let Some(burst) = limit[1].as_str() {
            tally.compare(
                &format!("{label} burst"),
                &json!(service.start_limit_burst.to_string()),
                &json!(burst),
            );
        }
    }
}

const BOOT_ID: &str = "%b is another at each boot";
const USER: &str = "the oracle ran as nobody, a node's manager runs as root";
const VENDOR: &str = "the machine that made the oracle has that unit of its distribution";

/// Where we differ from the oracle, and why we are to.
const EXPLAINED: [(&str, &str); 13] = [
    (
        "flatcar-init/systemd/system/enable-oem-cloudinit.service ExecCondition",
        BOOT_ID,
    ),
    (
        "flatcar-init/systemd/system/ignition-delete-config.service ExecCondition",
        BOOT_ID,
    ),
    (
        "flatcar-init/systemd/system/update-ssh-keys-after-ignition.service ExecCondition",
        BOOT_ID,
    ),
    (
        "systemd-stable/test/test-execute/exec-specifier.service ExecStart",
        BOOT_ID,
    ),
    (
        "systemd-stable/test/test-execute/exec-specifier@.service ExecStart",
        BOOT_ID,
    ),
    (
        "systemd-stable/test/test-execute/exec-unsetenvironment.service ExecStart",
        BOOT_ID,
    ),
    (
        "systemd-stable/test/test-execute/exec-unsetenvironment.service environment",
        BOOT_ID,
    ),
    (
        "systemd-stable/test/test-execute/exec-specifier-user.service ExecStart",
        USER,
    ),
    (
        "systemd-stable/test/fuzz/fuzz-unit-file/systemd-machined.service after",
        VENDOR,
    ),
    (
        "systemd-stable/test/fuzz/fuzz-unit-file/systemd-machined.service requires",
        VENDOR,
    ),
    (
        "systemd-stable/test/fuzz/fuzz-unit-file/timers.target wants",
        VENDOR,
    ),
    ("systemd-stable/units/graphical.target wants", VENDOR),
    ("systemd-stable/units/multi-user.target wants", VENDOR),
];

/// The units of the corpus, each loaded alone.
#[test]
fn stand_alone_units() {
    let Some(corpus) = tree::corpus() else { return };
    let oracle = tree::json(&corpus.join("ORACLE-units-systemd252.json"));
    let mut tally = Tally::default();
    for (path, theirs) in oracle["units"].as_object().unwrap() {
        let file = corpus.join(path);
        let base = file.file_name().unwrap().to_str().unwrap();
        let Ok(text) = std::fs::read_to_string(&file) else {
            println!("not UTF-8: {path}");
            continue;
        };
        // Samples for a fuzzer start with the type of the unit.
        let text = if path.contains("fuzz-unit-file") {
            text.split_once('\n')
                .map_or("", |(_, rest)| rest)
                .to_owned()
        } else {
            text
        };
        // What the machine that made the oracle said of itself.
        let mut files: Vec<(String, String)> = [
            ("/etc/hostname", "vm\n"),
            ("/etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"),
            ("/proc/sys/kernel/osrelease", "6.18.44-fc-v657\n"),
            // So that no unit is taken for granted.
            (
                "/usr/lib/systemd/system/sysinit.target",
                "[Unit]\nDescription=System\n",
            ),
        ]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
        files.push((format!("/etc/systemd/system/{base}"), text));
        let beside = file.with_file_name(format!("{base}.d"));
        if let Ok(entries) = std::fs::read_dir(&beside) {
            for entry in entries.flatten() {
                let name = entry.file_name().into_string().unwrap();
                let text = std::fs::read_to_string(entry.path()).unwrap();
                files.push((format!("/etc/systemd/system/{base}.d/{name}"), text));
            }
        }
        let borrowed: Vec<(&str, &str)> = files
            .iter()
            .map(|(p, t)| (p.as_str(), t.as_str()))
            .collect();
        let units = Units::new(Arc::new(Evidence::new(Arc::new(tree::node(&borrowed)))));
        let name = base.replace("@.", "@inst.");
        compare_unit(&mut tally, path, &units, &name, theirs);
    }
    tally.finish("stand-alone units", &EXPLAINED);
}

/// The units of each tree of the corpus, and what its author says of it.
#[test]
fn trees() {
    let Some(corpus) = tree::corpus() else { return };
    let mut tally = Tally::default();
    for (node, root) in tree::nodes(&corpus) {
        let units = Units::new(tree::evidence(&root));
        let oracle = tree::json(&root.join("ORACLE-systemd252.json"));
        for (name, theirs) in oracle["units"].as_object().unwrap() {
            // Where the tree has no such unit, the oracle's own machine had.
            let fragment = theirs["fragment"].as_str().unwrap_or_default();
            let in_tree = root.join(fragment.trim_start_matches('/'));
            if theirs["is_enabled"].is_null() && in_tree.symlink_metadata().is_err() {
                println!("not of the tree: {node} {name}");
                continue;
            }
            compare_unit(
                &mut tally,
                &format!("nodes/{node} {name}"),
                &units,
                name,
                theirs,
            );
        }
        compare_truth(&mut tally, &node, &root, &units);
    }
    tally.finish("trees", &[]);
}

fn compare_truth(tally: &mut Tally, node: &str, root: &Path, units: &Units) {
    let truth = tree::json(&root.join("TRUTH.json"));
    let name = truth["kubelet_unit"]
        .as_str()
        .unwrap_or("kubelet.service")
        .to_owned();
    if let Some(enabled) = truth.get("kubelet_unit_enabled").and_then(Value::as_bool) {
        let unit = units.get(NextBoot, &name).unwrap();
        tally.compare(
            &format!("truth {node} kubelet_unit_enabled"),
            &json!(unit.file_state == "enabled"),
            &json!(enabled),
        );
    }
    if let Some(restart) = truth.get("kubelet_restart").filter(|v| v.is_string()) {
        let ours = units
            .service(NextBoot, &name)
            .unwrap()
            .map(|service| service.restart);
        tally.compare(
            &format!("truth {node} kubelet_restart"),
            &json!(ours),
            restart,
        );
    }
    if let Some(wanted_by) = truth.get("kubelet_wanted_by").filter(|v| v.is_array()) {
        // Of a unit that is not enabled it is what `[Install]` would make.
        let install = units.assignments(&name, "Install", "WantedBy").unwrap();
        let enabled = truth["kubelet_unit_enabled"] == json!(true);
        let ours: BTreeSet<String> = units
            .enabled_by(&name)
            .unwrap()
            .iter()
            .map(|link| {
                let directory = link.path.rsplit('/').nth(1).unwrap();
                directory.rsplit_once('.').unwrap().0.to_owned()
            })
            .chain(
                install
                    .into_iter()
                    .filter(|_| !enabled)
                    .map(|set| set.value),
            )
            .collect();
        let theirs: BTreeSet<String> = texts(wanted_by).into_iter().collect();
        tally.compare(
            &format!("truth {node} kubelet_wanted_by"),
            &json!(ours),
            &json!(theirs),
        );
    }
    if truth["kubelet_unit_enabled"] == json!(true) {
        let chain = units.pulled_in_by(&name).unwrap();
        println!("{node}: {}", chain.join(" > "));
        tally.compare(
            &format!("truth {node} pulled in"),
            &json!(chain.last()),
            &json!(name),
        );
    }
    if let Some(slice) = truth.get("slice") {
        let ours = units
            .service(NextBoot, &name)
            .unwrap()
            .map(|service| service.slice);
        let theirs = if slice.is_null() && ours.is_some() {
            json!("system.slice")
        } else {
            slice.clone()
        };
        tally.compare(&format!("truth {node} slice"), &json!(ours), &theirs);
    }
}
