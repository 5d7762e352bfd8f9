//! A unit as its files make it, and how its assignments are read.
//!
//! Below everything that gives them a meaning: loading, verification, settings
//! and dependencies all rest on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::exec::{self, ExecCommand};
use super::syntax::{Assignment, UnitFile};
use super::{link, specifier};
use crate::evidence::Evidence;

/// `LoadState` of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadState {
    Loaded,
    NotFound,
    Masked,
    BadSetting,
    Error,
}

impl LoadState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::NotFound => "not-found",
            Self::Masked => "masked",
            Self::BadSetting => "bad-setting",
            Self::Error => "error",
        }
    }
}

/// A unit as its files make it.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// Its name: that of its file, where the name asked for is an alias.
    pub id: String,
    /// All its names.
    pub names: BTreeSet<String>,
    pub fragment: Option<String>,
    /// In the order in which they apply.
    pub drop_ins: Vec<String>,
    pub state: LoadState,
    /// Why it is not loaded.
    pub error: Option<String>,
    /// The fragment and the drop-ins as far as systemd reads them.
    pub files: Vec<Arc<UnitFile>>,
    /// The same to their ends: `[Install]` has a reader of its own, which does
    /// not mind what the manager refuses.
    pub whole: Vec<Arc<UnitFile>>,
}

/// An assignment and the file it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub path: &'a str,
    pub assignment: &'a Assignment,
}

impl Loaded {
    /// The assignments to `key`, in order, empty ones too.
    pub(super) fn all<'a>(
        &'a self,
        section: &'a str,
        key: &'a str,
    ) -> impl DoubleEndedIterator<Item = Placed<'a>> {
        self.files.iter().flat_map(move |file| {
            file.assignments
                .iter()
                .filter(move |a| a.section == section && a.key == key)
                .map(move |assignment| Placed {
                    path: &file.path,
                    assignment,
                })
        })
    }

    /// What a list holds: the assignments after the last empty one.
    pub(super) fn list<'a>(&'a self, section: &'a str, key: &'a str) -> Vec<Placed<'a>> {
        let mut list = Vec::new();
        for placed in self.all(section, key) {
            if placed.assignment.value.is_empty() {
                list.clear();
            } else {
                list.push(placed);
            }
        }
        list
    }

    /// The last assignment; `None` if there is none or it is empty.
    pub(super) fn scalar<'a>(&'a self, section: &'a str, key: &'a str) -> Option<Placed<'a>> {
        self.all(section, key)
            .next_back()
            .filter(|placed| !placed.assignment.value.is_empty())
    }

    /// The last value that `read` understands: a value that systemd cannot read
    /// leaves the one before in place.
    pub(super) fn last<'a, T>(
        &'a self,
        section: &'a str,
        key: &'a str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.all(section, key)
            .rev()
            .find_map(|placed| read(&placed.assignment.value))
    }

    /// The commands of `Exec…=` in a section.
    pub(super) fn commands(
        &self,
        section: &str,
        key: &str,
        evidence: &Evidence,
    ) -> Vec<ExecCommand> {
        self.list(section, key)
            .into_iter()
            .flat_map(|placed| {
                exec::parse(placed.assignment, placed.path, &self.id, evidence).unwrap_or_default()
            })
            .collect()
    }

    /// A path setting, expanded and without doubled slashes; `None` where it is
    /// not set or is not absolute.
    pub(super) fn path_of(&self, section: &str, key: &str, evidence: &Evidence) -> Option<String> {
        let value = self.scalar(section, key)?.assignment.value.clone();
        let expanded = specifier::expand(&value, &self.id, evidence).ok()?;
        expanded
            .starts_with('/')
            .then(|| link::normalize(&expanded))
    }
}

/// Units that are always there and cannot be masked.
pub(super) fn is_perpetual(name: &str) -> bool {
    matches!(name, "-.slice" | "system.slice" | "init.scope" | "-.mount")
}
