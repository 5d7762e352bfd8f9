//! What a run of the gatherer may read, and how long it may take.

use std::collections::BTreeMap;
use std::time::Duration;

/// How much is read. Whatever goes beyond a limit becomes `Unreadable`, with
/// the limit in its reason: it never counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file. Default: 1 MiB. A file of exactly this size is read.
    pub file_bytes: u64,
    /// Bytes of all texts and names together. Default: 64 MiB.
    pub total_bytes: u64,
    /// Paths that are recorded. Default: 50 000.
    pub paths: usize,
    /// Names in one directory. Default: 8192. A directory with more has no
    /// names at all, for a part of them would look like all of them.
    pub directory_entries: usize,
    /// Directories below one that is read as a whole. Default: 8.
    pub depth: usize,
    /// Entries of the kubelet's journal: the newest. Default: 400. A quarter as
    /// many are kept of what the manager says of the runtimes.
    pub journal_entries: usize,
    /// Bytes of the kubelet's journal: the newest. Default: 256 KiB.
    pub journal_bytes: usize,
    /// Bytes of what one program prints. Default: 1 MiB.
    pub program_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 20,
            total_bytes: 64 << 20,
            paths: 50_000,
            directory_entries: 8192,
            depth: 8,
            journal_entries: 400,
            journal_bytes: 256 << 10,
            program_bytes: 1 << 20,
        }
    }
}

/// What a gatherer does beyond reading files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How much is read.
    pub limits: Limits,
    /// How long a conversation with systemd, and the journal, may take each.
    /// Default: 5 s.
    pub deadline: Duration,
    /// How long each program may run before it is killed. Default: 2 s.
    pub program_deadline: Duration,
    /// Whether programs are asked for their versions. Default: yes. In a tree
    /// nothing is ever run.
    pub run_programs: bool,
    /// The bus on which systemd is asked. Default: the system's own.
    pub dbus_address: Option<String>,
    /// Where programs are, by name: `kubelet` → `/opt/bin/kubelet`. What is not
    /// named here is taken from the `ExecStart` that systemd has loaded, else
    /// looked for in the directories of [`Options::program_directories`].
    pub programs: BTreeMap<String, String>,
    /// Where programs are looked for. Default: the directories of a root's
    /// `PATH`, and `/opt/bin`.
    pub program_directories: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            deadline: Duration::from_secs(5),
            program_deadline: Duration::from_secs(2),
            run_programs: true,
            dbus_address: None,
            programs: BTreeMap::new(),
            program_directories: [
                "/usr/local/sbin",
                "/usr/local/bin",
                "/usr/sbin",
                "/usr/bin",
                "/sbin",
                "/bin",
                "/opt/bin",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}
