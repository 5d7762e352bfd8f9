//! io.latency protects the daemons' slice against the pods.
//!
//! A group's target throttles its siblings that have a higher target or none
//! (Documentation/admin-guide/cgroup-v2.rst, "IO Latency"), so the daemons'
//! slice must have the lower one.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, Value, cgroups, files, no_own_kubelet,
};

const KUBELET: &str = "kubelet.service";
const PODS: &str = "kubepods.slice";
const STATE: &str = "/var/lib/kubelet";
const KEY: &str = "IODeviceLatencyTargetSec";

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
        let slice = top(&service.slice);
        let daemons = targets(at, &slice)?;
        let pods = targets(at, PODS)?;
        let mut findings = Vec::new();
        findings.extend(inverted(at, &slice, &daemons, &pods));
        if daemons.is_empty() {
            findings.extend(without_effect(at, &slice)?);
        } else {
            findings.extend(other_device(&daemons)?);
        }
        if daemons.is_empty() && findings.is_empty() {
            return Ok(unset(&slice, parameters.boolean("require")));
        }
        Ok(Judgement::of(
            findings,
            format!("{slice} is protected against {PODS}"),
        ))
    }
}

/// The slice beside kubepods.slice: only neighbours throttle each other, so a
/// target inside it protects against nothing of the pods.
fn top(slice: &str) -> String {
    let name = slice.strip_suffix(".slice").unwrap_or(slice);
    match name.split_once('-') {
        Some((first, _)) if !first.is_empty() => format!("{first}.slice"),
        _ => slice.to_owned(),
    }
}

/// A target for one device.
struct Target {
    /// As it is written.
    device: String,
    /// The disk: `8:0` of the kernel, `sda` of a unit; none if that cannot be
    /// told.
    disk: Result<String, Unavailable>,
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
            let set = units::assignments(slice, "Slice", KEY)?;
            Ok(set.into_iter().filter_map(from_unit).collect())
        }
    }
}

/// `8:0 target=25000`, in microseconds.
fn from_kernel(slice: &str, line: &str) -> Option<Target> {
    let (device, target) = line.split_once(' ')?;
    Some(Target {
        device: device.to_owned(),
        disk: Ok(device.to_owned()),
        usec: target.trim().strip_prefix("target=")?.parse().ok()?,
        at: Location::source(format!("/sys/fs/cgroup/{slice}/io.latency")),
        text: line.to_owned(),
    })
}

/// `/dev/nvme0n1 25ms` (man systemd.resource-control). What systemd cannot read
/// it ignores.
fn from_unit(set: Sourced) -> Option<Target> {
    let (device, span) = set.value.trim().split_once(char::is_whitespace)?;
    Some(Target {
        device: device.to_owned(),
        disk: disk(device),
        usec: usec(span)?,
        at: set.at,
        text: set.value,
    })
}

/// A time span: `25ms`, `0.05`, `1s 500ms` (man systemd.time).
fn usec(span: &str) -> Option<u64> {
    let mut rest = span.trim();
    let mut sum: Option<u64> = None;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor: u64 = match unit {
            "us" | "usec" | "µs" | "μs" => 1,
            "ms" | "msec" => 1_000,
            "" | "s" | "sec" | "second" | "seconds" => 1_000_000,
            "m" | "min" | "minute" | "minutes" => 60_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut value = whole.parse::<u64>().ok()?.saturating_mul(factor);
        let mut weight = factor;
        for digit in fraction.bytes() {
            weight /= 10;
            value = value.saturating_add(u64::from(digit.checked_sub(b'0')?) * weight);
        }
        sum = Some(sum.unwrap_or(0).saturating_add(value));
        rest = tail.trim_start();
    }
    sum
}

/// The disk that systemd sets a target on: the one behind a partition, or behind
/// the file system of a path (lookup_block_device of src/core/cgroup.c).
fn disk(device: &str) -> Result<String, Unavailable> {
    if !device.starts_with("/dev/") {
        let disk = cgroups::disk_of(device)?.value;
        return Ok(disk
            .split_once(' ')
            .map_or(disk.clone(), |(_, name)| name.to_owned()));
    }
    let node = files::resolve(device)?.unwrap_or_else(|| device.to_owned());
    let name = node.trim_start_matches("/dev/");
    if name.starts_with("dm-") || name.starts_with("mapper/") || name.starts_with("md") {
        return Err(Unavailable {
            source: device.to_owned(),
            reason: "which disk is behind this device cannot be told".to_owned(),
        });
    }
    let numbered = ["nvme", "mmcblk", "nbd", "loop"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let whole = match (numbered, stem.strip_suffix('p')) {
        // `nvme0n1p2`, and `nvme0n1` is a disk itself.
        (true, Some(disk)) if stem != name && disk.ends_with(|c: char| c.is_ascii_digit()) => disk,
        (true, _) => name,
        (false, _) => stem,
    };
    Ok(whole.to_owned())
}

fn unset(slice: &str, require: bool) -> Judgement {
    let message = format!("no io.latency target is set: heavy pods can stall {slice}");
    if !require {
        return Judgement::pass("no io.latency target is set, and none is required");
    }
    Finding::warn("no-target", message)
        .evidence(Location::source(slice), "no IODeviceLatencyTargetSec=")
        .fix(Fix::new(format!("give {slice} a target")).steps(protect(slice)))
        .into()
}

fn inverted(at: Horizon, slice: &str, daemons: &[Target], pods: &[Target]) -> Option<Finding> {
    let same = |a: &Target, b: &Target| {
        a.device == b.device || matches!((&a.disk, &b.disk), (Ok(a), Ok(b)) if a == b)
    };
    let wrong = pods.iter().find_map(
        |pod| match daemons.iter().find(|daemon| same(daemon, pod)) {
            Some(daemon) if daemon.usec <= pod.usec => None,
            daemon => Some((pod, daemon)),
        },
    );
    let (pod, daemon) = wrong?;
    let mut finding = Finding::fail(
        "pods-protected-against-daemons",
        match daemon {
            Some(_) => format!(
                "{PODS} has the lower target for {}: the kernel throttles {slice} for its sake",
                pod.device
            ),
            None => format!(
                "{PODS} has a target for {} and {slice} has none: the kernel throttles {slice} \
                 for its sake",
                pod.device
            ),
        },
    )
    .evidence(pod.at.clone(), pod.text.clone());
    if let Some(daemon) = daemon {
        finding = finding.evidence(daemon.at.clone(), daemon.text.clone());
    }
    let lift = match (at, pod.at.line) {
        (Horizon::NextBoot, Some(line)) => Step::remove_line(
            pod.at.source.clone(),
            line,
            format!("{KEY}={}", pod.text),
            "take the target of the pods away",
        ),
        (Horizon::NextBoot, None) => Step::note(format!("remove {KEY}= from {}", pod.at.source)),
        (Horizon::Now, _) => Step::argv(
            vec![
                "sh".to_owned(),
                "-c".to_owned(),
                format!("echo '{} target=max' > {}", pod.device, pod.at.source),
            ],
            "take the target of the pods away, until the next boot",
        ),
    };
    Some(
        finding.fix(
            Fix::new(format!(
                "leave {PODS} without a target, and give {slice} one"
            ))
            .step(lift)
            .steps(protect(slice)),
        ),
    )
}

/// The kernel acts on the whole disk.
fn other_device(daemons: &[Target]) -> Result<Option<Finding>, Unavailable> {
    let disk = match cgroups::disk_of(STATE) {
        Ok(disk) => disk,
        // Multipath, btrfs, zfs: which queue matters cannot be told.
        Err(unavailable) => return Ok(Some(unknown(STATE, &unavailable))),
    };
    // `disk` reads `259:0 nvme0n1`.
    let (number, name) = disk.value.split_once(' ').unwrap_or((&disk.value, ""));
    let fits = |target: &Target| matches!(&target.disk, Ok(disk) if disk == number || disk == name);
    if daemons.iter().any(fits) {
        return Ok(None);
    }
    // Some device could not be told: it may be the right one.
    for target in daemons {
        if let Err(unavailable) = &target.disk {
            return Ok(Some(unknown(&target.device, unavailable)));
        }
    }
    Ok(daemons.first().map(|target| {
        Finding::warn(
            "target-for-other-device",
            format!(
                "the target is for {}, and {STATE} is on the disk {name} ({number})",
                target.device
            ),
        )
        .evidence(target.at.clone(), target.text.clone())
    }))
}

fn unknown(path: &str, unavailable: &Unavailable) -> Finding {
    Finding::unknown(
        "disk-unknown",
        format!(
            "which disk is behind {path} cannot be told: {}",
            unavailable.reason
        ),
    )
}

/// A target that is set and protects nothing.
fn without_effect(at: Horizon, slice: &str) -> Result<Option<Finding>, Unavailable> {
    if let Some(inside) = units::assignments(KUBELET, "Service", KEY)?.pop() {
        return Ok(Some(
            Finding::warn(
                "target-inside-slice",
                format!(
                    "the target of {KUBELET} protects it against its neighbours in {slice}, and \
                     against no pod"
                ),
            )
            .evidence(inside.at, inside.value)
            .fix(Fix::new(format!("set it on {slice}")).steps(protect(slice))),
        ));
    }
    if at == Horizon::NextBoot {
        return Ok(None);
    }
    let set = units::property(slice, "IODeviceLatencyTargetUSec")?.unwrap_or_default();
    if set.is_empty() {
        return Ok(None);
    }
    let enabled = cgroups::file("/", "cgroup.subtree_control")?.unwrap_or_default();
    Ok(Some(
        Finding::warn(
            "target-without-effect",
            format!(
                "systemd has a target for {slice} and the kernel has none: the io controller is \
                 off, or this kernel is built without io.latency"
            ),
        )
        .evidence(Location::source("systemd"), format!("{slice}: {set}"))
        .explained(
            Location::source("/sys/fs/cgroup/cgroup.subtree_control"),
            enabled.trim(),
            "the controllers that are on",
        ),
    ))
}

fn protect(slice: &str) -> Vec<Step> {
    vec![
        Step::write_file(
            format!("/etc/systemd/system/{slice}.d/20-io-latency.conf"),
            0o644,
            format!("[Slice]\n{KEY}={STATE} 50ms\n"),
            "begin above the latency that you expect; then 10 to 15 % above avg_lat in io.stat",
        ),
        Step::daemon_reload().verify([
            "grep",
            "--quiet",
            "target=",
            &format!("/sys/fs/cgroup/{slice}/io.latency"),
        ]),
    ]
}

nodepol_plugin::policy!(SliceIoLatency);
