//! The kubelet and its runtime start only after the file systems that hold their
//! state are mounted.

use nodepol_plugin::files::{self, BootMount, Mount};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, certs, configs, kubelet, no_own_kubelet, runbook, runtimes, units,
};

const KUBELET: &str = "kubelet.service";
/// Where the plugins of the pods' network are installed.
const CNI: &str = "/opt/cni/bin";

struct StateDirsMounted;

/// A place that a service needs.
struct State {
    path: String,
    service: String,
    /// It is a directory of the service's own: what is mounted below it counts.
    whole: bool,
}

impl Policy for StateDirsMounted {
    fn describe() -> Description {
        Description::new(
            "state-dirs-mounted",
            "State is mounted before the kubelet starts",
            "the kubelet and its runtime wait for the file systems that hold their state",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::Now {
            return Ok(Judgement::not_applicable(
                "the order of a boot matters at boot",
            ));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if units::get(at, KUBELET)?.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let states = states(at)?;
        let mounts = files::boot_mounts()?;
        // Of a tree it is not known what is mounted.
        let live = files::mounts().ok();
        let mut findings = Vec::new();
        for mount in &mounts {
            findings.extend(judge_mount(mount, &states, live.as_deref())?);
        }
        if let Some(live) = &live {
            findings.extend(not_persisted(live, &mounts, &states)?);
        }
        Ok(Judgement::of(
            findings,
            "what the kubelet and its runtime need is mounted before they start",
        ))
    }
}

fn states(at: Horizon) -> Result<Vec<State>, Unavailable> {
    let mut states = Vec::new();
    let mut add = |path: String, service: &str, whole: bool| {
        states.push(State {
            path,
            service: service.to_owned(),
            whole,
        });
    };
    // A flag that cannot be told leaves the default.
    let root = kubelet::flag(at, "root-dir").ok().flatten();
    let root = root.map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
    add(root, KUBELET, true);
    add("/etc/kubernetes".to_owned(), KUBELET, true);
    if let Ok(Some(config)) = kubelet::config_path(at) {
        add(config.value, KUBELET, false);
    }
    if let Ok(paths) = certs::config_paths(at) {
        add(paths.cert_dir, KUBELET, true);
        if let Some(path) = paths.kubeconfig {
            add(path, KUBELET, false);
        }
    }
    for command in units::commands(at, KUBELET, "ExecStart")? {
        if command.path.starts_with('/') {
            add(command.path, KUBELET, false);
        }
    }
    add(CNI.to_owned(), KUBELET, false);
    if let Some(runtime) = runtimes::selected(at).ok().flatten() {
        let configured = match (&runtime.config_path, runtime.name.as_str()) {
            (Some(path), "containerd") => configs::get(path, "/root").ok().flatten(),
            _ => None,
        };
        let directory = match configured.map(|value| value.scalar) {
            Some(configs::Scalar::Text(root)) if root.starts_with('/') => root,
            _ => match runtime.name.as_str() {
                "containerd" => "/var/lib/containerd",
                "cri-o" => "/var/lib/containers",
                _ => "/var/lib/docker",
            }
            .to_owned(),
        };
        add(directory, &runtime.unit, true);
    }
    Ok(states)
}

impl State {
    /// Whether a file system at `place` holds it, or a part of it.
    fn is_on(&self, place: &str) -> bool {
        let below = |path: &str, place: &str| {
            path.strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        below(&self.path, place) || (self.whole && below(place, &self.path))
    }
}

fn judge_mount(
    mount: &BootMount,
    states: &[State],
    live: Option<&[Mount]>,
) -> Result<Option<Finding>, Unavailable> {
    // The initrd mounts these before there is a manager.
    let by_initrd = mount.mount_point == "/usr" || has(mount, "x-initrd.mount");
    if by_initrd || mount.automount {
        return Ok(None);
    }
    let mut needed = states
        .iter()
        .filter(|state| state.is_on(&mount.mount_point));
    let mut last = None;
    for state in needed.by_ref() {
        if !files::mounted_before(&mount.mount_point, &state.service)? {
            let finding = if mount.started {
                not_ordered(mount, state, states)?
            } else {
                not_started(mount, state, live)?
            };
            // Plugins of a network are called long after the start.
            if state.path != CNI {
                return Ok(finding);
            }
        }
        last = Some(state);
    }
    let Some(state) = last else {
        return Ok(None);
    };
    if mount.device_present == Some(false) && !has(mount, "nofail") {
        return Ok(Some(device_missing(mount)));
    }
    other_copy(mount, state, live)
}

fn has(mount: &BootMount, option: &str) -> bool {
    mount.options.iter().any(|known| known == option)
}

fn shown(mount: &BootMount) -> String {
    mount
        .text
        .clone()
        .unwrap_or_else(|| format!("Where={}", mount.mount_point))
}

fn not_ordered(
    mount: &BootMount,
    state: &State,
    states: &[State],
) -> Result<Option<Finding>, Unavailable> {
    let why = if has(mount, "nofail") {
        "with nofail the boot does not wait for it"
    } else if has(mount, "_netdev") {
        "with _netdev it belongs to remote-fs.target, for which the service does not wait"
    } else {
        "nothing orders it before the service"
    };
    Ok(Some(
        Finding::fail(
            "mount-not-ordered",
            format!(
                "{} may start before {} is mounted, and then finds {} empty or old",
                state.service, mount.mount_point, state.path
            ),
        )
        .explained(mount.at.clone(), shown(mount), why)
        .fix(require_mounts(mount, states)?),
    ))
}

/// A line for each service that needs the mount.
fn require_mounts(mount: &BootMount, states: &[State]) -> Result<Fix, Unavailable> {
    let mut services: Vec<&str> = states
        .iter()
        .filter(|state| state.is_on(&mount.mount_point))
        .map(|state| state.service.as_str())
        .collect();
    services.sort_unstable();
    services.dedup();
    let mut fix = Fix::new(format!("start what needs {} after it", mount.mount_point));
    let mut last = KUBELET;
    for service in services {
        last = service;
        fix = fix.step(runbook::last_drop_in(
            service,
            "mounts.conf",
            format!("[Unit]\nRequiresMountsFor={}\n", mount.mount_point),
        )?);
    }
    let shows = format!(
        "systemctl show --property=RequiresMountsFor {last} | grep -qwF {}",
        mount.mount_point
    );
    Ok(fix.step(Step::daemon_reload().verify(["sh", "-c", &shows])))
}

fn is_mounted(place: &str, live: Option<&[Mount]>) -> Option<bool> {
    live.map(|live| live.iter().any(|mount| mount.mount_point == place))
}

fn not_started(
    mount: &BootMount,
    state: &State,
    live: Option<&[Mount]>,
) -> Result<Option<Finding>, Unavailable> {
    let mounted = is_mounted(&mount.mount_point, live);
    let says = if mount.text.is_some() {
        "with noauto nothing mounts it at boot"
    } else {
        "no unit of the boot pulls it in"
    };
    // What runs without it now will run without it again.
    let unused = mounted == Some(false) && kubelet::config_present(Horizon::NextBoot)?;
    if unused || (mounted.is_none() && mount.text.is_none()) {
        return Ok(Some(
            Finding::note(
                "mount-unused",
                format!("{} is not mounted at boot", mount.mount_point),
            )
            .explained(mount.at.clone(), shown(mount), says),
        ));
    }
    let step = if mount.text.is_some() {
        Step::note(format!(
            "remove noauto from the line of {} in {}, then run systemctl daemon-reload",
            mount.mount_point, mount.at.source
        ))
    } else {
        Step::unit(
            UnitVerb::Enable,
            mount.unit.clone(),
            "let the boot mount it; it needs `WantedBy=local-fs.target` in [Install]",
        )
    };
    Ok(Some(
        Finding::fail(
            "mount-not-started",
            format!(
                "nothing mounts {} at boot, and {} is on it",
                mount.mount_point, state.path
            ),
        )
        .explained(mount.at.clone(), shown(mount), says)
        .fix(Fix::new("mount it at boot").step(step)),
    ))
}

fn device_missing(mount: &BootMount) -> Finding {
    Finding::warn(
        "device-missing",
        format!(
            "{} does not exist: the boot waits for it, then ends in emergency mode",
            mount.source
        ),
    )
    .explained(
        mount.at.clone(),
        shown(mount),
        "local-fs.target requires it and fails with it",
    )
    .fix(
        Fix::new("attach the device, or correct the line").step(Step::note(format!(
            "`lsblk --fs` shows the devices and their names; write the one that holds {}",
            mount.mount_point
        ))),
    )
}

/// What is there now lies below the place of the mount: the next boot hides it.
fn other_copy(
    mount: &BootMount,
    state: &State,
    live: Option<&[Mount]>,
) -> Result<Option<Finding>, Unavailable> {
    if is_mounted(&mount.mount_point, live) != Some(false) || !mount.started {
        return Ok(None);
    }
    let Some(config) = kubelet::config_path(Horizon::NextBoot)? else {
        return Ok(None);
    };
    let covers = config
        .value
        .strip_prefix(&mount.mount_point)
        .is_some_and(|rest| rest.starts_with('/'));
    if !covers || !kubelet::config_present(Horizon::NextBoot)? {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "other-copy",
            format!(
                "{} is not mounted now and will be after a boot: {} then finds another {}",
                mount.mount_point, state.service, config.value
            ),
        )
        .explained(
            mount.at.clone(),
            shown(mount),
            "not in /proc/self/mountinfo",
        )
        .evidence(config.at, config.value)
        .fix(
            Fix::new("decide which copy is the right one").step(Step::note(format!(
                "mount {} elsewhere and compare; keep one copy of the state, where the next boot \
                 finds it",
                mount.source
            ))),
        ),
    ))
}

/// A disk of its own that is mounted by nothing that lasts.
fn not_persisted(
    live: &[Mount],
    mounts: &[BootMount],
    states: &[State],
) -> Result<Vec<Finding>, Unavailable> {
    let root = live.iter().find(|mount| mount.mount_point == "/");
    // In a container others mount.
    if root.is_none_or(|root| root.filesystem == "overlay") || mounts_itself()? {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for state in states.iter().filter(|state| state.whole) {
        let place = state.path.as_str();
        let known = mounts.iter().any(|mount| mount.mount_point == place);
        let Some(mount) = live.iter().rev().find(|mount| mount.mount_point == place) else {
            continue;
        };
        // A bind mount shows the device of the file system that it is part of.
        let parent = live
            .iter()
            .filter(|other| {
                other.mount_point == "/"
                    || place
                        .strip_prefix(other.mount_point.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            })
            .max_by_key(|other| other.mount_point.len());
        let bound = parent.is_some_and(|parent| parent.source == mount.source);
        if known || bound || !mount.source.starts_with("/dev/") || seen.contains(&place) {
            continue;
        }
        seen.push(place);
        findings.push(
            Finding::warn(
                "mount-not-persisted",
                format!(
                    "{} is mounted at {place} now, and neither /etc/fstab nor a mount unit mounts it \
                     at the next boot",
                    mount.source
                ),
            )
            .evidence(
                Location::source("/proc/self/mountinfo"),
                format!("{} {place} {}", mount.source, mount.filesystem),
            )
            .fix(Fix::new("let the boot mount it").step(Step::note(format!(
                "add a line to /etc/fstab: UUID=… {place} {} defaults 0 2 (`blkid {}` prints the \
                 UUID), then run systemctl daemon-reload",
                mount.filesystem, mount.source
            )))),
        );
    }
    Ok(findings)
}

/// AKS mounts the kubelet's directory in an `ExecStartPre=`.
fn mounts_itself() -> Result<bool, Unavailable> {
    let commands = units::commands(Horizon::NextBoot, KUBELET, "ExecStartPre")?;
    Ok(commands
        .iter()
        .any(|command| command.argv.iter().any(|word| word.contains("mount"))))
}

nodepol_plugin::policy!(StateDirsMounted);
