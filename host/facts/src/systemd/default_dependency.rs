//! What `DefaultDependencies=yes` adds to a unit.
//!
//! Source: `man systemd.service`, `man systemd.mount` and their like (default
//! dependencies); the `…_add_default_dependencies` functions in `src/core`.

use super::dependency::{Dependencies, Reason};
use super::mount_point::is_extrinsic;
use super::name;
use super::unit::Loaded;
use crate::evidence::Evidence;

/// Adds the defaults of a unit to `found`.
pub(super) fn add(unit: &Loaded, evidence: &Evidence, found: &mut Dependencies) {
    let id = unit.id.as_str();
    let mut add = |kinds: &[&'static str], name: &str| found.add_all(kinds, name, Reason::Default);
    let shutdown = "shutdown.target";
    match name::suffix(id) {
        kind @ ("service" | "socket" | "path" | "timer") => {
            add(&["After", "Requires"], "sysinit.target");
            add(&["Before", "Conflicts"], shutdown);
            match kind {
                "service" => add(&["After"], "basic.target"),
                "socket" => add(&["Before"], "sockets.target"),
                "path" => add(&["Before"], "paths.target"),
                _ => {
                    add(&["Before"], "timers.target");
                    if !unit.list("Timer", "OnCalendar").is_empty() {
                        add(&["After"], "time-sync.target");
                        add(&["After"], "time-set.target");
                    }
                }
            }
        }
        "target" if id != shutdown => add(&["Before", "Conflicts"], shutdown),
        "slice" | "scope" => add(&["Before", "Conflicts"], shutdown),
        "mount" => add_mount(unit, evidence, &mut add),
        "automount" => {
            add(&["Before"], "local-fs.target");
            add(&["After"], "local-fs-pre.target");
            add(&["Before", "Conflicts"], "umount.target");
        }
        "swap" => {
            add(&["Before"], "swap.target");
            add(&["Before", "Conflicts"], "umount.target");
        }
        _ => {}
    }
}

fn add_mount(unit: &Loaded, evidence: &Evidence, add: &mut impl FnMut(&[&'static str], &str)) {
    const NETWORK: [&str; 14] = [
        "afs", "ceph", "cifs", "gfs", "gfs2", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs",
        "pvfs2", "smb3", "smbfs",
    ];
    if is_extrinsic(unit, evidence) {
        return;
    }
    let text = |key: &str| {
        unit.scalar("Mount", key)
            .map(|placed| placed.assignment.value.clone())
    };
    let kind = text("Type").unwrap_or_default();
    let options = text("Options").unwrap_or_default();
    let has = |wanted: &str| options.split(',').any(|option| option.trim() == wanted);
    let network = has("_netdev") || NETWORK.contains(&kind.strip_prefix("fuse.").unwrap_or(&kind));
    let (before, after) = if network {
        ("remote-fs.target", "remote-fs-pre.target")
    } else {
        ("local-fs.target", "local-fs-pre.target")
    };
    if !has("nofail") {
        add(&["Before"], before);
    }
    add(&["After"], after);
    add(&["Before", "Conflicts"], "umount.target");
    if network {
        add(&["After"], "network.target");
        add(&["Wants", "After"], "network-online.target");
    }
    if kind == "tmpfs" {
        add(&["After"], "swap.target");
    }
}
