//! The kubelet's version: assumed, printed by its program, or that of its package.

use nodepol_model::{Location, Part};

use crate::evidence::Evidence;
use crate::package;
use crate::sourced::Version;

/// Versions that are to be taken for true, whatever the node says: how a change
/// of version is rehearsed.
#[derive(Debug, Clone, Default)]
pub struct Assumptions {
    /// Of the kubelet.
    pub kubelet: Option<Version>,
    /// Of containerd.
    pub containerd: Option<Version>,
}

/// The version that the evidence shows, if any does.
pub(crate) fn find(evidence: &Evidence, assumed: Option<&Version>) -> Option<Version> {
    if let Some(assumed) = assumed {
        return Some(assumed.clone());
    }
    let name = "kubelet --version";
    if let Part::Present(output) = evidence.program(name)
        && let Some(version) = Version::find(&output.stdout, Location::source(name))
    {
        return Some(version);
    }
    package::version(evidence, "kubelet")
}
