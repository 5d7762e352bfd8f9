//! What kubeadm says of the kubelet when the node joins: the preflight check
//! `KubeletVersion` (cmd/kubeadm/app/preflight/checks.go).

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{Finding, Fix, Step, Unavailable, Version};

/// What kubeadm has against the kubelet. On a node that has joined it serves for
/// upgrades alone, in which the two differ for a while.
pub(crate) fn against(
    kubeadm: &Version,
    kubelet: &Version,
) -> Result<Option<Finding>, Unavailable> {
    // Three minor versions since 1.29 (kubernetes#120825).
    let allowed = if kubeadm.minor >= 29 { 3 } else { 1 };
    let finding = if kubelet.minor + allowed < kubeadm.minor {
        older(kubeadm, kubelet, allowed)?
    } else if kubelet.minor > kubeadm.minor {
        newer(kubeadm, kubelet)?
    } else {
        return Ok(None);
    };
    Ok(Some(
        finding
            .evidence(kubeadm.at.clone(), kubeadm.text.clone())
            .evidence(kubelet.at.clone(), kubelet.text.clone()),
    ))
}

fn older(kubeadm: &Version, kubelet: &Version, allowed: u32) -> Result<Finding, Unavailable> {
    let id = "kubelet-too-old-for-kubeadm";
    let least = kubeadm.minor - allowed;
    if has_joined()? {
        return Ok(Finding::note(
            id,
            format!(
                "kubeadm {} works with kubelets from 1.{least} on: upgrade the kubelet {} first",
                kubeadm.text, kubelet.text
            ),
        ));
    }
    Ok(Finding::fail(
        id,
        format!(
            "kubeadm {} refuses kubelet {}: it joins with 1.{least} or later \
             (preflight error KubeletVersion)",
            kubeadm.text, kubelet.text
        ),
    )
    .fix(of_one_release(kubeadm)))
}

fn newer(kubeadm: &Version, kubelet: &Version) -> Result<Finding, Unavailable> {
    let id = "kubelet-newer-than-kubeadm";
    let message = format!(
        "kubelet {} is newer than kubeadm {}: `kubeadm init` refuses it, and a join with it is \
         not supported",
        kubelet.text, kubeadm.text
    );
    if has_joined()? {
        return Ok(Finding::note(id, message));
    }
    Ok(Finding::warn(id, message).fix(of_one_release(kubeadm)))
}

fn has_joined() -> Result<bool, Unavailable> {
    Ok(node::get_join_state()? != JoinState::InstalledNotJoined)
}

fn of_one_release(kubeadm: &Version) -> Fix {
    Fix::new("install both of one release").step(Step::note(format!(
        "install the kubelet of kubeadm's release, 1.{minor}, or the kubeadm that fits the \
         cluster, with the package manager, and hold both back from its upgrades",
        minor = kubeadm.minor
    )))
}
