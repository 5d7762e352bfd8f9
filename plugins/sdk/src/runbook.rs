//! Recovery procedures that several policies end in, as fixes.
//!
//! They follow the Kubernetes documentation: "Configuring a cgroup driver" and
//! "Troubleshooting kubeadm: Kubelet client certificate rotation fails".

use crate::node::{self, JoinState};
use crate::{
    Disruption, Fix, Horizon, Judgement, Place, Step, Unavailable, UnitVerb, kubelet, runtimes,
    units,
};

const PEM: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// Moves the kubelet and its runtime to the systemd cgroup driver.
///
/// On a joined node the order is drain, stop, edit, start, uncordon: pods that
/// live through a change of the driver lose their sandboxes.
///
/// # Errors
/// [`Unavailable`] if it cannot be told where this runtime reads its driver.
pub fn systemd_driver(at: Horizon) -> Result<Fix, Unavailable> {
    let joined = node::get_join_state()? == JoinState::Joined;
    let runtime = runtimes::selected(at)?;
    let mut fix = Fix::new("move the kubelet and the runtime to the systemd cgroup driver");
    if joined {
        if node::flavour().value == "kubeadm" {
            fix = fix.step(
                Step::command(
                    ["kubectl", "--namespace", "kube-system", "edit", "configmap", "kubelet-config"],
                    "set cgroupDriver: systemd in the cluster's copy too, or the next upgrade reverts it",
                )
                .on(Place::Admin),
            );
        }
        fix = fix.step(drain("pods do not survive a change of the cgroup driver"));
    }
    fix = fix.step(Step::unit(
        UnitVerb::Stop,
        "kubelet.service",
        "stop the kubelet first",
    ));
    if let Some(runtime) = &runtime {
        fix = fix.step(
            Step::unit(
                UnitVerb::Stop,
                runtime.unit.clone(),
                "stop the runtime and its sandboxes",
            )
            .disrupts(Disruption::Evict),
        );
        for edit in runtimes::systemd_driver_edits(&runtime.name)? {
            fix = fix.step(Step::set_value(
                edit.path,
                edit.pointer,
                edit.json,
                format!(
                    "where this version of {} reads its cgroup driver",
                    runtime.name
                ),
            ));
        }
    }
    if let Some(flag) = kubelet::flag(at, "cgroup-driver")? {
        fix = fix.step(Step::note(format!(
            "remove --cgroup-driver={} from {}: a flag wins over the file",
            flag.value, flag.at.source
        )));
    }
    if let Some(path) = kubelet::config_path(at)? {
        fix = fix.step(Step::set_value(
            path.value,
            "/cgroupDriver",
            "\"systemd\"",
            "the kubelet's side of the same choice",
        ));
    }
    if let Some(runtime) = runtime {
        fix = fix.step(Step::unit(
            UnitVerb::Start,
            runtime.unit,
            "start the runtime first",
        ));
    }
    fix = fix.step(
        Step::unit(UnitVerb::Start, "kubelet.service", "then start the kubelet").verify([
            "systemctl",
            "is-active",
            "kubelet.service",
        ]),
    );
    if joined {
        fix = fix.step(uncordon());
    }
    Ok(fix)
}

/// Gives the node a new client certificate after the old one has expired or was
/// lost.
///
/// # Errors
/// [`Unavailable`] if it cannot be told what the node is called.
pub fn new_client_certificate() -> Result<Fix, Unavailable> {
    let name = node_name()?;
    let common_name = format!("system:node:{name}");
    Ok(Fix::new("give the kubelet a new client certificate")
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
        )
        .step(Step::command(
            [
                "sh",
                "-c",
                "mkdir -p -m 700 /root/kubelet-backup && mv /etc/kubernetes/kubelet.conf \
                 /var/lib/kubelet/pki/kubelet-client* /root/kubelet-backup/",
            ],
            "set the old kubeconfig and client certificates aside, or the kubelet reads them again",
        ))
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
        .step(Step::note(
            "copy kubelet.conf to /etc/kubernetes/kubelet.conf on the node, mode 0600, over a \
             secure channel: it holds a private key",
        ))
        .step(Step::restart_kubelet().verify(["test", "-e", PEM]))
        .steps(name_rotated_certificate(
            "/etc/kubernetes/kubelet.conf",
            "/users/0/user",
        ))
        .step(Step::restart_kubelet())
        .step(
            Step::argv(
                ["kubectl", "get", "node", &name]
                    .map(str::to_owned)
                    .to_vec(),
                "the node must become Ready",
            )
            .on(Place::Admin),
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
}

fn name_rotated_certificate(kubeconfig: &str, user: &str) -> Vec<Step> {
    ["client-certificate", "client-key"]
        .into_iter()
        .flat_map(|key| {
            [
                Step::set_value(
                    kubeconfig,
                    format!("{user}/{key}"),
                    format!("{PEM:?}"),
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

fn drain(why: &str) -> Step {
    let node = node_name().unwrap_or_else(|_| "NODE".to_owned());
    Step::argv(
        [
            "kubectl",
            "drain",
            &node,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
        ]
        .map(str::to_owned)
        .to_vec(),
        why,
    )
    .on(Place::Admin)
    .disrupts(Disruption::Evict)
}

fn uncordon() -> Step {
    let node = node_name().unwrap_or_else(|_| "NODE".to_owned());
    Step::argv(
        ["kubectl", "uncordon", &node].map(str::to_owned).to_vec(),
        "let pods return",
    )
    .on(Place::Admin)
}

/// `--hostname-override` or the host name, as the kubelet registers it: trimmed
/// and in lower case (pkg/util/node, GetHostname).
fn node_name() -> Result<String, Unavailable> {
    let name = match kubelet::flag(Horizon::NextBoot, "hostname-override")? {
        Some(name) => Some(name),
        None => node::hostname(Horizon::NextBoot)?,
    };
    let name = name
        .map(|name| name.value.trim().to_lowercase())
        .filter(|name| !name.is_empty());
    Ok(name.unwrap_or_else(|| "NODE".to_owned()))
}

/// Brings back what a package holds, in the version that is installed.
pub fn reinstall(package: &str, why: &str) -> Step {
    let is_like = |ids: &[&str]| {
        node::os().ok().flatten().is_some_and(|os| {
            ids.contains(&os.id.as_str()) || os.id_like.iter().any(|id| ids.contains(&id.as_str()))
        })
    };
    if is_like(&["debian", "ubuntu"]) {
        Step::command(["apt-get", "install", "--reinstall", package], why)
    } else if is_like(&["rhel", "fedora", "centos", "amzn"]) {
        Step::command(["dnf", "reinstall", package], why)
    } else if is_like(&["suse", "opensuse"]) {
        Step::command(["zypper", "install", "--force", package], why)
    } else {
        Step::note(format!(
            "install {package} again, as this node first got it: {why}"
        ))
    }
}

/// Writes a drop-in of a unit that applies after those that it has: drop-ins of
/// all directories apply in the order of their names (man systemd.unit).
///
/// # Errors
/// [`Unavailable`] if the unit's drop-ins could not be read.
pub fn last_drop_in(
    unit: &str,
    name: &str,
    content: impl Into<String>,
) -> Result<Step, Unavailable> {
    let usual = format!("20-{name}");
    // One of the same name may hold more than what is to be changed.
    let is_later = |path: &String| {
        path.rsplit('/')
            .next()
            .is_some_and(|other| other >= usual.as_str())
    };
    let name = if units::get(Horizon::NextBoot, unit)?
        .drop_ins
        .iter()
        .any(is_later)
    {
        format!("zz-{name}")
    } else {
        usual
    };
    Ok(Step::write_file(
        format!("/etc/systemd/system/{unit}.d/{name}"),
        0o644,
        content,
        "a drop-in survives an upgrade of the package",
    ))
}

/// The summary of a [`Judgement`] that leaves the question to another policy.
pub fn judged_by(policy: &str) -> Judgement {
    Judgement::not_applicable(format!("{policy} judges this"))
}
