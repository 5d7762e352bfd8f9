//! The machine that the test runs on, with programs that misbehave, and a
//! journal of our own.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests end by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nodepol_gather::{Gatherer, Limits, Options, Timestamp};
use nodepol_model::snapshot::{Content, FileNode, ProgramOutput};
use nodepol_model::{Part, Snapshot};

fn script(directory: &Path, name: &str, body: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn options(directory: &Path) -> Options {
    Options {
        program_deadline: Duration::from_millis(1500),
        program_directories: vec![
            directory.to_str().unwrap().to_owned(),
            "/usr/bin".to_owned(),
            "/bin".to_owned(),
        ],
        programs: BTreeMap::from([(
            "containerd".to_owned(),
            "/nonexistent/containerd".to_owned(),
        )]),
        dbus_address: Some("unix:path=/nonexistent/bus".to_owned()),
        deadline: Duration::from_secs(2),
        limits: Limits {
            program_bytes: 100_000,
            ..Limits::default()
        },
        ..Options::default()
    }
}

fn output<'a>(snapshot: &'a Snapshot, key: &str) -> &'a ProgramOutput {
    snapshot.programs[key]
        .present()
        .unwrap_or_else(|| panic!("{:?}", snapshot.programs[key]))
}

#[test]
fn programs_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    script(
        directory.path(),
        "kubelet",
        "echo Kubernetes v1.36.2; echo \"env: $(env | grep -v -e ^PWD -e ^_ -e SHLVL | tr '\\n' ' ')\"; cat; echo --token=c4nary >&2",
    );
    script(
        directory.path(),
        "crio",
        &format!("(sleep 3; touch {}) & sleep 30", mark.display()),
    );
    script(directory.path(), "dockerd", "yes");
    script(directory.path(), "docker", "sleep 20 & echo quick; exit 3");
    script(directory.path(), "runc", "kill -9 $$");
    let began = Instant::now();
    let mut gatherer = Gatherer::live(options(directory.path())).unwrap();
    let snapshot = gatherer.start(Timestamp::UNIX_EPOCH);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    let kubelet = output(&snapshot, "kubelet --version");
    assert!(
        kubelet.stdout.starts_with("Kubernetes v1.36.2\nenv: PATH="),
        "{}",
        kubelet.stdout
    );
    assert!(!kubelet.stdout.contains("HOME="));
    assert_eq!(kubelet.stderr, "--token=nodepol-redacted\n");
    assert_eq!(kubelet.status, Some(0));
    assert!(
        matches!(&snapshot.programs["crio --version"], Part::Unreadable(why) if why.contains("did not end"))
    );
    assert!(
        matches!(&snapshot.programs["dockerd --version"], Part::Unreadable(why) if why.contains("100000"))
    );
    let docker = output(&snapshot, "docker --version");
    assert_eq!(
        (docker.stdout.as_str(), docker.status),
        ("quick\n", Some(3))
    );
    assert_eq!(output(&snapshot, "runc --version").status, None);
    assert_eq!(snapshot.programs["cri-dockerd --version"], Part::Absent);
    assert_eq!(snapshot.programs["containerd config dump"], Part::Absent);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(!mark.exists(), "the group was killed with its leader");

    // The rest of the machine, on the way.
    assert!(matches!(&snapshot.systemd, Part::Unreadable(_)));
    match &snapshot.files["/proc/self/mountinfo"] {
        Part::Present(file) => assert!(
            matches!(&file.node, FileNode::Regular(Content::Text(text)) if text.contains(" / "))
        ),
        other => panic!("{other:?}"),
    }
    assert!(!snapshot.files.contains_key("/proc/self"));
    let own = format!("/proc/{}/", std::process::id());
    assert!(!snapshot.files.keys().any(|path| path.starts_with(&own)));
    assert!(snapshot.filesystems["/"].present().is_some());
}

/// Writes a journal with what systemd ships for it; `None` where it is missing.
fn journal(root: &Path, export: &[u8]) -> Option<()> {
    let tool = "/lib/systemd/systemd-journal-remote";
    if !Path::new(tool).exists() {
        println!("skipped: {tool} is not installed (Debian: systemd-journal-remote)");
        return None;
    }
    let directory = root.join("var/log/journal/fedcba9876543210fedcba9876543210");
    fs::create_dir_all(&directory).unwrap();
    let mut child = Command::new(tool)
        .arg(format!(
            "--output={}",
            directory.join("system.journal").display()
        ))
        .args(["--split-mode=none", "-"])
        .env("SYSTEMD_JOURNAL_COMPACT", "0")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(export).unwrap();
    assert!(child.wait().unwrap().success());
    Some(())
}

fn entry(boot: u8, second: u64, fields: &[(&str, &str)]) -> Vec<u8> {
    let boot = format!("{boot:032x}");
    let time = 1_700_000_000_000_000 + second * 1_000_000;
    let mut text = format!(
        "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={boot}\n",
        second * 1_000_000 + 1
    );
    for (name, value) in fields {
        text += &format!("{name}={value}\n");
    }
    (text + "\n").into_bytes()
}

#[test]
fn the_journal_of_the_last_boot() {
    let root = tempfile::tempdir().unwrap();
    let kubelet = |message| {
        [
            ("_SYSTEMD_UNIT", "kubelet.service"),
            ("SYSLOG_IDENTIFIER", "kubelet"),
            ("PRIORITY", "3"),
            ("MESSAGE", message),
        ]
    };
    let manager = |unit, message| {
        [
            ("_SYSTEMD_UNIT", "init.scope"),
            ("SYSLOG_IDENTIFIER", "systemd"),
            ("UNIT", unit),
            ("MESSAGE", message),
        ]
    };
    let mut export = entry(1, 1, &kubelet("of the boot before"));
    export.extend(entry(
        2,
        10,
        &manager("kubelet.service", "Started kubelet.service."),
    ));
    export.extend(entry(
        2,
        11,
        &kubelet("joined with --token abcdef.0123456789abcdef"),
    ));
    for (index, line) in include_str!("keys/rsa-pkcs1.pem").lines().enumerate() {
        export.extend(entry(2, 12 + index as u64, &kubelet(line)));
    }
    export.extend(entry(
        2,
        40,
        &manager(
            "containerd.service",
            "containerd.service: Failed with result 'exit-code'.",
        ),
    ));
    export.extend(entry(
        2,
        41,
        &[("_SYSTEMD_UNIT", "ssh.service"), ("MESSAGE", "not ours")],
    ));
    export.extend(b"__REALTIME_TIMESTAMP=1700000050000000\n__MONOTONIC_TIMESTAMP=50000001\n_BOOT_ID=00000000000000000000000000000002\n_SYSTEMD_UNIT=kubelet.service\nMESSAGE\n\x07\0\0\0\0\0\0\0bad \xff\xfe!\n\n");
    if journal(root.path(), &export).is_none() {
        return;
    }
    let mut gatherer = Gatherer::tree(root.path(), Options::default()).unwrap();
    let snapshot = gatherer.start(Timestamp::UNIX_EPOCH);
    let journal = snapshot
        .journal
        .present()
        .unwrap_or_else(|| panic!("{:?}", snapshot.journal));
    assert_eq!(
        journal.boot_id.as_deref(),
        Some("00000000000000000000000000000002")
    );
    assert!(!journal.truncated);
    let messages: Vec<&str> = journal
        .entries
        .iter()
        .map(|entry| entry.message.as_str())
        .collect();
    assert_eq!(messages[0], "Started kubelet.service.");
    assert_eq!(messages[1], "joined with --token nodepol-redacted");
    assert!(messages[3].starts_with("spki-sha256:"), "{messages:?}");
    assert_eq!(
        messages[messages.len() - 2],
        "containerd.service: Failed with result 'exit-code'."
    );
    assert_eq!(messages[messages.len() - 1], "bad \u{fffd}\u{fffd}!");
    assert!(!messages.contains(&"not ours"));
    assert_eq!(journal.entries[0].unit, "kubelet.service");
    assert_eq!(journal.entries[0].identifier.as_deref(), Some("systemd"));
    assert_eq!(journal.entries[1].priority, Some(3));
    assert!(!messages.iter().any(|message| message.starts_with("MII")));

    let limits = Limits {
        journal_entries: 2,
        ..Limits::default()
    };
    let mut gatherer = Gatherer::tree(
        root.path(),
        Options {
            limits,
            ..Options::default()
        },
    )
    .unwrap();
    let snapshot = gatherer.start(Timestamp::UNIX_EPOCH);
    let journal = snapshot.journal.present().unwrap();
    assert!(journal.truncated);
    assert_eq!(journal.entries.len(), 2);
}
