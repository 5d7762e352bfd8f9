//! The kubelet and its runtime sit in a slice of the host, where the settings
//! for reserved resources look for them.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_own_kubelet, runtimes,
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
        let mut findings = Vec::new();
        let mut placed = vec![(KUBELET.to_owned(), own.slice.clone())];
        if let Some(runtime) = runtimes::selected(at)?
            && let Some(service) = units::service(at, &runtime.unit)?
        {
            placed.push((runtime.unit, service.slice));
        }
        for (unit, slice) in &placed {
            findings.extend(wrong_slice(at, unit, slice)?);
        }
        if let [(_, kubelet), (unit, runtime)] = placed.as_slice()
            && kubelet != runtime
            && findings.is_empty()
        {
            findings.push(different_slices(kubelet, unit, runtime)?);
        }
        findings.extend(reserved_elsewhere(at, &placed)?);
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
                    .step(move_to_slice(unit, "system.slice"))
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
            .step(move_to_slice(unit, "runtime.slice"))
            .step(move_to_slice(KUBELET, "runtime.slice"))
            .step(Step::daemon_reload())
            .step(Step::unit(
                nodepol_plugin::UnitVerb::Restart,
                unit,
                "the runtime first; running containers stay",
            ))
            .step(Step::restart_kubelet()),
    ))
}

/// `enforceNodeAllocatable: kube-reserved` limits the cgroup that
/// `kubeReservedCgroup` names; daemons outside it are not reserved for.
fn reserved_elsewhere(
    at: Horizon,
    placed: &[(String, String)],
) -> Result<Option<Finding>, Unavailable> {
    let enforced = kubelet::setting(at, "/enforceNodeAllocatable")?
        .is_some_and(|setting| setting.json.contains("\"kube-reserved\""));
    let Some(cgroup) = kubelet::setting(at, "/kubeReservedCgroup")? else {
        return Ok(None);
    };
    let name = cgroup.text.clone().unwrap_or_default();
    if !enforced || name.is_empty() {
        return Ok(None);
    }
    let systemd = kubelet::cgroup_driver(at)?.value == "systemd";
    let reserved = if systemd {
        slice_of_cgroup(&name)
    } else {
        name.clone()
    };
    let outside = placed
        .iter()
        .filter(|(_, slice)| systemd && !is_within(slice, &reserved))
        .map(|(unit, slice)| format!("{unit} ({slice})"))
        .collect::<Vec<_>>();
    if name.contains(".service") {
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
                "it names a slice, without or with its suffix",
            )
            .fix(Fix::new("name the slice").step(Step::note(
                "set kubeReservedCgroup to the slice that the daemons are in, such as /runtime",
            ))),
        ));
    }
    if outside.is_empty() {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "outside-reserved-cgroup",
            format!(
                "kube-reserved is enforced on {reserved}, and {} not in it",
                match outside.as_slice() {
                    [one] => format!("{one} is"),
                    many => format!("{} are", many.join(", ")),
                }
            ),
        )
        .evidence(cgroup.at, name)
        .fix(
            Fix::new(format!("put the daemons into {reserved}"))
                .steps(
                    placed
                        .iter()
                        .map(|(unit, _)| move_to_slice(unit, &reserved)),
                )
                .step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// How the systemd driver names a cgroup path: `/runtime` and `/runtime.slice`
/// are runtime.slice (pkg/kubelet/cm/cgroup_manager_linux.go, ToSystemd).
fn slice_of_cgroup(path: &str) -> String {
    let parts = path
        .trim_matches('/')
        .split('/')
        .map(|part| part.strip_suffix(".slice").unwrap_or(part));
    match parts.collect::<Vec<_>>().join("-") {
        name if name.is_empty() => "-.slice".to_owned(),
        name => format!("{name}.slice"),
    }
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

fn move_to_slice(unit: &str, slice: &str) -> Step {
    Step::write_file(
        format!("/etc/systemd/system/{unit}.d/20-slice.conf"),
        0o644,
        format!("[Service]\nSlice={slice}\n"),
        format!("{unit} goes into {slice}"),
    )
}

nodepol_plugin::policy!(SlicePlacement);
