//! What the static policy of the CPU manager makes of its state at a start
//! (`validateState` in pkg/kubelet/cm/cpumanager/policy_static.go).

use nodepol_plugin::json::Json;
use nodepol_plugin::quantity::{milli_cpus, value_of};
use nodepol_plugin::{CpuSet, Finding, Horizon, Location, Unavailable, kubelet, node};

use crate::{options, place};

/// CPUs that the system has for itself.
enum Reserved {
    /// `reservedSystemCPUs`.
    Named(CpuSet),
    /// As many as the reservations round up to; the kubelet chooses them.
    Count(u64),
}

pub(crate) fn judge(at: Horizon, path: &str, state: &Json) -> Result<Option<Finding>, Unavailable> {
    let text = |key| state.get(key).and_then(Json::text).unwrap_or_default();
    let default = text("defaultCpuSet");
    let Some(shared) = CpuSet::parse(default) else {
        return Ok(Some(exits(
            path,
            "not-a-cpu-set",
            format!("could not parse default cpu set \"{default}\""),
        )));
    };
    let mut pinned = CpuSet::default();
    let mut overlap = None;
    let mut any = false;
    for (pod, containers) in state.get("entries").map(Json::entries).unwrap_or_default() {
        any = true;
        for (container, cpus) in containers.entries() {
            let cpus = cpus.text().unwrap_or_default();
            let Some(set) = CpuSet::parse(cpus) else {
                return Ok(Some(exits(
                    path,
                    "not-a-cpu-set",
                    format!(
                        "could not parse cpuset \"{cpus}\" for container \"{container}\" in pod \"{pod}\""
                    ),
                )));
            };
            if !set.intersection(&shared).is_empty() {
                overlap.get_or_insert(format!(
                    "pod: {pod}, container: {container} cpuset: \"{cpus}\" overlaps with default \
                     cpuset \"{default}\""
                ));
            }
            pinned = pinned.union(&set);
        }
    }
    if shared.is_empty() {
        return Ok(any.then(|| {
            exits(
                path,
                "default-set-empty",
                "default cpuset cannot be empty".to_owned(),
            )
        }));
    }
    // OpenShift takes the reserved CPUs out where it partitions workloads.
    let partitioned = matches!(node::flavour().value.as_str(), "openshift" | "microshift");
    let strict = options::is_on(at, "/cpuManagerPolicyOptions/strict-cpu-reservation")?;
    let reserved = reserved(at)?;
    if let Some(finding) = reserved
        .as_ref()
        .filter(|_| !partitioned)
        .and_then(|reserved| of_reserved(path, reserved, &shared, strict))
    {
        return Ok(Some(finding));
    }
    if let Some(overlap) = overlap {
        return Ok(Some(exits(path, "overlap", overlap)));
    }
    // Whole pods have sets of their own since 1.36, behind a feature gate.
    let has_pods = state
        .get("podEntries")
        .is_some_and(|pods| !pods.entries().is_empty());
    if has_pods {
        return Ok(None);
    }
    let Some(online) = node::get_capacity()?.online_cpus else {
        return Err(Unavailable {
            source: "/sys/devices/system/cpu/online".to_owned(),
            reason: "it does not say which CPUs the machine has".to_owned(),
        });
    };
    let Some(available) = CpuSet::parse(&online) else {
        return Ok(None);
    };
    let known = shared.union(&pinned);
    let without = match &reserved {
        Some(Reserved::Named(reserved)) => Some(available.difference(reserved)),
        _ => None,
    };
    let fits = if strict {
        // Which CPUs the kubelet chooses hangs on the machine's cores.
        without.is_none_or(|without| without == known)
    } else {
        known == available || (partitioned && without.is_some_and(|without| without == known))
    };
    Ok((!fits).then(|| {
        exits(
            path,
            "other-cpus",
            format!(
                "current set of available CPUs \"{online}\" doesn't match with CPUs in state \"{known}\""
            ),
        )
        .evidence(Location::source("/sys/devices/system/cpu/online"), online)
    }))
}

fn of_reserved(path: &str, reserved: &Reserved, shared: &CpuSet, strict: bool) -> Option<Finding> {
    let message = match reserved {
        Reserved::Named(cpus) if strict => {
            let both = cpus.intersection(shared);
            (!both.is_empty()).then(|| {
                format!(
                    "some of strictly reserved cpus: \"{both}\" are present in defaultCpuSet: \
                     \"{shared}\""
                )
            })
        }
        Reserved::Named(cpus) => (!cpus.is_subset(shared)).then(|| {
            format!("not all reserved cpus: \"{cpus}\" are present in defaultCpuSet: \"{shared}\"")
        }),
        Reserved::Count(count) => (!strict && *count > u64::from(shared.len())).then(|| {
            format!("not all of {count} reserved cpus are present in defaultCpuSet: \"{shared}\"")
        }),
    }?;
    Some(exits(path, "reserved-cpus", message))
}

fn reserved(at: Horizon) -> Result<Option<Reserved>, Unavailable> {
    if let Some(named) = kubelet::setting(at, "/reservedSystemCPUs")?
        && !named.display().is_empty()
    {
        return Ok(CpuSet::parse(named.display()).map(Reserved::Named));
    }
    let mut milli = 0_u64;
    for pointer in ["/kubeReserved", "/systemReserved"] {
        if let Some(amounts) = kubelet::setting(at, pointer)? {
            let amount = value_of(&amounts.json, "cpu").and_then(milli_cpus);
            milli = milli.saturating_add(amount.unwrap_or_default());
        }
    }
    let count = milli.div_ceil(1000);
    Ok((count > 0).then_some(Reserved::Count(count)))
}

fn exits(path: &str, id: &str, message: String) -> Finding {
    let at = place(path, "/defaultCpuSet");
    let value = format!("policyName static; {id}").replace('-', " ");
    Finding::fail(id, format!("the kubelet exits: {message}")).evidence(at, value)
}
