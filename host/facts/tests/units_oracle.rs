//! Units against what systemd 252 itself made of the same files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tree;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::systemd::{Units, time};
use nodepol_model::Horizon::NextBoot;
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

/// A word as systemd prints it in a command line.
fn quoted(word: &str) -> String {
    let special = |c: char| c <= ' ' || "\"\\`$*?['()<>|&;!".contains(c);
    if word.is_empty() || word.contains(special) {
        let mut quoted = String::from("\"");
        for c in word.chars() {
            if "\"\\`$".contains(c) {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted + "\""
    } else {
        word.to_owned()
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
    if let Some(slice) = oracle.get("slice").filter(|s| !s.is_null() && *s != "n/a") {
        let requires = units.next_dependencies(name, "Requires", false).unwrap();
        let has = requires.contains(slice.as_str().unwrap());
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
        let ours = units.next_dependencies(name, kind, false).unwrap();
        let theirs: BTreeSet<String> = texts(&oracle[field]).into_iter().collect();
        tally.compare(&format!("{label} {field}"), &json!(ours), &json!(theirs));
    }
    if unit.load_state != "loaded" {
        return;
    }
    for (key, description) in [("description", "Description")] {
        if let Some(theirs) = oracle.get(key) {
            let set = units.assignments(name, "Unit", description).unwrap();
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
            .unwrap_or_else(|e| panic!("{label}: {e}"))
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
        let written = |key: &str| {
            ["Unit", "Service"].into_iter().find_map(|section| {
                units
                    .assignments(name, section, key)
                    .unwrap()
                    .pop()
                    .map(|set| set.value)
            })
        };
        if let Some(interval) = limit[0].as_str() {
            let read = time::parse_seconds(interval);
            tally.compare(
                &format!("{label} start_limit"),
                &json!(Some(service.start_limit_interval_usec)),
                &json!(read),
            );
        }
        if limit[1].is_null() {
            tally.compare(
                &format!("{label} burst"),
                &json!(written("StartLimitBurst")),
                &Value::Null,
            );
        } else {
            tally.compare(
                &format!("{label} burst"),
                &json!(service.start_limit_burst.to_string()),
                &json!(limit[1].to_string().trim_matches('"')),
            );
        }
    }
}

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
        let mut files = vec![(format!("/etc/systemd/system/{base}"), text)];
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
    tally.finish("stand-alone units", &[]);
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
