//! No pods are left in the cgroups of another driver.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place,
    Policy, Severity, Step, Unavailable, UnitVerb, files, no_own_kubelet, runbook,
};

struct CgroupLeftovers;

impl Policy for CgroupLeftovers {
    fn describe() -> Description {
        Description::new(
            "cgroup-leftovers",
            "No pods are left in the cgroups of another driver",
            "kubepods and kubepods.slice do not both hold processes",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "a boot starts with empty cgroups",
            ));
        }
        let places: &[(&str, &str)] = match cgroups::get_mode(at)? {
            Mode::V2 => &[("/kubepods", "/kubepods.slice")],
            Mode::V1 | Mode::Hybrid => &[("/memory/kubepods", "/memory/kubepods.slice")],
        };
        for (plain, slice) in places {
            if is_populated(plain)? && is_populated(slice)? {
                return Ok(both(plain, slice).into());
            }
        }
        Ok(Judgement::pass("all pods are in the cgroups of one driver"))
    }
}

/// v2 says whether a process is below; of v1 the group's being there must do.
fn is_populated(group: &str) -> Result<bool, Unavailable> {
    if files::lstat(&format!("/sys/fs/cgroup{group}"))?.is_none() {
        return Ok(false);
    }
    Ok(cgroups::file(group, "cgroup.events")?
        .is_none_or(|events| events.lines().any(|line| line == "populated 1")))
}

fn both(plain: &str, slice: &str) -> Finding {
    Finding::warn(
        "two-trees",
        "the cgroup driver was changed under running pods: those of before are in another tree, \
         outside of the limits of the new one",
    )
    .evidence(
        Location::source(format!("/sys/fs/cgroup{plain}")),
        "cgroupfs",
    )
    .evidence(
        Location::source(format!("/sys/fs/cgroup{slice}")),
        "systemd",
    )
    .fix(
        Fix::new("start with empty cgroups")
            .step(
                Step::argv(
                    vec![
                        "kubectl".to_owned(),
                        "drain".to_owned(),
                        runbook::node_name(),
                        "--ignore-daemonsets".to_owned(),
                        "--delete-emptydir-data".to_owned(),
                    ],
                    "pods do not survive it",
                )
                .on(Place::Admin)
                .disrupts(Disruption::Evict),
            )
            .step(Step::unit(
                UnitVerb::Stop,
                "kubelet.service",
                "so that it starts nothing again",
            ))
            .step(
                Step::command(
                    ["systemctl", "reboot"],
                    "processes of the old tree end with it",
                )
                .disrupts(Disruption::Reboot),
            )
            .step(
                Step::argv(
                    vec![
                        "kubectl".to_owned(),
                        "uncordon".to_owned(),
                        runbook::node_name(),
                    ],
                    "let pods return",
                )
                .on(Place::Admin),
            ),
    )
}

nodepol_plugin::policy!(CgroupLeftovers);
