//! The directories of unit files (`man systemd.unit`, unit file load path).

/// Whether what a directory holds outlives a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Persistent,
    /// In /run and written by hand or by a program: gone after a reboot.
    Runtime,
    /// Written by generators at each boot, from files that persist.
    Generated,
}

/// The system manager's directories, those that win first.
pub(super) const DIRECTORIES: [(&str, Life); 13] = [
    ("/etc/systemd/system.control", Life::Persistent),
    ("/run/systemd/system.control", Life::Runtime),
    ("/run/systemd/transient", Life::Runtime),
    ("/run/systemd/generator.early", Life::Generated),
    ("/etc/systemd/system", Life::Persistent),
    ("/etc/systemd/system.attached", Life::Persistent),
    ("/run/systemd/system", Life::Runtime),
    ("/run/systemd/system.attached", Life::Runtime),
    ("/run/systemd/generator", Life::Generated),
    ("/usr/local/lib/systemd/system", Life::Persistent),
    ("/usr/lib/systemd/system", Life::Persistent),
    ("/lib/systemd/system", Life::Persistent),
    ("/run/systemd/generator.late", Life::Generated),
];
