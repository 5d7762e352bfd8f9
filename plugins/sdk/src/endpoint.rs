//! Steps that make the kubelet, and kubeadm with it, go to another container
//! runtime.

use crate::node::{self, JoinState};
use crate::{Horizon, Place, Step, Unavailable, kubelet, runbook};

/// The field of the configuration file that names the runtime's socket.
pub const FIELD: &str = "/containerRuntimeEndpoint";

/// Names an endpoint in the file that says it, or else in the configuration file;
/// with a flag where this kubelet has no such field, or no file.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn name(url: &str, why: &str) -> Result<Step, Unavailable> {
    let at = Horizon::NextBoot;
    let said = kubelet::setting(at, FIELD)?
        .filter(|setting| !setting.is_default && setting.at.pointer.is_some())
        .map(|setting| setting.at.source);
    let file = match (said, kubelet::config_path(at)?) {
        (Some(said), _) => Some(said),
        (None, Some(path)) if kubelet::config_present(at)? && has_field()? => Some(path.value),
        (None, _) => None,
    };
    Ok(match file {
        Some(file) => Step::set_value(file, FIELD, format!("\"{url}\""), why),
        None => Step::note(format!(
            "give the kubelet --container-runtime-endpoint={url}, where its other flags are"
        )),
    })
}

/// Tells kubeadm of an endpoint; none on a node that is not kubeadm's, or that has
/// not joined.
///
/// # Errors
/// [`Unavailable`] if the files that tell could not be read.
pub fn annotate(url: &str) -> Result<Option<Step>, Unavailable> {
    if node::get_join_state()? != JoinState::Joined || node::flavour().value != "kubeadm" {
        return Ok(None);
    }
    let step = Step::command(
        [
            "kubectl",
            "annotate",
            "node",
            &runbook::node_name(),
            "--overwrite",
            &format!("kubeadm.alpha.kubernetes.io/cri-socket={url}"),
        ],
        "kubeadm before 1.34 goes by this annotation at an upgrade",
    );
    Ok(Some(step.on(Place::Admin)))
}

/// The field is there since 1.27.
fn has_field() -> Result<bool, Unavailable> {
    Ok(kubelet::get_version()?.is_some_and(|version| (version.major, version.minor) >= (1, 27)))
}
