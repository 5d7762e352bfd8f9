//! This machine's own units against what its systemd 252 makes of them in a
//! test run: every dependency, default ones included.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use nodepol_facts::systemd::Units;
use nodepol_model::Horizon::NextBoot;

const KINDS: [&str; 6] = [
    "After",
    "Before",
    "Requires",
    "Wants",
    "BindsTo",
    "Conflicts",
];

/// Units to which generators add dependencies, which a test run keeps where
/// nobody else can read them.
const GENERATED: [&str; 6] = [
    "getty.target",
    "local-fs.target",
    "remote-fs.target",
    "swap.target",
    "multi-user.target",
    "postgresql.service",
];

/// What a test run of the manager says: per unit and kind, the names that the
/// unit itself has by its file, its type or by default.
fn dump() -> Option<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> {
    // The manager refuses to test as root.
    let output = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "timeout",
            "60",
        ])
        .args([
            "/usr/lib/systemd/systemd",
            "--test",
            "--system",
            "--unit=multi-user.target",
            "--no-pager",
        ])
        .env("HOME", "/nonexistent")
        .env("SYSTEMD_LOG_LEVEL", "err")
        .output()
        .ok()?;
    let version = Command::new("systemctl").arg("--version").output().ok()?;
    if !String::from_utf8_lossy(&version.stdout).starts_with("systemd 252") {
        return None;
    }
    let mut units: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let mut unit = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix("-> Unit ")
            .and_then(|rest| rest.strip_suffix(':'))
        {
            name.clone_into(&mut unit);
        } else if line.starts_with("-> ") {
            unit.clear();
        } else if let Some((kind, rest)) = line.split_once(": ")
            && KINDS.contains(&kind)
            && let Some((name, reasons)) = rest.split_once(" (")
            && ["origin-file", "origin-default", "origin-implicit"]
                .iter()
                .any(|reason| reasons.contains(reason))
        {
            units
                .entry(unit.clone())
                .or_default()
                .entry(kind.to_owned())
                .or_default()
                .insert(name.to_owned());
        }
    }
    (!units.is_empty()).then_some(units)
}

#[test]
fn agrees_with_the_manager_on_dependencies() {
    let Some(dump) = dump() else {
        println!("skipped: this machine's systemd is not 252 or cannot be run as nobody");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    for directory in ["etc/systemd/system", "usr/lib/systemd/system"] {
        let to = root.path().join(directory);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(Path::new("/").join(directory))
            .arg(&to)
            .status();
        assert!(copied.unwrap().success());
    }
    let units = Units::new(tree::evidence(root.path()));
    let (mut agree, mut compared) = (0, 0);
    let mut missing = Vec::new();
    for (name, kinds) in dump {
        let known = units
            .get(NextBoot, &name)
            .is_ok_and(|unit| unit.load_state == "loaded" && unit.fragment.is_some());
        if !known {
            continue;
        }
        for (kind, theirs) in kinds {
            let ours = units.dependencies(NextBoot, &name, &kind).unwrap();
            for other in theirs {
                compared += 1;
                if ours.contains(&other) {
                    agree += 1;
                } else if GENERATED.contains(&name.as_str()) {
                    println!("  explained (a generator says so): {name} {kind}={other}");
                } else {
                    missing.push(format!("{name} {kind}={other}"));
                }
            }
        }
    }
    println!("dependencies: agree {agree} / compared {compared}");
    for line in &missing {
        println!("  {line}");
    }
    assert!(compared > 0, "nothing was compared");
    assert!(missing.is_empty(), "{} are missing", missing.len());
}
