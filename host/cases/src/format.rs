//! The YAML of a case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::{Span, SpanRelativeTo, Timestamp};
use nodepol_model::snapshot::Source;
use serde::Deserialize;

use crate::base;
use crate::certificate::CertificateSpec;
use crate::expectation::Expectation;

/// Bases may stand on bases, this many deep.
const MAX_BASES: usize = 4;

/// A case as it is written, its bases merged in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// The rule that it proves.
    #[serde(default)]
    pub proves: String,
    /// Another case that this one stands on, by a path relative to its file, or
    /// by the name of a base that is built in, such as `kubeadm`.
    pub base: Option<PathBuf>,
    /// A whole snapshot, by a path relative to the case's file, in place of a
    /// base and of parts: what `nodepol plugin record` writes.
    pub snapshot: Option<PathBuf>,
    /// The instant at which the node is judged, if not when the snapshot was
    /// taken: `2027-01-31T00:00:00Z`, or `+30d` after it.
    pub at: Option<At>,
    /// `live` (the default) or `tree`.
    pub source: Option<Source>,
    /// When the snapshot was taken.
    pub taken_at: Option<Timestamp>,
    /// The files of the node, by path.
    #[serde(default)]
    pub files: BTreeMap<String, FileSpec>,
    /// What systemd says.
    pub systemd: Option<SystemdSpec>,
    /// The kubelet's log, oldest first.
    pub journal: Option<JournalSpec>,
    /// What programs print, by `PROGRAM --version` and the like.
    #[serde(default)]
    pub programs: BTreeMap<String, Option<String>>,
    /// File systems, by a path on them.
    #[serde(default)]
    pub filesystems: BTreeMap<String, FilesystemSpec>,
    /// What runtimes answer over CRI, by the URL of their socket; `null` if nobody
    /// listens there.
    #[serde(default)]
    pub cri: BTreeMap<String, Option<CriSpec>>,
    /// Certificates that are made for the case and named in its files as
    /// `${name.pem}`, `${name.key}`, `${name.base64}` or `${name.key.base64}`.
    #[serde(default)]
    pub certificates: BTreeMap<String, CertificateSpec>,
    /// The parameters of the policy.
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// What the policy must say. A base has none.
    pub expect: Option<Expectation>,
}

/// An instant, or a time after the snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum At {
    /// That instant.
    Instant(Timestamp),
    /// So many seconds after the snapshot.
    After(i64),
}

impl At {
    /// The instant, for a snapshot that was taken at `taken_at`; none if there
    /// is no such instant.
    pub fn instant(self, taken_at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::After(seconds) => taken_at
                .checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok(),
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = match text.strip_prefix('+') {
            Some(span) => span
                .parse::<Span>()
                .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
                .map(|duration| Self::After(duration.as_secs())),
            None => text.parse().map(Self::Instant),
        };
        found.map_err(|_| {
            format!(
                "`at: {text}` is no instant such as `2027-01-31T00:00:00Z` and no time after the \
                 snapshot such as `+30d`"
            )
        })
    }
}

impl TryFrom<String> for At {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A file of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum FileSpec {
    /// A regular file with this text.
    Text(String),
    /// Anything else.
    Other(OtherFile),
    /// `null`: no such file, where a base has one.
    Gone,
}

/// A runtime that is asked over CRI.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CriSpec {
    /// What answers, such as `containerd 2.1.4`.
    pub version: Option<String>,
    /// What `RuntimeConfig` answers; without it that method is `Unimplemented`.
    pub cgroup_driver: Option<String>,
    /// The part `containerd` of its configuration, as the verbose Status has it.
    pub containerd: Option<serde_json::Value>,
    /// What every method is refused with, `CODE: MESSAGE`.
    pub refuses: Option<String>,
    /// Why nothing came of it.
    pub unreadable: Option<String>,
}

/// A file system of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum FilesystemSpec {
    /// Its `f_type`, in hexadecimal; there is room on it.
    Magic(String),
    /// With what is left of it.
    #[serde(rename_all = "kebab-case")]
    Usage {
        /// Its `f_type`, in hexadecimal.
        magic: String,
        /// Bytes that are free, in percent.
        bytes_left: u8,
        /// Inodes that are free, in percent.
        inodes_left: u8,
    },
}

/// A file of a case that is more than a text.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OtherFile {
    /// A link and where it leads.
    pub link: Option<String>,
    /// A directory, with whatever the case has in it.
    #[serde(default)]
    pub directory: bool,
    /// A program for a machine, `x86_64` or `aarch64`.
    pub program: Option<String>,
    /// A socket.
    #[serde(default)]
    pub socket: bool,
    /// It is there and cannot be read (with `directory`: listed), and why.
    pub unreadable: Option<String>,
    /// A text, where a mode or a time is given with it.
    pub text: Option<String>,
    /// Permission bits, in octal.
    pub mode: Option<String>,
    /// When it was last changed.
    pub modified: Option<Timestamp>,
}

/// What systemd says in a case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SystemdSpec {
    /// There is no answer, and why.
    pub unreadable: Option<String>,
    /// Properties of the manager.
    #[serde(default)]
    pub manager: BTreeMap<String, serde_json::Value>,
    /// The target that it booted into.
    pub default_target: Option<String>,
    /// Properties of units, under their D-Bus names.
    #[serde(default)]
    pub units: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// The journal of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum JournalSpec {
    /// The kubelet's lines, oldest first.
    Lines(Vec<String>),
    /// There is none that can be read, and why.
    Unreadable {
        /// Why.
        unreadable: String,
    },
}

/// A case that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a case.
    #[error("{path}: {source}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_yaml::Error,
    },
    /// Its bases form a chain that is too long, or a ring.
    #[error("{path}: its bases stand on each other more than {MAX_BASES} deep")]
    TooManyBases {
        /// The file.
        path: PathBuf,
    },
    /// It stands on a base that is neither a file nor built in.
    #[error(
        "{path}: there is no base `{name}`; name a file, or one that is built in: {}",
        known()
    )]
    UnknownBase {
        /// The file.
        path: PathBuf,
        /// The base.
        name: String,
    },
    /// The snapshot that it names cannot be used.
    #[error("{path}: its snapshot {snapshot}: {reason}")]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The snapshot.
        snapshot: PathBuf,
        /// Why.
        reason: String,
    },
    /// Something in it makes no sense.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
}

fn known() -> String {
    base::base_names().collect::<Vec<_>>().join(", ")
}

impl Case {
    /// Reads a case and the bases that it stands on.
    ///
    /// # Errors
    /// [`CaseError`] names the file and, where it can, the line.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        Self::read_deep(path, 0)
    }

    fn read_deep(path: &Path, depth: usize) -> Result<Self, CaseError> {
        let text = std::fs::read_to_string(path).map_err(|source| CaseError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse_deep(path, &text, false, depth)
    }

    /// Reads a case from its text. `path` is where it stands, for its bases and
    /// for errors.
    ///
    /// # Errors
    /// [`CaseError`] names the file and, where it can, the line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, CaseError> {
        Self::parse_deep(path, text, false, 0)
    }

    fn parse_deep(
        path: &Path,
        text: &str,
        built_in: bool,
        depth: usize,
    ) -> Result<Self, CaseError> {
        if depth > MAX_BASES {
            return Err(CaseError::TooManyBases {
                path: path.to_owned(),
            });
        }
        let case: Self = serde_yaml::from_str(text).map_err(|source| CaseError::Format {
            path: path.to_owned(),
            source,
        })?;
        if case.snapshot.is_some() && case.has_parts() {
            return Err(CaseError::Content {
                path: path.to_owned(),
                message: "`snapshot` is the whole node: leave `base`, `files` and the other parts \
                          out"
                .to_owned(),
            });
        }
        let Some(base) = &case.base else {
            return Ok(case);
        };
        let name = if built_in {
            base::beside(base)
        } else {
            base::named(base)
        };
        let base = match name {
            Some(name) => {
                let text = base::base_text(name).ok_or_else(|| CaseError::UnknownBase {
                    path: path.to_owned(),
                    name: name.to_owned(),
                })?;
                Self::parse_deep(Path::new(name), text, true, depth + 1)?
            }
            None => {
                let base = path.parent().unwrap_or(Path::new("")).join(base);
                Self::read_deep(&base, depth + 1)?
            }
        };
        Ok(case.on(base))
    }

    /// Whether it describes parts of a node.
    fn has_parts(&self) -> bool {
        self.base.is_some()
            || self.source.is_some()
            || self.taken_at.is_some()
            || self.systemd.is_some()
            || self.journal.is_some()
            || !self.files.is_empty()
            || !self.programs.is_empty()
            || !self.filesystems.is_empty()
            || !self.cri.is_empty()
            || !self.certificates.is_empty()
    }

    /// This case, standing on `base`: what it says replaces what the base says.
    fn on(self, base: Self) -> Self {
        Self {
            proves: self.proves,
            base: None,
            snapshot: self.snapshot.or(base.snapshot),
            at: self.at.or(base.at),
            source: self.source.or(base.source),
            taken_at: self.taken_at.or(base.taken_at),
            files: overlay(base.files, self.files),
            systemd: match (base.systemd, self.systemd) {
                (Some(base), Some(own)) => Some(own.on(base)),
                (base, own) => own.or(base),
            },
            journal: self.journal.or(base.journal),
            programs: overlay(base.programs, self.programs),
            filesystems: overlay(base.filesystems, self.filesystems),
            cri: overlay(base.cri, self.cri),
            certificates: overlay(base.certificates, self.certificates),
            parameters: overlay(base.parameters, self.parameters),
            expect: self.expect,
        }
    }
}

impl SystemdSpec {
    fn on(self, base: Self) -> Self {
        let mut units = base.units;
        for (name, properties) in self.units {
            units.entry(name).or_default().extend(properties);
        }
        Self {
            unreadable: self.unreadable.or(base.unreadable),
            manager: overlay(base.manager, self.manager),
            default_target: self.default_target.or(base.default_target),
            units,
        }
    }
}

fn overlay<T>(mut base: BTreeMap<String, T>, own: BTreeMap<String, T>) -> BTreeMap<String, T> {
    base.extend(own);
    base
}
