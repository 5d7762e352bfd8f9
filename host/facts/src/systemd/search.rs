//! Where units are looked for, and which file a name leads to.
//!
//! Source: `man systemd.unit` (unit file load path, aliases, drop-ins);
//! `unit_file_build_name_map` and `unit_file_find_fragment` in
//! `src/basic/unit-file.c`, `unit_file_find_dirs` in `src/shared/dropin.c`.

use std::collections::{BTreeMap, BTreeSet};

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Part, Unavailable};

use super::directories::{DIRECTORIES, Life};
use super::link::{Entry, is_null, link, lstat};
use super::name::{self, Kind};
use super::standard;
use crate::evidence::{Evidence, Resolved};

/// As many aliases as are followed (`FOLLOW_MAX`).
const MAX_ALIASES: usize = 8;

/// Which directories count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    /// As the manager finds them when the node boots again: what persists, and,
    /// on a live node, what generators made for this boot, for they make the
    /// same from the same files. A tree's /run is a leftover and does not count.
    NextBoot,
    /// All, /run among them, as `systemctl` looks at them now.
    Disk,
}

/// The directories of a view and what is in them.
#[derive(Debug)]
pub(super) struct Search {
    /// Those that exist, in order of precedence, with their names.
    directories: Vec<(&'static str, BTreeSet<String>)>,
    entries: BTreeMap<String, Entry>,
    /// The names that lead to a unit's name, directly.
    aliases: BTreeMap<String, Vec<String>>,
    /// Names of which the first link is one that systemd refuses; the manager
    /// goes on to the next directory, `systemctl is-enabled` fails.
    refused: BTreeSet<String>,
    /// A tree without what systemd itself ships.
    incomplete: bool,
}

/// What leads to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The unit's file.
    pub fragment: Option<String>,
    /// All its names, the one that was asked for among them.
    pub names: BTreeSet<String>,
}

impl Search {
    /// Reads the directories of `view`.
    ///
    /// # Errors
    /// [`Unavailable`] if one of them cannot be listed: any of them may decide.
    pub(super) fn new(evidence: &Evidence, view: View) -> Result<Self, Unavailable> {
        let mut directories = Vec::new();
        let mut canonical = BTreeSet::new();
        let mut unavailable = None;
        for (path, life) in DIRECTORIES {
            let counts = match (view, life) {
                (View::Disk, _) | (_, Life::Persistent) => true,
                (View::NextBoot, Life::Runtime) => false,
                (View::NextBoot, Life::Generated) => evidence.is_live(),
            };
            if !counts {
                continue;
            }
            match evidence.names(path) {
                Part::Present(names) => {
                    // /lib is a link to /usr/lib nearly everywhere.
                    if let Resolved::At(at) = evidence.resolve(path)
                        && !canonical.insert(at)
                    {
                        continue;
                    }
                    directories.push((path, names.iter().cloned().collect()));
                }
                Part::Absent => {}
                Part::Unreadable(why) => {
                    unavailable.get_or_insert(Unavailable::new(path, why));
                }
            }
        }
        if let Some(unavailable) = unavailable {
            return Err(unavailable);
        }
        let mut search = Self {
            directories,
            entries: BTreeMap::new(),
            aliases: BTreeMap::new(),
            refused: BTreeSet::new(),
            incomplete: false,
        };
        search.read_entries(evidence, &canonical);
        search.read_aliases(evidence);
        search.incomplete = !evidence.is_live() && !search.entries.contains_key(standard::MARK);
        Ok(search)
    }

    fn read_entries(&mut self, evidence: &Evidence, canonical: &BTreeSet<String>) {
        for (directory, names) in &self.directories {
            for name in names {
                if self.entries.contains_key(name) || name::kind(name).is_none() {
                    continue;
                }
                let path = format!("{directory}/{name}");
                let entry = match lstat(evidence, &path) {
                    Part::Present(file) => match &file.node {
                        FileNode::Regular(_) => Entry::File(path),
                        FileNode::Symlink(target) => {
                            match link(evidence, directory, name, target, canonical) {
                                Some(entry) => entry,
                                None => {
                                    self.refused.insert(name.clone());
                                    continue;
                                }
                            }
                        }
                        FileNode::Directory(_) | FileNode::Special(_) => continue,
                    },
                    Part::Absent => continue,
                    Part::Unreadable(why) => Entry::Unknown(Unavailable::new(path, why)),
                };
                self.entries.insert(name.clone(), entry);
            }
        }
    }

    fn read_aliases(&mut self, evidence: &Evidence) {
        let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for source in self.entries.keys() {
            let Ok(Some(path)) = self.file_of(source) else {
                continue;
            };
            if is_null(evidence, &path) {
                continue;
            }
            let Some((_, base)) = path.rsplit_once('/') else {
                continue;
            };
            let mut target = base.to_owned();
            if name::kind(base) == Some(Kind::Template)
                && let Some(instance) = name::instance(source)
            {
                target = name::instantiate(base, instance);
            }
            aliases.entry(target).or_default().push(source.clone());
        }
        self.aliases = aliases;
    }

    /// Every name that has a file, aliases too.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    /// What a name stands for, without following aliases.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Whether this is a tree without the units that systemd itself ships.
    pub(super) const fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether the first link of that name is one that systemd refuses.
    pub(super) fn is_refused(&self, name: &str) -> bool {
        self.refused.contains(name)
    }

    /// The file or link that a name has first.
    pub(super) fn path_of(&self, name: &str) -> Option<String> {
        self.entries.get(name)?;
        self.directories
            .iter()
            .find(|(_, listing)| listing.contains(name))
            .map(|(directory, _)| format!("{directory}/{name}"))
    }

    /// The name that aliases lead to in the end, whether or not it has a file.
    pub(super) fn end_of(&self, name: &str) -> String {
        let mut id = name;
        for _ in 0..MAX_ALIASES {
            match self.entries.get(id) {
                Some(Entry::Alias(next)) => id = next,
                _ => break,
            }
        }
        id.to_owned()
    }

    /// The file that a name leads to through aliases; an instance that an alias
    /// names may come from its template.
    fn file_of(&self, name: &str) -> Result<Option<String>, Unavailable> {
        let mut id = name.to_owned();
        for step in 0..MAX_ALIASES {
            let entry = match self.entries.get(&id) {
                Some(entry) => entry,
                None if step == 0 => return Ok(None),
                None => {
                    match name::template(&id).and_then(|template| self.entries.get(&template)) {
                        Some(entry) => entry,
                        None => return Ok(None),
                    }
                }
            };
            match entry {
                Entry::File(path) => return Ok(Some(path.clone())),
                Entry::Alias(next) => id.clone_from(next),
                Entry::Unknown(unavailable) => return Err(unavailable.clone()),
            }
        }
        Ok(None)
    }

    /// The file of a unit and all its names.
    ///
    /// # Errors
    /// [`Unavailable`] if a link on the way was not gathered.
    pub(super) fn find(&self, name: &str) -> Result<Found, Unavailable> {
        let mut names = BTreeSet::new();
        self.add_names(name, name, None, &mut names)?;
        let mut fragment = self.file_of(name)?;
        if fragment.is_none()
            && name::kind(name) == Some(Kind::Instance)
            && let Some(template) = name::template(name)
        {
            fragment = self.file_of(&template)?;
        }
        if let Some(path) = &fragment
            && let Some((_, base)) = path.rsplit_once('/')
            && base != name
        {
            self.add_names(name, base, Some(base), &mut names)?;
        }
        Ok(Found { fragment, names })
    }

    fn add_names(
        &self,
        unit: &str,
        name: &str,
        fragment: Option<&str>,
        names: &mut BTreeSet<String>,
    ) -> Result<(), Unavailable> {
        let instance = name::instance(unit);
        let concrete = |name: &str| match (name::kind(name), instance) {
            (Some(Kind::Template), Some(instance)) => name::instantiate(name, instance),
            _ => name.to_owned(),
        };
        names.insert(concrete(name));
        for alias in self.aliases.get(name).into_iter().flatten() {
            let alias_name = concrete(alias);
            // An instance that leads somewhere else is no alias of this one.
            if alias_name != *alias
                && let (Some(path), Some(fragment)) = (self.file_of(&alias_name)?, fragment)
                && path.rsplit_once('/').map(|(_, base)| base) != Some(fragment)
            {
                continue;
            }
            names.insert(alias_name);
        }
        Ok(())
    }

    /// The directories that exist and apply to a unit of these names, with
    /// `suffix` such as `.d` or `.wants`, those that win first.
    pub(super) fn beside(&self, id: &str, names: &BTreeSet<String>, suffix: &str) -> Vec<String> {
        let aliases = names.iter().filter(|name| *name != id);
        let mut found = Vec::new();
        for name in std::iter::once(&id.to_owned()).chain(aliases) {
            let applicable = name::drop_in_names(name);
            self.existing(&applicable, suffix, &mut found);
        }
        self.existing(&[name::suffix(id).to_owned()], suffix, &mut found);
        found
    }

    fn existing(&self, names: &[String], suffix: &str, found: &mut Vec<String>) {
        let wanted: Vec<_> = names.iter().map(|name| name.clone() + suffix).collect();
        for (directory, listing) in &self.directories {
            for wanted in &wanted {
                if listing.contains(wanted) {
                    let path = format!("{directory}/{wanted}");
                    if !found.contains(&path) {
                        found.push(path);
                    }
                }
            }
        }
    }

    /// The directories that exist, those that win first.
    pub(super) fn directories(&self) -> impl Iterator<Item = &'static str> {
        self.directories.iter().map(|(directory, _)| *directory)
    }

    /// The `NAME.SUFFIX` directories in one of them.
    pub(super) fn directories_in(&self, directory: &str, suffix: &str) -> Vec<(String, String)> {
        let mut found = self.directories_with(suffix);
        found.retain(|(_, path)| {
            path.rsplit_once('/')
                .is_some_and(|(parent, _)| parent == directory)
        });
        found
    }

    /// Every `NAME.SUFFIX` directory in the search path with the unit that it
    /// belongs to, those that win first.
    pub(super) fn directories_with(&self, suffix: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (directory, listing) in &self.directories {
            for name in listing {
                if let Some(unit) = name.strip_suffix(suffix) {
                    found.push((unit.to_owned(), format!("{directory}/{name}")));
                }
            }
        }
        found
    }
}
