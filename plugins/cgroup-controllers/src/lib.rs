//! The kernel has every cgroup controller that the kubelet needs.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, files, kernel_arguments, no_own_kubelet, node, runbook,
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
        .fix(fix(&runtime, &disabled_now(mode, &runtime)))
        .into());
    }
    let source = if mode == Mode::V2 {
        "/sys/fs/cgroup/cgroup.controllers"
    } else {
        "/proc/cgroups"
    };
    let disabled = disabled_now(mode, &missing);
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
        .fold(finding, |finding, (_, word)| finding.seen(word.clone()));
    Ok(finding.fix(fix(&missing, &disabled)).into())
}

fn disabled_now(mode: Mode, controllers: &[&str]) -> Vec<(String, Sourced)> {
    node::command_line(Horizon::Now)
        .map(|line| disabling(&line, Some(mode), controllers))
        .unwrap_or_default()
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
/// later one turns on again, each with its controller.
fn disabling(line: &[Sourced], mode: Option<Mode>, controllers: &[&str]) -> Vec<(String, Sourced)> {
    let mut words = Vec::new();
    for controller in controllers {
        let mut off = None;
        for word in line {
            let names = |key: &str| {
                word.value
                    .strip_prefix(key)
                    .is_some_and(|list| list.split(',').any(|name| name == *controller))
            };
            // Kept for v2, a controller is not there for v1.
            let kept = mode.is_some_and(|mode| mode != Mode::V2) && names("cgroup_no_v1=");
            if names("cgroup_disable=") || kept {
                off = Some(word.clone());
            } else if names("cgroup_enable=") {
                off = None;
            }
        }
        words.extend(off.map(|word| ((*controller).to_owned(), word)));
    }
    words
}

fn next_boot() -> Result<Judgement, Unavailable> {
    let lives = node::kernel_release()?.is_some();
    let mode = cgroups::get_mode(Horizon::NextBoot).ok();
    let needed = match mode {
        Some(Mode::V1 | Mode::Hybrid) => V1,
        _ => V2,
    };
    let configured = match node::command_line(Horizon::NextBoot) {
        Ok(line) => line,
        // Nothing in sight changes what runs, or says how a tree boots.
        Err(_) if lives => return now(),
        Err(_) => {
            return Ok(Judgement::not_applicable(
                "nothing in this tree says how it boots",
            ));
        }
    };
    let mut disabled = disabling(&configured, mode, &needed);
    let running = if lives {
        disabling(&node::command_line(Horizon::Now)?, mode, &needed)
    } else {
        Vec::new()
    };
    // The firmware of a board puts words of its own before those of this file.
    let by_firmware = configured
        .first()
        .is_some_and(|word| word.at.source.ends_with("/cmdline.txt"));
    if by_firmware && !running.is_empty() {
        let there = cgroups::controllers()?;
        let enabled = |controller: &str| {
            let word = format!("cgroup_enable={controller}");
            configured.iter().any(|known| known.value == word)
        };
        disabled.extend(
            running
                .iter()
                .filter(|(controller, _)| !enabled(controller) && !there.contains(controller))
                .cloned(),
        );
    }
    if !disabled.is_empty() {
        let controllers: Vec<&str> = disabled
            .iter()
            .map(|(controller, _)| controller.as_str())
            .collect();
        let finding = Finding::fail(
            "disabled-at-boot",
            format!(
                "the kubelet exits after the next boot: the kernel's command line turns {} off",
                controllers.join(", ")
            ),
        );
        let finding = disabled.iter().fold(finding, |finding, (_, word)| {
            if word.at.source == "/proc/cmdline" {
                finding.explained(
                    word.at.clone(),
                    word.value.clone(),
                    "no file says it: the firmware adds it at each boot",
                )
            } else {
                finding.seen(word.clone())
            }
        });
        return Ok(finding.fix(fix(&controllers, &disabled)).into());
    }
    // What is off now without a word on the line stays off.
    if lives && running.is_empty() {
        return now();
    }
    Ok(Judgement::pass("nothing turns a controller off"))
}

/// `words` are those that turn them off.
fn fix(missing: &[&str], words: &[(String, Sourced)]) -> Fix {
    // What the firmware adds is in no file.
    let configured = node::command_line(Horizon::NextBoot).ok();
    let in_a_file = |word: &Sourced| {
        configured
            .as_ref()
            .is_none_or(|line| line.iter().any(|known| known.value == word.value))
    };
    let mut remove: Vec<String> = words
        .iter()
        .filter(|(_, word)| in_a_file(word))
        .map(|(_, word)| word.value.clone())
        .collect();
    remove.sort_unstable();
    remove.dedup();
    // Only kernels of Debian and of boards know this word, and others pass over it.
    let add: Vec<String> = missing
        .iter()
        .map(|name| format!("cgroup_enable={name}"))
        .collect();
    let mut fix = Fix::new("turn the controllers on");
    if words.is_empty() {
        fix = fix.step(Step::note(format!(
            "look whether the kernel was built with them: {} in `/boot/config-$(uname -r)` or \
             `zcat /proc/config.gz`; if not, install another kernel instead of the next step",
            missing
                .iter()
                .map(|name| option(name))
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    fix.steps(kernel_arguments(&remove, &add))
        .steps(runbook::reboot("the command line counts from then on", &[]))
}

/// The option of the kernel's build.
fn option(controller: &str) -> &'static str {
    match controller {
        "cpu" => "CONFIG_CGROUP_SCHED",
        "cpuacct" => "CONFIG_CGROUP_CPUACCT",
        "cpuset" => "CONFIG_CPUSETS",
        "devices" => "CONFIG_CGROUP_DEVICE",
        "freezer" => "CONFIG_CGROUP_FREEZER",
        "pids" => "CONFIG_CGROUP_PIDS",
        _ => "CONFIG_MEMCG",
    }
}

nodepol_plugin::policy!(CgroupControllers);
