//! A stream of snapshots: one line each, in order, the same as each by itself,
//! in a memory that does not grow with the stream.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

fn nodepol(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(nodepol_tests::binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A reader that ends early closes the pipe.
    let _ = writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The snapshot of a node named `name`, with swap in its fstab or not.
fn snapshot(place: &Path, name: &str, swap: bool) -> String {
    let root = place.join(name);
    let fstab = if swap {
        "/dev/sda2 none swap sw 0 0\n"
    } else {
        ""
    };
    let files = [
        ("etc/hostname", format!("{name}\n")),
        ("etc/fstab", fstab.to_owned()),
        ("usr/bin/kubelet", "#!/bin/sh\n".to_owned()),
        (
            "etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n\
             Restart=always\n[Install]\nWantedBy=multi-user.target\n"
                .to_owned(),
        ),
        (
            "var/lib/kubelet/config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n".to_owned(),
        ),
    ];
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let output = nodepol(&["snapshot", "--root", root.to_str().unwrap()], b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    document.to_string()
}

/// A report without what it cost: what nodes have in common is judged once.
fn free(report: &Json) -> Json {
    let mut report = report.clone();
    for policy in report["policies"].as_array_mut().unwrap() {
        policy.as_object_mut().unwrap().remove("cost").unwrap();
    }
    report
}

#[test]
fn each_is_reported_as_by_itself_and_in_order() {
    let place = tempfile::tempdir().unwrap();
    let kinds = [
        snapshot(place.path(), "swapping", true),
        snapshot(place.path(), "steady", false),
    ];
    let alone = kinds.each_ref().map(|snapshot| {
        let output = nodepol(
            &["eval", "--format", "json", "--snapshot", "-"],
            snapshot.as_bytes(),
        );
        serde_json::from_slice::<Json>(&output.stdout).unwrap()
    });
    assert_ne!(alone[0]["policies"], alone[1]["policies"]);
    let order: Vec<usize> = (0..60)
        .map(|number| usize::from(number % 7 == 0 || number % 3 == 1))
        .collect();
    let stream: String = order
        .iter()
        .map(|kind| kinds[*kind].clone() + "\n")
        .collect();
    let arguments = ["eval", "--format", "json", "--snapshots", "-"];
    let output = nodepol(&arguments, stream.as_bytes());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let lines: Vec<Json> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), order.len());
    for (line, kind) in lines.iter().zip(&order) {
        assert_eq!(free(line), free(&alone[*kind]));
    }
    // Every line of standard output is a document; people read the rest here.
    let failing = order.iter().filter(|kind| **kind == 0).count();
    let stderr = text(&output.stderr);
    assert!(stderr.contains("60 nodes: "), "{stderr}");
    assert!(
        stderr.contains(&format!("swap-returns-on-reboot: {failing} fail")),
        "{stderr}"
    );
    assert!(stderr.contains("slowest policies: "), "{stderr}");
    // Again the same bytes.
    assert_eq!(nodepol(&arguments, stream.as_bytes()).stdout, output.stdout);
}

#[test]
fn one_that_cannot_be_read_is_reported_and_skipped() {
    let place = tempfile::tempdir().unwrap();
    let good = snapshot(place.path(), "steady", false);
    let half = &good[..good.len() / 2];
    let stream = format!("{good}\n{half}\n\n{good}\n{{\"kind\":\"Report\"}}\n\u{7f}ELF\n{good}");
    let output = nodepol(&["eval", "--snapshots", "-"], stream.as_bytes());
    assert_eq!(output.status.code(), Some(3));
    let stdout = text(&output.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        lines[1].starts_with("UNREADABLE standard input:2: it ends too early"),
        "{stdout}"
    );
    for at in [0, 2, 5] {
        assert!(lines[at].contains("  steady"), "{stdout}");
    }
    assert!(
        lines[3].starts_with("UNREADABLE standard input:5: "),
        "{stdout}"
    );
    assert!(lines[3].contains("Report"), "{stdout}");
    assert!(stdout.contains("6 nodes: "), "{stdout}");
    assert!(stdout.contains("3 unreadable"), "{stdout}");

    let output = nodepol(
        &["eval", "--format", "json", "--snapshots", "-"],
        stream.as_bytes(),
    );
    assert_eq!(output.status.code(), Some(3));
    let line: Json = serde_json::from_str(text(&output.stdout).lines().nth(1).unwrap()).unwrap();
    assert_eq!(line["kind"], "Unreadable");
    assert_eq!(line["source"], "standard input:2");
}

#[test]
fn a_directory_is_read_in_order_of_its_names() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("snapshots");
    std::fs::create_dir(&directory).unwrap();
    for name in ["charlie", "alpha", "bravo"] {
        let document = snapshot(place.path(), name, name == "bravo");
        std::fs::write(directory.join(format!("{name}.json")), document).unwrap();
    }
    std::fs::write(directory.join("README"), "not a snapshot").unwrap();
    std::fs::create_dir(directory.join("delta.json")).unwrap();
    let directory = directory.to_str().unwrap();
    let output = nodepol(&["eval", "--snapshots", directory], b"");
    let stdout = text(&output.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    for (line, name) in lines
        .iter()
        .zip(["alpha", "bravo", "charlie", "delta.json"])
    {
        assert!(line.contains(name), "{stdout}");
    }
    assert!(
        lines[1].contains("fail: ") && lines[1].contains("swap-returns-on-reboot"),
        "{stdout}"
    );
    assert!(lines[3].contains("it is no regular file"), "{stdout}");
    assert_eq!(output.status.code(), Some(3));

    let empty = place.path().join("steady");
    std::fs::create_dir(&empty).unwrap();
    let output = nodepol(&["eval", "--snapshots", empty.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("it holds no snapshot"));
    // Nothing was judged: that is never a pass.
    assert_eq!(
        nodepol(&["eval", "--snapshots", "-"], b"\n").status.code(),
        Some(3)
    );
}

/// The peak of the memory that a run over `count` snapshots uses, in KiB.
fn peak(snapshot: &str, count: usize) -> u64 {
    let mut child = Command::new(nodepol_tests::binary())
        .args(["eval", "--snapshots", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{snapshot}\n");
    let writer = std::thread::spawn(move || {
        for _ in 0..count {
            stdin.write_all(line.as_bytes()).unwrap();
        }
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    writer.join().unwrap();
    peak
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let place = tempfile::tempdir().unwrap();
    let snapshot = snapshot(place.path(), "steady", false);
    let (few, many) = (peak(&snapshot, 100), peak(&snapshot, 1000));
    assert!(few > 0);
    assert!(many < few + 8 * 1024, "{few} KiB, then {many} KiB");
}
