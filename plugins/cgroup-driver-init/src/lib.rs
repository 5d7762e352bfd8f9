//! Where systemd is PID 1, the kubelet uses the systemd cgroup driver.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, cgroups, configured_later, kubelet, no_own_kubelet, node, runbook,
};

struct CgroupDriverInit;

impl Policy for CgroupDriverInit {
    fn describe() -> Description {
        Description::new(
            "cgroup-driver-init",
            "One program alone manages the cgroups",
            "the cgroup driver is systemd where systemd is PID 1, and only there",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let Some(init) = node::init(at)? else {
            return Err(Unavailable {
                source: "/proc/1/comm".to_owned(),
                reason: "which program is PID 1 cannot be told".to_owned(),
            });
        };
        let driver = kubelet::cgroup_driver(at)?;
        let systemd = init.value == "systemd";
        let finding = match (driver.value.as_str(), systemd) {
            ("systemd", true) | ("cgroupfs", false) => {
                return Ok(Judgement::pass(format!(
                    "{} under {}",
                    driver.value, init.value
                )));
            }
            ("cgroupfs", true) => two_writers(at),
            _ => Finding::fail(
                "systemd-driver-without-systemd",
                "the kubelet exits: `systemd not running on this host, cannot use systemd cgroups \
                 manager`",
            ),
        };
        let fix = if systemd {
            runbook::systemd_driver(at)
        } else {
            cgroupfs_driver(at, driver.from_runtime)
        };
        Ok(finding
            .evidence(driver.at, driver.value)
            .evidence(init.at, init.value)
            .fix(fix)
            .into())
    }
}

/// Services are started by something else than systemctl there.
fn cgroupfs_driver(at: Horizon, from_runtime: bool) -> Fix {
    let fix = Fix::new("move the kubelet and the runtime to the cgroupfs driver")
        .step(Step::note("stop the kubelet, then the runtime"))
        .step(Step::note(if from_runtime {
            "make the runtime use the cgroupfs driver: the kubelet asks it"
        } else {
            "make the runtime use the cgroupfs driver as well"
        }));
    let fix = match (kubelet::config_path(at), kubelet::config_present(at)) {
        (Ok(Some(path)), Ok(true)) => fix.step(Step::set_value(
            path.value,
            "/cgroupDriver",
            "\"cgroupfs\"",
            "the only driver that works without systemd",
        )),
        _ => fix,
    };
    fix.step(Step::note("start the runtime, then the kubelet"))
}

fn two_writers(at: Horizon) -> Finding {
    match cgroups::get_mode(at) {
        Ok(cgroups::Mode::V2) => Finding::warn(
            "two-cgroup-managers",
            "the kubelet writes cgroups behind systemd's back, and on cgroup v2 systemd takes them \
             away again: pods die with `Pod sandbox changed`",
        )
        .evidence(Location::source("/sys/fs/cgroup"), "cgroup v2"),
        _ => Finding::warn(
            "two-cgroup-managers",
            "the kubelet writes cgroups behind systemd's back: a node under pressure becomes unstable",
        ),
    }
}

nodepol_plugin::policy!(CgroupDriverInit);
