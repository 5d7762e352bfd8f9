//! The log of the current boot, and what its lines mean.

use serde::Serialize;

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Seconds since the epoch.
    pub time: i64,
    /// The unit that it belongs to.
    pub unit: String,
    /// `systemd` for what the manager says about the unit.
    pub identifier: Option<String>,
    /// The line.
    pub message: String,
}

/// A line that is known to mean something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownLine {
    /// A stable word, such as `swap-on`.
    pub signature: &'static str,
    /// The policies that look into its cause.
    pub policies: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// The kubelet exits with it.
    pub fatal: bool,
    /// The entry.
    pub entry: Entry,
}
