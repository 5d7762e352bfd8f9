//! What the facts still need to see.

use serde::{Deserialize, Serialize};

/// A piece of evidence that facts looked for and that was never gathered.
///
/// Facts are pure and cannot read the node; they name what they miss, it is
/// gathered, and they are worked out again. So no list of files has to know
/// beforehand where a node keeps its configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Want {
    /// A path: its metadata and its content, or its names if it is a directory.
    Path(String),
    /// A path of which the content is not needed beyond its first bytes (a program).
    Metadata(String),
    /// A unit, by name, over D-Bus.
    Unit(String),
    /// statfs(2) of a path.
    Filesystem(String),
    /// What answers over CRI at a `unix://` URL.
    Cri(String),
}
