//! How far the node has come into a cluster, told from its files.

use serde::Serialize;

/// How far the node has come into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
