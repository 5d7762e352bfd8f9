//! The kernel has every cgroup controller that the kubelet needs.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy,
    Severity, Sourced, Step, Unavailable, files, no_own_kubelet, node,
};

struct CgroupControllers;

/// `devices` and `freezer` are no controllers of v2.
const V2: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];
const V1: [&str; 4] = ["cpu", "cpuacct", "cpuset", "memory"];
/// What runc wants of v1 besides.
const RUNTIME: [&str; 3] = ["devices", "freezer", "pids"];

impl Policy for CgroupControllers {
    fn describe() -> Description {
        Description::new(
            "cgroup-controllers",
            "The kernel has the cgroup controllers that the kubelet needs",
            "cpu, cpuset and memory (on v2 pids, on v1 cpuacct) are on in the root group",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        match at {
            Horizon::Now => now(),
            Horizon::NextBoot => next_boot(),
        }
    }
}

fn now() -> Result<Judgement, Unavailable> {
    let mode = cgroups::get_mode(Horizon::Now)?;
    let found = cgroups::controllers()?;
    let needed = if mode == Mode::V2 { V2 } else { V1 };
    let mut missing: Vec<&str> = needed
        .into_iter()
        .filter(|controller| !found.iter().any(|known| known == controller))
        .collect();
    if mode != Mode::V2 {
        let mounted: Vec<String> = files::mounts()?
            .into_iter()
            .filter(|mount| mount.filesystem == "cgroup")
            .flat_map(|mount| mount.options)
            .collect();
        for controller in V1 {
            if !missing.contains(&controller) && !mounted.iter().any(|known| known == controller) {
                missing.push(controller);
            }
        }
    }
    if missing.is_empty() {
        let runtime = runtime(mode, &found);
        if runtime.is_empty() {
            return Ok(Judgement::pass("every controller is on"));
        }
        return Ok(Finding::warn(
            "missing-runtime-controllers",
            format!(
                "the cgroup controllers {} are off: the runtime cannot start containers without \
                 them",
                runtime.join(", ")
            ),
        )
        .evidence(Location::source("/proc/cgroups"), found.join(" "))
        .fix(fix(&runtime)?)
        .into());
    }
    let source = if mode == Mode::V2 {
        "/sys/fs/cgroup/cgroup.controllers"
    } else {
        "/proc/cgroups"
    };
    let disabled = disabling(Horizon::Now, &missing).unwrap_or_default();
    let finding = Finding::fail(
        "missing-controllers",
        format!(
            "the kubelet exits: the cgroup controllers {} are off",
            missing.join(", ")
        ),
    )
    .evidence(Location::source(source), found.join(" "));
    let finding = disabled
        .iter()
        .fold(finding, |finding, word| finding.seen(word.clone()));
    Ok(finding.fix(fix(&missing)?).into())
}

/// The kubelet comes up without them, and no pod starts.
fn runtime(mode: Mode, found: &[String]) -> Vec<&'static str> {
    if mode == Mode::V2 {
        return Vec::new();
    }
    RUNTIME
        .into_iter()
        .filter(|controller| !found.iter().any(|known| known == controller))
        .collect()
}

/// Words of a command line that turn one of these controllers off, and that no
/// later one turns on again.
fn disabling(at: Horizon, controllers: &[&str]) -> Result<Vec<Sourced>, Unavailable> {
    let line = node::command_line(at)?;
    let mut words = Vec::new();
    for controller in controllers {
        let mut off = None;
        for word in &line {
            let names = |key: &str| {
                word.value
                    .strip_prefix(key)
                    .is_some_and(|list| list.split(',').any(|name| name == *controller))
            };
            if names("cgroup_disable=") {
                off = Some(word.clone());
            } else if names("cgroup_enable=") {
                off = None;
            }
        }
        words.extend(off);
    }
    words.dedup();
    Ok(words)
}

fn next_boot() -> Result<Judgement, Unavailable> {
    let lives = node::kernel_release()?.is_some();
    let disabled = match disabling(Horizon::NextBoot, &V2) {
        Ok(disabled) => disabled,
        // Nothing in sight changes what runs, or says how a tree boots.
        Err(_) if lives => return now(),
        Err(_) => {
            return Ok(Judgement::not_applicable(
                "nothing in this tree says how it boots",
            ));
        }
    };
    if let Some(first) = disabled.first() {
        let finding = Finding::fail(
            "disabled-at-boot",
            format!(
                "the kubelet exits after the next boot: {} is on the kernel's command line",
                first.value
            ),
        );
        let finding = disabled
            .iter()
            .fold(finding, |finding, word| finding.seen(word.clone()));
        return Ok(finding.fix(fix(&["memory"])?).into());
    }
    // What is off now without a word on the line stays off.
    if lives && disabling(Horizon::Now, &V2)?.is_empty() {
        return now();
    }
    Ok(Judgement::pass("nothing turns a controller off"))
}

fn fix(missing: &[&str]) -> Result<Fix, Unavailable> {
    let is_pi = files::lstat("/boot/firmware/cmdline.txt")?.is_some();
    let enable = missing
        .iter()
        .map(|name| format!("cgroup_enable={name}"))
        .collect::<Vec<_>>()
        .join(" ");
    let step = if is_pi {
        Step::note(format!(
            "append `{enable}` to the one line of /boot/firmware/cmdline.txt: the firmware of a \
             Raspberry Pi adds cgroup_disable=memory"
        ))
    } else {
        Step::note(format!(
            "remove cgroup_disable= from the kernel's command line, or add `{enable}`; a kernel \
             that was built without the controller must be replaced"
        ))
    };
    Ok(Fix::new("turn the controllers on").step(step).step(
        Step::command(["systemctl", "reboot"], "drain the node first").disrupts(Disruption::Reboot),
    ))
}

nodepol_plugin::policy!(CgroupControllers);
