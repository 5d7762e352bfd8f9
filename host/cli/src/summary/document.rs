//! `nodepol facts --format json`: a public contract.

use std::collections::BTreeSet;

use nodepol_facts::Facts;
use nodepol_model::{API_VERSION, Horizon, Unavailable};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// All facts, `null` where the evidence does not determine them. Values are
/// those of the next start, unless their name says otherwise.
pub(crate) fn document(facts: &Facts) -> Value {
    let runtimes = facts.runtimes.summary();
    let mut units: BTreeSet<String> = ["kubelet.service".to_owned()].into();
    units.extend(runtimes.iter().map(|summary| summary.runtime.unit.clone()));
    let units: Map<String, Value> = units
        .into_iter()
        .map(|name| {
            let unit = unit(facts, &name);
            (name, unit)
        })
        .collect();

    let mut node = to_value(&facts.node.summary());
    if let (Value::Object(node), state) = (&mut node, facts.join_state()) {
        node.insert("joinState".to_owned(), known(state));
    }
    let mut kubelet = to_value(&facts.kubelet.summary());
    if let Value::Object(kubelet) = &mut kubelet {
        // The driver that it ends up with is not always the one it is told.
        let driver = facts.kubelet_cgroup_driver(Horizon::NextBoot);
        kubelet.insert("cgroupDriver".to_owned(), known(driver));
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": "Facts",
        "takenAt": facts.evidence.snapshot().taken_at,
        "node": node,
        "units": units,
        "kubelet": kubelet,
        "runtimes": runtimes,
        "swap": facts.swap.summary(),
        "cgroups": facts.cgroups.summary(),
        "credentials": facts.certs.summary(Horizon::NextBoot),
    })
}

fn unit(facts: &Facts, name: &str) -> Value {
    let Ok(unit) = facts.units.get(Horizon::NextBoot, name) else {
        return Value::Null;
    };
    let now = facts.units.get(Horizon::Now, name).ok();
    let service = facts.units.service(Horizon::NextBoot, name).ok().flatten();
    json!({
        "loadState": unit.load_state,
        "loadError": unit.load_error,
        "enabled": unit.file_state,
        "enabledBy": known(facts.units.enabled_by(name)),
        "fragment": unit.fragment,
        "dropIns": unit.drop_ins,
        "restart": service.as_ref().map(|service| &service.restart),
        "slice": service.as_ref().map(|service| &service.slice),
        "service": service,
        "execStart": exec_start(facts, name),
        "activeState": now.as_ref().and_then(|unit| unit.active_state.as_ref()),
        "subState": now.as_ref().and_then(|unit| unit.sub_state.as_ref()),
    })
}

/// Every command line of `ExecStart=`, variables expanded.
fn exec_start(facts: &Facts, name: &str) -> Value {
    use nodepol_facts::kubelet::Starts as _;
    match facts.units.started(name, "ExecStart") {
        Ok(Some(lines)) => lines
            .into_iter()
            .map(|line| line.into_iter().map(|word| word.value).collect::<Vec<_>>())
            .collect(),
        Ok(None) | Err(_) => Value::Null,
    }
}

fn known<T: Serialize>(fact: Result<T, Unavailable>) -> Value {
    fact.map_or(Value::Null, |fact| to_value(&fact))
}

/// Facts are plain data: nothing in them cannot be written as JSON.
fn to_value<T: Serialize>(fact: &T) -> Value {
    serde_json::to_value(fact).unwrap_or(Value::Null)
}
