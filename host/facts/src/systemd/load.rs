//! Loading a unit from its files: the fragment, then its drop-ins.
//!
//! Source: `unit_load_fragment` and `unit_load` in `src/core`,
//! `unit_load_dropin` in `src/core/load-dropin.c`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Part, Unavailable};

use super::exec::{self, ExecCommand};
use super::name::{self, Kind};
use super::search::{self, Search};
use super::standard;
use super::syntax::{self, Assignment, UnitFile};
use super::verify;
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
    whole: Vec<Arc<UnitFile>>,
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

    /// As [`Loaded::list`], from the whole files.
    pub(super) fn whole_list<'a>(&'a self, section: &'a str, key: &'a str) -> Vec<Placed<'a>> {
        let mut list = Vec::new();
        for file in &self.whole {
            for assignment in &file.assignments {
                if assignment.section != section || assignment.key != key {
                    continue;
                }
                if assignment.value.is_empty() {
                    list.clear();
                } else {
                    list.push(Placed {
                        path: &file.path,
                        assignment,
                    });
                }
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
}

/// Loads `name`. `parse` reads a file, or takes it from a cache.
///
/// # Errors
/// [`Unavailable`] if a file or link on the way was not gathered.
pub(super) fn load(
    evidence: &Evidence,
    search: &Search,
    name: &str,
    parse: &dyn Fn(&str) -> Part<Arc<UnitFile>>,
) -> Result<Loaded, Unavailable> {
    let found = search.find(name)?;
    let id = match &found.fragment {
        Some(path) => identity(name, path),
        None => name.to_owned(),
    };
    let mut unit = Loaded {
        id,
        names: found.names,
        fragment: found.fragment,
        drop_ins: Vec::new(),
        state: LoadState::NotFound,
        error: None,
        files: Vec::new(),
        whole: Vec::new(),
    };
    if unit.fragment.is_none()
        && search.is_incomplete()
        && let Some(text) = standard::text(&unit.id)
    {
        unit.state = LoadState::Loaded;
        unit.files.push(Arc::new(syntax::parse("systemd", text)));
    } else {
        unit.read_fragment(evidence, parse)?;
    }
    if matches!(unit.state, LoadState::Loaded | LoadState::Masked) {
        unit.read_drop_ins(evidence, search, parse)?;
    }
    if unit.state == LoadState::Loaded
        && let Err(verify::Refused(why)) = verify::unit(&unit, evidence)
    {
        unit.state = LoadState::BadSetting;
        unit.error = Some(format!("{}: {why}", unit.id));
    }
    Ok(unit)
}

/// The name of a unit of which the file is at `path`.
fn identity(name: &str, path: &str) -> String {
    let base = path.rsplit_once('/').map_or(path, |(_, base)| base);
    match (name::kind(base), name::instance(name)) {
        (Some(Kind::Template), Some(instance)) => name::instantiate(base, instance),
        (None, _) => name.to_owned(),
        _ => base.to_owned(),
    }
}

/// Units that exist without a file.
fn needs_no_file(name: &str) -> bool {
    matches!(name::suffix(name), "slice" | "device") || name == "init.scope"
}

/// Units that are always there and cannot be masked.
pub(super) fn is_perpetual(name: &str) -> bool {
    matches!(name, "-.slice" | "system.slice" | "init.scope" | "-.mount")
}

impl Loaded {
    fn read_fragment(
        &mut self,
        evidence: &Evidence,
        parse: &dyn Fn(&str) -> Part<Arc<UnitFile>>,
    ) -> Result<(), Unavailable> {
        let Some(path) = self.fragment.clone() else {
            if needs_no_file(&self.id) {
                self.state = LoadState::Loaded;
            } else {
                self.error = Some(format!("Unit {} not found.", self.id));
            }
            return Ok(());
        };
        if search::is_null(evidence, &path) {
            if is_perpetual(&self.id) {
                self.state = LoadState::Loaded;
            } else {
                self.state = LoadState::Masked;
                self.error = Some(format!("Unit {} is masked.", self.id));
            }
            return Ok(());
        }
        match parse(&path) {
            Part::Present(file) => {
                self.state = LoadState::Loaded;
                self.read_file(file, evidence, true);
                Ok(())
            }
            Part::Absent => {
                // A link that leads nowhere.
                self.fragment = None;
                self.error = Some(format!("{path} leads to a file that does not exist"));
                Ok(())
            }
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }

    fn read_drop_ins(
        &mut self,
        evidence: &Evidence,
        search: &Search,
        parse: &dyn Fn(&str) -> Part<Arc<UnitFile>>,
    ) -> Result<(), Unavailable> {
        let directories = search.beside(&self.id, &self.names, ".d");
        let mut unavailable = None;
        for path in merged(evidence, &directories, ".conf")? {
            match parse(&path) {
                Part::Present(file) => self.read_file(file, evidence, false),
                Part::Absent => {}
                Part::Unreadable(why) => {
                    if !search::is_null(evidence, &path) && !is_directory(evidence, &path) {
                        unavailable.get_or_insert(Unavailable::new(path.clone(), why));
                    }
                }
            }
            self.drop_ins.push(path);
        }
        unavailable.map_or(Ok(()), Err)
    }

    /// Takes a file in as far as systemd reads it: up to a line that it refuses.
    fn read_file(&mut self, file: Arc<UnitFile>, evidence: &Evidence, is_fragment: bool) {
        self.whole.push(Arc::clone(&file));
        let refused = file.assignments.iter().position(|assignment| {
            verify::assignment(assignment, &file.path, &self.id, evidence).is_err()
        });
        let Some(index) = refused else {
            if let Some(fault) = file.fault.as_ref().filter(|_| is_fragment) {
                self.state = LoadState::Error;
                self.error = Some(format!("{}:{}: {}", file.path, fault.line, fault.message));
            }
            self.files.push(file);
            return;
        };
        if is_fragment && let Some(assignment) = file.assignments.get(index) {
            self.state = LoadState::BadSetting;
            if let Err(verify::Refused(why)) =
                verify::assignment(assignment, &file.path, &self.id, evidence)
            {
                self.error = Some(format!("{}: {why}", assignment.location(&file.path)));
            }
        }
        let mut read = UnitFile::clone(&file);
        read.assignments.truncate(index);
        self.files.push(Arc::new(read));
    }
}

fn is_directory(evidence: &Evidence, path: &str) -> bool {
    matches!(
        evidence.stat(path),
        Part::Present((_, file)) if matches!(file.node, FileNode::Directory(_))
    )
}

/// The files of several directories, one per name (the first directory wins),
/// in the order of their names (`conf_files_list_strv`).
///
/// # Errors
/// [`Unavailable`] if a directory cannot be listed.
pub(super) fn merged(
    evidence: &Evidence,
    directories: &[String],
    suffix: &str,
) -> Result<Vec<String>, Unavailable> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut unavailable = None;
    for directory in directories {
        match evidence.names(directory) {
            Part::Present(names) => {
                for name in names {
                    if name.ends_with(suffix) && !is_hidden_or_backup(name) {
                        files
                            .entry(name)
                            .or_insert_with(|| format!("{directory}/{name}"));
                    }
                }
            }
            Part::Absent => {}
            Part::Unreadable(why) if why == "it is not a directory" => {}
            Part::Unreadable(why) => {
                unavailable.get_or_insert(Unavailable::new(directory.clone(), why));
            }
        }
    }
    match unavailable {
        Some(unavailable) => Err(unavailable),
        None => Ok(files.into_values().collect()),
    }
}

/// `hidden_or_backup_file`.
fn is_hidden_or_backup(name: &str) -> bool {
    const SUFFIXES: [&str; 16] = [
        "~",
        ".rpmnew",
        ".rpmsave",
        ".rpmorig",
        ".dpkg-old",
        ".dpkg-new",
        ".dpkg-tmp",
        ".dpkg-dist",
        ".dpkg-bak",
        ".dpkg-backup",
        ".dpkg-remove",
        ".ucf-new",
        ".ucf-old",
        ".ucf-dist",
        ".swp",
        ".bak",
    ];
    name.starts_with('.') || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Reads a file of assignments.
pub(super) fn read(evidence: &Evidence, path: &str) -> Part<Arc<UnitFile>> {
    match evidence.text(path) {
        Part::Present(text) => Part::Present(Arc::new(syntax::parse(path, text))),
        Part::Absent => Part::Absent,
        Part::Unreadable(why) => Part::Unreadable(why),
    }
}
