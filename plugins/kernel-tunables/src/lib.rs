//! The kernel is set as the kubelet wants it, or can be.

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, configured_later, files, kubelet, no_own_kubelet, no_settings,
    part_of_a_tree,
};

struct KernelTunables;

/// What the kubelet wants (`setupKernelTunables` in
/// pkg/kubelet/cm/container_manager_linux.go), and the kernel's own default.
const WANTED: [(&str, &str, Option<&str>); 6] = [
    ("kernel.keys.root_maxbytes", "25000000", Some("25000000")),
    ("kernel.keys.root_maxkeys", "1000000", Some("1000000")),
    ("kernel.panic", "10", Some("0")),
    // A choice of the kernel's build.
    ("kernel.panic_on_oops", "1", None),
    ("vm.overcommit_memory", "1", Some("0")),
    ("vm.panic_on_oom", "0", Some("0")),
];

impl Policy for KernelTunables {
    fn describe() -> Description {
        Description::new(
            "kernel-tunables",
            "The kernel is set as the kubelet wants it",
            "with protectKernelDefaults the sysctls are right, without it they can be written",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if is_awaited(at)? {
            // The flag counts, whatever the file that is still to come says.
            let flag = kubelet::flag(at, "protect-kernel-defaults")?;
            let yes = ["1", "t", "T", "true", "True", "TRUE"];
            return match flag.filter(|flag| yes.contains(&flag.value.as_str())) {
                Some(flag) => protected(at, &flag.at),
                None => writable(at),
            };
        }
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let protect = kubelet::setting(at, "/protectKernelDefaults")?;
        match protect.filter(kubelet::SettingValue::is_true) {
            Some(setting) => protected(at, &setting.at),
            None if in_user_namespace(at)? => Ok(Judgement::pass(
                "the gate KubeletInUserNamespace lets the kubelet go on with what it cannot set",
            )),
            None => writable(at),
        }
    }
}

/// Whether kubeadm will write the configuration when the node joins.
fn is_awaited(at: Horizon) -> Result<bool, Unavailable> {
    Ok(node::get_join_state()? == JoinState::InstalledNotJoined
        && configured_later(at)?.is_none()
        && kubelet::config_path(at)?.is_some()
        && !kubelet::config_present(at)?)
}

/// A value that it cannot write is only logged then (`setupKernelTunables`).
fn in_user_namespace(at: Horizon) -> Result<bool, Unavailable> {
    Ok(
        kubelet::setting(at, "/featureGates/KubeletInUserNamespace")?
            .is_some_and(|gate| gate.is_true()),
    )
}

fn protected(at: Horizon, origin: &Location) -> Result<Judgement, Unavailable> {
    let mut wrong = Vec::new();
    let mut unset = None;
    for (key, wanted, default) in WANTED {
        let (value, place) = match node::sysctl(at, key)? {
            Some(found) => (found.value.trim().to_owned(), found.at),
            None => match (on_command_line(at, key), default) {
                (Some(word), _) => (wanted_by(&word.value), word.at),
                (None, Some(_)) if part_of_a_tree()? => {
                    unset.get_or_insert(key);
                    continue;
                }
                (None, Some(default)) => (default.to_owned(), Location::source("default")),
                // What the kernel was built with shows while it runs.
                (None, None) => match node::sysctl(Horizon::Now, key) {
                    Ok(Some(live)) => (live.value.trim().to_owned(), live.at),
                    _ => continue,
                },
            },
        };
        if value != wanted {
            wrong.push((key, wanted, value, place));
        }
    }
    if let (true, Some(key)) = (wrong.is_empty(), unset) {
        return Err(Unavailable {
            source: key.to_owned(),
            reason: "nothing in this tree sets it, and the tree holds not all files of its system"
                .to_owned(),
        });
    }
    if wrong.is_empty() {
        return Ok(Judgement::pass("every sysctl is as the kubelet wants it"));
    }
    let list = wrong
        .iter()
        .map(|(key, wanted, value, _)| {
            format!(
                "{}, expected value: {wanted}, actual value: {value}",
                key.replace('.', "/")
            )
        })
        .collect::<Vec<_>>()
        .join("; ");
    let when = if at == Horizon::Now {
        "the kubelet exits"
    } else {
        "the kubelet exits after the next boot"
    };
    let mut finding = Finding::fail(
        "invalid-kernel-flag",
        format!("{when}: invalid kernel flag: {list}"),
    )
    .evidence(origin.clone(), "protectKernelDefaults: true");
    for (key, _, value, place) in &wrong {
        let place = place.clone();
        finding = finding.evidence(place, format!("{key} = {value}"));
    }
    // Files apply in the order of their names, whatever their directory.
    let usual = "90-kubelet.conf";
    let hidden = WANTED.iter().any(|(key, wanted, _)| {
        let set = node::sysctl(Horizon::NextBoot, key).ok().flatten();
        set.is_some_and(|set| {
            let name = set.at.source.rsplit('/').next().unwrap_or_default();
            set.value.trim() != *wanted && name >= usual
        })
    });
    let path = format!(
        "/etc/sysctl.d/{}",
        if hidden { "zz-kubelet.conf" } else { usual }
    );
    let content = WANTED
        .iter()
        .map(|(key, wanted, _)| format!("{key} = {wanted}\n"))
        .collect::<String>();
    Ok(finding
        .fix(
            Fix::new("set them for good")
                .step(Step::write_file(
                    path.clone(),
                    0o644,
                    content,
                    "systemd-sysctl sets them at each boot, after the other files",
                ))
                .step(Step::argv(
                    vec!["sysctl".to_owned(), format!("--load={path}")],
                    "and now",
                ))
                .step(Step::restart_kubelet()),
        )
        .into())
}

/// The kernel's own parameters for two of them (kernel-parameters.txt).
fn on_command_line(at: Horizon, key: &str) -> Option<Sourced> {
    let parameter = match key {
        "kernel.panic" => "panic=",
        "kernel.panic_on_oops" => "oops=panic",
        _ => return None,
    };
    node::command_line(at)
        .ok()?
        .into_iter()
        .rev()
        .find(|word| word.value.starts_with(parameter))
}

/// The value that a parameter gives its sysctl.
fn wanted_by(word: &str) -> String {
    word.strip_prefix("panic=").unwrap_or("1").to_owned()
}

/// Without protectKernelDefaults the kubelet writes them itself.
fn writable(at: Horizon) -> Result<Judgement, Unavailable> {
    if at == Horizon::NextBoot {
        return Ok(Judgement::pass("the kubelet sets them itself"));
    }
    let read_only = files::mounts()?.into_iter().find(|mount| {
        mount.mount_point == "/proc/sys" && mount.options.iter().any(|option| option == "ro")
    });
    let Some(mount) = read_only else {
        return Ok(Judgement::pass("the kubelet sets them itself"));
    };
    for (key, wanted, _) in WANTED {
        let right = node::sysctl(at, key)?.is_none_or(|found| found.value.trim() == wanted);
        if !right {
            return Ok(Finding::fail(
                "proc-sys-read-only",
                format!("the kubelet exits: it cannot set {key}: /proc/sys is read-only"),
            )
            .evidence(Location::source(mount.mount_point), mount.options.join(","))
            .fix(
                Fix::new("set them from outside")
                    .step(Step::note(format!(
                        "this is a container: set {key} = {wanted} on its host (in \
                         /etc/sysctl.d/90-kubelet.conf, then `sysctl --system`), or let the \
                         container write /proc/sys (LXC: lxc.mount.auto = proc:rw)"
                    )))
                    .step(Step::restart_kubelet()),
            )
            .into());
        }
    }
    Ok(Judgement::pass("every sysctl is as the kubelet wants it"))
}

nodepol_plugin::policy!(KernelTunables);
