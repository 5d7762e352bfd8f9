//! The hierarchies that a node mounts.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Which cgroup hierarchies are mounted (cgroups(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One hierarchy per controller.
    V1,
    /// One hierarchy for all.
    V2,
    /// v1 with a v2 hierarchy at /sys/fs/cgroup/unified: v1 to the kubelet.
    Hybrid,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        })
    }
}
