//! The words in which the runtimes are described (`wit/runtimes.wit`).

use nodepol_model::Location;
use schemars::JsonSchema;
use serde::Serialize;

use crate::sourced::Version;

/// A container runtime that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// `containerd`, `cri-o` or `docker`.
    pub name: String,
    /// Its version, where something says it.
    pub version: Option<Version>,
    /// The unit that runs it.
    pub unit: String,
    /// Where its CRI socket is, as a URL with `/run` for `/var/run`.
    pub endpoint: Option<String>,
    /// The file that it reads first, whether that exists or not.
    pub config_path: Option<String>,
    /// containerd's `version`; 1 if the file does not say it.
    pub config_version: Option<u32>,
}

/// A runtime handler (a RuntimeClass names them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// `io.containerd.runc.v2`, `oci`, …
    pub kind: Option<String>,
    /// `systemd`, `cgroupfs`, or none where the handler has no such choice.
    pub cgroup_driver: Option<String>,
    /// Whether pods without a RuntimeClass get it.
    pub is_default: bool,
    /// Where its driver is said, or else where it is defined.
    pub at: Location,
}

/// Who answers `Version` of CRI v1 at a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A runtime.
    Serves {
        /// `containerd`, `cri-o`, `docker`.
        name: String,
        /// The version of the daemon that runs.
        version: String,
    },
    /// Something that answers with a gRPC status other than OK: its code and its
    /// message.
    Refuses(String),
    /// There is no socket, or nobody listens on it.
    Nobody,
}

/// A value that this version of the runtime would read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// The file.
    pub path: String,
    /// The value in it, as an RFC 6901 pointer.
    pub pointer: String,
    /// The new value, as JSON.
    pub json: String,
}
