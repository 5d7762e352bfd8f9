//! The cgroups on which reservations are enforced are there, whole.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::quantity;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, files, kubelet, no_settings, units,
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

/// Those that the kubelet looks for (`Exists` in cgroup_manager_linux.go).
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "hugetlb", "memory", "pids"];

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
                findings.push(nothing_reserved(kind, amounts, &named));
                continue;
            }
            // The compressible part limits no memory.
            let whole = enforced.json.contains(&format!("\"{kind}\""));
            let limit = reserved.as_ref().filter(|_| whole);
            findings.extend(group(at, title, cgroup, &named, limit)?);
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

fn nothing_reserved(kind: &str, amounts: &str, named: &SettingValue) -> Finding {
    let field = amounts.trim_start_matches('/');
    Finding::fail(
        "nothing-reserved",
        format!("the kubelet exits: {kind} is enforced and {field} is empty: `cgroup is not configured properly`"),
    )
    .evidence(named.at.clone(), named.display())
    .fix(
        Fix::new("reserve something, or enforce nothing")
            .step(Step::note(format!(
                "set {field} in {}, or take {kind} out of enforceNodeAllocatable",
                named.at.source
            )))
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

fn group(
    at: Horizon,
    title: &str,
    pointer: &str,
    named: &SettingValue,
    reserved: Option<&SettingValue>,
) -> Result<Option<Finding>, Unavailable> {
    let driver = kubelet::cgroup_driver(at)?;
    let name = named.display();
    let path = path_of(name, &driver.value);
    let says = |id: &str, what: String| {
        Finding::fail(
            id,
            format!(
                "the kubelet exits: Failed to enforce {title} Cgroup Limits on {name:?}: {what}"
            ),
        )
        .explained(
            named.at.clone(),
            name,
            format!("with the {} driver this is {path}", driver.value),
        )
        .fix(fix(pointer, named, &path))
    };
    if path.ends_with(".service.slice") {
        return Ok(Some(says(
            "not-a-slice",
            "the systemd driver makes a slice of the name, and there is none of this one"
                .to_owned(),
        )));
    }
    if at == Horizon::NextBoot {
        return made_at_boot(&path);
    }
    let missing = missing_paths(&path)?;
    if !missing.is_empty() {
        return Ok(Some(says(
            "missing-cgroup",
            format!("missing paths: {}", missing.join(", ")),
        )));
    }
    too_small(named, reserved, &path)
}

/// systemd makes a slice when a unit is in it; what else makes a group at boot
/// is not known.
fn made_at_boot(path: &str) -> Result<Option<Finding>, Unavailable> {
    let slice = path.rsplit('/').next().unwrap_or(path);
    let known = slice == "system.slice"
        || units::get(Horizon::NextBoot, slice)?.fragment.is_some()
        || units::service(Horizon::NextBoot, "kubelet.service")?
            .is_some_and(|service| service.slice == slice);
    if known {
        return Ok(None);
    }
    Err(Unavailable {
        source: slice.to_owned(),
        reason: "whether anything makes this cgroup at boot is not known".to_owned(),
    })
}

/// Where the group is not, or lacks a controller that the root has.
fn missing_paths(path: &str) -> Result<Vec<String>, Unavailable> {
    let root = cgroups::controllers()?;
    let wanted: Vec<&str> = CONTROLLERS
        .into_iter()
        .filter(|controller| root.iter().any(|known| known == controller))
        .collect();
    if cgroups::get_mode(Horizon::Now)? == Mode::V2 {
        let whole = format!("/sys/fs/cgroup{path}");
        if files::lstat(&whole)?.is_none() {
            return Ok(vec![whole]);
        }
        let has = cgroups::file(path, "cgroup.controllers")?.unwrap_or_default();
        return Ok(wanted
            .into_iter()
            .filter(|controller| !has.split_whitespace().any(|known| known == *controller))
            .map(|controller| format!("{whole} ({controller})"))
            .collect());
    }
    let mut missing = Vec::new();
    for mount in files::mounts()? {
        let serves = wanted
            .iter()
            .any(|controller| mount.options.iter().any(|option| option == controller));
        if mount.filesystem == "cgroup" && serves {
            let whole = format!("{}{path}", mount.mount_point);
            if files::lstat(&whole)?.is_none() && !missing.contains(&whole) {
                missing.push(whole);
            }
        }
    }
    Ok(missing)
}

/// A limit below what runs there makes the kernel kill it.
fn too_small(
    named: &SettingValue,
    reserved: Option<&SettingValue>,
    path: &str,
) -> Result<Option<Finding>, Unavailable> {
    let Some(reserved) = reserved else {
        return Ok(None);
    };
    let limit = quantity::value_of(&reserved.json, "memory").and_then(quantity::bytes);
    let used =
        cgroups::file(path, "memory.current")?.and_then(|text| text.trim().parse::<u64>().ok());
    let (Some(limit), Some(used)) = (limit, used) else {
        return Ok(None);
    };
    Ok((limit < used).then(|| {
        Finding::warn(
            "limit-below-usage",
            format!(
                "the reservation limits {path} to {} MiB, and {} MiB are in use: the kernel will \
                 kill what runs there",
                limit >> 20,
                used >> 20
            ),
        )
        .evidence(reserved.at.clone(), reserved.json.clone())
        .evidence(
            Location::source(format!("/sys/fs/cgroup{path}/memory.current")),
            used.to_string(),
        )
        .fix(
            Fix::new("reserve what is needed")
                .step(Step::note(format!(
                    "raise memory in {} above what {} uses at its peak",
                    reserved.at.source,
                    named.display()
                )))
                .step(Step::restart_kubelet()),
        )
    }))
}

fn fix(pointer: &str, named: &SettingValue, path: &str) -> Fix {
    let slice = path.rsplit('/').next().unwrap_or(path).to_owned();
    Fix::new("name a slice that is there, with every controller")
        .step(Step::argv(
            vec!["systemctl".to_owned(), "start".to_owned(), slice],
            "if a unit of that name is meant",
        ))
        .step(Step::note(format!(
            "or correct {} in {}: a slice such as /runtime.slice or /system.slice, never a \
             service; on cgroup v1 cpuset and hugetlb need a directory made at boot (a service \
             before kubelet.service)",
            pointer.trim_start_matches('/'),
            named.at.source
        )))
        .step(Step::restart_kubelet())
}

nodepol_plugin::policy!(ReservedCgroups);
