//! One cgroup on which a reservation is enforced: what it lacks, and how it is made
//! whole.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::quantity;
use nodepol_plugin::{
    Finding, Fix, Horizon, Location, Step, Unavailable, files, kubelet, node, runbook, units,
};

const KUBELET: &str = "kubelet.service";

/// Those that the kubelet looks for on v2.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "hugetlb", "memory", "pids"];
/// The hierarchies of v1 that it looks into, as their mounts name them.
const V1_HIERARCHIES: [&str; 7] = [
    "cpu",
    "cpuacct",
    "cpuset",
    "hugetlb",
    "memory",
    "name=systemd",
    "pids",
];

/// A cgroup on which a reservation is enforced.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    /// Pointers to its name and to what is reserved.
    pub(crate) cgroup: &'static str,
    pub(crate) amounts: &'static str,
    pub(crate) named: SettingValue,
    pub(crate) driver: String,
    /// Below the mount point.
    pub(crate) path: String,
}

/// What it lacks.
#[derive(Default)]
struct Missing {
    paths: Vec<String>,
    controllers: Vec<String>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.controllers.is_empty()
    }
}

impl Group {
    pub(crate) fn judge(
        &self,
        at: Horizon,
        limit: Option<&SettingValue>,
    ) -> Result<Option<Finding>, Unavailable> {
        if self.path.ends_with(".service.slice") {
            let what = "the driver makes a slice of it, and there is none";
            let finding = self.refused(at, "not-a-slice", what);
            return Ok(Some(finding.fix(self.name_a_slice(at)?)));
        }
        if at == Horizon::NextBoot {
            return self.next_boot();
        }
        let mode = cgroups::get_mode(at)?;
        let missing = self.missing(mode)?;
        if !missing.is_empty() {
            return Ok(Some(self.incomplete(at, mode, &missing)?));
        }
        self.too_small(at, mode, limit)
    }

    fn slice(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn is_nested(&self) -> bool {
        self.path.trim_start_matches('/').contains('/')
    }

    fn refused(&self, at: Horizon, id: &str, what: &str) -> Finding {
        let when = match at {
            Horizon::Now => "the kubelet exits",
            Horizon::NextBoot => "the kubelet exits after the next boot",
        };
        let name = self.named.display();
        Finding::fail(
            id,
            format!(
                "{when}: Failed to enforce {} Cgroup Limits on \"{name}\": {what}",
                self.title
            ),
        )
        .explained(
            self.named.at.clone(),
            name,
            format!("with the {} driver this is {}", self.driver, self.path),
        )
    }

    fn incomplete(
        &self,
        at: Horizon,
        mode: Mode,
        missing: &Missing,
    ) -> Result<Finding, Unavailable> {
        let finding = if missing.controllers.is_empty() {
            let what = format!("missing paths: {}", missing.paths.join(", "));
            self.refused(at, "missing-cgroup", &what)
        } else {
            let list = missing.controllers.join(", ");
            let what = format!("some missing controllers: {list}");
            self.refused(at, "missing-controllers", &what).explained(
                Location::source(format!("/sys/fs/cgroup{}/cgroup.controllers", self.path)),
                format!("no {list}"),
                "nothing hands them down to a slice in a slice",
            )
        };
        Ok(finding.fix(self.complete(mode, missing)?))
    }

    /// What the kubelet would miss (`Validate` of cgroup_v1_manager_linux.go and
    /// cgroup_v2_manager_linux.go).
    fn missing(&self, mode: Mode) -> Result<Missing, Unavailable> {
        let mut missing = Missing::default();
        if mode == Mode::V2 {
            let whole = format!("/sys/fs/cgroup{}", self.path);
            if files::lstat(&whole)?.is_none() {
                missing.paths.push(whole);
                return Ok(missing);
            }
            let has = cgroups::file(&self.path, "cgroup.controllers")?.unwrap_or_default();
            missing.controllers = wanted()?;
            missing
                .controllers
                .retain(|wanted| !has.split_whitespace().any(|known| known == wanted));
            // The kubelet turns every controller on in the root group when it makes
            // kubepods, before it looks at this one (runc, fs2.CreateCgroupPath).
            if !self.is_nested() && makes_kubepods()? {
                missing.controllers.clear();
            }
            return Ok(missing);
        }
        for mount in files::mounts()? {
            let serves = V1_HIERARCHIES
                .iter()
                .any(|name| mount.options.iter().any(|option| option == name));
            if mount.filesystem == "cgroup" && serves {
                let whole = format!("{}{}", mount.mount_point, self.path);
                if files::lstat(&whole)?.is_none() && !missing.paths.contains(&whole) {
                    missing.paths.push(whole);
                }
            }
        }
        Ok(missing)
    }

    /// systemd makes a slice when a unit is in it, on v1 only in the hierarchies that
    /// it manages, and hands down only the controllers that it uses.
    fn next_boot(&self) -> Result<Option<Finding>, Unavailable> {
        let at = Horizon::NextBoot;
        if self.is_prepared()? {
            return Ok(None);
        }
        let mode = cgroups::get_mode(at)?;
        let made = self.driver == "systemd" && self.is_started()?;
        if mode == Mode::V2 && made && !self.is_nested() && makes_kubepods()? {
            return Ok(None);
        }
        // What this boot left out, the next one does, if both are alike.
        let alike = node::kernel_release()?.is_some() && cgroups::get_mode(Horizon::Now)? == mode;
        if alike {
            let missing = self.missing(mode)?;
            // A slice that is only stopped is started again.
            let only_stopped = made && mode == Mode::V2 && missing.controllers.is_empty();
            if !missing.is_empty() && !only_stopped {
                return Ok(Some(self.incomplete(at, mode, &missing)?));
            }
        }
        Err(Unavailable::new(
            self.slice(),
            "whether the boot makes it, with every controller, is not known",
        ))
    }

    /// Whether the boot starts something in the slice.
    fn is_started(&self) -> Result<bool, Unavailable> {
        let slice = self.slice();
        Ok(slice == "system.slice" || !units::pulled_in_by(slice)?.is_empty())
    }

    /// Whether a command before the kubelet's start names this group or what is
    /// above it, as one that makes its directories does.
    fn is_prepared(&self) -> Result<bool, Unavailable> {
        let names = |command: &units::Command| {
            let line = command.argv.join(" ");
            line.contains("/sys/fs/cgroup")
                && (line.contains(self.path.trim_start_matches('/'))
                    || line.contains("subtree_control"))
        };
        let at = Horizon::NextBoot;
        if units::commands(at, KUBELET, "ExecStartPre")?
            .iter()
            .any(names)
        {
            return Ok(true);
        }
        let before = units::ordered_before(KUBELET)?;
        Ok(before.iter().any(|unit| {
            units::commands(at, unit, "ExecStart").is_ok_and(|all| all.iter().any(names))
        }))
    }

    /// A limit below what runs there, apart from what the kernel can take back,
    /// makes it kill.
    fn too_small(
        &self,
        at: Horizon,
        mode: Mode,
        limit: Option<&SettingValue>,
    ) -> Result<Option<Finding>, Unavailable> {
        let Some(reserved) = limit else {
            return Ok(None);
        };
        let (group, current, caches): (_, _, &[&str]) = if mode == Mode::V2 {
            (
                self.path.clone(),
                "memory.current",
                &["active_file", "inactive_file", "slab_reclaimable"],
            )
        } else {
            (
                format!("/memory{}", self.path),
                "memory.usage_in_bytes",
                &["total_active_file", "total_inactive_file"],
            )
        };
        let limit = quantity::value_of(&reserved.json, "memory").and_then(quantity::bytes);
        let used = cgroups::file(&group, current)?.and_then(|text| text.trim().parse::<u64>().ok());
        let stat = cgroups::file(&group, "memory.stat")?;
        let (Some(limit), Some(used), Some(stat)) = (limit, used, stat) else {
            return Ok(None);
        };
        let mut used = used;
        for line in stat.lines() {
            if let Some((key, value)) = line.split_once(' ')
                && caches.contains(&key)
            {
                used = used.saturating_sub(value.trim().parse().unwrap_or(0));
            }
        }
        if limit >= used {
            return Ok(None);
        }
        let enough = (used >> 20) + (used >> 22) + 1;
        Ok(Some(
            Finding::warn(
                "limit-below-usage",
                format!(
                    "the reservation limits {} to {} MiB, and {} MiB are in use: the kernel will \
                     kill what runs there",
                    self.path,
                    limit >> 20,
                    used >> 20
                ),
            )
            .evidence(reserved.at.clone(), reserved.json.clone())
            .explained(
                Location::source(format!("/sys/fs/cgroup{group}/{current}")),
                used.to_string(),
                "without caches, which the kernel can take back",
            )
            .fix(
                Fix::new("reserve more")
                    .steps(runbook::set_field(
                        at,
                        &reserved.at,
                        &format!("{}/memory", self.amounts),
                        &format!("\"{enough}Mi\""),
                        "a quarter more than now; look at a peak",
                    ))
                    .step(Step::restart_kubelet()),
            ),
        ))
    }

    /// Makes what is missing, each time before the kubelet starts.
    fn complete(&self, mode: Mode, missing: &Missing) -> Result<Fix, Unavailable> {
        let slice = self.slice();
        let fix = Fix::new("make the cgroup before the kubelet starts");
        let mut drop_in;
        let mut steps = Vec::new();
        if mode != Mode::V2 || self.driver != "systemd" {
            // systemd has no hand in cpuset and hugetlb of v1.
            let paths = missing.paths.join(" ");
            drop_in = format!("[Service]\nExecStartPre=/bin/mkdir --parents {paths}\n");
        } else {
            if units::get(Horizon::NextBoot, slice)?.fragment.is_none() {
                steps.push(Step::write_file(
                    format!("/etc/systemd/system/{slice}"),
                    0o644,
                    "[Unit]\nDescription=What the kubelet reserves for\nBefore=slices.target\n",
                    "a unit for the slice",
                ));
            }
            drop_in = format!("[Unit]\nWants={slice}\nAfter={slice}\n");
            if self.is_nested() || !missing.controllers.is_empty() {
                drop_in.push_str("\n[Service]\n");
                let all = wanted()?.join(" +");
                let mut above = String::from("/sys/fs/cgroup");
                for slice in self.path.split('/').skip(1) {
                    drop_in.push_str(&format!(
                        "ExecStartPre=/bin/sh -c 'echo \"+{all}\" > {above}/cgroup.subtree_control'\n"
                    ));
                    above.push('/');
                    above.push_str(slice);
                }
            }
        }
        Ok(fix
            .steps(steps)
            .step(runbook::last_drop_in(KUBELET, "reserved.conf", drop_in)?)
            .step(Step::daemon_reload())
            .step(Step::restart_kubelet()))
    }

    /// A service in the name's place was meant as what the daemons run in.
    fn name_a_slice(&self, at: Horizon) -> Result<Fix, Unavailable> {
        let mut json = "\"/system.slice\"";
        let mut steps = Vec::new();
        // Limits for the daemons would hold for all of system.slice.
        if !self.title.starts_with("System") {
            json = "\"/runtime.slice\"";
            steps.push(Step::write_file(
                "/etc/systemd/system/runtime.slice",
                0o644,
                "[Unit]\nDescription=Kubernetes node daemons\nBefore=slices.target\n",
                "a slice for the daemons of the node alone; slice-placement tells how the runtime \
                 moves there as well",
            ));
            let content = "[Service]\nSlice=runtime.slice\n";
            steps.push(runbook::last_drop_in(KUBELET, "slice.conf", content)?);
        }
        Ok(Fix::new("name a slice")
            .steps(steps)
            .steps(runbook::set_field(
                at,
                &self.named.at,
                self.cgroup,
                json,
                "a slice that is there, and no service",
            ))
            .step(Step::daemon_reload())
            .step(Step::restart_kubelet()))
    }
}

/// The controllers of the root group that the kubelet looks for.
fn wanted() -> Result<Vec<String>, Unavailable> {
    let mut root = cgroups::controllers()?;
    root.retain(|controller| CONTROLLERS.contains(&controller.as_str()));
    Ok(root)
}

fn makes_kubepods() -> Result<bool, Unavailable> {
    let setting = kubelet::setting(Horizon::NextBoot, "/cgroupsPerQOS")?;
    Ok(setting.is_none_or(|setting| setting.is_true()))
}
