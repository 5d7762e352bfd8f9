//! The words in which policies judge.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a policy says about one horizon.
///
/// An error of the policy itself (a trap, a limit) is none of these: see
/// [`crate::report::PolicyError`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule has no meaning on this node.
    NotApplicable,
    /// The rule holds.
    Pass,
    /// Down, and rightly so: a kubelet that loops until kubeadm configures it.
    Waiting,
    /// It holds, but something is likely to go wrong.
    Warn,
    /// Evidence that the verdict needs could not be read.
    Unknown,
    /// The rule is broken.
    Fail,
}

impl Verdict {
    /// The word used in every format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Pass => "pass",
            Self::Waiting => "waiting",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The moment that a verdict speaks of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Horizon {
    /// The node as it runs.
    Now,
    /// The node after it boots again from what is persisted.
    NextBoot,
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Now => "now",
            Self::NextBoot => "next-boot",
        })
    }
}

/// One verdict for each horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verdicts {
    /// The node as it runs.
    pub now: Verdict,
    /// The node after its next boot.
    pub next_boot: Verdict,
}

impl Verdicts {
    /// The verdict at `horizon`.
    pub const fn at(&self, horizon: Horizon) -> Verdict {
        match horizon {
            Horizon::Now => self.now,
            Horizon::NextBoot => self.next_boot,
        }
    }

    /// The graver of the two.
    pub fn worst(&self) -> Verdict {
        self.now.max(self.next_boot)
    }
}

/// What is at stake if a policy fails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Untidy; nothing breaks by it.
    Hygiene,
    /// It breaks at a date or event that can be named.
    TimeBomb,
    /// The kubelet runs, the node or its pods are broken.
    Degraded,
    /// Fine now, not after a reboot.
    BootBlocker,
    /// The kubelet process does not stay up.
    Blocker,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hygiene => "hygiene",
            Self::TimeBomb => "time-bomb",
            Self::Degraded => "degraded",
            Self::BootBlocker => "boot-blocker",
            Self::Blocker => "blocker",
        })
    }
}

/// The point in a node's life at which it is judged.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A tree that no kernel runs from: only files can be judged.
    Image,
    /// The kubelet is installed and has not joined a cluster.
    PreJoin,
    /// A joined node that is about to boot.
    Boot,
    /// A joined node that runs; it will boot one day, so this includes `boot`.
    Running,
}

impl Phase {
    /// Whether a policy written for `declared` is judged in this phase.
    pub const fn includes(self, declared: Self) -> bool {
        matches!(
            (self, declared),
            (Self::Image, Self::Image)
                | (Self::PreJoin, Self::PreJoin)
                | (Self::Boot, Self::Boot)
                | (Self::Running, Self::Running | Self::Boot)
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Image => "image",
            Self::PreJoin => "pre-join",
            Self::Boot => "boot",
            Self::Running => "running",
        })
    }
}

/// Where a value stands: a file, a flag, a bus property or a built-in default.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Location {
    /// A path on the node, or a word such as `systemd`, `default` or
    /// `kubelet --version` where no file says it.
    pub source: String,
    /// The line in that file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in that line, in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The value in a structured file, as an RFC 6901 pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Location {
    /// A whole source, without a line.
    pub fn source(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            ..Self::default()
        }
    }

    /// A line of a file.
    pub fn line(source: impl Into<String>, line: u32) -> Self {
        Self {
            source: source.into(),
            line: Some(line),
            ..Self::default()
        }
    }

    /// A position in a file.
    pub fn position(source: impl Into<String>, line: u32, column: u32) -> Self {
        Self {
            source: source.into(),
            line: Some(line),
            column: Some(column),
            ..Self::default()
        }
    }

    /// The same place, named by a pointer as well.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}
