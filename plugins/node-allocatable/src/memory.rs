//! Memory: what is reserved of it, and what the memory manager wants to be told.

use nodepol_plugin::json::Json;
use nodepol_plugin::kubelet::{self, SettingValue};
use nodepol_plugin::quantity::{bytes, scaled, value_of};
use nodepol_plugin::{Finding, Fix, Horizon, Step, Unavailable};

use crate::{not_known, reserved, too_much};

/// What the system has for itself: reservations and the hard eviction threshold
/// (`GetNodeAllocatableReservation` in pkg/kubelet/cm/node_container_manager_linux.go).
struct Held {
    bytes: u64,
    said: Vec<SettingValue>,
    /// Nothing but the threshold: no file reserves anything.
    is_threshold: bool,
}

fn held(at: Horizon, capacity: Option<u64>) -> Result<Held, Unavailable> {
    let (mut sum, mut said) = reserved(at, "memory", bytes)?;
    let is_threshold = said.is_empty();
    if let Some(eviction) = kubelet::setting(at, "/evictionHard")?
        && let Some(text) = value_of(&eviction.json, "memory.available")
    {
        let threshold = match text.strip_suffix('%') {
            // The kubelet leaves these out.
            Some("0" | "100") => Some(0),
            Some(percent) => share(percent, capacity)?,
            None => bytes(text),
        };
        if let Some(threshold) = threshold.filter(|threshold| *threshold > 0) {
            sum = sum.saturating_add(threshold);
            said.push(eviction);
        }
    }
    Ok(Held {
        bytes: sum,
        said,
        is_threshold,
    })
}

/// A percentage of the machine's memory, with the kubelet's precision
/// (`GetThresholdQuantity` in pkg/kubelet/eviction/api/types.go).
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the kubelet does so"
)]
fn share(percent: &str, capacity: Option<u64>) -> Result<Option<u64>, Unavailable> {
    let Some(millionths) = scaled(percent, 6) else {
        return Ok(None);
    };
    let capacity = capacity.ok_or_else(|| not_known("/proc/meminfo"))?;
    let part = (millionths as f64 / 1e6) as f32 / 100.0;
    Ok(Some((capacity as f64 * f64::from(part)) as u64))
}

/// More is reserved than there is.
pub(crate) fn over_reserved(
    at: Horizon,
    capacity: Option<u64>,
) -> Result<Option<Finding>, Unavailable> {
    if reserved(at, "memory", bytes)?.1.is_empty() {
        return Ok(None);
    }
    let capacity = capacity.ok_or_else(|| not_known("/proc/meminfo"))?;
    let held = held(at, Some(capacity))?;
    Ok((held.bytes > capacity).then(|| {
        too_much(
            "memory-over-reserved",
            format!(
                "the kubelet exits: invalid Node Allocatable configuration: {} MiB of memory are \
                 reserved and the machine has {} MiB",
                held.bytes >> 20,
                capacity >> 20
            ),
            held.said,
        )
    }))
}

/// `reservedMemory` must be what is held, resource by resource
/// (`validateReservedMemory` in pkg/kubelet/cm/memorymanager/memory_manager.go).
pub(crate) fn static_manager(
    at: Horizon,
    capacity: Option<u64>,
) -> Result<Option<Finding>, Unavailable> {
    let policy = kubelet::setting(at, "/memoryManagerPolicy")?;
    let Some(policy) = policy.filter(|policy| policy.display() == "Static") else {
        return Ok(None);
    };
    let reservation = kubelet::setting(at, "/reservedMemory")?;
    let list = reservation
        .as_ref()
        .and_then(|reservation| Json::parse(&reservation.json))
        .unwrap_or(Json::Null);
    let Some(reservation) = reservation.filter(|_| !list.items().is_empty()) else {
        return Ok(Some(
            Finding::fail(
                "static-without-reserved-memory",
                "the kubelet exits: the Static memory manager needs reservedMemory, as much as \
                 kubeReserved, systemReserved and evictionHard together",
            )
            .evidence(policy.at.clone(), "Static")
            .fix(set(&policy, held(at, capacity)?.bytes)),
        ));
    };
    let mut memory = 0_u64;
    for (resource, amount) in list
        .items()
        .iter()
        .filter_map(|item| item.get("limits"))
        .flat_map(Json::entries)
    {
        // What is no quantity does not decode; kubelet-config-file tells.
        let Some(amount) = amount.text().and_then(bytes) else {
            return Ok(None);
        };
        if resource == "memory" {
            memory = memory.saturating_add(amount);
        } else if amount > 0 {
            // Of huge pages nothing can be reserved elsewhere.
            return Ok(Some(
                Finding::fail(
                    "reserved-hugepages",
                    format!(
                        "the kubelet exits: the total amount of type {resource:?} in \
                         reservedMemory is not equal to the value \"0\" determined by Node \
                         Allocatable feature"
                    ),
                )
                .evidence(reservation.at.clone(), reservation.json.clone())
                .fix(
                    Fix::new(format!("take {resource} away")).step(Step::note(format!(
                        "remove {resource} from reservedMemory in {}",
                        reservation.at.source
                    ))),
                ),
            ));
        }
    }
    let held = held(at, capacity)?;
    if memory == held.bytes {
        return Ok(None);
    }
    let finding = Finding::fail(
        "reserved-memory-differs",
        format!(
            "the kubelet exits: the total amount \"{memory}\" of type \"memory\" is not equal to \
             the value \"{}\" determined by Node Allocatable feature: reservedMemory must be as \
             much as kubeReserved, systemReserved and evictionHard together",
            held.bytes
        ),
    )
    .evidence(reservation.at.clone(), reservation.json.clone());
    let finding = held.said.iter().fold(finding, |finding, setting| {
        finding.evidence(setting.at.clone(), setting.json.clone())
    });
    let fix = if held.is_threshold || list.items().len() > 1 {
        Fix::new("make the sums equal")
            .step(Step::note(format!(
                "let the amounts of memory in reservedMemory in {} add up to {} bytes",
                reservation.at.source, held.bytes
            )))
            .step(Step::restart_kubelet())
    } else {
        set(&reservation, held.bytes)
    };
    Ok(Some(finding.fix(fix)))
}

/// All of it on the first NUMA node, which every machine has.
fn set(near: &SettingValue, bytes: u64) -> Fix {
    let why = "the sum of kubeReserved, systemReserved and evictionHard, spread over NUMA nodes as \
               you need it";
    let fix = Fix::new("reserve the same for the memory manager");
    let fix = match &near.at.pointer {
        Some(_) => fix.step(Step::set_value(
            near.at.source.clone(),
            "/reservedMemory",
            format!("[{{\"numaNode\":0,\"limits\":{{\"memory\":\"{bytes}\"}}}}]"),
            why,
        )),
        // A flag.
        None => fix.step(Step::note(format!(
            "reserve memory={bytes} in {}: {why}",
            near.at.source
        ))),
    };
    fix.step(Step::restart_kubelet())
}
