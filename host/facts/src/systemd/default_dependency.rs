//! What `DefaultDependencies=yes` adds to a unit.
//!
//! Source: `man systemd.service`, `man systemd.mount` and their like (default
//! dependencies); the `…_add_default_dependencies` functions in `src/core`.

use super::dependency::{Dependencies, Reader, Reason};
use super::load::Loaded;
use super::name;
use crate::evidence::Evidence;

impl Reader<'_> {
    /// What `DefaultDependencies=yes` adds.
    pub(super) fn defaults(&self, found: &mut Dependencies) {
        let id = self.unit.id.as_str();
        let mut add =
            |kinds: &[&'static str], unit: &str| found.add_all(kinds, unit, Reason::Default);
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
                        if !self.unit.list("Timer", "OnCalendar").is_empty() {
                            add(&["After"], "time-sync.target");
                            add(&["After"], "time-set.target");
                        }
                    }
                }
            }
            "target" if id != shutdown => add(&["Before", "Conflicts"], shutdown),
            "slice" | "scope" => add(&["Before", "Conflicts"], shutdown),
            "mount" => self.mount_defaults(&mut add),
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

    fn mount_defaults(&self, add: &mut impl FnMut(&[&'static str], &str)) {
        const NETWORK: [&str; 14] = [
            "afs", "ceph", "cifs", "gfs", "gfs2", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2",
            "orangefs", "pvfs2", "smb3", "smbfs",
        ];
        if is_extrinsic(self.unit, self.evidence) {
            return;
        }
        let kind = self.text("Mount", "Type").unwrap_or_default();
        let options = self.text("Mount", "Options").unwrap_or_default();
        let has = |wanted: &str| options.split(',').any(|option| option.trim() == wanted);
        let network =
            has("_netdev") || NETWORK.contains(&kind.strip_prefix("fuse.").unwrap_or(&kind));
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
}

/// Mounts that are there before the manager or that it makes itself
/// (`mount_is_extrinsic`).
pub(super) fn is_extrinsic(unit: &Loaded, evidence: &Evidence) -> bool {
    let place = unit
        .path_of("Mount", "Where", evidence)
        .or_else(|| name::unescape_path(name::stem(&unit.id)))
        .unwrap_or_default();
    matches!(place.as_str(), "/" | "/usr")
        || ["/run/initramfs", "/run/host", "/proc", "/sys", "/dev"]
            .iter()
            .any(|root| place == *root || place.starts_with(&format!("{root}/")))
}
