//! Recovery procedures that several policies end in, as fixes.
//!
//! They follow the Kubernetes documentation: "Configuring a cgroup driver" and
//! "Troubleshooting kubeadm: Kubelet client certificate rotation fails".
//!
//! What a fix would like to know and cannot is left to the reader in a note: a
//! fault that was found is told even if the way out is known only in part.

mod client_certificate;

use crate::node::{self, JoinState};
use crate::{
    Disruption, Fix, Horizon, Judgement, Location, Place, Step, Unavailable, UnitVerb, kubelet,
    runtimes, units,
};

pub use client_certificate::{
    name_certificate, new_client_certificate, rotated, use_rotated_certificate,
};

/// Moves the kubelet and its runtime to the systemd cgroup driver.
///
/// On a joined node the order is drain, stop, edit, start, uncordon: pods that
/// live through a change of the driver lose their sandboxes.
pub fn systemd_driver(at: Horizon) -> Fix {
    let joined = node::get_join_state().is_ok_and(|state| state == JoinState::Joined);
    let runtime = runtimes::selected(at).ok().flatten();
    let mut fix = Fix::new("move the kubelet and the runtime to the systemd cgroup driver");
    let own = kubelet_edits(at);
    if joined {
        // What the file says already, kubeadm took from there.
        if node::flavour().value == "kubeadm" && !own.is_empty() {
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
        fix = fix
            .step(
                Step::unit(UnitVerb::Stop, runtime.unit.clone(), "stop the runtime")
                    .disrupts(Disruption::Evict),
            )
            .steps(runtime_edits(&runtime.name));
    }
    fix = fix.steps(own);
    if joined {
        fix = fix.step(Step::note(
            "reboot now, instead of the steps that start services, if pods of DaemonSets or static \
             pods ran: their processes outlive the runtime and stay in their old cgroups",
        ));
    }
    if let Some(runtime) = runtime {
        fix = fix.step(Step::unit(
            UnitVerb::Start,
            runtime.unit,
            "start the runtime first",
        ));
        if runtime.name == "docker" {
            fix = fix.step(Step::unit(
                UnitVerb::Restart,
                "cri-docker.service",
                "it asks docker for the driver only when it starts",
            ));
        }
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
    fix
}

fn runtime_edits(name: &str) -> Vec<Step> {
    match runtimes::systemd_driver_edits(name) {
        Ok(edits) => edits
            .into_iter()
            .map(|edit| {
                let why = format!("where this version of {name} reads its cgroup driver");
                Step::set_value(edit.path, edit.pointer, edit.json, why)
            })
            .collect(),
        Err(unavailable) => vec![Step::note(format!(
            "make {name} use the systemd driver; where, could not be told ({}: {})",
            unavailable.source, unavailable.reason
        ))],
    }
}

fn kubelet_edits(at: Horizon) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Ok(Some(_)) = kubelet::flag(at, "cgroup-driver") {
        steps.extend(remove_flag("cgroup-driver", "a flag wins over the file"));
    }
    let said = kubelet::setting(at, "/cgroupDriver").ok().flatten();
    if said.is_some_and(|setting| !setting.is_default && setting.text.as_deref() == Some("systemd"))
    {
        return steps;
    }
    // Before a join there is no file; kubeadm writes this value by itself.
    if let (Ok(Some(path)), Ok(true)) = (kubelet::config_path(at), kubelet::config_present(at)) {
        steps.push(Step::set_value(
            path.value,
            "/cgroupDriver",
            "\"systemd\"",
            "the kubelet's side of the same choice",
        ));
    }
    steps
}

/// Restarts static pods of this control plane, which read their certificates when
/// they start ("Certificate Management with kubeadm").
pub fn restart_static_pods(pods: &[&str]) -> Step {
    let manifests = kubelet::setting(Horizon::NextBoot, "/staticPodPath")
        .ok()
        .flatten()
        .map(|setting| setting.display().to_owned())
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "/etc/kubernetes/manifests".to_owned());
    Step::argv(
        vec![
            "sh".to_owned(),
            "-c".to_owned(),
            format!(
                "mkdir -p /etc/kubernetes/stopped && cd {manifests} && for pod in {}; do [ ! -e \
                 $pod.yaml ] || mv $pod.yaml /etc/kubernetes/stopped/; done && sleep 20 && mv \
                 /etc/kubernetes/stopped/*.yaml {manifests}/",
                pods.join(" ")
            ),
        ],
        "restart the static pods: without its manifest the kubelet stops a pod, and starts it again \
         with it",
    )
    .on(Place::ControlPlane)
    .disrupts(Disruption::Restart)
}

/// Joins the node to a cluster.
pub fn join(summary: &str) -> Fix {
    Fix::new(summary)
        .step(
            Step::command(
                ["kubeadm", "token", "create", "--print-join-command"],
                "print the command for this node; a token is valid for 24 hours",
            )
            .on(Place::ControlPlane),
        )
        .step(Step::note("run the printed `kubeadm join …` on this node"))
}

/// Waits until the node is Ready.
pub fn ready(node: &str) -> Step {
    Step::argv(
        vec![
            "kubectl".to_owned(),
            "wait".to_owned(),
            "--for=condition=Ready".to_owned(),
            format!("node/{node}"),
            "--timeout=120s".to_owned(),
        ],
        "the node must become Ready",
    )
    .on(Place::Admin)
}

/// Takes a flag from the kubelet's command line: from the file that gives it at
/// the next start, for a process does not tell where its arguments came from.
/// No step if the next start does not give it.
pub fn remove_flag(name: &str, why: &str) -> Vec<Step> {
    let Ok(Some(flag)) = kubelet::flag(Horizon::NextBoot, name) else {
        return Vec::new();
    };
    let source = &flag.at.source;
    let line = flag
        .at
        .line
        .map_or_else(String::new, |line| format!(", line {line}"));
    let mut steps = vec![Step::note(format!(
        "remove --{name}={} from {source}{line}: {why}",
        flag.value
    ))];
    if is_of_a_unit(source) {
        steps.push(Step::daemon_reload());
    }
    steps
}

/// Whether a file is a unit or a drop-in of one, which systemd has to read
/// again after a change; the files of an environment it reads at each start.
pub fn is_of_a_unit(path: &str) -> bool {
    path.contains("/systemd/system/")
}

/// Moves the pods of this node elsewhere.
pub fn drain(why: &str) -> Step {
    let node = node_name();
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

/// Lets pods return to this node.
pub fn uncordon() -> Step {
    let node = node_name();
    Step::argv(
        ["kubectl", "uncordon", &node].map(str::to_owned).to_vec(),
        "let pods return",
    )
    .on(Place::Admin)
}

/// Boots the node, without its pods if it has joined a cluster. `verify` exits with
/// 0 once what the boot was for is there; it may be empty.
pub fn reboot(why: &str, verify: &[&str]) -> Vec<Step> {
    let joined = node::get_join_state().is_ok_and(|state| state == JoinState::Joined);
    let mut boot = Step::command(["systemctl", "reboot"], why).disrupts(Disruption::Reboot);
    if !verify.is_empty() {
        boot = boot.verify(verify.iter().copied());
    }
    if joined {
        vec![drain("the node boots anew"), boot, uncordon()]
    } else {
        vec![boot]
    }
}

/// `--hostname-override` or the host name, as the kubelet registers it: trimmed
/// and in lower case (pkg/util/node, GetHostname). `NODE` if it is not known.
pub fn node_name() -> String {
    let flag = kubelet::flag(Horizon::NextBoot, "hostname-override")
        .ok()
        .flatten();
    flag.or_else(|| node::hostname(Horizon::NextBoot).ok().flatten())
        .map(|name| name.value.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "NODE".to_owned())
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

/// Gives a field of KubeletConfiguration a value where the present one comes from:
/// `from` is the location of its [`kubelet::SettingValue`]. A flag wins over every
/// file, so it has to go; a default is overridden in the configuration file. The
/// restart is not among the steps.
pub fn set_field(at: Horizon, from: &Location, pointer: &str, json: &str, why: &str) -> Vec<Step> {
    let field = pointer.trim_start_matches('/').replace('/', ".");
    let mut steps = Vec::new();
    let main = match (kubelet::config_path(at), kubelet::config_present(at)) {
        (Ok(Some(path)), Ok(true)) => Some(path.value),
        _ => None,
    };
    let file = if from.pointer.is_some() {
        Some(from.source.clone())
    } else {
        if from.source != "default" {
            let line = from
                .line
                .map_or_else(String::new, |line| format!("line {line} of "));
            steps.push(Step::note(format!(
                "remove the flag that sets {field} from {line}{}: a flag wins over the file",
                from.source
            )));
        }
        main.clone()
    };
    match &file {
        Some(path) => steps.push(Step::set_value(path.clone(), pointer, json, why)),
        None => steps.push(Step::note(format!(
            "set {field} to {json} in the kubelet's configuration: {why}"
        ))),
    }
    if file.is_some() && file == main && node::flavour().value == "kubeadm" {
        steps.push(Step::note(format!(
            "set {field} in the ConfigMap kubelet-config of kube-system too, or the next upgrade \
             writes the old value again"
        )));
    }
    steps
}

/// The summary of a [`Judgement`] that leaves the question to another policy.
pub fn judged_by(policy: &str) -> Judgement {
    Judgement::not_applicable(format!("{policy} judges this"))
}
