//! How far the node has come into a cluster, told from its files.
//!
//! kubeadm writes the bootstrap kubeconfig and the configuration file before it
//! starts the kubelet, and takes the bootstrap kubeconfig away once the kubelet
//! has its own (cmd/kubeadm/app/cmd/phases/join/kubelet.go).

use nodepol_model::{Horizon, Part, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::Evidence;
use crate::kubelet::Kubelet;

/// How far the node has come into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinState {
    /// Neither a kubelet.service nor a kubelet binary.
    NoKubelet,
    /// The kubelet is there and nothing of a cluster is.
    InstalledNotJoined,
    /// A bootstrap kubeconfig is there: the kubelet asks for its certificate.
    Joining,
    /// Configuration and credential are there.
    Joined,
    /// A mix that none of the other states explains: half a join, half a reset.
    BrokenPartial,
}

/// What the kubelet's arguments name; the defaults of kubeadm stand in for
/// flags that are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinPaths {
    /// `--config`, made absolute.
    pub config: Option<String>,
    /// `--kubeconfig`, made absolute.
    pub kubeconfig: Option<String>,
    /// `--bootstrap-kubeconfig`, made absolute.
    pub bootstrap_kubeconfig: Option<String>,
    /// `--cert-dir`, made absolute.
    pub cert_dir: Option<String>,
}

impl JoinPaths {
    /// What this kubelet is started with at the next boot.
    ///
    /// # Errors
    /// [`Unavailable`] if its command line is not known.
    pub fn of(kubelet: &Kubelet) -> Result<Self, Unavailable> {
        let flag = |name: &str| {
            Ok(kubelet
                .flag(Horizon::NextBoot, name)?
                .map(|flag| flag.value)
                .filter(|path| !path.is_empty()))
        };
        Ok(Self {
            config: kubelet
                .config_path(Horizon::NextBoot)?
                .map(|path| path.value),
            kubeconfig: flag("kubeconfig")?,
            bootstrap_kubeconfig: flag("bootstrap-kubeconfig")?,
            cert_dir: flag("cert-dir")?,
        })
    }
}

/// Where programs that embed a kubelet keep its kubeconfig once they joined.
const EMBEDDED: &[&str] = &[
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/k0s/kubelet.conf",
    "/var/snap/microk8s/current/credentials/kubelet.config",
    "/var/lib/microshift/resources/kubeadmin/kubeconfig",
];

/// The state of a node that has a kubelet of its own.
///
/// # Errors
/// [`Unavailable`] if a file that tells could not be read.
pub fn of_kubelet(evidence: &Evidence, paths: &JoinPaths) -> Result<JoinState, Unavailable> {
    let config = exists(
        evidence,
        paths.config.as_deref(),
        "/var/lib/kubelet/config.yaml",
    )?;
    let kubeconfig = exists(
        evidence,
        paths.kubeconfig.as_deref(),
        "/etc/kubernetes/kubelet.conf",
    )?;
    let bootstrap = exists(
        evidence,
        paths.bootstrap_kubeconfig.as_deref(),
        "/etc/kubernetes/bootstrap-kubelet.conf",
    )?;
    let certificate = has_certificate(
        evidence,
        paths.cert_dir.as_deref().unwrap_or("/var/lib/kubelet/pki"),
    )?;
    // A kubelet that is configured by flags alone needs no file.
    let configured = config || paths.config.is_none();
    Ok(match (kubeconfig, bootstrap, certificate) {
        // Standalone, or configured ahead of a join, as images are.
        (false, false, false) if !config || paths.kubeconfig.is_none() => {
            JoinState::InstalledNotJoined
        }
        // Who does not join by kubeadm leaves the bootstrap kubeconfig where it is.
        (true, false, _) | (true, true, true) if configured => JoinState::Joined,
        (_, true, _) if configured => JoinState::Joining,
        _ => JoinState::BrokenPartial,
    })
}

/// The state of a node on which another program embeds the kubelet.
///
/// # Errors
/// [`Unavailable`] if a file that tells could not be read.
pub fn of_embedded(evidence: &Evidence) -> Result<JoinState, Unavailable> {
    for path in EMBEDDED {
        if exists(evidence, Some(path), path)? {
            return Ok(JoinState::Joined);
        }
    }
    Ok(JoinState::InstalledNotJoined)
}

fn exists(evidence: &Evidence, path: Option<&str>, default: &str) -> Result<bool, Unavailable> {
    let path = path.unwrap_or(default);
    match evidence.stat(path) {
        Part::Present(_) => Ok(true),
        Part::Absent => Ok(false),
        Part::Unreadable(why) => Err(Unavailable::new(path, why)),
    }
}

/// Whether the store has a client certificate, or had one.
fn has_certificate(evidence: &Evidence, directory: &str) -> Result<bool, Unavailable> {
    match evidence.names(directory) {
        Part::Present(names) => Ok(names.iter().any(|name| {
            name.starts_with("kubelet-client") && (name.ends_with(".pem") || name.ends_with(".crt"))
        })),
        Part::Absent => Ok(false),
        Part::Unreadable(why) => Err(Unavailable::new(directory, why)),
    }
}
