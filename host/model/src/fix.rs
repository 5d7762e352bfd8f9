//! A fix is data: ordered steps that a person can read, a host can apply to a
//! snapshot, and a tool can turn into a script.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ordered way out of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fix {
    /// What the steps achieve, in one line.
    pub summary: String,
    /// The steps, in the order in which they must be done.
    pub steps: Vec<Step>,
}

/// One step of a [`Fix`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// What this step does and why, in one line.
    pub description: String,
    /// Where it is done.
    pub place: Place,
    /// What is done.
    pub action: Action,
    /// What it disturbs.
    pub disruption: Disruption,
    /// A command (argv) that exits with 0 once the step has taken effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Vec<String>>,
}

/// Where a step is done.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the node itself, as root.
    Node,
    /// On a control-plane node, as root.
    ControlPlane,
    /// Wherever an administrator's `kubectl` works.
    Admin,
    /// In the build of the image that the node boots from.
    Image,
}

/// What a step disturbs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Disruption {
    /// Nothing.
    None,
    /// A service restarts; pods keep running.
    Restart,
    /// Pods are evicted or their sandboxes die.
    Evict,
    /// The node reboots.
    Reboot,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Action {
    /// Run a program. An argv, never a line for a shell.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Set one value of a structured file (YAML, JSON or TOML, by its name).
    SetValue {
        /// The file.
        path: String,
        /// The value's place, as an RFC 6901 pointer.
        pointer: String,
        /// The new value, as JSON text.
        json: String,
    },
    /// Remove one key of a structured file.
    RemoveKey {
        /// The file.
        path: String,
        /// The key's place, as an RFC 6901 pointer.
        pointer: String,
    },
    /// Write a whole small file, replacing what is there.
    WriteFile {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
        /// Its whole content.
        content: String,
    },
    /// Remove one line of a text file, or comment it out.
    RemoveLine {
        /// The file.
        path: String,
        /// The line's number when the snapshot was taken, from 1.
        line: u32,
        /// The line as it stood, so that a file that has changed is noticed.
        text: String,
    },
    /// Act on a systemd unit.
    Unit {
        /// The unit; empty for `daemon-reload`.
        name: String,
        /// What is done to it.
        verb: UnitVerb,
    },
    /// Something that only a person can do.
    Note {
        /// What to do.
        text: String,
    },
}

/// What is done to a unit, in the words of systemctl(1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are the verbs of systemctl(1)")]
pub enum UnitVerb {
    Enable,
    Disable,
    Mask,
    Unmask,
    Start,
    Stop,
    Restart,
    ResetFailed,
    DaemonReload,
}

impl UnitVerb {
    /// The verb as systemctl(1) spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::ResetFailed => "reset-failed",
            Self::DaemonReload => "daemon-reload",
        }
    }
}
