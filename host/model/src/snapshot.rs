//! The snapshot: raw evidence about one node, in one document.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cri::Cri;
use crate::part::Part;

/// Everything that was read from a node.
///
/// Maps are ordered, so that the same node gives the same bytes. No private
/// key, token or password is ever in it: see `nodepol-gather`'s `redact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// [`crate::API_VERSION`].
    pub api_version: String,
    /// Always `Snapshot`.
    pub kind: String,
    /// When it was taken: the only clock of everything that follows.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// The version of nodepol that took it.
    pub taken_by: String,
    /// What it was taken from.
    pub source: Source,
    /// What was found at each absolute path of the node, by lstat(2): a link is
    /// recorded as a link, and what it leads to under its own path. `/proc` and
    /// `/sys` are paths like any other.
    pub files: BTreeMap<String, Part<File>>,
    /// What systemd says over D-Bus.
    pub systemd: Part<Systemd>,
    /// The kubelet's log of the current boot.
    pub journal: Part<Journal>,
    /// What programs print about themselves, by a stable name such as
    /// `kubelet --version` or `containerd config dump`.
    pub programs: BTreeMap<String, Part<ProgramOutput>>,
    /// statfs(2) of a few mount points, by path.
    pub filesystems: BTreeMap<String, Part<Filesystem>>,
    /// What container runtimes answer over CRI, by the URL of their socket with
    /// `/run` for `/var/run`; `absent` if there is none or nobody listens on it.
    #[serde(default)]
    pub cri: BTreeMap<String, Part<Cri>>,
}

/// What a snapshot was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The machine that nodepol ran on.
    Live,
    /// A directory that holds the files of a node (`--root`).
    Tree,
}

/// One path, as lstat(2) and read(2) show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// Permission bits, without the type.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes as the inode states it.
    pub size: u64,
    /// When its content last changed.
    #[schemars(with = "String")]
    pub modified: Timestamp,
    /// What it is, with what it holds.
    pub node: FileNode,
}

/// The type of a path and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileNode {
    /// A regular file.
    Regular(Content),
    /// A directory and the names in it, sorted, or why they are not known.
    Directory(Part<Vec<String>>),
    /// A symbolic link and its target, as written.
    Symlink(String),
    /// A FIFO, socket or device: never opened.
    Special(SpecialKind),
}

/// A file that is neither regular, a directory nor a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are the types of inode(7)")]
pub enum SpecialKind {
    Fifo,
    Socket,
    BlockDevice,
    CharacterDevice,
}

/// The content of a regular file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Its text. Secrets are replaced, line breaks kept, so that line numbers hold.
    Text(String),
    /// It is not UTF-8: the first bytes only, in hexadecimal (an ELF header fits).
    Binary(String),
    /// It was not opened, for its metadata is all that is wanted.
    NotRead,
    /// It could not be read, or is larger than the limit.
    Unreadable(String),
}

/// What systemd says over D-Bus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Systemd {
    /// Properties of `org.freedesktop.systemd1.Manager`, under their own names.
    pub manager: BTreeMap<String, serde_json::Value>,
    /// `GetDefaultTarget`.
    pub default_target: Option<String>,
    /// The units that were asked for, by the name that was asked for.
    pub units: BTreeMap<String, Part<LoadedUnit>>,
}

/// One unit as the manager has it loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedUnit {
    /// `GetUnitFileState`: `enabled`, `disabled`, `masked-runtime`, …
    pub unit_file_state: Option<String>,
    /// Properties of `org.freedesktop.systemd1.Unit` and of the interface of
    /// its type, under their own names, with their D-Bus types as JSON.
    pub properties: BTreeMap<String, serde_json::Value>,
}

/// A bounded piece of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Journal {
    /// `_BOOT_ID` of every entry.
    pub boot_id: Option<String>,
    /// Whether older entries of the same boot were left out.
    pub truncated: bool,
    /// Oldest first.
    pub entries: Vec<JournalEntry>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalEntry {
    /// When it was logged.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The unit that it belongs to.
    pub unit: String,
    /// `SYSLOG_IDENTIFIER`; `systemd` for what the manager says of the unit.
    pub identifier: Option<String>,
    /// `_SYSTEMD_INVOCATION_ID` or `INVOCATION_ID`.
    pub invocation_id: Option<String>,
    /// `PRIORITY` as in syslog(3), 0 to 7.
    pub priority: Option<u8>,
    /// The line, without secrets.
    pub message: String,
}

/// What a program printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgramOutput {
    /// The file that was run.
    pub path: String,
    /// Its exit status; `null` if a signal ended it.
    pub status: Option<i32>,
    /// What it printed, without secrets.
    pub stdout: String,
    /// The start of what it printed as errors, without secrets.
    pub stderr: String,
}

/// statfs(2) of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filesystem {
    /// `f_type`, in hexadecimal: `0x63677270` is cgroup v2.
    pub magic: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Bytes that root can still write.
    pub bytes_available: u64,
    /// Inodes in all; 0 where the file system does not count them.
    pub inodes: u64,
    /// Inodes that are free.
    pub inodes_free: u64,
}

impl Snapshot {
    /// A snapshot of `source` with nothing in it yet.
    pub fn empty(source: Source, taken_at: Timestamp) -> Self {
        let nothing = "not gathered".to_owned();
        Self {
            api_version: crate::API_VERSION.to_owned(),
            kind: "Snapshot".to_owned(),
            taken_at,
            taken_by: format!("nodepol {}", env!("CARGO_PKG_VERSION")),
            source,
            files: BTreeMap::new(),
            systemd: Part::Unreadable(nothing.clone()),
            journal: Part::Unreadable(nothing),
            programs: BTreeMap::new(),
            filesystems: BTreeMap::new(),
            cri: BTreeMap::new(),
        }
    }

    /// Reads a snapshot from JSON.
    ///
    /// # Errors
    /// [`ReadError`] if the text is no JSON, is another document, or has a
    /// version that this nodepol does not know.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            api_version: Option<String>,
            kind: Option<String>,
        }
        // Mostly it is what it should be: then it is read once.
        let read = serde_json::from_slice::<Self>(text);
        if let Ok(snapshot) = read
            && snapshot.kind == "Snapshot"
            && snapshot.api_version == crate::API_VERSION
        {
            return Ok(snapshot);
        }
        let head: Head = serde_json::from_slice(text)?;
        if head.kind.as_deref() != Some("Snapshot") {
            return Err(ReadError::Kind(
                head.kind.unwrap_or_else(|| "nothing".to_owned()),
            ));
        }
        if head.api_version.as_deref() != Some(crate::API_VERSION) {
            return Err(ReadError::Version(
                head.api_version.unwrap_or_else(|| "nothing".to_owned()),
            ));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// The document as JSON, indented.
    ///
    /// # Errors
    /// Only what `serde_json` reports; there is nothing here that it cannot write.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

/// A document that cannot be read as a [`Snapshot`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not the fields of a snapshot.
    #[error("it is not a snapshot: {0}; take one with `nodepol snapshot`")]
    Json(#[from] serde_json::Error),
    /// Another document.
    #[error("`kind` says {0:?}, not \"Snapshot\"; take one with `nodepol snapshot`")]
    Kind(String),
    /// A version that is not known here.
    #[error(
        "`apiVersion` says {0:?}; this nodepol reads \"{version}\"",
        version = crate::API_VERSION
    )]
    Version(String),
}
