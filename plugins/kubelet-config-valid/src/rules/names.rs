//! Names and lists with a syntax of their own: taints, sets of CPUs, thresholds.

use nodepol_plugin::CpuSet;
use nodepol_plugin::json::Json;
use nodepol_plugin::quantity::{bytes, scaled};

use super::{Done, Rules, field};
use crate::settings::nanoseconds;

pub(super) fn check(rules: &mut Rules) -> Done {
    taints(rules)?;
    reserved_cpus(rules)?;
    eviction(rules)
}

/// `CheckTaintValidation` in pkg/util/taints.
fn taints(rules: &mut Rules) -> Done {
    const FIELD: &str = "/registerWithTaints";
    const EFFECTS: [&str; 4] = ["", "NoSchedule", "PreferNoSchedule", "NoExecute"];
    let list = rules.settings.json(FIELD)?;
    for taint in list.as_ref().map(Json::items).unwrap_or_default() {
        let text = |key| taint.get(key).and_then(Json::text).unwrap_or_default();
        let (key, value, effect) = (text("key"), text("value"), text("effect"));
        let (what, text) = if !EFFECTS.contains(&effect) {
            ("effect", effect)
        } else if !is_qualified_name(key) {
            ("key", key)
        } else if !value.is_empty() && !is_name(value) {
            ("value", value)
        } else if taint.get("timeAdded").is_some_and(|at| *at != Json::Null) {
            ("timeAdded", "not empty")
        } else {
            continue;
        };
        let message = format!("invalid taint {what} \"{text}\" in registerWithTaints");
        rules.broken("taint", &[FIELD], &message);
    }
    Ok(())
}

/// `prefix/name` (k8s.io/apimachinery/pkg/util/validation).
fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((prefix, name)) => {
            let is_label = |label: &str| {
                is_name(label)
                    && label
                        .bytes()
                        .all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            };
            prefix.len() <= 253 && prefix.split('.').all(is_label) && is_name(name)
        }
    }
}

fn is_name(name: &str) -> bool {
    let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

fn reserved_cpus(rules: &mut Rules) -> Done {
    const FIELD: &str = "/reservedSystemCPUs";
    const GROUPS: [&str; 2] = ["/systemReservedCgroup", "/kubeReservedCgroup"];
    let Some(cpus) = rules.settings.text(FIELD)?.filter(|cpus| !cpus.is_empty()) else {
        return Ok(());
    };
    if cpus.split(',').any(str::is_empty) || CpuSet::parse(&cpus).is_none() {
        rules.broken(
            "reserved-cpus",
            &[FIELD],
            &format!("unable to parse reservedSystemCPUs \"{cpus}\""),
        );
    }
    if rules.settings.is_set(GROUPS[0])? || rules.settings.is_set(GROUPS[1])? {
        rules.broken(
            "reserved-cpus",
            &[FIELD, GROUPS[0], GROUPS[1]],
            "reservedSystemCPUs cannot be used with systemReservedCgroup or kubeReservedCgroup",
        );
    }
    Ok(())
}

/// `ParseThresholdConfig` in pkg/kubelet/eviction/helpers.go.
fn eviction(rules: &mut Rules) -> Done {
    const HARD: &str = "/evictionHard";
    const SOFT: &str = "/evictionSoft";
    const GRACE: &str = "/evictionSoftGracePeriod";
    const RECLAIM: &str = "/evictionMinimumReclaim";
    const SIGNALS: [&str; 9] = [
        "memory.available",
        "nodefs.available",
        "nodefs.inodesFree",
        "imagefs.available",
        "imagefs.inodesFree",
        "containerfs.available",
        "containerfs.inodesFree",
        "allocatableMemory.available",
        "pid.available",
    ];
    const FIELDS: [&[&str; 1]; 4] = [&[HARD], &[SOFT], &[GRACE], &[RECLAIM]];
    for pointers in FIELDS {
        let [pointer] = *pointers;
        let field = field(pointer);
        let map = rules.settings.said(pointer)?;
        for (signal, value) in map.as_ref().map(Json::entries).unwrap_or_default() {
            let value = value.text().unwrap_or_default();
            let is_legal = match (pointer, value.strip_suffix('%')) {
                (GRACE, _) => nanoseconds(value).is_some_and(|period| period >= 0),
                (RECLAIM, Some(percent)) => scaled(percent, 6).is_some_and(|part| part > 0),
                (RECLAIM, None) => bytes(value).is_some(),
                (_, Some(percent)) => scaled(percent, 6).is_some_and(|part| part <= 100_000_000),
                (_, None) => bytes(value).is_some_and(|bytes| bytes > 0),
            };
            if !SIGNALS.contains(&signal.as_str()) {
                rules.broken(
                    "eviction",
                    pointers,
                    &format!("unsupported eviction signal {signal} in {field}"),
                );
            } else if !is_legal {
                rules.broken(
                    "eviction",
                    pointers,
                    &format!("{signal} \"{value}\" in {field} is no amount that it may have"),
                );
            }
        }
    }
    let soft = rules.settings.said(SOFT)?;
    let grace = rules.settings.said(GRACE)?;
    for (signal, value) in soft.as_ref().map(Json::entries).unwrap_or_default() {
        let has = grace
            .as_ref()
            .is_some_and(|grace| grace.get(signal).is_some());
        // The kubelet leaves these out.
        if !has && !matches!(value.text(), Some("0%" | "100%")) {
            rules.broken(
                "eviction",
                &[SOFT],
                &format!("grace period must be specified for the soft eviction threshold {signal}"),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_labels() {
        for good in [
            "a",
            "node-role.kubernetes.io/control-plane",
            "A_b.c",
            "x.y/Z",
        ] {
            assert!(is_qualified_name(good), "{good}");
        }
        for bad in [
            "", "-a", "a-", "a b", "/a", "a/", "A.b/c", "a/b/c", "a..b/c",
        ] {
            assert!(!is_qualified_name(bad), "{bad}");
        }
        assert!(!is_name(&"a".repeat(64)));
    }
}
