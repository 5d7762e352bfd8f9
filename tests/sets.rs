//! The built-in policy sets name what they are for, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

/// The phases of each policy of a built-in set.
fn policies(set: &str) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(nodepol_tests::binary())
        .args(["list", "--format", "json", "--policies", set])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{set}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list: Json = serde_json::from_slice(&output.stdout).unwrap();
    list["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| {
            let phases = policy["phases"].as_array().unwrap();
            (
                policy["id"].as_str().unwrap().to_owned(),
                phases
                    .iter()
                    .map(|phase| phase.as_str().unwrap().to_owned())
                    .collect(),
            )
        })
        .collect()
}

#[test]
fn the_set_of_a_phase_names_every_policy_that_judges_it() {
    let standard = policies("standard");
    for phase in ["image", "pre-join", "boot"] {
        let mut expected = standard.clone();
        expected.retain(|_, phases| phases.iter().any(|known| known == phase));
        assert!(!expected.is_empty());
        let named: Vec<String> = policies(phase).into_keys().collect();
        let expected: Vec<String> = expected.into_keys().collect();
        assert_eq!(named, expected, "policies/{phase}.yaml");
    }
}

#[test]
fn the_set_of_kubeadm_leaves_out_the_other_runtimes() {
    let mut expected = policies("standard");
    for other in ["crio-config-effective", "docker-cri-dockerd"] {
        assert!(expected.remove(other).is_some(), "{other} is gone");
    }
    assert_eq!(policies("kubeadm"), expected);
}
