//! The resource managers start: with the options of their policies, and with what
//! they remember.

mod cpus;
mod memory;
mod options;

use nodepol_plugin::configs;
use nodepol_plugin::json::Json;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, files, kubelet, no_settings, runbook,
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
            "The resource managers start with their options and with what they remember",
            "this kubelet takes the options of its CPU and topology policies; the state files of \
             the CPU and memory managers are whole, of the policy that is configured, and of \
             this machine",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let root = kubelet::flag(at, "root-dir")?
            .map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
        let mut findings = options::judge(at)?;
        for (manager, pointer, default, name) in MANAGERS {
            let path = format!("{}/{name}", root.trim_end_matches('/'));
            findings.extend(state(at, manager, pointer, default, &path)?);
        }
        Ok(Judgement::of(
            findings,
            "the options and the state files fit",
        ))
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
    let remembered = match configs::json(path, "") {
        Ok(remembered) => remembered,
        // A file that cannot be opened says nothing; one that is no JSON does.
        Err(unavailable) if unavailable.reason.starts_with("it is not json") => {
            return Ok(Some(torn("is not whole")));
        }
        Err(unavailable) => return Err(unavailable),
    };
    let remembered = remembered.and_then(|json| Json::parse(&json));
    let Some(policy) = remembered
        .as_ref()
        .and_then(|state| state.get("policyName"))
        .and_then(Json::text)
    else {
        return Ok(Some(torn("names no policy")));
    };
    if policy != wanted {
        let finding = Finding::fail(
            "other-policy",
            format!(
                "the kubelet exits: configured policy \"{wanted}\" differs from state checkpoint \
                 policy \"{policy}\" of the {manager} manager"
            ),
        )
        .evidence(place(path, "/policyName"), policy);
        let finding = match setting {
            Some(setting) => finding.evidence(setting.at, wanted),
            None => finding.evidence(Location::source("default"), wanted),
        };
        return Ok(Some(finding.fix(fix(path))));
    }
    let Some(state) = &remembered else {
        return Ok(None);
    };
    let finding = match (manager, policy) {
        ("CPU", "static") => cpus::judge(at, path, state)?,
        ("memory", "Static") => memory::judge(at, path, state)?,
        _ => None,
    };
    Ok(finding.map(|finding| finding.fix(fix(path))))
}

/// Where a value of a state file stands.
fn place(path: &str, pointer: &str) -> Location {
    match configs::get(path, pointer) {
        Ok(Some(value)) => value.at,
        _ => Location::source(path),
    }
}

fn fix(path: &str) -> Fix {
    Fix::new("let the manager forget")
        .step(runbook::drain(
            "pods keep the CPUs and memory that they were given",
        ))
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
        .step(runbook::uncordon())
}

nodepol_plugin::policy!(ResourceManagerState);
