//! Who set a node up, told from unit files and paths that only they have.

use nodepol_model::{Location, Part};

use super::os_release::OsRelease;
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// Where unit files are, the strongest first (systemd.unit(5)).
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

enum Sign {
    Unit(&'static str),
    Path(&'static str),
    Os(&'static str),
}
use Sign::{Os, Path, Unit};

/// The first sign that is there decides: what holds a kubelet of its own before
/// what runs kubelet.service, the more special before the more general.
const SIGNS: &[(&str, &[Sign])] = &[
    (
        "k3s",
        &[
            Unit("k3s.service"),
            Unit("k3s-agent.service"),
            Path("/etc/rancher/k3s"),
            Path("/var/lib/rancher/k3s"),
        ],
    ),
    (
        "rke2",
        &[
            Unit("rke2-server.service"),
            Unit("rke2-agent.service"),
            Path("/etc/rancher/rke2"),
            Path("/var/lib/rancher/rke2"),
        ],
    ),
    (
        "k0s",
        &[
            Unit("k0scontroller.service"),
            Unit("k0sworker.service"),
            Path("/etc/k0s"),
            Path("/var/lib/k0s"),
        ],
    ),
    (
        "microk8s",
        &[
            Unit("snap.microk8s.daemon-kubelite.service"),
            Path("/var/snap/microk8s"),
        ],
    ),
    (
        "canonical-k8s",
        &[Unit("snap.k8s.kubelet.service"), Path("/var/snap/k8s")],
    ),
    ("talos", &[Os("talos")]),
    (
        "microshift",
        &[Unit("microshift.service"), Path("/etc/microshift")],
    ),
    ("bottlerocket", &[Os("bottlerocket")]),
    (
        "flatcar-eks",
        &[Path("/usr/share/amazon/eks"), Path("/usr/share/oem/eks")],
    ),
    (
        "eks",
        &[
            Unit("nodeadm-run.service"),
            Unit("nodeadm-config.service"),
            Path("/etc/eks"),
        ],
    ),
    (
        "aks",
        &[
            Path("/opt/azure/containers"),
            Path("/etc/kubernetes/azure.json"),
        ],
    ),
    (
        "gke",
        &[
            Unit("kube-node-installation.service"),
            Path("/home/kubernetes/bin/kubelet"),
        ],
    ),
    (
        "openshift",
        &[
            Path("/etc/machine-config-daemon"),
            Unit("machine-config-daemon-firstboot.service"),
            Path("/etc/openshift"),
            Os("rhcos"),
        ],
    ),
    (
        "kops",
        &[
            Unit("kops-configuration.service"),
            Path("/var/cache/nodeup"),
            Path("/opt/kops"),
        ],
    ),
    ("kubespray", &[Path("/etc/kubernetes/kubelet.env")]),
    ("typhoon", &[Unit("wait-for-dns.service")]),
    (
        "kubeadm",
        &[
            Unit("kubelet.service.d/10-kubeadm.conf"),
            Path("/var/lib/kubelet/kubeadm-flags.env"),
            Path("/etc/kubernetes/admin.conf"),
            Path("/usr/bin/kubeadm"),
        ],
    ),
];

/// The flavour, and the sign that tells it.
pub(super) fn detect(evidence: &Evidence, os: Option<&OsRelease>) -> Sourced<String> {
    for (name, signs) in SIGNS {
        for sign in *signs {
            let at = match sign {
                Unit(unit) => find_unit(evidence, unit),
                Path(path) => exists(evidence, path).then(|| (*path).to_owned()),
                Os(id) => os
                    .is_some_and(|os| os.id == *id)
                    .then(|| "/etc/os-release".to_owned()),
            };
            if let Some(at) = at {
                return Sourced::new((*name).to_owned(), Location::source(at));
            }
        }
    }
    Sourced::new("plain".to_owned(), Location::source("default"))
}

/// Whether a flavour's kubelet is part of another program.
pub(super) fn embeds(flavour: &str) -> bool {
    matches!(
        flavour,
        "k3s" | "rke2" | "k0s" | "microk8s" | "canonical-k8s" | "talos" | "microshift"
    )
}

/// Whether a unit file is there.
pub(super) fn has_unit(evidence: &Evidence, unit: &str) -> bool {
    find_unit(evidence, unit).is_some()
}

fn find_unit(evidence: &Evidence, unit: &str) -> Option<String> {
    let (name, _) = unit.split_once('/').unwrap_or((unit, ""));
    UNIT_DIRECTORIES
        .iter()
        // Most are not there, which their directories tell at once.
        .filter(|directory| match evidence.names(directory) {
            Part::Present(names) => names.binary_search_by(|it| it.as_str().cmp(name)).is_ok(),
            Part::Absent => false,
            Part::Unreadable(_) => true,
        })
        .map(|directory| format!("{directory}/{unit}"))
        .find(|path| exists(evidence, path))
}

fn exists(evidence: &Evidence, path: &str) -> bool {
    evidence.lstat(path).present().is_some()
}
