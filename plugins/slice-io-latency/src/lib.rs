//! io.latency protects the daemons' slice against the pods.
//!
//! A group's target throttles its siblings that have a higher target or none
//! (Documentation/admin-guide/cgroup-v2.rst, "IO Latency"), so the daemons'
//! slice must have the lower one.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, Value, cgroups, no_own_kubelet,
};

const KUBELET: &str = "kubelet.service";
const PODS: &str = "kubepods.slice";
const STATE: &str = "/var/lib/kubelet";

struct SliceIoLatency;

impl Policy for SliceIoLatency {
    fn describe() -> Description {
        Description::new(
            "slice-io-latency",
            "The daemons' disk latency is protected against the pods",
            "the slice of the daemons has an io.latency target, lower than that of kubepods.slice",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Boot, Phase::Running])
        .parameter(
            "require",
            Value::Boolean(false),
            "warn if no target is set at all (few nodes have one)",
        )
    }

    fn judge(at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if cgroups::get_mode(at)? != cgroups::Mode::V2 {
            return Ok(Judgement::not_applicable(
                "io.latency exists on cgroup v2 only",
            ));
        }
        let Some(service) = units::service(at, KUBELET)? else {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        };
        let daemons = targets(at, &service.slice)?;
        let pods = targets(at, PODS)?;
        if daemons.is_empty() && pods.is_empty() {
            return Ok(unset(&service.slice, parameters.boolean("require")));
        }
        let mut findings = Vec::new();
        findings.extend(inverted(&service.slice, &daemons, &pods));
        if !daemons.is_empty() {
            findings.extend(other_device(&daemons)?);
            findings.extend(controller_off(at)?);
        }
        Ok(Judgement::of(
            findings,
            format!("{} is protected against {PODS}", service.slice),
        ))
    }
}

/// A target for one device.
struct Target {
    device: String,
    usec: u64,
    at: Location,
    text: String,
}

fn targets(at: Horizon, slice: &str) -> Result<Vec<Target>, Unavailable> {
    match at {
        Horizon::Now => Ok(cgroups::file(&format!("/{slice}"), "io.latency")?
            .unwrap_or_default()
            .lines()
            .filter_map(|line| from_kernel(slice, line))
            .collect()),
        Horizon::NextBoot => {
            let set = units::assignments(slice, "Slice", "IODeviceLatencyTargetSec")?;
            Ok(set.into_iter().filter_map(from_unit).collect())
        }
    }
}

/// `8:0 target=25000`, in microseconds.
fn from_kernel(slice: &str, line: &str) -> Option<Target> {
    let (device, target) = line.split_once(' ')?;
    Some(Target {
        device: device.to_owned(),
        usec: target.trim().strip_prefix("target=")?.parse().ok()?,
        at: Location::source(format!("/sys/fs/cgroup/{slice}/io.latency")),
        text: line.to_owned(),
    })
}

/// `/dev/nvme0n1 25ms` (man systemd.resource-control).
fn from_unit(set: Sourced) -> Option<Target> {
    let (device, span) = set.value.trim().split_once(char::is_whitespace)?;
    let span = span.trim();
    let digits = span
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(span.len());
    let (number, unit) = span.split_at(digits);
    let factor = match unit.trim() {
        "us" | "usec" | "µs" => 1,
        "ms" | "msec" => 1_000,
        "" | "s" | "sec" | "second" | "seconds" => 1_000_000,
        _ => return None,
    };
    Some(Target {
        device: device.to_owned(),
        usec: number.parse::<u64>().ok()?.saturating_mul(factor),
        at: set.at,
        text: set.value,
    })
}

fn unset(slice: &str, require: bool) -> Judgement {
    let message = format!("no io.latency target is set: heavy pods can stall {slice}");
    if !require {
        return Judgement::pass("no io.latency target is set, and none is required");
    }
    Finding::warn("no-target", message)
        .evidence(Location::source(slice), "no IODeviceLatencyTargetSec=")
        .fix(protect(slice))
        .into()
}

fn inverted(slice: &str, daemons: &[Target], pods: &[Target]) -> Option<Finding> {
    let wrong = pods.iter().find_map(|pod| {
        match daemons.iter().find(|daemon| daemon.device == pod.device) {
            Some(daemon) if daemon.usec <= pod.usec => None,
            daemon => Some((pod, daemon)),
        }
    });
    let (pod, daemon) = wrong?;
    let mut finding = Finding::fail(
        "pods-protected-against-daemons",
        format!(
            "{PODS} has the lower target for {}: the kernel throttles {slice} for its sake",
            pod.device
        ),
    )
    .evidence(pod.at.clone(), pod.text.clone());
    if let Some(daemon) = daemon {
        finding = finding.evidence(daemon.at.clone(), daemon.text.clone());
    }
    Some(finding.fix(protect(slice)))
}

/// Only the whole disk has a queue that can be controlled.
fn other_device(daemons: &[Target]) -> Result<Option<Finding>, Unavailable> {
    let disk = match cgroups::disk_of(STATE) {
        Ok(disk) => disk,
        // Device mapper, btrfs, zfs: which queue matters cannot be told.
        Err(unavailable) => {
            return Ok(Some(Finding::unknown(
                "disk-unknown",
                format!(
                    "which disk is behind {STATE} cannot be told: {}",
                    unavailable.reason
                ),
            )));
        }
    };
    // `disk` reads `259:0 nvme0n1`.
    let (number, name) = disk.value.split_once(' ').unwrap_or((&disk.value, ""));
    let fits = |target: &Target| {
        target.device == number
            || (!name.is_empty() && target.device.trim_start_matches("/dev/") == name)
            || target.device.starts_with('/') && !target.device.starts_with("/dev/")
    };
    if daemons.iter().any(fits) {
        return Ok(None);
    }
    Ok(daemons.first().map(|target| {
        Finding::warn(
            "target-for-other-device",
            format!(
                "the target is for {}, and {STATE} is on {name} ({number})",
                target.device
            ),
        )
        .explained(
            target.at.clone(),
            target.text.clone(),
            "a partition or mapped device has no queue of its own",
        )
    }))
}

fn controller_off(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    if at == Horizon::NextBoot {
        return Ok(None);
    }
    let enabled = cgroups::file("/", "cgroup.subtree_control")?.unwrap_or_default();
    if enabled
        .split_whitespace()
        .any(|controller| controller == "io")
    {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "controller-off",
            "the io controller is not enabled: targets have no effect",
        )
        .evidence(
            Location::source("/sys/fs/cgroup/cgroup.subtree_control"),
            enabled,
        ),
    ))
}

fn protect(slice: &str) -> Fix {
    Fix::new(format!(
        "give {slice} a target and {PODS} none, or a higher one"
    ))
    .step(Step::write_file(
        format!("/etc/systemd/system/{slice}.d/20-io-latency.conf"),
        0o644,
        format!("[Slice]\nIODeviceLatencyTargetSec={STATE} 50ms\n"),
        "begin above the latency that you expect; then 10 to 15 % above avg_lat in io.stat",
    ))
    .step(Step::daemon_reload().verify([
        "systemctl",
        "show",
        "--property=IODeviceLatencyTargetUSec",
        slice,
    ]))
}

nodepol_plugin::policy!(SliceIoLatency);
