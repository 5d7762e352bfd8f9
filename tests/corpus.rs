//! The whole tool over real node trees, where they are at hand: no policy fails
//! by itself, nothing panics, and what is judged does not depend on the run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// `NODEPOL_CORPUS`, or the corpus beside the checkout, unpacked.
fn corpus() -> Option<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(directory) = std::env::var_os("NODEPOL_CORPUS") {
        return Some((directory.into(), None));
    }
    let archive = nodepol_tests::workspace().join("../shared/corpus/files.tar.gz");
    if !archive.exists() {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(directory.path())
        .status();
    assert!(
        unpacked.unwrap().success(),
        "cannot unpack {}",
        archive.display()
    );
    Some((directory.path().to_owned(), Some(directory)))
}

fn report(tree: &Path) -> (Option<i32>, String, String) {
    nodepol("eval", tree)
}

fn nodepol(command: &str, tree: &Path) -> (Option<i32>, String, String) {
    let output = Command::new(nodepol_tests::binary())
        .args([
            command,
            "--format",
            "json",
            "--at",
            "2026-06-01T00:00:00Z",
            "--root",
        ])
        .arg(tree)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// What is wrong with the trees: they hold what their tool wrote and not what
/// the cluster adds, and each finding here is true of the files as they are.
const FOUND: &[(&str, &[&str])] = &[
    // nodeadm and bootstrap.sh write the CA of the cluster, which no tree holds.
    (
        "eks-al2023-ctrd1-k129-dropin",
        &[
            "kubeconfig-usable/ca-unreadable",
            "kubelet-config-dropins/list-replaced",
            "kubelet-config-paths/client-ca-missing",
        ],
    ),
    (
        "eks-al2023-ctrd2-k135-setempty",
        &[
            "kubeconfig-usable/ca-unreadable",
            "kubelet-config-paths/client-ca-missing",
        ],
    ),
    (
        "flatcar-eks-docker",
        &[
            "kubeconfig-usable/ca-unreadable",
            "kubelet-config-paths/client-ca-missing",
        ],
    ),
    // kind puts the kubelet into kubelet.slice and leaves containerd where it is.
    ("kind-node", &["slice-placement/different-slices"]),
    // The packages of Fedora enable neither.
    (
        "kubeadm-rpm-preinit-default-containerd",
        &[
            "kubelet-unit-enabled/not-enabled",
            "runtime-before-kubelet/runtime-not-enabled",
        ],
    ),
    // cgroupfs on both sides, as it was asked for.
    (
        "kubespray-ctrd17-cgroupfs-swapallowed",
        &["cgroup-driver-init/two-cgroup-managers"],
    ),
    // minikube itself starts the kubelet.
    ("minikube-iso-docker", &["kubelet-unit-enabled/not-enabled"]),
];

#[test]
fn every_tree_of_the_corpus_gets_the_findings_that_are_true_of_it() {
    let Some((corpus, _unpacked)) = corpus() else {
        eprintln!("skipped: the corpus is not at hand (set NODEPOL_CORPUS)");
        return;
    };
    let mut trees: Vec<_> = std::fs::read_dir(corpus.join("nodes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    trees.sort();
    assert!(!trees.is_empty());
    for tree in trees {
        let (code, first, stderr) = report(&tree);
        assert!(
            matches!(code, Some(0 | 1 | 3)),
            "{}: {code:?} {stderr}",
            tree.display()
        );
        let json: Json = serde_json::from_str(&first).unwrap();
        nodepol_tests::assert_valid("report", &json);
        let facts: Json = serde_json::from_str(&nodepol("facts", &tree).1).unwrap();
        nodepol_tests::assert_valid("facts", &facts);
        let name = tree.file_name().unwrap().to_string_lossy();
        println!("{name}");
        let mut found = std::collections::BTreeSet::new();
        for policy in json["policies"].as_array().unwrap() {
            assert!(policy["error"].is_null(), "{}: {policy:#}", tree.display());
            for finding in policy["findings"].as_array().unwrap() {
                let (verdict, id) = (&finding["verdict"], &finding["id"]);
                if verdict == "fail" || verdict == "warn" {
                    let policy = policy["id"].as_str().unwrap();
                    found.insert(format!("{policy}/{}", id.as_str().unwrap()));
                }
                println!(
                    "    {} {}/{}: {}",
                    finding["verdict"].as_str().unwrap(),
                    policy["id"].as_str().unwrap(),
                    finding["id"].as_str().unwrap(),
                    finding["message"].as_str().unwrap()
                );
            }
        }
        let expected = FOUND
            .iter()
            .find(|(tree, _)| *tree == name)
            .map_or(&[][..], |(_, findings)| findings);
        assert!(found.iter().eq(expected), "{name}: {found:?}");
        assert_eq!(
            report(&tree).1,
            first,
            "{}: the second run differs",
            tree.display()
        );
    }
}
