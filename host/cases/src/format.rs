//! The YAML of a case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nodepol_model::snapshot::Source;
use serde::Deserialize;

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
    /// Another case that this one stands on, by a path relative to its file.
    pub base: Option<PathBuf>,
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
    /// `f_type` of file systems, by mount point.
    #[serde(default)]
    pub filesystems: BTreeMap<String, String>,
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
    /// Something in it makes no sense.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
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
        if depth > MAX_BASES {
            return Err(CaseError::TooManyBases {
                path: path.to_owned(),
            });
        }
        let text = std::fs::read_to_string(path).map_err(|source| CaseError::Read {
            path: path.to_owned(),
            source,
        })?;
        let case: Self = serde_yaml::from_str(&text).map_err(|source| CaseError::Format {
            path: path.to_owned(),
            source,
        })?;
        let Some(base) = &case.base else {
            return Ok(case);
        };
        let base = path.parent().unwrap_or(Path::new("")).join(base);
        Ok(case.on(Self::read_deep(&base, depth + 1)?))
    }

    /// This case, standing on `base`: what it says replaces what the base says.
    fn on(self, base: Self) -> Self {
        Self {
            proves: self.proves,
            base: None,
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
