//! The host has what the kubelet watches and writes by.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, files, journal, kubelet, no_own_kubelet,
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
        .phases(&[Phase::PreJoin, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "what is used then cannot be told",
            ));
        }
        let mut findings = Vec::new();
        findings.extend(kmsg()?);
        findings.extend(from_log()?);
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
                .step(Step::note(
                    "bind /dev/kmsg into the container, or let it be a link to /dev/console \
                     (a line `L /dev/kmsg - - - - /dev/console` in /etc/tmpfiles.d)",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// How many inotify instances are in use, and how cAdvisor finds a device, only
/// the kubelet itself can say.
fn from_log() -> Result<Option<Finding>, Unavailable> {
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
    if message.contains("inotify_init") {
        return Ok(Some(
            Finding::fail(
                "inotify-exhausted",
                "the kubelet exits: no inotify instance is left for it",
            )
            .evidence(at, message)
            .fix(
                Fix::new("allow more")
                    .step(Step::write_file(
                        "/etc/sysctl.d/90-inotify.conf",
                        0o644,
                        "fs.inotify.max_user_instances = 8192\nfs.inotify.max_user_watches = 524288\n",
                        "for every boot",
                    ))
                    .step(Step::command(["sysctl", "--system"], "and now"))
                    .step(Step::restart_kubelet()),
            ),
        ));
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
                Fix::new("keep the root directory on a file system with a device")
                    .step(Step::note(
                        "mount ext4 or xfs at /var/lib/kubelet, or set localStorageCapacityIsolation: \
                         false and lose the accounting of local storage",
                    ))
                    .step(Step::restart_kubelet()),
            ),
        ));
    }
    Ok(None)
}

/// The kubelet's own thresholds are 10 % of space and 5 % of inodes (nodefs).
fn room(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let root = kubelet::flag(at, "root-dir")
        .ok()
        .flatten()
        .map_or_else(|| "/var/lib/kubelet".to_owned(), |flag| flag.value);
    let Some(usage) = files::get_usage(&root)? else {
        return Ok(None);
    };
    let left = |free: u64, all: u64| free.saturating_mul(100).checked_div(all);
    let bytes = left(usage.bytes_available, usage.bytes);
    let inodes = left(usage.inodes_free, usage.inodes);
    let said = format!(
        "{} of space, {} of inodes left",
        bytes.map_or_else(|| "unknown".to_owned(), |percent| format!("{percent} %")),
        inodes.map_or_else(|| "unknown".to_owned(), |percent| format!("{percent} %"))
    );
    let full = usage.bytes_available == 0 || (usage.inodes > 0 && usage.inodes_free == 0);
    let tight = bytes.is_some_and(|percent| percent < 10)
        || (usage.inodes > 0 && inodes.is_some_and(|percent| percent < 5));
    let finding = if full {
        Finding::fail(
            "root-dir-full",
            format!("{root} is full: the kubelet cannot write its state"),
        )
    } else if tight {
        Finding::warn(
            "disk-pressure",
            format!("{root} is nearly full: the node reports DiskPressure and evicts pods"),
        )
    } else {
        return Ok(None);
    };
    Ok(Some(
        finding.evidence(Location::source(root), said).fix(
            Fix::new("make room")
                .step(Step::command(
                    ["crictl", "rmi", "--prune"],
                    "images that no container uses",
                ))
                .step(Step::command(
                    ["journalctl", "--vacuum-size=200M"],
                    "old logs",
                )),
        ),
    ))
}

nodepol_plugin::policy!(HostLimitsFs);
