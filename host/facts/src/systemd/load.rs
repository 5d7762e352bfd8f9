//! Loading a unit from its files: the fragment, then its drop-ins.
//!
//! Source: `unit_load_fragment` and `unit_load` in `src/core`,
//! `unit_load_dropin` in `src/core/load-dropin.c`.

use std::sync::Arc;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Part, Unavailable};

use super::conf_files::merged;
use super::exec::Refused;
use super::link;
use super::name::{self, Kind};
use super::search::Search;
use super::standard;
use super::syntax::{self, UnitFile};
use super::unit::{LoadState, Loaded, is_perpetual};
use super::verify;
use crate::evidence::Evidence;

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
        && let end = search.end_of(name)
        && let Some(text) = standard::text(&end)
    {
        unit.names.insert(end.clone());
        unit.id = end;
        unit.state = LoadState::Loaded;
        unit.files.push(Arc::new(syntax::parse("systemd", text)));
    } else {
        unit.read_fragment(evidence, parse)?;
    }
    if matches!(unit.state, LoadState::Loaded | LoadState::Masked) {
        unit.read_drop_ins(evidence, search, parse)?;
    }
    if unit.state == LoadState::Loaded
        && let Err(Refused(why)) = verify::unit(&unit, evidence)
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

impl Loaded {
    fn read_fragment(
        &mut self,
        evidence: &Evidence,
        parse: &dyn Fn(&str) -> Part<Arc<UnitFile>>,
    ) -> Result<(), Unavailable> {
        if name::suffix(&self.id) == "scope" && !is_perpetual(&self.id) {
            // Scopes are made by programs; a file does not make one.
            self.error = Some(format!("Unit {} not found.", self.id));
            return Ok(());
        }
        let Some(path) = self.fragment.clone() else {
            if needs_no_file(&self.id) {
                self.state = LoadState::Loaded;
            } else {
                self.error = Some(format!("Unit {} not found.", self.id));
            }
            return Ok(());
        };
        if link::is_null(evidence, &path) {
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
                    if !link::is_null(evidence, &path) && !is_directory(evidence, &path) {
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
            if let Err(Refused(why)) =
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
