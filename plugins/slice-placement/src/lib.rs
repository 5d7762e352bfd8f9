//! The kubelet and its runtime sit in a slice of the host, where the settings
//! for reserved resources look for them.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_own_kubelet, runbook, runtimes,
};

const KUBELET: &str = "kubelet.service";

struct SlicePlacement;

impl Policy for SlicePlacement {
    fn describe() -> Description {
        Description::new(
            "slice-placement",
            "The kubelet and its runtime sit in a slice of the host",
            "kubelet and runtime are in one host slice, which matches the settings for reserved \
             cgroups",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Image, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let Some(own) = units::service(at, KUBELET)? else {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        };
        // Before a join there is no configuration that could say anything of reserved
        // groups, and where nobody knows who will write it, of the runtime.
        let configured = kubelet::config_path(at)?.is_none() || kubelet::config_present(at)?;
        let runtime = match runtimes::selected(at) {
            Err(_) if !configured => None,
            selected => selected?,
        };
        let mut findings = Vec::new();
        let mut placed = vec![(KUBELET.to_owned(), own.slice.clone())];
        if let Some(runtime) = runtime
            && let Some(service) = units::service(at, &runtime.unit)?
        {
            placed.push((runtime.unit, service.slice));
        }
        for (unit, slice) in &placed {
            findings.extend(wrong_slice(at, unit, slice)?);
        }
        if let [(_, kubelet), (unit, runtime)] = placed.as_slice()
            && top(kubelet) != top(runtime)
            && findings.is_empty()
        {
            findings.push(different_slices(kubelet, unit, runtime)?);
        }
        if configured {
            findings.extend(reserved_elsewhere(at, &placed)?);
            findings.extend(kubelet_outside_reserved(at)?);
        }
        if configured && at == Horizon::Now {
            let runtime = placed.get(1).map(|(unit, _)| unit.as_str());
            findings.extend(measured_elsewhere(runtime)?);
        }
        let places = placed
            .iter()
            .map(|(unit, slice)| format!("{unit} in {slice}"))
            .collect::<Vec<_>>();
        Ok(Judgement::of(findings, places.join(", ")))
    }
}

fn wrong_slice(at: Horizon, unit: &str, slice: &str) -> Result<Option<Finding>, Unavailable> {
    let (id, why) = if slice.starts_with("kubepods") {
        (
            "in-kubepods",
            "the kubelet manages that cgroup as the pods' own and limits what is in it",
        )
    } else if slice == "user.slice" || slice.starts_with("user-") {
        ("in-user-slice", "it dies when that user logs out")
    } else if units::get(at, slice)?.load_state == "masked" {
        ("slice-masked", "a unit in a masked slice cannot be started")
    } else {
        return Ok(None);
    };
    Ok(Some(
        Finding::fail(id, format!("{unit} is in {slice}: {why}"))
            .evidence(slice_set(unit)?, format!("Slice={slice}"))
            .fix(
                Fix::new(format!("move {unit} to a slice of the host"))
                    .step(move_to_slice(unit, "system.slice")?)
                    .step(Step::daemon_reload())
                    .step(Step::unit(
                        nodepol_plugin::UnitVerb::Restart,
                        unit,
                        "only a new process moves",
                    )),
            ),
    ))
}

fn different_slices(kubelet: &str, unit: &str, runtime: &str) -> Result<Finding, Unavailable> {
    Ok(Finding::warn(
        "different-slices",
        format!(
            "kubelet.service is in {kubelet} and {unit} in {runtime}: what is reserved for one \
                 of them does not protect the other"
        ),
    )
    .evidence(slice_set(KUBELET)?, format!("Slice={kubelet}"))
    .evidence(slice_set(unit)?, format!("Slice={runtime}"))
    .fix(
        Fix::new("put both into one slice, made for them")
            .step(Step::write_file(
                "/etc/systemd/system/runtime.slice",
                0o644,
                "[Unit]\nDescription=Kubernetes node daemons\nBefore=slices.target\n",
                "a slice beside kubepods.slice, so that pods cannot starve the daemons",
            ))
            .step(move_to_slice(unit, "runtime.slice")?)
            .step(move_to_slice(KUBELET, "runtime.slice")?)
            .step(Step::daemon_reload())
            .step(restart_runtime(unit))
            .step(Step::restart_kubelet()),
    ))
}

fn restart_runtime(unit: &str) -> Step {
    Step::unit(
        nodepol_plugin::UnitVerb::Restart,
        unit,
        "the runtime first; running containers stay",
    )
}

/// `enforceNodeAllocatable: kube-reserved` limits the cgroup that
/// `kubeReservedCgroup` names; daemons outside it are not reserved for.
fn reserved_elsewhere(
    at: Horizon,
    placed: &[(String, String)],
) -> Result<Option<Finding>, Unavailable> {
    let enforced = kubelet::setting(at, "/enforceNodeAllocatable")?.is_some_and(|setting| {
        // `"kube-reserved"` and `"kube-reserved-compressible"`
        setting.json.contains("\"kube-reserved")
    });
    let Some(cgroup) = kubelet::setting(at, "/kubeReservedCgroup")? else {
        return Ok(None);
    };
    let name = cgroup.text.clone().unwrap_or_default();
    // Under cgroupfs the name is a path as it is, and no slice.
    if !enforced || name.is_empty() || kubelet::cgroup_driver(at)?.value != "systemd" {
        return Ok(None);
    }
    let reserved = slice_of_cgroup(&name);
    if reserved.ends_with(".service.slice") {
        let daemons = placed.first().map_or("system.slice", |(_, slice)| slice);
        return Ok(Some(
            Finding::fail(
                "reserved-cgroup-is-a-service",
                format!(
                    "kubeReservedCgroup {name} becomes {reserved}, which no unit makes: the \
                     kubelet exits"
                ),
            )
            .explained(
                cgroup.at,
                name,
                "the systemd driver takes the last part and makes a slice of it",
            )
            .fix(Fix::new("name the slice").step(Step::note(format!(
                "set kubeReservedCgroup to the slice that the daemons are in, /{daemons}, in the \
                 kubelet's configuration, then restart the kubelet"
            )))),
        ));
    }
    let outside = placed
        .iter()
        .filter(|(_, slice)| !is_within(slice, &reserved))
        .collect::<Vec<_>>();
    if outside.is_empty() {
        return Ok(None);
    }
    let listed = outside
        .iter()
        .map(|(unit, slice)| format!("{unit} ({slice})"))
        .collect::<Vec<_>>();
    let runtime = outside.iter().find(|(unit, _)| unit != KUBELET);
    let moves = outside
        .iter()
        .map(|(unit, _)| move_to_slice(unit, &reserved))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(
        Finding::warn(
            "outside-reserved-cgroup",
            format!(
                "kube-reserved is enforced on {reserved}, and {} not in it",
                match listed.as_slice() {
                    [one] => format!("{one} is"),
                    many => format!("{} are", many.join(" and ")),
                }
            ),
        )
        .evidence(cgroup.at, name)
        .fix(
            Fix::new(format!("put the daemons into {reserved}"))
                .steps(moves)
                .step(Step::daemon_reload())
                .steps(runtime.map(|(unit, _)| restart_runtime(unit)))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// `kubeletCgroups` and `--runtime-cgroups` name the cgroups of which the kubelet
/// reports what they use; another one than the daemon is in has no statistics
/// (`Failed to get system container stats`).
fn measured_elsewhere(runtime: Option<&str>) -> Result<Vec<Finding>, Unavailable> {
    let at = Horizon::Now;
    let mut measured = Vec::new();
    if let Some(set) = kubelet::setting(at, "/kubeletCgroups")?
        && let Some(process) = kubelet::running()?
    {
        let name = set.text.unwrap_or_default();
        measured.push((KUBELET, "kubeletCgroups", name, set.at, process.cgroup));
    }
    if let Some(set) = kubelet::flag(at, "runtime-cgroups")?
        && let Some(unit) = runtime
    {
        let group = units::control_group(unit)?;
        measured.push((unit, "--runtime-cgroups", set.value, set.at, group));
    }
    let elsewhere =
        measured
            .into_iter()
            .filter_map(|(unit, key, name, at, group)| {
                let group = group?;
                let (wanted, is) = (name.trim_matches('/'), group.trim_matches('/'));
                let above = is
                    .strip_prefix(wanted)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                if wanted.is_empty() || above {
                    return None;
                }
                Some(
            Finding::warn(
                "measured-elsewhere",
                format!("{key} names {name}, and {unit} is in {group}: its usage is not reported"),
            )
            .evidence(at.clone(), name.clone())
            .fix(
                Fix::new(format!("let {key} name the cgroup that {unit} is in"))
                    .step(Step::note(format!(
                        "remove {key}, or set it to {group}: the kubelet finds the cgroup by \
                         itself"
                    )))
                    .step(Step::restart_kubelet()),
            ),
        )
            });
    Ok(elsewhere.collect())
}

/// The kubelet calls this an unsupported configuration, in its log only
/// (cmd/kubelet/app/server.go).
fn kubelet_outside_reserved(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let Some(own) = kubelet::setting(at, "/kubeletCgroups")? else {
        return Ok(None);
    };
    let Some(reserved) = kubelet::setting(at, "/kubeReservedCgroup")? else {
        return Ok(None);
    };
    let (name, above) = (own.display(), reserved.display());
    if name.is_empty() || above.is_empty() || name.starts_with(above) {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "kubelet-cgroups-outside-reserved",
            format!("kubeletCgroups {name} is not within kubeReservedCgroup {above}"),
        )
        .evidence(own.at.clone(), name)
        .evidence(reserved.at.clone(), above)
        .fix(
            Fix::new("let one name be the beginning of the other")
                .step(Step::note(format!(
                    "remove kubeletCgroups, or set it to a cgroup below {above}"
                )))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// How the systemd driver names a cgroup: by the last part of its path, so that
/// `/runtime`, `/runtime.slice` and `/a/runtime` all are runtime.slice
/// (pkg/kubelet/cm/cgroup_manager_linux.go, ParseSystemdToCgroupName).
fn slice_of_cgroup(path: &str) -> String {
    let base = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path);
    match base.strip_suffix(".slice").unwrap_or(base) {
        "" => "-.slice".to_owned(),
        name => format!("{name}.slice"),
    }
}

/// The slice at the top that a slice is in: `system.slice` of `system-a.slice`.
fn top(slice: &str) -> &str {
    let name = slice.strip_suffix(".slice").unwrap_or(slice);
    name.split('-').next().unwrap_or(name)
}

/// `a-b.slice` is inside `a.slice` (man systemd.slice).
fn is_within(slice: &str, parent: &str) -> bool {
    slice == parent
        || parent
            .strip_suffix(".slice")
            .is_some_and(|parent| slice.starts_with(&format!("{parent}-")))
}

fn slice_set(unit: &str) -> Result<Location, Unavailable> {
    let set = units::assignments(unit, "Service", "Slice")?;
    Ok(set
        .into_iter()
        .last()
        .map_or_else(|| Location::source("systemd default"), |set| set.at))
}

fn move_to_slice(unit: &str, slice: &str) -> Result<Step, Unavailable> {
    let content = format!("[Service]\nSlice={slice}\n");
    runbook::last_drop_in(unit, "slice.conf", content)
}

nodepol_plugin::policy!(SlicePlacement);
