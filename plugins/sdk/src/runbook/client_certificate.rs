//! The kubelet's client certificate, and the kubeconfig that names it.

use super::{node_name, ready};
use crate::{Fix, Horizon, Place, Step, certs, files, kubelet};

/// Gives the node a new client certificate after the old one has expired or was
/// lost.
pub fn new_client_certificate() -> Fix {
    let name = node_name();
    let common_name = format!("system:node:{name}");
    let kubeconfig = kubeconfig();
    let mut fix = Fix::new("give the kubelet a new client certificate")
        .step(Step::command(
            [
                "timedatectl",
                "show",
                "--property=NTPSynchronized",
                "--property=TimeUSec",
            ],
            "make sure that the clock is right: a wrong clock looks like an expired certificate",
        ))
        .step(
            Step::command(
                ["kubeadm", "certs", "check-expiration"],
                "make sure that the control plane's own certificates are valid; if not, run \
                 `kubeadm certs renew all` there first",
            )
            .on(Place::ControlPlane),
        );
    if let Some(step) = set_aside(&kubeconfig) {
        fix = fix.step(step);
    }
    fix = fix
        .step(
            Step::command(
                [
                    "sh",
                    "-c",
                    &format!(
                        "umask 077 && kubeadm kubeconfig user --org system:nodes --client-name \
                         {common_name} > kubelet.conf"
                    ),
                ],
                "sign a certificate for this node where /etc/kubernetes/pki/ca.key is; without \
                 --org system:nodes the API server forbids everything. Add --config with the \
                 cluster's ClusterConfiguration if its name or endpoint is not the default",
            )
            .on(Place::ControlPlane),
        )
        .step(Step::note(format!(
            "copy kubelet.conf to {kubeconfig} on the node, mode 0600, over a secure channel: it \
             holds a private key"
        )));
    let pem = rotated();
    // Without rotation nothing makes the file that is named below.
    let rotates = kubelet::setting(Horizon::NextBoot, "/rotateCertificates")
        .map_or(true, |setting| {
            setting.is_some_and(|setting| setting.is_true())
        });
    if rotates {
        fix = fix
            .step(Step::restart_kubelet().verify(["test", "-e", &pem]))
            .steps(name_rotated_certificate(&kubeconfig, "/users/0/user"));
    }
    fix.step(Step::restart_kubelet()).step(ready(&name))
}

/// Moves away what the kubelet would read again; none if nothing is there.
fn set_aside(kubeconfig: &str) -> Option<Step> {
    let mut old = Vec::new();
    if files::lstat(kubeconfig).map_or(true, |stat| stat.is_some()) {
        old.push(kubeconfig.to_owned());
    }
    if !matches!(
        certs::client_store(Horizon::NextBoot),
        Ok(certs::Store::Absent)
    ) {
        old.push(format!("{}/kubelet-client*", cert_dir()));
    }
    if old.is_empty() {
        return None;
    }
    Some(Step::argv(
        vec![
            "sh".to_owned(),
            "-c".to_owned(),
            format!(
                "mkdir -p -m 700 /root/kubelet-backup && mv {} /root/kubelet-backup/",
                old.join(" ")
            ),
        ],
        "set the old kubeconfig and client certificates aside, or the kubelet reads them again",
    ))
}

/// Makes a kubeconfig name the certificate that is rotated, not a copy of an old
/// one. `user` points to the user's map in it, such as `/users/0/user`.
pub fn use_rotated_certificate(kubeconfig: &str, user: &str) -> Fix {
    Fix::new("make the kubeconfig name the rotated certificate")
        .step(Step::argv(
            [
                "cp",
                "--archive",
                kubeconfig,
                &format!("{kubeconfig}.backup"),
            ]
            .map(str::to_owned)
            .to_vec(),
            "keep the old file until the node is Ready",
        ))
        .steps(name_rotated_certificate(kubeconfig, user))
        .step(Step::restart_kubelet())
        .step(ready(&node_name()))
}

/// The link that the kubelet moves to each new certificate.
pub fn rotated() -> String {
    format!("{}/kubelet-client-current.pem", cert_dir())
}

fn cert_dir() -> String {
    certs::config_paths(Horizon::NextBoot).map_or_else(
        |_| "/var/lib/kubelet/pki".to_owned(),
        |paths| paths.cert_dir,
    )
}

fn kubeconfig() -> String {
    certs::config_paths(Horizon::NextBoot)
        .ok()
        .and_then(|paths| paths.kubeconfig)
        .unwrap_or_else(|| "/etc/kubernetes/kubelet.conf".to_owned())
}

fn name_rotated_certificate(kubeconfig: &str, user: &str) -> Vec<Step> {
    name_certificate(kubeconfig, user, &rotated())
}

/// Makes the user of a kubeconfig name a file as its certificate and key.
/// `user` points to the user's map, such as `/users/0/user`.
pub fn name_certificate(kubeconfig: &str, user: &str, pem: &str) -> Vec<Step> {
    ["client-certificate", "client-key"]
        .into_iter()
        .flat_map(|key| {
            [
                Step::set_value(
                    kubeconfig,
                    format!("{user}/{key}"),
                    format!("{pem:?}"),
                    "the link that the kubelet moves to each new certificate",
                ),
                Step::remove_key(
                    kubeconfig,
                    format!("{user}/{key}-data"),
                    "embedded data would win over the path",
                ),
            ]
        })
        .collect()
}
