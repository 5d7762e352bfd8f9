//! Swap: what is on, what turns it on at the next boot, and what keeps it off.

mod boot_units;
mod cloud_init;
mod command_line;
mod enforcement;
mod facts;
mod from_systemd;
mod fstab;
mod generated;
mod proc_swaps;
mod programs;
mod scripts;
mod services;
mod unit_name;
mod zram;

use nodepol_model::Location;
use schemars::JsonSchema;
use serde::Serialize;

pub use boot_units::{BootCommand, BootUnits};
pub use facts::{Swap, SwapSummary};
pub use proc_swaps::parse as parse_proc_swaps;
pub(crate) use unit_name::device_of;

/// A row of /proc/swaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The device or file. A file that was unlinked while in use has no name
    /// any more; the kernel appends ` (deleted)`, which is taken off.
    pub path: String,
    /// `partition` or `file`, as the kernel says.
    pub kind: String,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// What is used of it, in bytes.
    pub used_bytes: u64,
    /// The priority; negative ones are the kernel's own choice.
    pub priority: i32,
    /// The line of /proc/swaps.
    pub at: Location,
}

/// Something persisted that turns swap on at boot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// `fstab`, `unit`, `gpt`, `zram-generator`, `service`, `cloud-init`,
    /// `waagent`, `rc-local`, `cron` or `kernel-command-line`.
    pub kind: &'static str,
    /// The device, file or service.
    pub what: String,
    /// The unit that activates it.
    pub unit: Option<String>,
    /// Where it is said.
    pub at: Location,
    /// The line of the file, where it is a line.
    pub text: Option<String>,
    /// It is on before the kubelet starts: a `.swap` unit is ordered before
    /// `swap.target`, a service may be ordered before the kubelet and waited for.
    /// Other services race against the kubelet.
    pub before_kubelet: bool,
    /// The device exists. `None` where that cannot be told.
    pub device_present: Option<bool>,
}

/// Something that turns all swap off before the kubelet starts, or keeps units of
/// type swap from being started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enforcement {
    /// `exec-start-pre`, `unit`, `masked-target` or `kernel-command-line`.
    pub kind: &'static str,
    /// The command, unit or argument.
    pub what: String,
    /// Where it is said.
    pub at: Location,
}
