//! The units of a boot: what pulls a unit in, and what it depends on, inverse
//! dependencies included.
//!
//! Source: `man bootup`, `man systemd.special` (`default.target`);
//! `unit_add_dependency`, `unit_add_mount_dependencies` and
//! `unit_add_default_target_dependency` in `src/core/unit.c`.

mod order;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nodepol_model::snapshot::{File, FileNode};
use nodepol_model::{Horizon, Location, Part, Unavailable};

use super::conf_files;
use super::dependency::{Dependencies, KINDS, PULLING, Reason, STARTING};
use super::link;
use super::own_dependency;
use super::search::View;
use super::service::boolean;
use super::unit::{LoadState, Loaded};
use super::{Units, name, standard};
use crate::sourced::Sourced;

/// As many units as a boot may have before the walk is given up.
const MAX_UNITS: usize = 20_000;

/// The units that a boot loads.
#[derive(Debug)]
pub(super) struct Graph {
    units: BTreeMap<String, Node>,
    /// What could not be read on the way.
    unavailable: Option<Unavailable>,
}

#[derive(Debug)]
struct Node {
    dependencies: Dependencies,
    /// The unit that pulled it in first; none for the default target and for
    /// units that are loaded and not started.
    puller: Option<String>,
    started: bool,
}

impl Units {
    /// The target that the node boots into: now what the manager says, at the
    /// next boot what the links say, unless the configured command line of the
    /// kernel names another (`systemd.unit=`, `rescue`, `single`, a runlevel).
    ///
    /// # Errors
    /// [`Unavailable`] if the manager or the links could not be read.
    pub fn default_target(&self, at: Horizon) -> Result<Option<Sourced<String>>, Unavailable> {
        if at == Horizon::Now {
            let target = self.evidence.default_target()?;
            return Ok(target.map(|target| Sourced::new(target.to_owned(), super::live::origin())));
        }
        match self.chosen_target() {
            Some(target) => Ok(Some(target)),
            None => self.linked_target(),
        }
    }

    fn linked_target(&self) -> Result<Option<Sourced<String>>, Unavailable> {
        let unit = self.load(View::NextBoot, "default.target")?;
        if unit.state == LoadState::NotFound {
            let standard = self.search(View::NextBoot)?.is_incomplete();
            return Ok(standard.then(|| {
                let at = Location::source("default");
                Sourced::new(standard::DEFAULT_TARGET.to_owned(), at)
            }));
        }
        let link = self.search(View::NextBoot)?.path_of("default.target");
        let at = Location::source(link.or_else(|| unit.fragment.clone()).unwrap_or_default());
        Ok(Some(Sourced::new(unit.id.clone(), at)))
    }

    /// The target that the configured command line of the kernel names:
    /// `systemd.unit=`, `rescue`, `emergency`, `single`, a runlevel. The last word
    /// counts (`runlevel_to_target` in `src/basic/unit-def.c`).
    fn chosen_target(&self) -> Option<Sourced<String>> {
        self.command_line().iter().rev().find_map(|word| {
            let target = match word.value.as_str() {
                "emergency" | "-b" => "emergency.target",
                "rescue" | "single" | "s" | "S" | "1" => "rescue.target",
                "2" | "3" | "4" => "multi-user.target",
                "5" => "graphical.target",
                other => other.strip_prefix("systemd.unit=")?,
            };
            Some(Sourced::new(target.to_owned(), word.origin.clone()))
        })
    }

    /// The units that lead from the default target to this one at the next
    /// boot, both included; empty if nothing pulls it in. A socket, path or
    /// timer that is pulled in pulls in what it triggers.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing was found and a unit on the way could not be
    /// read.
    pub fn pulled_in_by(&self, name: &str) -> Result<Vec<String>, Unavailable> {
        let unit = self.load(View::NextBoot, name)?;
        let graph = self.graph()?;
        let mut chain = Vec::new();
        let mut at = Some(unit.id.clone());
        while let Some(id) = at.take() {
            match graph.units.get(&id) {
                Some(node) if node.started => {
                    at.clone_from(&node.puller);
                    chain.push(id);
                }
                _ => break,
            }
        }
        if chain.is_empty() {
            return graph.unavailable.clone().map_or(Ok(chain), Err);
        }
        chain.reverse();
        Ok(chain)
    }

    /// The units that the next boot starts, sorted.
    ///
    /// # Errors
    /// [`Unavailable`] if the directories of units could not be read.
    pub fn started_at_boot(&self) -> Result<Vec<String>, Unavailable> {
        let graph = self.graph()?;
        let started = graph.units.iter().filter(|(_, node)| node.started);
        Ok(started.map(|(id, _)| id.clone()).collect())
    }

    /// The units named by a dependency such as `After`, `Requires`, `WantedBy`,
    /// implicit, default and inverse ones included, sorted. At the next boot
    /// inverse ones are those of the units that the boot loads.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager or the files could not be read.
    pub fn dependencies(
        &self,
        at: Horizon,
        name: &str,
        kind: &str,
    ) -> Result<Vec<String>, Unavailable> {
        if at == Horizon::Now {
            let unit = self.evidence.loaded_unit(name)?;
            let mut units = super::live::texts(unit, kind).ok_or_else(|| {
                Unavailable::new(name, format!("the property {kind} was not gathered"))
            })?;
            units.sort();
            return Ok(units);
        }
        Ok(self.related(name, kind, true)?.into_iter().collect())
    }

    /// As [`Units::dependencies`] at the next boot, without those that systemd
    /// adds to every unit of that type (`DefaultDependencies=`, the parent of a
    /// slice, a socket before its service).
    ///
    /// # Errors
    /// As [`Units::dependencies`].
    pub fn configured_dependencies(
        &self,
        name: &str,
        kind: &str,
    ) -> Result<Vec<String>, Unavailable> {
        Ok(self.related(name, kind, false)?.into_iter().collect())
    }

    fn related(&self, name: &str, kind: &str, all: bool) -> Result<BTreeSet<String>, Unavailable> {
        let unit = self.load(View::NextBoot, name)?;
        let graph = self.graph()?;
        let own;
        let dependencies = match graph.units.get(&unit.id) {
            Some(node) => &node.dependencies,
            None => {
                own = self.own_dependencies(&unit)?;
                &own
            }
        };
        let mut found: BTreeSet<String> = dependencies
            .of(kind)
            .filter(|(_, reason)| all || *reason == Reason::Set)
            .map(|(other, _)| self.id_of(other))
            .collect();
        if matches!(kind, "After" | "Requires") {
            let parent = dependencies.parent.iter().filter(|_| all);
            let mounts: Vec<&String> = dependencies.mounts.iter().chain(parent).collect();
            for path in &mounts {
                found.extend(self.mounts_of(path, &unit.id));
            }
            // The root is always mounted, mostly without a file that says so.
            if kind == "After" && !mounts.is_empty() && unit.id != "-.mount" {
                found.insert("-.mount".to_owned());
            }
        }
        if let Some((inverse, _)) = KINDS.iter().find(|(_, inverse)| *inverse == kind) {
            for (id, node) in &graph.units {
                let names = |other: &str| unit.names.contains(other) || other == unit.id;
                let depends = node
                    .dependencies
                    .of(inverse)
                    .any(|(other, reason)| (all || reason == Reason::Set) && names(other));
                if depends && *id != unit.id {
                    found.insert(id.clone());
                }
            }
        }
        if kind == "After" && all {
            found.extend(self.after_pulled(&unit, dependencies));
        }
        Ok(found)
    }

    /// A target comes after what it pulls in, unless either side wants no
    /// default dependencies or it is said to come before.
    fn after_pulled(&self, unit: &Loaded, dependencies: &Dependencies) -> Vec<String> {
        let default = |unit: &Loaded| {
            unit.last("Unit", "DefaultDependencies", boolean)
                .unwrap_or(true)
        };
        if name::suffix(&unit.id) != "target" || !default(unit) {
            return Vec::new();
        }
        ["Requires", "Requisite", "Wants", "BindsTo", "Upholds"]
            .into_iter()
            .flat_map(|kind| dependencies.of(kind))
            .filter(|(other, _)| !dependencies.has("Before", other))
            .filter_map(|(other, _)| self.load(View::NextBoot, other).ok())
            .filter(|other| other.state == LoadState::Loaded && default(other))
            .map(|other| other.id.clone())
            .collect()
    }

    /// The mount units with a file that a path lies on.
    fn mounts_of(&self, path: &str, unit: &str) -> Vec<String> {
        let Ok(search) = self.search(View::NextBoot) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let whole = link::normalize(path);
        let ends = whole
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([whole.len()]);
        for end in ends {
            let prefix = whole.get(..end.max(1)).unwrap_or("/");
            let mount = format!("{}.mount", name::escape_path(prefix));
            if mount != unit && search.path_of(&mount).is_some() && !found.contains(&mount) {
                found.push(mount);
            }
        }
        found
    }

    fn id_of(&self, name: &str) -> String {
        self.load(View::NextBoot, name)
            .map_or_else(|_| name.to_owned(), |unit| unit.id.clone())
    }

    fn own_dependencies(&self, unit: &Loaded) -> Result<Dependencies, Unavailable> {
        if unit.state == LoadState::NotFound {
            return Ok(Dependencies::default());
        }
        let search = self.search(View::NextBoot)?;
        let mut linked: [Vec<String>; 3] = Default::default();
        for ((suffix, _), names) in PULLING.iter().zip(&mut linked) {
            let directories = search.beside(&unit.id, &unit.names, suffix);
            for path in conf_files::merged(&self.evidence, &directories, "")? {
                if let Some((_, name)) = path.rsplit_once('/')
                    && name::kind(name).is_some()
                    && self.pulls(&path)?
                {
                    names.push(name.to_owned());
                }
            }
        }
        let presets = self
            .presets
            .get_or_init(|| self.presets())
            .as_ref()
            .map_err(Clone::clone)?;
        for target in &unit.names {
            let enabled = presets.get(target).into_iter().flatten();
            for (enabled, names) in enabled.zip(&mut linked) {
                names.extend(enabled.iter().cloned());
            }
        }
        Ok(own_dependency::read(unit, &linked, &self.evidence))
    }

    /// Whether an entry of a `.wants` directory counts: a link that masks nothing.
    fn pulls(&self, path: &str) -> Result<bool, Unavailable> {
        match link::lstat(&self.evidence, path) {
            Part::Present(File {
                node: FileNode::Symlink(_),
                ..
            }) => Ok(!link::is_null(&self.evidence, path)),
            Part::Present(_) | Part::Absent => Ok(false),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }

    fn graph(&self) -> Result<&Graph, Unavailable> {
        self.graph
            .get_or_init(|| self.walk())
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Loads what the next boot loads, breadth first from the default target, so
    /// that chains are the shortest; then every other unit that has a file and is
    /// named by one of them.
    fn walk(&self) -> Result<Graph, Unavailable> {
        let mut graph = Graph {
            units: BTreeMap::new(),
            unavailable: None,
        };
        let mut queue: VecDeque<(String, Option<String>, bool)> = VecDeque::new();
        if let Some(target) = self.default_target(Horizon::NextBoot)? {
            queue.push_back((target.value, None, true));
        }
        // systemd-debug-generator(8).
        for word in self.command_line() {
            if let Some(name) = word.value.strip_prefix("systemd.wants=") {
                queue.push_back((name.to_owned(), None, true));
            }
        }
        let mut named: VecDeque<(String, Option<String>, bool)> = VecDeque::new();
        // What is started first, then what is merely named.
        while let Some((name, puller, started)) = queue.pop_front().or_else(|| named.pop_front()) {
            if graph.units.len() >= MAX_UNITS {
                break;
            }
            let unit = match self.load(View::NextBoot, &name) {
                Ok(unit) => unit,
                Err(why) => {
                    graph.unavailable.get_or_insert(why);
                    continue;
                }
            };
            if graph.units.contains_key(&unit.id) {
                continue;
            }
            let dependencies = match self.own_dependencies(&unit) {
                Ok(dependencies) => dependencies,
                Err(why) => {
                    graph.unavailable.get_or_insert(why);
                    continue;
                }
            };
            let started = started && unit.state == LoadState::Loaded;
            for (kind, _) in KINDS {
                let starts = started && STARTING.contains(&kind);
                for (other, _) in dependencies.of(kind) {
                    if starts {
                        queue.push_back((other.to_owned(), Some(unit.id.clone()), true));
                    } else {
                        named.push_back((other.to_owned(), None, false));
                    }
                }
            }
            graph.units.insert(
                unit.id.clone(),
                Node {
                    dependencies,
                    puller: puller.filter(|_| started),
                    started,
                },
            );
        }
        Ok(graph)
    }
}
