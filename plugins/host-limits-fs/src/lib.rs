//! The host has what the kubelet watches and writes by.

use nodepol_plugin::files::Usage;
use nodepol_plugin::quantity::{scaled, value_of};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, files, journal, kubelet, no_own_kubelet, node, runbook, runtimes,
};

struct HostLimitsFs;

impl Policy for HostLimitsFs {
    fn describe() -> Description {
        Description::new(
            "host-limits-fs",
            "The host has room and what the kubelet watches by",
            "/dev/kmsg and inotify instances are there, and the root directory has space, inodes \
             and a device",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if node::kernel_release()?.is_none() {
            return Ok(Judgement::not_applicable(
                "a tree says nothing of what is used on its machine",
            ));
        }
        let mut findings = Vec::new();
        findings.extend(kmsg()?);
        findings.extend(from_log(at)?);
        findings.extend(room(at)?);
        Ok(Judgement::of(
            findings,
            "the host has what the kubelet needs",
        ))
    }
}

fn kmsg() -> Result<Option<Finding>, Unavailable> {
    if files::lstat("/dev/kmsg")?.is_some() {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "no-kmsg",
            "the kubelet exits: open /dev/kmsg: no such file or directory, as in an LXC container",
        )
        .evidence(Location::source("/dev/kmsg"), "does not exist")
        .fix(
            Fix::new("give the container the device")
                .step(Step::write_file(
                    "/etc/tmpfiles.d/kmsg.conf",
                    0o644,
                    "L /dev/kmsg - - - - /dev/console\n",
                    "a link to the console serves as well, or bind the host's device into the \
                     container",
                ))
                .step(
                    Step::command(
                        ["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/kmsg.conf"],
                        "and now",
                    )
                    .verify(["test", "-e", "/dev/kmsg"]),
                )
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// How many inotify instances are in use, and how cAdvisor finds a device, only
/// the kubelet itself can say.
fn from_log(horizon: Horizon) -> Result<Option<Finding>, Unavailable> {
    let lines = match journal::known_lines() {
        Ok(lines) => lines,
        // The rest is judged without the log.
        Err(_) => return Ok(None),
    };
    let Some(line) = lines
        .into_iter()
        .find(|line| line.signature == "host-limits" && line.fatal)
    else {
        return Ok(None);
    };
    let message = line.entry.message;
    let at = Location::source("journal");
    if message.contains("inotify_") {
        return inotify(horizon, at, message);
    }
    if message.contains("cached partitions map") {
        return Ok(Some(
            Finding::fail(
                "root-dir-device",
                "the kubelet exits: it finds no block device behind its root directory, as on \
                 btrfs, ZFS or NFS",
            )
            .evidence(at, message)
            .fix(
                Fix::new("do without the accounting of local storage, or move the root directory")
                    .step(Step::note(
                        "what keeps the accounting is a file system with a device: drain the node, \
                         mount ext4 or xfs at /var/lib/kubelet, and leave the next step out",
                    ))
                    .steps(runbook::set_field(
                        horizon,
                        &Location::source("default"),
                        "/localStorageCapacityIsolation",
                        "false",
                        "the kubelet then asks for no device (1.25 and later)",
                    ))
                    .step(Step::restart_kubelet()),
            ),
        ));
    }
    Ok(None)
}

/// The limit that is reached, and twice as much.
fn inotify(
    horizon: Horizon,
    at: Location,
    message: String,
) -> Result<Option<Finding>, Unavailable> {
    let (what, key, least) = if message.contains("inotify_add_watch") {
        ("watch", "fs.inotify.max_user_watches", 524_288)
    } else {
        ("instance", "fs.inotify.max_user_instances", 8192)
    };
    let limit = node::sysctl(Horizon::Now, key)?;
    let now = limit
        .as_ref()
        .and_then(|limit| limit.value.trim().parse::<u64>().ok());
    let more = now.map_or(least, |now| least.max(now.saturating_mul(2)));
    let id = "inotify-exhausted";
    let things = [what, if what == "watch" { "es" } else { "s" }].concat();
    let finding = match horizon {
        Horizon::Now => Finding::fail(
            id,
            format!("the kubelet exits: no inotify {what} is left for it"),
        ),
        Horizon::NextBoot => {
            let then = node::sysctl(horizon, key)?;
            let raised = then.is_some_and(|then| then.value.trim().parse::<u64>().ok() > now);
            if raised {
                return Ok(None);
            }
            Finding::warn(
                id,
                format!(
                    "the limit of inotify {things} stays as it is: where others hold them all again, \
                     none is left for the kubelet"
                ),
            )
        }
    };
    let mut finding = finding.evidence(at, message);
    if let Some(limit) = limit {
        finding = finding.evidence(limit.at, format!("{key} = {}", limit.value.trim()));
    }
    // Of what files say, the one whose name sorts last counts.
    let path = "/etc/sysctl.d/zz-inotify.conf";
    Ok(Some(
        finding.fix(
            Fix::new("allow more")
                .step(Step::write_file(
                    path,
                    0o644,
                    format!("{key} = {more}\n"),
                    "for every boot",
                ))
                .step(Step::command(
                    ["sysctl", "--load=/etc/sysctl.d/zz-inotify.conf"],
                    "and now",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// Where the node is at or below `evictionHard` as it starts, it reports pressure
/// and evicts pods.
struct Thresholds {
    /// `evictionHard` as JSON; the kubelet's defaults before it is configured.
    json: String,
}

impl Thresholds {
    fn read(at: Horizon) -> Self {
        let setting = kubelet::setting(at, "/evictionHard").ok().flatten();
        Self {
            json: setting.map_or_else(
                || {
                    "{\"nodefs.available\":\"10%\",\"nodefs.inodesFree\":\"5%\",\
                     \"imagefs.available\":\"15%\",\"memory.available\":\"100Mi\"}"
                        .to_owned()
                },
                |setting| setting.json,
            ),
        }
    }

    /// The threshold of a signal, if less than that is left of `all`.
    fn crossed(&self, signal: &str, left: u64, all: u64) -> Option<&str> {
        let threshold = value_of(&self.json, signal)?;
        let least = match threshold.strip_suffix('%') {
            // The kubelet leaves these out.
            Some("0" | "100") => return None,
            // In thousandths of a percent.
            Some(percent) => (all / 100_000).saturating_mul(scaled(percent, 3)?),
            None => scaled(threshold, 0)?,
        };
        (all > 0 && left < least).then_some(threshold)
    }
}

fn room(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    let thresholds = Thresholds::read(at);
    let root = kubelet::flag(at, "root-dir")
        .ok()
        .flatten()
        .map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
    let mut findings = Vec::new();
    if let Some(usage) = files::get_usage(&root)? {
        findings.extend(root_dir(&thresholds, root, &usage));
    }
    // What of images cannot be told is not worth a word: they mostly lie on the
    // same file system.
    if findings.is_empty()
        && let Ok(Some(runtime)) = runtimes::selected(at)
    {
        let path = match runtime.name.as_str() {
            "containerd" => "/var/lib/containerd",
            "docker" => "/var/lib/docker",
            _ => "/var/lib/containers",
        };
        if let Ok(Some(usage)) = files::get_usage(path)
            && let Some(threshold) =
                thresholds.crossed("imagefs.available", usage.bytes_available, usage.bytes)
        {
            findings.push(pressure(
                "image-disk-pressure",
                format!(
                    "the file system of images at {path} has less than {threshold} of space left: \
                     the node reports DiskPressure, removes images and evicts pods"
                ),
                path,
                left(&usage),
            ));
        }
    }
    // What runs after a boot takes another share of the memory.
    if at == Horizon::NextBoot {
        return Ok(findings);
    }
    if let (Some(available), Some(all)) = (
        node::memory_available()?,
        node::get_capacity()?.memory_bytes,
    ) && let Some(threshold) = thresholds.crossed("memory.available", available, all)
    {
        findings.push(
            Finding::warn(
                "memory-pressure",
                format!(
                    "less than {threshold} of memory is left: the node reports MemoryPressure and \
                     evicts pods"
                ),
            )
            .evidence(
                Location::source("/proc/meminfo"),
                format!("MemAvailable {} MiB", available >> 20),
            )
            .fix(Fix::new("free memory").step(Step::command(
                ["ps", "-eo", "rss,comm", "--sort=-rss"],
                "what takes it, outside of pods as well",
            ))),
        );
    }
    Ok(findings)
}

fn root_dir(thresholds: &Thresholds, root: String, usage: &Usage) -> Option<Finding> {
    let full = usage.bytes_available == 0 || (usage.inodes > 0 && usage.inodes_free == 0);
    if full {
        let finding = Finding::fail(
            "root-dir-full",
            format!("{root} is full: the kubelet cannot write its state"),
        );
        return Some(
            finding
                .evidence(Location::source(root), left(usage))
                .fix(make_room().step(Step::restart_kubelet())),
        );
    }
    let (what, threshold) = thresholds
        .crossed("nodefs.available", usage.bytes_available, usage.bytes)
        .map(|threshold| ("space", threshold))
        .or_else(|| {
            thresholds
                .crossed("nodefs.inodesFree", usage.inodes_free, usage.inodes)
                .map(|threshold| ("inodes", threshold))
        })?;
    Some(pressure(
        "disk-pressure",
        format!(
            "{root} is nearly full, with less than {threshold} of {what} left: the node reports \
             DiskPressure and evicts pods"
        ),
        &root,
        left(usage),
    ))
}

/// `8 % of space, 60 % of inodes left`.
fn left(usage: &Usage) -> String {
    let percent = |free: u64, all: u64| {
        (free.saturating_mul(100))
            .checked_div(all)
            .map_or_else(|| "unknown".to_owned(), |percent| format!("{percent} %"))
    };
    format!(
        "{} of space, {} of inodes left",
        percent(usage.bytes_available, usage.bytes),
        percent(usage.inodes_free, usage.inodes)
    )
}

fn pressure(id: &str, message: String, path: &str, said: String) -> Finding {
    Finding::warn(id, message)
        .evidence(Location::source(path), said)
        .fix(make_room())
}

fn make_room() -> Fix {
    Fix::new("make room")
        .step(Step::command(
            ["journalctl", "--vacuum-size=200M"],
            "old logs, if they are on the same file system",
        ))
        .step(Step::command(
            ["crictl", "rmi", "--prune"],
            "images that no container uses",
        ))
        .step(Step::command(
            ["sh", "-c", "du --one-file-system --inodes --max-depth=3 / 2>/dev/null | sort -n | tail; du --one-file-system --max-depth=3 / 2>/dev/null | sort -n | tail"],
            "what else takes files and space",
        ))
}

nodepol_plugin::policy!(HostLimitsFs);
