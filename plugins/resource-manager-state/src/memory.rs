//! What the static policy of the memory manager makes of its state at a start
//! (`validateState` in pkg/kubelet/cm/memorymanager/policy_static.go).

use nodepol_plugin::json::Json;
use nodepol_plugin::quantity::bytes;
use nodepol_plugin::{Finding, Horizon, Location, Unavailable, kubelet, node};

use crate::place;

pub(crate) fn judge(at: Horizon, path: &str, state: &Json) -> Result<Option<Finding>, Unavailable> {
    let nodes = state
        .get("machineState")
        .map(Json::entries)
        .unwrap_or_default();
    if nodes.is_empty() {
        let any = state
            .get("entries")
            .is_some_and(|entries| !entries.entries().is_empty());
        return Ok(any.then(|| {
            Finding::fail(
                "machine-state-empty",
                "the kubelet exits: machine state can not be empty when it has memory assignments",
            )
            .evidence(place(path, "/entries"), "entries without a machineState")
        }));
    }
    if let Some(finding) = other_reservation(at, path, nodes)? {
        return Ok(Some(finding));
    }
    other_memory(path, nodes)
}

/// What the state knows of the regular memory of a NUMA node.
fn known(node: &Json, key: &str) -> Option<u64> {
    node.get("memoryMap")?
        .get("memory")?
        .get(key)?
        .text()?
        .parse()
        .ok()
}

/// `reservedMemory` was changed after the state was written.
fn other_reservation(
    at: Horizon,
    path: &str,
    nodes: &[(String, Json)],
) -> Result<Option<Finding>, Unavailable> {
    let Some(setting) = kubelet::setting(at, "/reservedMemory")? else {
        return Ok(None);
    };
    let list = Json::parse(&setting.json);
    let reserved = |numa: &str| -> Option<u64> {
        let mut reserved = 0;
        for item in list.as_ref().map(Json::items).unwrap_or_default() {
            // Zero is not written.
            let of = item.get("numaNode").and_then(Json::text).unwrap_or("0");
            if of == numa
                && let Some(amount) = item.get("limits").and_then(|limits| limits.get("memory"))
            {
                reserved = bytes(amount.text()?)?;
            }
        }
        Some(reserved)
    };
    for (numa, node) in nodes {
        if let (Some(was), Some(is)) = (known(node, "systemReserved"), reserved(numa))
            && was != is
        {
            let pointer = format!("/machineState/{numa}/memoryMap/memory/systemReserved");
            return Ok(Some(
                different(format!(
                    "{was} bytes of NUMA node {numa} were reserved as the state was written, and \
                     {is} are now"
                ))
                .evidence(place(path, &pointer), was.to_string())
                .evidence(setting.at, setting.json),
            ));
        }
    }
    Ok(None)
}

/// The machine was given other memory. The kernel's own share moves a little
/// from boot to boot, and the sum of NUMA nodes is not its total to the byte:
/// what is less than a hundredth is not told.
fn other_memory(path: &str, nodes: &[(String, Json)]) -> Result<Option<Finding>, Unavailable> {
    let mut was = 0_u64;
    for (_, node) in nodes {
        let Some(total) = known(node, "total") else {
            return Ok(None);
        };
        was = was.saturating_add(total);
    }
    let Some(is) = node::get_capacity()?.memory_bytes else {
        return Err(Unavailable {
            source: "/proc/meminfo".to_owned(),
            reason: "it does not say how much memory the machine has".to_owned(),
        });
    };
    Ok((was.abs_diff(is) > is / 100).then(|| {
        different(format!(
            "the machine had {} MiB of memory as the state was written, and has {} MiB",
            was >> 20,
            is >> 20
        ))
        .evidence(place(path, "/machineState"), format!("total {was}"))
        .evidence(Location::source("/proc/meminfo"), format!("MemTotal {is}"))
    }))
}

fn different(why: String) -> Finding {
    Finding::fail(
        "other-memory",
        format!(
            "the kubelet exits: the expected machine state is different from the real one: {why}"
        ),
    )
}
