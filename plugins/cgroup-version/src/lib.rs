//! The kubelet runs on the node's cgroup version.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, configured_later, kernel_arguments, kubelet, no_own_kubelet, node, runbook,
};

struct CgroupVersion;

impl Policy for CgroupVersion {
    fn describe() -> Description {
        Description::new(
            "cgroup-version",
            "The kubelet runs on this cgroup version",
            "cgroup v2, or a kubelet that is told to run on v1",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let version = kubelet::get_version()?;
        if let Some(version) = &version
            && version.minor <= 30
        {
            return Ok(Judgement::pass(format!(
                "kubelet {} runs on both",
                version.text
            )));
        }
        let mode = match cgroups::get_mode(at) {
            Ok(mode) => mode,
            // Of an image of which nothing says how it boots, nothing is said.
            Err(_) if node::kernel_release()?.is_none() => {
                return Ok(Judgement::not_applicable(
                    "nothing in this tree says how it boots",
                ));
            }
            Err(unavailable) => return Err(unavailable),
        };
        if mode == Mode::V2 {
            return v2(at);
        }
        let Some(version) = version else {
            return Err(Unavailable {
                source: "kubelet".to_owned(),
                reason: "its version is not known, and whether it runs on cgroup v1 hangs on it"
                    .to_owned(),
            });
        };
        v1(at, mode, version.minor)
    }
}

fn v2(at: Horizon) -> Result<Judgement, Unavailable> {
    let old = match (at, node::kernel_release()?) {
        // A distribution may have brought the file to an older kernel.
        (Horizon::Now, Some(release))
            if is_before_5_8(&release) && cgroups::file("/", "cpu.stat")?.is_none() =>
        {
            release
        }
        _ => return Ok(Judgement::pass("cgroup v2")),
    };
    Ok(Finding::warn(
        "kernel-before-5-8",
        format!("kernel {old} has cgroup v2 without a root cpu.stat: the kubelet's figures are incomplete"),
    )
    .evidence(Location::source("/proc/sys/kernel/osrelease"), old)
    .evidence(Location::source("/sys/fs/cgroup/cpu.stat"), "does not exist")
    .fix(Fix::new("use a newer kernel").step(Step::note("install a kernel 5.8 or later")))
    .into())
}

fn is_before_5_8(release: &str) -> bool {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
    matches!((next(), next()), (Some(major), Some(minor)) if (major, minor) < (5, 8))
}

/// `failCgroupV1` and where it is said. Before a join there is no configuration
/// yet, and kubeadm's says nothing of it.
fn refuses(at: Horizon, minor: u32) -> Result<(bool, Location), Unavailable> {
    let by_default = (minor >= 35, Location::source("default"));
    if kubelet::config_path(at)?.is_some() && !kubelet::config_present(at)? {
        return Ok(
            kubelet::flag(at, "fail-cgroupv1")?.map_or(by_default, |flag| {
                let off = ["0", "f", "F", "false", "False", "FALSE"].contains(&flag.value.as_str());
                (!off, flag.at)
            }),
        );
    }
    Ok(kubelet::setting(at, "/failCgroupV1")?
        .map_or(by_default, |setting| (setting.is_true(), setting.at)))
}

fn v1(at: Horizon, mode: Mode, minor: u32) -> Result<Judgement, Unavailable> {
    let (refused, origin) = refuses(at, minor)?;
    let name = if mode == Mode::Hybrid {
        "cgroup v1 (the hybrid hierarchy counts as v1)"
    } else {
        "cgroup v1"
    };
    let when = if at == Horizon::Now {
        "the node runs"
    } else {
        "the node will boot"
    };
    let mut findings = vec![
        if refused {
            Finding::fail(
                "v1-refused",
                format!("{when} with {name}, and the kubelet is configured to not run there"),
            )
            .explained(
                origin.clone(),
                "failCgroupV1: true",
                "true by default since 1.35",
            )
        } else {
            Finding::warn(
                "v1-in-maintenance",
                format!("{when} with {name}, which a later kubelet will not run on"),
            )
            .evidence(origin.clone(), "failCgroupV1: false")
        }
        .evidence(Location::source("/sys/fs/cgroup"), name)
        .fix(fix(at, refused, &origin)),
    ];
    if let Ok(Some(single)) = kubelet::setting(at, "/singleProcessOOMKill")
        && !single.is_default
        && !single.is_true()
    {
        findings.push(
            Finding::fail(
                "single-process-oom-kill",
                "the kubelet exits: singleProcessOOMKill false is for cgroup v2",
            )
            .evidence(single.at.clone(), "false")
            .fix(
                Fix::new("set it to true")
                    .steps(runbook::set_field(
                        at,
                        &single.at,
                        "/singleProcessOOMKill",
                        "true",
                        "on cgroup v1 only true is possible",
                    ))
                    .step(Step::restart_kubelet()),
            ),
        );
    }
    Ok(Judgement::of(findings, name))
}

/// Runbook: the command line and a reboot, or a stop-gap without one.
fn fix(at: Horizon, refused: bool, origin: &Location) -> Fix {
    const KEY: &str = "systemd.unified_cgroup_hierarchy";
    let line = node::command_line(Horizon::NextBoot)
        .or_else(|_| node::command_line(Horizon::Now))
        .unwrap_or_default();
    // A word that asks for v1 may stand behind the one that is added.
    let mut remove: Vec<String> = line
        .into_iter()
        .map(|word| word.value)
        .filter(|word| {
            let (name, value) = word.split_once('=').unwrap_or((word, "1"));
            (name == KEY && ["0", "no", "false", "off"].contains(&value))
                || name == "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE"
        })
        .collect();
    remove.dedup();
    let mut fix = Fix::new("boot with cgroup v2")
        .steps(kernel_arguments(&remove, &[format!("{KEY}=1")]))
        .steps(runbook::reboot(
            "systemd mounts what the kernel's command line says",
            &["test", "-e", "/sys/fs/cgroup/cgroup.controllers"],
        ));
    if !refused {
        return fix;
    }
    fix = fix.step(Step::note(
        "if it cannot reboot now, the following is a stop-gap until a kubelet without cgroup v1",
    ));
    if matches!(kubelet::config_present(at), Ok(true)) {
        return fix
            .steps(runbook::set_field(
                at,
                origin,
                "/failCgroupV1",
                "false",
                "let the kubelet run on cgroup v1 for now",
            ))
            .step(Step::restart_kubelet());
    }
    fix.step(Step::note(
        "before the join: kubeadm refuses cgroup v1 by itself, so join with \
         --ignore-preflight-errors=SystemVerification and with failCgroupV1: false in the \
         KubeletConfiguration of the cluster (ConfigMap kubelet-config of kube-system)",
    ))
}

nodepol_plugin::policy!(CgroupVersion);
