//! systemd units: as the manager has them loaded (now), and as it will load
//! them from their files (next boot).
//!
//! Next boot sees the directories that persist and, on a live node, what
//! generators wrote for this boot. `now` is what the manager says over D-Bus;
//! without a manager it is unavailable.

mod condition;
mod condition_test;
mod conf_files;
mod default_dependency;
mod dependency;
mod directories;
mod environment;
mod environment_files;
mod exec;
mod expand;
mod glob;
mod graph;
mod ignored;
mod install;
mod known_settings;
mod link;
mod live;
mod load;
mod mount_point;
mod name;
mod own_dependency;
mod preset;
mod program;
mod record;
mod search;
mod service;
mod specifier;
mod standard;
mod start;
mod syntax;
pub mod time;
mod unit;
mod variables;
mod verify;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nodepol_model::{Horizon, Part, Unavailable};

pub use self::condition::Condition;
pub(crate) use self::mount_point::is_api;
pub use self::record::{Command, EnvironmentFile, Link, ProgramState, ServiceSettings, Unit};
pub use self::start::Variable;

use self::graph::Graph;
use self::search::{Search, View};
use self::service::Defaults;
use self::syntax::UnitFile;
use self::unit::{LoadState, Loaded};
use crate::evidence::Evidence;
use crate::kernel_command_line;
use crate::sourced::Sourced;

type FileStates = Mutex<BTreeMap<(View, String), Result<&'static str, Unavailable>>>;

type Cached<T> = Mutex<BTreeMap<(View, String), Result<Arc<T>, Unavailable>>>;

/// What systemd makes of the node's units. Each file is read once.
#[derive(Debug)]
pub struct Units {
    evidence: Arc<Evidence>,
    next_boot: OnceLock<Result<Search, Unavailable>>,
    disk: OnceLock<Result<Search, Unavailable>>,
    files: Mutex<BTreeMap<String, Part<Arc<UnitFile>>>>,
    loaded: Cached<Loaded>,
    defaults: OnceLock<Defaults>,
    graph: OnceLock<Result<Graph, Unavailable>>,
    presets: OnceLock<Result<preset::Presets, Unavailable>>,
    command_line: OnceLock<Vec<Sourced<String>>>,
    file_states: FileStates,
}

impl Units {
    /// The units in `evidence`.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self {
            evidence,
            next_boot: OnceLock::new(),
            disk: OnceLock::new(),
            files: Mutex::default(),
            loaded: Mutex::default(),
            defaults: OnceLock::new(),
            graph: OnceLock::new(),
            presets: OnceLock::new(),
            command_line: OnceLock::new(),
            file_states: Mutex::default(),
        }
    }

    /// A unit at a horizon. One that does not exist has the load state
    /// `not-found`.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager (now) or the files (next boot) could not
    /// be read.
    pub fn get(&self, at: Horizon, name: &str) -> Result<Unit, Unavailable> {
        match at {
            Horizon::Now => live::unit(self.evidence.loaded_unit(name), name),
            Horizon::NextBoot => {
                let unit = self.load(View::NextBoot, name)?;
                Ok(Unit {
                    name: unit.id.clone(),
                    load_state: unit.state.as_str().to_owned(),
                    load_error: unit.error.clone(),
                    fragment: unit.fragment.clone(),
                    drop_ins: unit.drop_ins.clone(),
                    file_state: self.file_state(at, name)?,
                    active_state: None,
                    sub_state: None,
                })
            }
        }
    }

    /// Every unit that has a file, sorted; none where the directories could not
    /// be read.
    pub fn names(&self) -> Vec<String> {
        let views = [View::NextBoot, View::Disk];
        let names: BTreeSet<String> = views
            .into_iter()
            .filter_map(|view| self.search(view).ok())
            .flat_map(|search| search.names().cloned())
            .collect();
        names.into_iter().collect()
    }

    /// What the files assign to `key` in `[section]`, drop-ins merged, in order,
    /// after the last empty assignment.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn assignments(
        &self,
        name: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        let unit = self.load(View::NextBoot, name)?;
        Ok(unit
            .list(section, key)
            .into_iter()
            .map(|placed| {
                let at = placed.assignment.location(placed.path);
                Sourced::new(placed.assignment.value.clone(), at)
            })
            .collect())
    }

    /// A property that the running manager has, as `systemctl show` prints it;
    /// none if the unit has no such property.
    ///
    /// # Errors
    /// [`Unavailable`] if no manager could be asked.
    pub fn property(&self, name: &str, property: &str) -> Result<Option<String>, Unavailable> {
        let unit = self.evidence.loaded_unit(name)?;
        Ok(unit
            .properties
            .get(property)
            .map(|value| live::shown(property, value)))
    }

    /// Whether files of the unit changed since the manager read them.
    ///
    /// # Errors
    /// [`Unavailable`] if no manager could be asked.
    pub fn need_daemon_reload(&self, name: &str) -> Result<bool, Unavailable> {
        live::boolean(self.evidence.loaded_unit(name)?, name, "NeedDaemonReload")
    }

    /// What a service is set to; none if it is not loaded at that horizon or is
    /// no service.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager or the files could not be read.
    pub fn service(&self, at: Horizon, name: &str) -> Result<Option<ServiceSettings>, Unavailable> {
        if name::suffix(name) != "service" {
            return Ok(None);
        }
        match at {
            Horizon::Now => live::service(self.evidence.loaded_unit(name), name),
            Horizon::NextBoot => {
                let unit = self.load(View::NextBoot, name)?;
                if unit.state != LoadState::Loaded {
                    return Ok(None);
                }
                Ok(Some(service::settings(
                    &unit,
                    self.defaults(),
                    &self.evidence,
                )))
            }
        }
    }

    /// The cgroup that the unit's processes are in, without the mount point;
    /// none if it has none.
    ///
    /// # Errors
    /// [`Unavailable`] if no manager could be asked.
    pub fn control_group(&self, name: &str) -> Result<Option<String>, Unavailable> {
        Ok(self
            .property(name, "ControlGroup")?
            .filter(|group| !group.is_empty()))
    }

    fn search(&self, view: View) -> Result<&Search, Unavailable> {
        let cell = match view {
            View::NextBoot => &self.next_boot,
            View::Disk => &self.disk,
        };
        cell.get_or_init(|| Search::new(&self.evidence, view))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn defaults(&self) -> &Defaults {
        self.defaults.get_or_init(|| Defaults::new(&self.evidence))
    }

    /// A unit as its files make it.
    fn load(&self, view: View, name: &str) -> Result<Arc<Loaded>, Unavailable> {
        if name::kind(name).is_none() {
            return Err(Unavailable::new(name, "it is no valid name of a unit"));
        }
        let key = (view, name.to_owned());
        if let Some(known) = lock(&self.loaded).get(&key) {
            return known.clone();
        }
        let loaded = self.search(view).and_then(|search| {
            let mut unit = load::load(&self.evidence, search, name, &|path| self.file(path))?;
            if view == View::NextBoot {
                self.mask(&mut unit);
            }
            Ok(Arc::new(unit))
        });
        lock(&self.loaded).insert(key, loaded.clone());
        loaded
    }

    /// The words that the next boot's kernel is started with; none where no boot
    /// loader's configuration is at hand.
    fn command_line(&self) -> &[Sourced<String>] {
        self.command_line
            .get_or_init(|| kernel_command_line::configured(&self.evidence).unwrap_or_default())
    }

    /// Masks a unit that `systemd.mask=` names (systemd-debug-generator(8)).
    fn mask(&self, unit: &mut Loaded) {
        let named = self.command_line().iter().find(|word| {
            let name = word.value.strip_prefix("systemd.mask=");
            name.is_some_and(|name| unit.id == name || unit.names.contains(name))
        });
        if let Some(word) = named {
            unit.state = LoadState::Masked;
            unit.error = Some(format!("{} on the kernel's command line", word.value));
            unit.fragment = Some(word.origin.source.clone());
        }
    }

    fn file(&self, path: &str) -> Part<Arc<UnitFile>> {
        if let Some(known) = lock(&self.files).get(path) {
            return known.clone();
        }
        let file = conf_files::read(&self.evidence, path);
        lock(&self.files).insert(path.to_owned(), file.clone());
        file
    }
}

/// The unit that mounts something at a path.
pub(crate) fn mount_unit(place: &str) -> String {
    format!("{}.mount", name::escape_path(&link::normalize(place)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
