//! Reservations and what is enforced of them.

use nodepol_plugin::json::Json;
use nodepol_plugin::quantity::bytes;

use super::{Done, Rules, field};

const ENFORCED: &str = "/enforceNodeAllocatable";

pub(super) fn check(rules: &mut Rules) -> Done {
    enforced(rules)?;
    reserved_cgroup(rules)?;
    reserved(rules)?;
    reserved_memory(rules)
}

fn enforced(rules: &mut Rules) -> Done {
    const ID: &str = "enforce-node-allocatable";
    const QOS: &str = "/cgroupsPerQOS";
    const KINDS: [&str; 2] = ["system-reserved", "kube-reserved"];
    let enforced = rules.settings.words(ENFORCED)?;
    let settings = rules.settings;
    let has = |word: &str| enforced.iter().any(|known| known == word);
    for (index, word) in enforced.iter().enumerate() {
        let plain = word.strip_suffix("-compressible");
        let is_known = match plain {
            None => ["none", "pods"].contains(&word.as_str()) || KINDS.contains(&word.as_str()),
            Some(plain) => KINDS.contains(&plain) && settings.since(32)?,
        };
        let again = || enforced.iter().take(index).any(|known| known == word);
        let why = if !is_known {
            "is none of none, pods, system-reserved, kube-reserved and, since 1.32, these with \
             -compressible"
        } else if again() && settings.since(31)? {
            "stands there twice"
        } else if word == "none" && enforced.len() > 1 {
            "must stand alone"
        } else if plain.is_some_and(has) {
            "excludes the same without -compressible"
        } else {
            continue;
        };
        let message = format!("{word} in enforceNodeAllocatable {why}");
        rules.broken(ID, &[ENFORCED], &message);
    }
    // Before 1.31 [none] was refused as well.
    if settings.is(QOS, false)? && !enforced.is_empty() && (!has("none") || !settings.since(31)?) {
        rules.broken(
            ID,
            &[ENFORCED, QOS],
            "enforceNodeAllocatable must be empty (since 1.31 or [none]) without cgroupsPerQOS",
        );
    }
    Ok(())
}

fn reserved_cgroup(rules: &mut Rules) -> Done {
    let enforced = rules.settings.words(ENFORCED)?;
    for (kind, cgroup) in [
        ("system-reserved", "/systemReservedCgroup"),
        ("kube-reserved", "/kubeReservedCgroup"),
    ] {
        let is_enforced = enforced
            .iter()
            .any(|word| word.strip_suffix("-compressible").unwrap_or(word) == kind);
        if is_enforced && !rules.settings.is_set(cgroup)? {
            let field = field(cgroup);
            rules.broken(
                "reserved-cgroup",
                &[ENFORCED],
                &format!("{field} must be specified when {kind} is in enforceNodeAllocatable"),
            );
        }
    }
    Ok(())
}

/// `parseResourceList` in cmd/kubelet/app/server.go.
fn reserved(rules: &mut Rules) -> Done {
    const FIELDS: [&[&str; 1]; 2] = [&["/kubeReserved"], &["/systemReserved"]];
    for pointers in FIELDS {
        let [pointer] = *pointers;
        let field = field(pointer);
        let amounts = rules.settings.json(pointer)?;
        for (resource, amount) in amounts.as_ref().map(Json::entries).unwrap_or_default() {
            let amount = amount.text().unwrap_or_default();
            if !["cpu", "memory", "ephemeral-storage", "pid"].contains(&resource.as_str()) {
                rules.broken(
                    "reserved-resource",
                    pointers,
                    &format!("cannot reserve \"{resource}\" resource in {field}"),
                );
            } else if bytes(amount).is_none() {
                rules.broken(
                    "reserved-resource",
                    pointers,
                    &format!(
                        "{resource} \"{amount}\" in {field} is no quantity, or less than nothing"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// validation_reserved_memory.go.
fn reserved_memory(rules: &mut Rules) -> Done {
    const FIELD: &str = "/reservedMemory";
    let list = rules.settings.json(FIELD)?;
    let mut known: Vec<(&str, &str)> = Vec::new();
    for item in list.as_ref().map(Json::items).unwrap_or_default() {
        // Zero is not written.
        let node = item.get("numaNode").and_then(Json::text).unwrap_or("0");
        for (resource, amount) in item.get("limits").map(Json::entries).unwrap_or_default() {
            let pair = (node, resource.as_str());
            let why = if resource != "memory" && !resource.starts_with("hugepages-") {
                "only memory and hugepages-<HugePageSize> are accepted"
            } else if amount.text().and_then(bytes) == Some(0) {
                "reserved memory may not be zero"
            } else if known.contains(&pair) {
                "the reserved memory has a duplicate value"
            } else {
                known.push(pair);
                continue;
            };
            let message = format!("{resource} of NUMA node {node} in reservedMemory: {why}");
            rules.broken("reserved-memory", &[FIELD], &message);
        }
    }
    Ok(())
}
