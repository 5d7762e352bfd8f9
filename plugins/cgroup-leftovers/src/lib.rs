//! No pods are left in the cgroups of another driver.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy,
    Severity, Step, Unavailable, UnitVerb, files, kubelet, no_own_kubelet, runbook,
};

struct CgroupLeftovers;

impl Policy for CgroupLeftovers {
    fn describe() -> Description {
        Description::new(
            "cgroup-leftovers",
            "No pods are left in the cgroups of another driver",
            "of kubepods and kubepods.slice only the one of the kubelet's driver holds processes",
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
        // Without the configuration the root is the usual one.
        let root = kubelet::setting(at, "/cgroupRoot");
        let parent = match &root {
            Ok(Some(root)) => root.display(),
            _ => "/",
        };
        let cgroupfs = Tree::find("cgroupfs", cgroupfs_path(parent))?;
        let systemd = Tree::find("systemd", systemd_path(parent))?;
        if cgroupfs.has_pods && systemd.has_pods {
            return Ok(left(&cgroupfs, &systemd).into());
        }
        let Some(only) = [&cgroupfs, &systemd].into_iter().find(|tree| tree.has_pods) else {
            root?;
            return Ok(Judgement::pass("no pods run"));
        };
        let driver = kubelet::cgroup_driver(at)?;
        root?;
        if driver.value == only.driver {
            return Ok(Judgement::pass(format!(
                "all pods are in the cgroups of the {} driver",
                only.driver
            )));
        }
        let finding = Finding::warn(
            "other-tree",
            format!(
                "the pods that run are in the cgroups of the {} driver, and by its configuration \
                 the kubelet uses {}: after its next start they are outside of its limits",
                only.driver, driver.value
            ),
        )
        .evidence(Location::source(&only.path), only.driver)
        .evidence(driver.at, driver.value);
        Ok(finding.fix(fix()).into())
    }
}

/// The pods' cgroup of a driver.
struct Tree {
    driver: &'static str,
    path: String,
    has_pods: bool,
}

impl Tree {
    /// Looks whether processes are anywhere below a group. Of v1 the hierarchy of
    /// the controller that counts them is asked.
    fn find(driver: &'static str, group: String) -> Result<Self, Unavailable> {
        let group = match cgroups::get_mode(Horizon::Now)? {
            Mode::V2 => group,
            Mode::V1 | Mode::Hybrid => format!("/pids{group}"),
        };
        let path = format!("/sys/fs/cgroup{group}");
        let has_pods = files::lstat(&path)?.is_some() && is_populated(&group, &path)?;
        Ok(Self {
            driver,
            path,
            has_pods,
        })
    }
}

/// `populated` of v2 and `pids.current` of either count what is below as well.
fn is_populated(group: &str, path: &str) -> Result<bool, Unavailable> {
    if let Some(events) = cgroups::file(group, "cgroup.events")? {
        return Ok(events.lines().any(|line| line == "populated 1"));
    }
    match cgroups::file(group, "pids.current")? {
        Some(count) => Ok(count.trim_ascii() != "0"),
        None => Err(Unavailable {
            source: path.to_owned(),
            reason: "it does not say whether processes are below it".to_owned(),
        }),
    }
}

/// `/custom/kubepods` below a `cgroupRoot`.
fn cgroupfs_path(root: &str) -> String {
    format!("{}/kubepods", root.trim_end_matches('/'))
}

/// `/custom.slice/custom-kubepods.slice` (`ToSystemd` in
/// pkg/kubelet/cm/cgroup_manager_linux.go; a dash would be a level, so it becomes
/// an underscore).
fn systemd_path(root: &str) -> String {
    let mut path = String::new();
    let mut prefix = String::new();
    for part in root.split('/').chain(["kubepods"]) {
        if part.is_empty() {
            continue;
        }
        if !prefix.is_empty() {
            prefix.push('-');
        }
        prefix.extend(part.chars().map(|c| if c == '-' { '_' } else { c }));
        path.push('/');
        path.push_str(&prefix);
        path.push_str(".slice");
    }
    path
}

/// Which of the two is of before can be told if the kubelet's driver is known.
fn left(cgroupfs: &Tree, systemd: &Tree) -> Finding {
    let finding = Finding::warn(
        "two-trees",
        "the cgroup driver was changed under running pods: those of before are in another tree, \
         outside of the limits of the new one",
    );
    let driver = kubelet::cgroup_driver(Horizon::Now).ok();
    [cgroupfs, systemd]
        .into_iter()
        .fold(finding, |finding, tree| {
            let at = Location::source(&tree.path);
            match &driver {
                Some(driver) if driver.value == tree.driver => {
                    finding.explained(at, tree.driver, "the kubelet's driver")
                }
                Some(_) => finding.explained(at, tree.driver, "left of before"),
                None => finding.evidence(at, tree.driver),
            }
        })
        .fix(fix())
}

fn fix() -> Fix {
    Fix::new("start with empty cgroups")
        .step(runbook::drain("pods do not survive it"))
        .step(Step::unit(
            UnitVerb::Stop,
            "kubelet.service",
            "so that it starts nothing again",
        ))
        .step(
            Step::command(
                ["crictl", "rmp", "--all", "--force"],
                "static pods and those of daemon sets are left after a drain",
            )
            .disrupts(Disruption::Evict),
        )
        .step(
            Step::command(
                ["systemctl", "reboot"],
                "processes of the old tree end with it",
            )
            .disrupts(Disruption::Reboot),
        )
        .step(runbook::uncordon())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_driver_has_its_own_name() {
        assert_eq!(cgroupfs_path("/"), "/kubepods");
        assert_eq!(systemd_path("/"), "/kubepods.slice");
        assert_eq!(cgroupfs_path("/a/b-c"), "/a/b-c/kubepods");
        assert_eq!(
            systemd_path("/a/b-c"),
            "/a.slice/a-b_c.slice/a-b_c-kubepods.slice"
        );
    }
}

nodepol_plugin::policy!(CgroupLeftovers);
