//! What the resource managers remember fits their policies.

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::quantity::cpu_set;
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place,
    Policy, Severity, Step, Unavailable, UnitVerb, files, kubelet, no_settings, node, runbook,
};

struct ResourceManagerState;

/// The manager, its setting, its default and the file in the root directory.
const MANAGERS: [(&str, &str, &str, &str); 2] = [
    ("CPU", "/cpuManagerPolicy", "none", "cpu_manager_state"),
    (
        "memory",
        "/memoryManagerPolicy",
        "None",
        "memory_manager_state",
    ),
];

impl Policy for ResourceManagerState {
    fn describe() -> Description {
        Description::new(
            "resource-manager-state",
            "What the resource managers remember fits their policies",
            "the state files of the CPU and memory managers are whole and of the policy that is \
             configured",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let root = kubelet::flag(at, "root-dir")?
            .map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
        let mut findings = Vec::new();
        for (manager, pointer, default, name) in MANAGERS {
            let path = format!("{}/{name}", root.trim_end_matches('/'));
            findings.extend(state(at, manager, pointer, default, &path)?);
        }
        Ok(Judgement::of(findings, "the state files fit"))
    }
}

fn state(
    at: Horizon,
    manager: &str,
    pointer: &str,
    default: &str,
    path: &str,
) -> Result<Option<Finding>, Unavailable> {
    let Some(stat) = files::lstat(path)? else {
        return Ok(None);
    };
    let setting = kubelet::setting(at, pointer)?;
    let wanted = setting.as_ref().map_or_else(
        || default.to_owned(),
        |setting| setting.display().to_owned(),
    );
    let torn = |what: &str| {
        Finding::fail(
            "state-unreadable",
            format!("the kubelet exits: could not restore state from checkpoint: {path} {what}"),
        )
        .evidence(Location::source(path), what)
        .fix(fix(path))
    };
    if stat.size == 0 {
        return Ok(Some(torn("is empty, as after a loss of power")));
    }
    let remembered = match configs::get(path, "/policyName") {
        Ok(remembered) => remembered,
        // A file that cannot be opened says nothing; one that is no JSON does.
        Err(unavailable) if unavailable.reason.starts_with("it is not json") => {
            return Ok(Some(torn("is not whole")));
        }
        Err(unavailable) => return Err(unavailable),
    };
    let Some(remembered) = remembered else {
        return Ok(Some(torn("names no policy")));
    };
    let Scalar::Text(policy) = remembered.scalar else {
        return Ok(Some(torn("names no policy")));
    };
    if policy != wanted {
        let finding = Finding::fail(
            "other-policy",
            format!(
                "the kubelet exits: configured policy {wanted:?} differs from state checkpoint \
                 policy {policy:?} of the {manager} manager"
            ),
        )
        .evidence(remembered.at, policy);
        let finding = match setting {
            Some(setting) => finding.evidence(setting.at, wanted),
            None => finding.evidence(Location::source("default"), wanted),
        };
        return Ok(Some(finding.fix(fix(path))));
    }
    // With strict-cpu-reservation the reserved CPUs are none of the set.
    let strict = kubelet::setting(at, "/cpuManagerPolicyOptions/strict-cpu-reservation")?
        .is_some_and(|option| option.display() == "true");
    if manager == "CPU" && wanted == "static" && !strict {
        return other_cpus(path);
    }
    Ok(None)
}

/// The static policy wants the CPUs that it knows. With CPUs given to pods the
/// file does not tell the whole set in one place; then nothing is said.
fn other_cpus(path: &str) -> Result<Option<Finding>, Unavailable> {
    if !configs::keys(path, "/entries")?.is_empty() {
        return Ok(None);
    }
    let Some(known) = configs::get(path, "/defaultCpuSet")? else {
        return Ok(None);
    };
    let Scalar::Text(text) = &known.scalar else {
        return Ok(None);
    };
    let Some(online) = node::get_capacity()?.online_cpus else {
        return Ok(None);
    };
    if text.is_empty() || cpu_set(text) == cpu_set(&online) {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "other-cpus",
            format!(
                "the kubelet exits: current set of available CPUs {online:?} doesn't match with \
                 CPUs in state {text:?}"
            ),
        )
        .evidence(known.at, text.clone())
        .evidence(Location::source("/sys/devices/system/cpu/online"), online)
        .fix(fix(path)),
    ))
}

fn fix(path: &str) -> Fix {
    let name = runbook::node_name();
    Fix::new("let the manager forget")
        .step(
            Step::argv(
                vec![
                    "kubectl".to_owned(),
                    "drain".to_owned(),
                    name.clone(),
                    "--ignore-daemonsets".to_owned(),
                    "--delete-emptydir-data".to_owned(),
                ],
                "pods keep the CPUs and memory that they were given",
            )
            .on(Place::Admin)
            .disrupts(Disruption::Evict),
        )
        .step(Step::unit(
            UnitVerb::Stop,
            "kubelet.service",
            "it writes the file as it ends",
        ))
        .step(Step::argv(
            vec!["rm".to_owned(), path.to_owned()],
            "the kubelet makes a new one",
        ))
        .step(Step::restart_kubelet())
        .step(
            Step::argv(
                vec!["kubectl".to_owned(), "uncordon".to_owned(), name],
                "let pods return",
            )
            .on(Place::Admin),
        )
}

nodepol_plugin::policy!(ResourceManagerState);
