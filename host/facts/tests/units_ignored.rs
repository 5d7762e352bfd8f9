//! Settings that systemd passes over: ours against what it logs itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::systemd::Units;

#[path = "tree/mod.rs"]
mod tree;

const UNIT: &str = "Description = outside of every section
[Unit]
Description=the kubelet
Restart=always
X-Note=of somebody
[Sevice]
Nice=1
[Service]
ExecStart=/bin/true
Enviroment=A=1
enviromentFile=/etc/default/kubelet
Restrat=always
After=network-online.target
StartLimitIntervalSec=0
StartLimitInterval=5
a line that is none
=no name
NewInSomeLaterSystemd=yes
[X-Of-Others]
Restrat=yes
[Install]
WantedBy=multi-user.target
";

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    std::fs::create_dir_all(units.join("kubelet.service.d")).unwrap();
    std::fs::write(units.join("kubelet.service"), UNIT).unwrap();
    std::fs::write(
        units.join("kubelet.service.d/10.conf"),
        "[Service]\nRestartSecs=1\nRestartSec=1\n",
    )
    .unwrap();
    root
}

fn ours(root: &std::path::Path) -> Vec<(String, &'static str, Option<String>)> {
    let units = Units::new(Arc::new(Evidence::new(Arc::new(tree::snapshot(root)))));
    let problems = units.ignored_settings("kubelet.service").unwrap();
    problems
        .into_iter()
        .map(|problem| {
            let line = problem.at.line.unwrap_or_default();
            let file = problem.at.source.rsplit('/').next().unwrap();
            (format!("{file}:{line}"), problem.kind, problem.nearest)
        })
        .collect()
}

#[test]
fn what_is_ignored_and_what_was_meant() {
    let root = root();
    let found = ours(root.path());
    let found: Vec<(&str, &str, Option<&str>)> = found
        .iter()
        .map(|(at, kind, nearest)| (at.as_str(), *kind, nearest.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("kubelet.service:1", "ignored-line", None),
            (
                "kubelet.service:4",
                "wrong-section",
                Some("[Service] Restart")
            ),
            ("kubelet.service:7", "unknown-section", Some("[Service]")),
            ("kubelet.service:10", "unknown-setting", Some("Environment")),
            (
                "kubelet.service:11",
                "unknown-setting",
                Some("EnvironmentFile")
            ),
            ("kubelet.service:12", "unknown-setting", Some("Restart")),
            ("kubelet.service:13", "wrong-section", Some("[Unit] After")),
            (
                "kubelet.service:14",
                "wrong-section",
                Some("[Unit] StartLimitIntervalSec")
            ),
            ("kubelet.service:16", "ignored-line", None),
            ("kubelet.service:17", "ignored-line", None),
            ("10.conf:2", "unknown-setting", Some("RestartSec")),
        ]
    );
}

/// Every line that is ignored here is one that systemd says it ignores.
#[test]
fn systemd_says_the_same() {
    let root = root();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(root.path().join("etc/systemd/system/kubelet.service"))
        .output();
    let Ok(output) = output else {
        println!("skipped: no systemd-analyze on this machine");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: BTreeSet<String> = said
        .lines()
        .filter(|line| line.to_ascii_lowercase().contains("ignoring"))
        .filter_map(|line| {
            let (path, rest) = line.split_once(".service:").or(line.split_once(".conf:"))?;
            let number = rest.split(':').next()?;
            let suffix = if line.contains(".service:") {
                "service"
            } else {
                "conf"
            };
            Some(format!("{}.{suffix}:{number}", path.rsplit('/').next()?))
        })
        .collect();
    // Of a section that it does not know it names the line of the header.
    let missing: Vec<_> = ours(root.path())
        .into_iter()
        .filter(|(at, kind, _)| *kind != "unknown-section" && !lines.contains(at))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not in:\n{said}");
}

/// Whatever services this machine has, their authors know systemd's settings.
#[test]
fn services_of_this_machine_are_understood() {
    let Ok(entries) = std::fs::read_dir("/usr/lib/systemd/system") else {
        println!("skipped: no systemd on this machine");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("usr/lib/systemd/system");
    std::fs::create_dir_all(&directory).unwrap();
    let mut names = BTreeSet::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".service") && !name.contains('@') && path.is_file() {
            std::fs::copy(&path, directory.join(&name)).unwrap();
            names.insert(name);
        }
    }
    let units = Units::new(Arc::new(Evidence::new(Arc::new(tree::snapshot(
        root.path(),
    )))));
    for name in &names {
        assert_eq!(units.ignored_settings(name), Ok(Vec::new()), "{name}");
    }
    println!("{} services", names.len());
}
