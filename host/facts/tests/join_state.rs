//! Join states, by the files of a node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod memory;

use memory::Files;
use nodepol_facts::join_state::{JoinPaths, JoinState, of_embedded, of_kubelet};
use nodepol_model::snapshot::Source;

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
const CURRENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

fn kubeadm() -> JoinPaths {
    JoinPaths {
        config: Some(CONFIG.to_owned()),
        kubeconfig: Some(KUBECONFIG.to_owned()),
        bootstrap_kubeconfig: Some(BOOTSTRAP.to_owned()),
        cert_dir: None,
    }
}

fn state(paths: &JoinPaths, files: &[&str]) -> JoinState {
    let files = files.iter().fold(
        Files::default().text("/etc/hostname", "n\n"),
        |all, path| all.text(path, "x"),
    );
    of_kubelet(&files.evidence(Source::Tree), paths).unwrap()
}

#[test]
fn of_kubeadm() {
    for (files, expected) in [
        (&[][..], JoinState::InstalledNotJoined),
        (&[CONFIG, BOOTSTRAP], JoinState::Joining),
        (&[CONFIG, BOOTSTRAP, KUBECONFIG], JoinState::Joining),
        (&[CONFIG, KUBECONFIG, CURRENT], JoinState::Joined),
        (&[CONFIG, KUBECONFIG, CURRENT, BOOTSTRAP], JoinState::Joined),
        (&[KUBECONFIG, CURRENT], JoinState::BrokenPartial),
        (&[CONFIG], JoinState::BrokenPartial),
        (&[CONFIG, CURRENT], JoinState::BrokenPartial),
        (&[CURRENT], JoinState::BrokenPartial),
        (&[BOOTSTRAP], JoinState::BrokenPartial),
    ] {
        assert_eq!(state(&kubeadm(), files), expected, "{files:?}");
    }
}

#[test]
fn of_others() {
    let flags = JoinPaths {
        kubeconfig: Some("/var/lib/kubelet/kubeconfig".to_owned()),
        ..JoinPaths::default()
    };
    assert_eq!(
        state(&flags, &["/var/lib/kubelet/kubeconfig"]),
        JoinState::Joined
    );
    assert_eq!(state(&flags, &[]), JoinState::InstalledNotJoined);
    // Standalone: a configuration and no kubeconfig.
    let standalone = JoinPaths {
        config: Some(CONFIG.to_owned()),
        ..JoinPaths::default()
    };
    assert_eq!(state(&standalone, &[CONFIG]), JoinState::InstalledNotJoined);
    let unreadable = Files::default()
        .text("/etc/hostname", "n\n")
        .unreadable("/etc/kubernetes/kubelet.conf");
    // That it exists is enough.
    assert_eq!(
        of_kubelet(&unreadable.evidence(Source::Tree), &JoinPaths::default()),
        Ok(JoinState::Joined)
    );
    let k3s = Files::default().text("/var/lib/rancher/k3s/agent/kubelet.kubeconfig", "x");
    assert_eq!(
        of_embedded(&k3s.evidence(Source::Tree)),
        Ok(JoinState::Joined)
    );
    assert_eq!(
        of_embedded(&Files::default().evidence(Source::Tree)),
        Ok(JoinState::InstalledNotJoined)
    );
}
