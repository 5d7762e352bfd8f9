//! The log of the current boot, and what its lines mean.

pub mod klog;
mod run;
pub mod signatures;

use std::sync::Arc;

use nodepol_model::snapshot::{Journal, JournalEntry};
use nodepol_model::{Part, Unavailable};
use serde::Serialize;

use crate::evidence::Evidence;
use run::Run;
use signatures::Signature;

/// The units that a kubelet runs in: its own, or the program that embeds it.
const KUBELET_UNITS: &[&str] = &[
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "k0sworker.service",
    "k0scontroller.service",
    "snap.microk8s.daemon-kubelite.service",
    "snap.k8s.kubelet.service",
    "microshift.service",
];

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

impl From<&JournalEntry> for Entry {
    fn from(entry: &JournalEntry) -> Self {
        Self {
            time: entry.time.as_second(),
            unit: entry.unit.clone(),
            identifier: entry.identifier.clone(),
            message: entry.message.clone(),
        }
    }
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

/// What the journal of the current boot says.
#[derive(Debug, Clone)]
pub struct JournalFacts {
    evidence: Arc<Evidence>,
}

impl JournalFacts {
    /// The journal in `evidence`.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self { evidence }
    }

    fn journal(&self) -> Result<&Journal, Unavailable> {
        match self.evidence.journal() {
            Part::Present(journal) => Ok(journal),
            Part::Absent => Err(Unavailable::new(
                "journal",
                "there is no journal of a running boot",
            )),
            Part::Unreadable(why) => Err(Unavailable::new("journal", why)),
        }
    }

    /// The entries of a unit, newest first, at most `max`.
    ///
    /// # Errors
    /// [`Unavailable`] if the journal could not be read.
    pub fn recent(&self, unit: &str, max: u32) -> Result<Vec<Entry>, Unavailable> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(self
            .journal()?
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.unit == unit)
            .take(max)
            .map(Entry::from)
            .collect())
    }

    /// The known lines of the newest run of the kubelet, newest first. A start of
    /// which nothing is logged yet is no run; while one goes on that has not
    /// failed yet, the lines of the run before follow, for they say why it ended.
    ///
    /// # Errors
    /// [`Unavailable`] if the journal could not be read.
    pub fn known_lines(&self) -> Result<Vec<KnownLine>, Unavailable> {
        let journal = self.journal()?;
        let runs = runs(journal);
        let mut known_lines = Vec::new();
        let speaking = runs.iter().rev().filter(|run| run.says_something());
        for run in speaking.take(2) {
            known_lines.extend(run.entries.iter().rev().filter_map(|entry| known(entry)));
            if run.ended() || run.fatal().is_some() {
                break;
            }
        }
        Ok(known_lines)
    }

    /// The line with which the kubelet last exited, known or not: in its newest
    /// run or, while that goes on, in the one before.
    ///
    /// # Errors
    /// [`Unavailable`] if the journal could not be read.
    pub fn last_fatal(&self) -> Result<Option<Entry>, Unavailable> {
        let journal = self.journal()?;
        for run in runs(journal).iter().rev().take(2) {
            if let Some(entry) = run.fatal() {
                return Ok(Some(Entry::from(entry)));
            }
            if run.ended() {
                break;
            }
        }
        Ok(None)
    }
}

fn runs(journal: &Journal) -> Vec<Run<'_>> {
    KUBELET_UNITS
        .iter()
        .map(|unit| run::split(journal.entries.iter().filter(|entry| entry.unit == *unit)))
        .find(|runs| !runs.is_empty())
        .unwrap_or_default()
}

fn known(entry: &JournalEntry) -> Option<KnownLine> {
    let Signature {
        id,
        policies,
        meaning,
        ..
    } = signatures::find(&entry.message)?;
    Some(KnownLine {
        signature: id,
        policies,
        meaning,
        fatal: klog::is_fatal(&entry.message),
        entry: Entry::from(entry),
    })
}
