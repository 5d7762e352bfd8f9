//! The signatures against what a real kubelet printed.
//!
//! The recording comes from `NODEPOL_KUBELET_LOGS`, else from a file beside the
//! workspace; where it is not there, the test says so and passes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::evidence::Evidence;
use nodepol_facts::journal::JournalFacts;
use nodepol_model::snapshot::{Journal, JournalEntry, Source};
use nodepol_model::{Part, Snapshot};

struct Case {
    title: String,
    lines: Vec<String>,
    exit: i32,
}

fn recording() -> Option<String> {
    let path = std::env::var_os("NODEPOL_KUBELET_LOGS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/kubelet-logs.txt"
            ))
        },
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!(
            "skipped: no recording of a kubelet's log at {}",
            path.display()
        );
    }
    text
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for section in text.split("\n=== ").skip(1) {
        let mut lines = section.lines();
        let title = lines.next().unwrap().to_owned();
        let mut case = Case {
            title,
            lines: Vec::new(),
            exit: -1,
        };
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with("$ ")) {
            match line.strip_prefix("[exit ") {
                Some(rest) => case.exit = rest.trim_end_matches(']').parse().unwrap(),
                None => case.lines.push(line.to_owned()),
            }
        }
        assert_ne!(case.exit, -1, "{}", case.title);
        cases.push(case);
    }
    cases
}

fn facts(lines: &[String]) -> JournalFacts {
    let entries = (0..)
        .zip(lines)
        .map(|(second, line)| JournalEntry {
            time: Timestamp::from_second(second).unwrap(),
            unit: "kubelet.service".to_owned(),
            identifier: Some("kubelet".to_owned()),
            invocation_id: Some("a".repeat(32)),
            priority: Some(6),
            message: line.clone(),
        })
        .collect();
    let mut snapshot = Snapshot::empty(Source::Live, Timestamp::UNIX_EPOCH);
    snapshot.journal = Part::Present(Journal {
        boot_id: None,
        truncated: false,
        entries,
    });
    JournalFacts::new(Arc::new(Evidence::new(Arc::new(snapshot))))
}

/// What each case must be recognised as, by the start of its title.
const EXPECTED: &[(&str, &str)] = &[
    ("unknown flag", "unknown-flag"),
    ("config file missing", "config-file-missing"),
    ("empty config", "config-file-empty"),
    ("YAML syntax", "config-file-malformed"),
    ("unknown apiVersion", "config-file-malformed"),
    ("unknown field", "config-field-ignored"),
    ("wrong type", "config-file-malformed"),
    ("unknown feature gate", "unknown-feature-gate"),
    ("cgroup v1 host", "cgroup-v1-refused"),
    ("missing clientCAFile", "client-ca-unreadable"),
    ("no CRI endpoint", "cri-unreachable"),
    ("standalone, CRI socket absent", "cri-unreachable"),
    ("swap on", "swap-on"),
    ("protectKernelDefaults", "kernel-flags"),
    ("bad eviction threshold, CRI up", "eviction-quantity"),
    (
        "kubeconfig absent, bootstrap absent",
        "bootstrap-kubeconfig-missing",
    ),
    ("kubeconfig absent, no bootstrap", "invalid-kubeconfig"),
    (
        "expired client cert, bootstrap absent",
        "bootstrap-kubeconfig-missing",
    ),
    (
        "kubeconfig names a missing cert file",
        "kubeconfig-unreadable",
    ),
    (
        "cgroupDriver systemd, no systemd running",
        "systemd-driver-without-systemd",
    ),
    ("clientCAFile not a certificate", "client-ca-unreadable"),
    ("bad swapBehavior", "swap-behavior-invalid"),
    ("imageGC thresholds inverted", "config-invalid"),
    ("port 20250", "port-taken"),
];

#[test]
fn every_recorded_case() {
    let Some(text) = recording() else { return };
    let cases = cases(&text);
    assert!(cases.len() > 30, "{}", cases.len());
    for case in &cases {
        let facts = facts(&case.lines);
        let fatal = facts.last_fatal().unwrap();
        match case.exit {
            // It ran on until it was stopped.
            124 => assert_eq!(fatal, None, "{}", case.title),
            _ => assert!(fatal.is_some(), "{}: no fatal line", case.title),
        }
        let known = facts.known_lines().unwrap();
        if let Some((_, signature)) = EXPECTED
            .iter()
            .find(|(title, _)| case.title.starts_with(title))
        {
            assert!(
                known.iter().any(|line| line.signature == *signature),
                "{}: {known:#?}",
                case.title
            );
        }
        // What ends the kubelet is marked as fatal where it is known.
        for line in &known {
            assert!(
                !(line.fatal && case.exit == 124),
                "{}: {line:?}",
                case.title
            );
        }
    }
    // The real expired certificate: the cause stands before the consequence.
    let expired = cases
        .iter()
        .filter(|case| {
            case.title
                .starts_with("expired client cert, bootstrap absent")
        })
        .any(|case| {
            let known = facts(&case.lines).known_lines().unwrap();
            let ids: Vec<_> = known.iter().map(|line| line.signature).collect();
            ids.starts_with(&["bootstrap-kubeconfig-missing", "client-certificate-expired"])
        });
    assert!(expired);
}
