//! What the facts about units are made of: the records of `wit/units.wit`.

use nodepol_model::Location;
use schemars::JsonSchema;
use serde::Serialize;

/// A unit at a horizon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unit {
    /// Its name; where an alias was asked for, the name of what it leads to.
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting` or `error`.
    pub load_state: String,
    /// Why it is not loaded.
    pub load_error: Option<String>,
    /// The unit file.
    pub fragment: Option<String>,
    /// In the order in which they apply.
    pub drop_ins: Vec<String>,
    /// As `systemctl is-enabled` prints it; empty for a unit without a file.
    pub file_state: String,
    /// `active`, `activating`, `failed`, …; none where no manager runs.
    pub active_state: Option<String>,
    /// `running`, `auto-restart`, …; none where no manager runs.
    pub sub_state: Option<String>,
}

/// What a service does when it ends. Times in microseconds; `u64::MAX` is
/// `infinity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSettings {
    /// `Type=`.
    pub kind: String,
    /// `Restart=`.
    pub restart: String,
    /// `RestartSec=`.
    pub restart_usec: u64,
    /// `StartLimitIntervalSec=`; 0 is no limit.
    pub start_limit_interval_usec: u64,
    /// `StartLimitBurst=`.
    pub start_limit_burst: u32,
    /// `WatchdogSec=`; 0 is none.
    pub watchdog_usec: u64,
    /// The slice; `system.slice` where no file names one.
    pub slice: String,
}

/// One command line, split as systemd splits it, variables not expanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The program: an absolute path, or a name that systemd looks up in its
    /// own path. With the prefix `@` it differs from `argv[0]`.
    pub path: String,
    /// The words, the zeroth among them.
    pub argv: Vec<String>,
    /// It carries the prefix `-`.
    pub ignore_failure: bool,
    /// Where it stands; `systemd` where only the manager says it.
    pub at: Location,
}

/// One `EnvironmentFile=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFile {
    /// The path, or a pattern of paths.
    pub path: String,
    /// It carries the prefix `-`: its absence is no fault.
    pub optional: bool,
    /// Whether there is such a file.
    pub present: bool,
    /// Where it is named.
    pub at: Location,
}

/// What keeps a program from being run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramState {
    /// Nothing.
    Runnable,
    /// There is no such file.
    Missing,
    /// A link that leads nowhere, and where it leads.
    Dangling(String),
    /// A directory or a device.
    NotAFile,
    /// No permission to execute it is set.
    NotExecutable,
    /// Built for another machine: what it is built for, and what runs.
    WrongArchitecture(String, String),
    /// On a mount with `noexec`: its mount point.
    NoExec(String),
    /// A script or dynamic program of which this interpreter is missing.
    MissingInterpreter(String),
    /// Neither ELF nor a script.
    NotAProgram,
}

/// A link that enables a unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The link itself.
    pub path: String,
    /// Where it leads, as written.
    pub target: String,
    /// It leads nowhere.
    pub dangling: bool,
    /// It is under /run and gone after a reboot.
    pub runtime: bool,
}
