//! Mount points that the manager treats apart.
//!
//! Source: `src/shared/mount-setup.c`, `src/core/mount.c`.

use super::name;
use super::unit::Loaded;
use crate::evidence::Evidence;

/// The file systems that the manager mounts itself (`mount_table` in
/// `src/shared/mount-setup.c`), and those it leaves alone (`ignore_paths`).
pub(crate) fn is_api(path: &str) -> bool {
    const TABLE: [&str; 12] = [
        "/proc",
        "/sys",
        "/dev",
        "/sys/kernel/security",
        "/sys/fs/smackfs",
        "/dev/shm",
        "/dev/pts",
        "/run",
        "/sys/fs/cgroup",
        "/sys/fs/pstore",
        "/sys/firmware/efi/efivars",
        "/sys/fs/bpf",
    ];
    const LEFT_ALONE: [&str; 3] = ["/sys/fs/selinux", "/proc/bus/usb", "/dev/console"];
    TABLE.contains(&path)
        || LEFT_ALONE.contains(&path)
        || path.starts_with("/sys/fs/cgroup/")
        || path.starts_with("/run/host/")
        || path == "/run/host"
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
