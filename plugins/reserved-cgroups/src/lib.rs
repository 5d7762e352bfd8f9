//! The cgroups on which reservations are enforced are there, whole.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::quantity;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, files, kubelet, no_settings, node, runbook, runtimes, units,
};

struct ReservedCgroups;

/// A reservation: its name in enforceNodeAllocatable, its cgroup, its amounts.
const KINDS: [(&str, &str, &str, &str); 2] = [
    (
        "system-reserved",
        "/systemReservedCgroup",
        "/systemReserved",
        "System Reserved",
    ),
    (
        "kube-reserved",
        "/kubeReservedCgroup",
        "/kubeReserved",
        "Kube Reserved",
    ),
];

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

impl Policy for ReservedCgroups {
    fn describe() -> Description {
        Description::new(
            "reserved-cgroups",
            "The cgroups of enforced reservations are there",
            "each cgroup of enforceNodeAllocatable exists under the cgroup driver's name for it, \
             with every controller",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let Some(enforced) = kubelet::setting(at, "/enforceNodeAllocatable")? else {
            return Ok(Judgement::pass("nothing is enforced"));
        };
        let mut findings = Vec::new();
        let mut count = 0;
        for (kind, cgroup, amounts, title) in KINDS {
            if !enforced.json.contains(&format!("\"{kind}")) {
                continue;
            }
            count += 1;
            // A name that is missing is kubelet-config-valid's to tell.
            let named = kubelet::setting(at, cgroup)?.filter(|name| !name.display().is_empty());
            let Some(named) = named else { continue };
            let reserved = kubelet::setting(at, amounts)?;
            if reserved
                .as_ref()
                .is_none_or(|reserved| reserved.json.len() <= 2)
            {
                findings.push(nothing_reserved(at, kind, amounts, &named, &enforced));
                continue;
            }
            // The compressible part limits no memory.
            let whole = enforced.json.contains(&format!("\"{kind}\""));
            let limit = reserved.filter(|_| whole);
            let driver = kubelet::cgroup_driver(at)?.value;
            let group = Group {
                path: path_of(named.display(), &driver),
                title,
                cgroup,
                amounts,
                named,
                driver,
            };
            findings.extend(group.judge(at, limit.as_ref())?);
        }
        Ok(Judgement::of(
            findings,
            if count == 0 {
                "no reservation is enforced"
            } else {
                "the cgroups of the reservations are there"
            },
        ))
    }
}

fn nothing_reserved(
    at: Horizon,
    kind: &str,
    amounts: &str,
    named: &SettingValue,
    enforced: &SettingValue,
) -> Finding {
    let field = amounts.trim_start_matches('/');
    let left: Vec<&str> = enforced
        .json
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty() && !word.starts_with(&format!("\"{kind}")))
        .collect();
    let left = if left.is_empty() {
        "[\"pods\"]".to_owned()
    } else {
        format!("[{}]", left.join(","))
    };
    Finding::fail(
        "nothing-reserved",
        format!("the kubelet exits: {kind} is enforced and {field} is empty: `cgroup is not configured properly`"),
    )
    .evidence(named.at.clone(), named.display())
    .evidence(enforced.at.clone(), enforced.json.clone())
    .fix(
        Fix::new("reserve something, or enforce nothing")
            .step(Step::note(format!(
                "if it is meant to be enforced, set {field} to what the daemons need at their peak, \
                 such as {{cpu: 100m, memory: 512Mi}}, and leave the next step out"
            )))
            .steps(runbook::set_field(
                at,
                &enforced.at,
                "/enforceNodeAllocatable",
                &left,
                "enforce what is reserved, and nothing else",
            ))
            .step(Step::restart_kubelet()),
    )
}

/// What the driver makes of a name: systemd takes the last part, and each dash
/// of it is a level (`ParseSystemdToCgroupName`, `ToSystemd`).
fn path_of(name: &str, driver: &str) -> String {
    if driver != "systemd" {
        return format!("/{}", name.trim_matches('/'));
    }
    let base = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(name);
    let base = base.strip_suffix(".slice").unwrap_or(base);
    let mut path = String::new();
    let mut prefix = String::new();
    for part in base.split('-') {
        if !prefix.is_empty() {
            prefix.push('-');
        }
        prefix.push_str(part);
        path.push_str(&format!("/{prefix}.slice"));
    }
    path
}

/// A cgroup on which a reservation is enforced.
struct Group {
    title: &'static str,
    /// Pointers to its name and to what is reserved.
    cgroup: &'static str,
    amounts: &'static str,
    named: SettingValue,
    driver: String,
    /// Below the mount point.
    path: String,
}

/// What it lacks.
#[derive(Default)]
struct Missing {
    paths: Vec<String>,
    controllers: Vec<&'static str>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.controllers.is_empty()
    }
}

impl Group {
    fn judge(
        &self,
        at: Horizon,
        limit: Option<&SettingValue>,
    ) -> Result<Option<Finding>, Unavailable> {
        if self.path.ends_with(".service.slice") {
            let what =
                "the systemd driver makes a slice of the name, and there is none of this one";
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
                "{when}: Failed to enforce {} Cgroup Limits on {name:?}: {what}",
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
                "the slice above it does not hand them down, and neither systemd nor the kubelet \
                 makes it",
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
            missing.controllers = wanted()?
                .into_iter()
                .filter(|wanted| !has.split_whitespace().any(|known| known == *wanted))
                .collect();
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
            "whether anything makes this cgroup at boot, with every controller, is not known",
        ))
    }

    /// Whether the boot starts something in the slice.
    fn is_started(&self) -> Result<bool, Unavailable> {
        let slice = self.slice();
        if slice == "system.slice" || !units::pulled_in_by(slice)?.is_empty() {
            return Ok(true);
        }
        Ok(units::service(Horizon::NextBoot, KUBELET)?
            .is_some_and(|service| service.slice == slice))
    }

    /// Whether a command before the kubelet's start names this group or what is
    /// above it, as one that makes its directories does.
    fn is_prepared(&self) -> Result<bool, Unavailable> {
        let names = |command: &units::Command| {
            let line = command.argv.join(" ");
            let name = self.path.trim_start_matches('/');
            let above = name.split('/').next().unwrap_or(name);
            line.contains("/sys/fs/cgroup")
                && (line.contains(name)
                    || (line.contains("subtree_control") && line.contains(above)))
        };
        let at = Horizon::NextBoot;
        if units::commands(at, KUBELET, "ExecStartPre")?
            .iter()
            .any(names)
        {
            return Ok(true);
        }
        for unit in units::ordered_before(KUBELET)? {
            if unit.ends_with(".service")
                && units::commands(at, &unit, "ExecStart").is_ok_and(|all| all.iter().any(names))
            {
                return Ok(true);
            }
        }
        Ok(false)
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
        let cached: u64 = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(key, _)| caches.contains(key))
            .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
            .sum();
        let used = used.saturating_sub(cached);
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
                Fix::new("reserve what is needed")
                    .steps(runbook::set_field(
                        at,
                        &reserved.at,
                        &format!("{}/memory", self.amounts),
                        &format!("\"{enough}Mi\""),
                        "a quarter more than is in use now; look at a peak before you settle on it",
                    ))
                    .step(Step::restart_kubelet()),
            ),
        ))
    }

    /// Makes what is missing, each time before the kubelet starts.
    fn complete(&self, mode: Mode, missing: &Missing) -> Result<Fix, Unavailable> {
        let slice = self.slice();
        let fix = Fix::new(format!("make {} before the kubelet starts", self.path));
        let mut drop_in = String::new();
        let mut steps = Vec::new();
        if mode != Mode::V2 || self.driver != "systemd" {
            // systemd has no hand in cpuset and hugetlb of v1.
            drop_in.push_str("[Service]\nExecStartPre=/bin/mkdir --parents ");
            drop_in.push_str(&missing.paths.join(" "));
            drop_in.push('\n');
        } else {
            if units::get(Horizon::NextBoot, slice)?.fragment.is_none() {
                steps.push(Step::write_file(
                    format!("/etc/systemd/system/{slice}"),
                    0o644,
                    format!(
                        "[Unit]\nDescription=What {} limits\nBefore=slices.target\n",
                        self.amounts.trim_start_matches('/')
                    ),
                    "a unit for the slice",
                ));
            }
            drop_in.push_str(&format!("[Unit]\nWants={slice}\nAfter={slice}\n"));
            if self.is_nested() {
                drop_in.push_str("\n[Service]\n");
                let all = format!("+{}", wanted()?.join(" +"));
                for (end, _) in self.path.match_indices('/') {
                    drop_in.push_str(&format!(
                        "ExecStartPre=/bin/sh -c 'echo \"{all}\" > \
                         /sys/fs/cgroup{}/cgroup.subtree_control'\n",
                        &self.path[..end]
                    ));
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
        let own = units::service(Horizon::NextBoot, KUBELET)?.map(|service| service.slice);
        let runs_in = match own {
            Some(slice) if slice != "system.slice" && !slice.contains('-') => Some(slice),
            _ => None,
        };
        let system = self.title.starts_with("System");
        let slice = match &runs_in {
            _ if system => "system.slice",
            Some(slice) => slice,
            None => "runtime.slice",
        };
        let mut fix = Fix::new(format!("name {slice}"));
        let mut runtime = None;
        if !system && runs_in.is_none() {
            // Limits for the kubelet would hold for all of system.slice.
            fix = fix.step(Step::write_file(
                format!("/etc/systemd/system/{slice}"),
                0o644,
                "[Unit]\nDescription=Kubernetes node daemons\nBefore=slices.target\n",
                "a slice for the daemons of the node alone",
            ));
            runtime = runtimes::selected(at)
                .ok()
                .flatten()
                .map(|found| found.unit);
            for unit in runtime.as_deref().into_iter().chain([KUBELET]) {
                fix = fix.step(runbook::last_drop_in(
                    unit,
                    "slice.conf",
                    format!("[Service]\nSlice={slice}\n"),
                )?);
            }
        }
        fix = fix
            .steps(runbook::set_field(
                at,
                &self.named.at,
                self.cgroup,
                &format!("\"/{slice}\""),
                "a slice that is there, and no service",
            ))
            .step(Step::daemon_reload());
        if let Some(unit) = runtime {
            fix = fix.step(Step::unit(
                UnitVerb::Restart,
                unit,
                "only a new process moves; running containers stay",
            ));
        }
        Ok(fix.step(Step::restart_kubelet()))
    }
}

/// The controllers of the root group that the kubelet looks for.
fn wanted() -> Result<Vec<&'static str>, Unavailable> {
    let root = cgroups::controllers()?;
    Ok(CONTROLLERS
        .into_iter()
        .filter(|controller| root.iter().any(|known| known == controller))
        .collect())
}

fn makes_kubepods() -> Result<bool, Unavailable> {
    let setting = kubelet::setting(Horizon::NextBoot, "/cgroupsPerQOS")?;
    Ok(setting.is_none_or(|setting| setting.is_true()))
}

nodepol_plugin::policy!(ReservedCgroups);
