//! Enablement: `systemctl is-enabled`, and the links that pull a unit in.
//!
//! Source: `unit_file_lookup_state`, `find_symlinks_in_scope` and
//! `unit_file_search` in `src/shared/install.c`; `man systemctl` (is-enabled).

use std::collections::BTreeSet;

use nodepol_model::snapshot::{File, FileNode};
use nodepol_model::{Horizon, Part, Unavailable};

use super::dependency::PULLING;
use super::link::{self, Entry};
use super::name::{self, Kind};
use super::record::Link;
use super::search::{Search, View};
use super::syntax::UnitFile;
use super::unit::{LoadState, Loaded};
use super::words::{Rules, Words};
use super::{Units, lock, specifier};
use crate::evidence::{Evidence, Resolved};

/// What `[Install]` says.
pub(super) struct Install {
    name: String,
    aliases: Vec<String>,
    /// `WantedBy=`, `RequiredBy=` and `UpheldBy=`, in the order of [`PULLING`].
    pub(super) targets: [Vec<String>; 3],
    has_also: bool,
    default_instance: Option<String>,
}

impl Units {
    /// As `systemctl is-enabled` prints it: now as the manager says (without a
    /// manager: as `systemctl --root` says of all directories), at the next boot
    /// of the directories that persist. Empty for a unit without a file.
    ///
    /// # Errors
    /// [`Unavailable`] if a directory or link could not be read.
    pub fn file_state(&self, at: Horizon, name: &str) -> Result<String, Unavailable> {
        if at == Horizon::Now && self.evidence.bus().is_ok() {
            let unit = self.get(Horizon::Now, name)?;
            return Ok(unit.file_state);
        }
        let view = match at {
            Horizon::Now => View::Disk,
            Horizon::NextBoot => View::NextBoot,
        };
        let key = (view, name.to_owned());
        if let Some(known) = lock(&self.file_states).get(&key) {
            return known.clone().map(str::to_owned);
        }
        let unit = self.load(view, name)?;
        let search = self.search(view)?;
        let state = state(&self.evidence, search, &unit, name);
        lock(&self.file_states).insert(key, state.clone());
        state.map(str::to_owned)
    }

    /// The links in `*.wants`, `*.requires` and `*.upholds` that name the unit,
    /// in all directories, sorted.
    ///
    /// # Errors
    /// [`Unavailable`] if a directory or link could not be read.
    pub fn enabled_by(&self, name: &str) -> Result<Vec<Link>, Unavailable> {
        let search = self.search(View::Disk)?;
        let names = search.find(name)?.names;
        let mut links = BTreeSet::new();
        let mut unavailable = None;
        for (suffix, _) in PULLING {
            for (_, directory) in search.directories_with(suffix) {
                let listed = match self.evidence.names(&directory) {
                    Part::Present(listed) => listed,
                    Part::Absent => continue,
                    Part::Unreadable(why) => {
                        unavailable.get_or_insert(Unavailable::new(directory, why));
                        continue;
                    }
                };
                for link in listed.iter().filter(|listed| names.contains(*listed)) {
                    let path = format!("{directory}/{link}");
                    match self.link(&directory, &path) {
                        Ok(link) => links.extend(link),
                        Err(why) => {
                            unavailable.get_or_insert(why);
                        }
                    }
                }
            }
        }
        match unavailable {
            Some(unavailable) => Err(unavailable),
            None => Ok(links.into_iter().collect()),
        }
    }

    /// A link that pulls a unit in; `None` if it is no link or masks another.
    fn link(&self, directory: &str, path: &str) -> Result<Option<Link>, Unavailable> {
        let target = match link::lstat(&self.evidence, path) {
            Part::Present(File {
                node: FileNode::Symlink(target),
                ..
            }) => target.clone(),
            Part::Present(_) | Part::Absent => return Ok(None),
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        if link::destination(&self.evidence, directory, &target) == "/dev/null" {
            return Ok(None);
        }
        Ok(Some(Link {
            dangling: matches!(self.evidence.resolve(path), Resolved::Nowhere(_)),
            runtime: path.starts_with("/run/"),
            path: path.to_owned(),
            target,
        }))
    }
}

fn state(
    evidence: &Evidence,
    search: &Search,
    unit: &Loaded,
    name: &str,
) -> Result<&'static str, Unavailable> {
    let Some(fragment) = unit.fragment.as_deref() else {
        return Ok("");
    };
    if search.is_refused(name) || alias_leads_nowhere(evidence, search, name) {
        return Ok("");
    }
    if unit.state == LoadState::Masked {
        return Ok(if fragment.starts_with("/run/") {
            "masked-runtime"
        } else {
            "masked"
        });
    }
    let base = fragment.rsplit_once('/').map_or(fragment, |(_, base)| base);
    let is_instance = name::kind(name) == Some(Kind::Instance);
    if (base != name && !is_instance) || is_alias(search, name) {
        return Ok("alias");
    }
    // Of a unit that is linked from elsewhere, the file there counts.
    let own = fragment;
    let fragment = linked_file(evidence, fragment);
    if fragment.starts_with("/run/systemd/generator") {
        return Ok("generated");
    }
    if fragment.starts_with("/run/systemd/transient/") {
        return Ok("transient");
    }
    let install = Install::new(unit, name, fragment != own, evidence);
    let fragment = fragment.as_str();
    if let Some(found) = enabled(evidence, search, &install, fragment, true)? {
        return Ok(found);
    }
    if enabled(evidence, search, &install, fragment, false)?.is_some() {
        return Ok("indirect");
    }
    Ok(
        if install.targets.iter().any(|names| !names.is_empty()) || !install.aliases.is_empty() {
            "disabled"
        } else if install.has_also {
            "indirect"
        } else {
            "static"
        },
    )
}

/// Whether `systemctl` knows `UpheldBy=` and counts links in `.upholds`: from
/// systemd 254 on. One of which the version is not known is taken for a new one.
fn knows_upheld_by(evidence: &Evidence) -> bool {
    let number = |text: &str| -> Option<u32> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text.get(..end)?.parse().ok()
    };
    let running = evidence.manager("Version").and_then(|version| {
        let version = version.as_str()?;
        number(version.trim_start_matches(|c: char| !c.is_ascii_digit()))
    });
    running
        .or_else(|| {
            const LIBRARIES: [&str; 2] = ["/usr/lib/systemd", "/lib/systemd"];
            LIBRARIES.into_iter().find_map(|directory| {
                let Part::Present(names) = evidence.names(directory) else {
                    return None;
                };
                names
                    .iter()
                    .find_map(|name| number(name.strip_prefix("libsystemd-shared-")?))
            })
        })
        .is_none_or(|version| version >= 254)
}

fn is_alias(search: &Search, name: &str) -> bool {
    name::kind(name) != Some(Kind::Instance) && matches!(search.entry(name), Some(Entry::Alias(_)))
}

/// The file that a link out of the search path leads to; any other path as it is.
fn linked_file(evidence: &Evidence, path: &str) -> String {
    match link::lstat(evidence, path) {
        Part::Present(File {
            node: FileNode::Symlink(target),
            ..
        }) => {
            let directory = path
                .rsplit_once('/')
                .map_or("/", |(directory, _)| directory);
            link::destination(evidence, directory, target)
        }
        Part::Present(_) | Part::Absent | Part::Unreadable(_) => path.to_owned(),
    }
}

/// Whether an instance is a link to a path that does not exist: the manager
/// follows its name, `systemctl is-enabled` the path.
fn alias_leads_nowhere(evidence: &Evidence, search: &Search, name: &str) -> bool {
    name::kind(name) == Some(Kind::Instance)
        && matches!(search.entry(name), Some(Entry::Alias(_)))
        && search
            .path_of(name)
            .is_some_and(|path| matches!(evidence.resolve(&path), Resolved::Nowhere(_)))
}

impl Install {
    /// What the files of a unit say.
    pub(super) fn of(unit: &Loaded, name: &str, evidence: &Evidence) -> Self {
        let fragment = unit.fragment.as_deref().unwrap_or_default();
        Self::new(
            unit,
            name,
            linked_file(evidence, fragment) != fragment,
            evidence,
        )
    }

    fn new(unit: &Loaded, name: &str, linked: bool, evidence: &Evidence) -> Self {
        // Drop-ins of the unit itself and of its template count, and none that are
        // for a prefix, for a type or for an alias (`unit_file_search`).
        let template = name::template(name);
        let counts = |path: &str| {
            let directory = path.rsplit('/').nth(1).and_then(|d| d.strip_suffix(".d"));
            directory.is_none_or(|d| d == name || Some(d) == template.as_deref())
        };
        let mut files: Vec<&UnitFile> = unit.whole.iter().map(AsRef::as_ref).collect();
        files.retain(|file| counts(&file.path));
        // A file that is linked from elsewhere is read after its drop-ins
        // (`install_info_follow`).
        if linked && !files.is_empty() {
            files.rotate_left(1);
        }
        let words = |key: &str| -> Vec<String> {
            let mut values = Vec::new();
            for assignment in files.iter().flat_map(|file| &file.assignments) {
                if assignment.section != "Install" || assignment.key != key {
                    continue;
                }
                if assignment.value.is_empty() {
                    values.clear();
                    continue;
                }
                let mut words = Words::new(&assignment.value);
                while let Ok(Some(word)) = words.next(Rules::QUOTED) {
                    let text = word.text;
                    values.push(specifier::expand(&text, name, evidence).unwrap_or(text));
                }
            }
            values
        };
        let mut targets = ["WantedBy", "RequiredBy", "UpheldBy"].map(words);
        if let [_, _, upheld_by] = &mut targets
            && !upheld_by.is_empty()
            && !knows_upheld_by(evidence)
        {
            upheld_by.clear();
        }
        Self {
            name: name.to_owned(),
            aliases: words("Alias"),
            targets,
            has_also: !words("Also").is_empty(),
            default_instance: words("DefaultInstance").pop(),
        }
    }

    fn knows(&self, name: &str) -> bool {
        if self.name == name || self.aliases.iter().any(|alias| alias == name) {
            return true;
        }
        name::kind(&self.name) == Some(Kind::Template)
            && self
                .default_instance
                .as_ref()
                .is_some_and(|instance| name::instantiate(&self.name, instance) == name)
    }
}

/// `find_symlinks_in_scope`.
fn enabled(
    evidence: &Evidence,
    search: &Search,
    install: &Install,
    fragment: &str,
    match_name: bool,
) -> Result<Option<&'static str>, Unavailable> {
    let (mut runtime, mut elsewhere) = (false, false);
    let (mut linked, mut linked_runtime) = (false, false);
    // Links below the unit's own file are hidden by it.
    let mut hidden = false;
    for directory in search.directories() {
        let is_runtime = directory.starts_with("/run/");
        let is_config = directory == "/etc/systemd/system";
        let mut same_name = false;
        let mut found = false;
        for (suffix, _) in PULLING {
            let directories = search.directories_in(directory, suffix);
            if suffix == ".upholds" && !directories.is_empty() && !knows_upheld_by(evidence) {
                continue;
            }
            for (_, path) in directories {
                found |= pulls(evidence, &path, install, match_name)?;
            }
        }
        if !found {
            (found, same_name) = names(evidence, directory, install, match_name, hidden)?;
        }
        if found {
            if is_config {
                return Ok(Some("enabled"));
            }
            runtime |= is_runtime;
            elsewhere |= !is_runtime;
        } else if same_name {
            linked |= is_config;
            linked_runtime |= is_runtime;
        }
        hidden |= fragment
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'));
    }
    Ok(if runtime {
        Some("enabled-runtime")
    } else if elsewhere && name::kind(&install.name) == Some(Kind::Instance) {
        Some("static")
    } else if linked {
        Some("linked")
    } else if linked_runtime {
        Some("linked-runtime")
    } else {
        None
    })
}

fn links(evidence: &Evidence, directory: &str) -> Result<Vec<(String, String)>, Unavailable> {
    let listed = match evidence.names(directory) {
        Part::Present(listed) => listed,
        Part::Absent => return Ok(Vec::new()),
        Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
    };
    let mut links = Vec::new();
    let mut unavailable = None;
    for name in listed.iter().filter(|name| name::kind(name).is_some()) {
        let path = format!("{directory}/{name}");
        match link::lstat(evidence, &path) {
            Part::Present(File {
                node: FileNode::Symlink(target),
                ..
            }) => links.push((name.clone(), target.clone())),
            Part::Present(_) | Part::Absent => {}
            Part::Unreadable(why) => {
                unavailable.get_or_insert(Unavailable::new(path, why));
            }
        }
    }
    unavailable.map_or(Ok(links), Err)
}

/// Whether a `.wants` directory (or its like) has a link for the unit.
fn pulls(
    evidence: &Evidence,
    directory: &str,
    install: &Install,
    match_name: bool,
) -> Result<bool, Unavailable> {
    Ok(links(evidence, directory)?.iter().any(|(link, _)| {
        let of_template = name::template(link).is_some_and(|template| template == install.name);
        (*link == install.name || of_template) && (!match_name || install.knows(link))
    }))
}

/// Whether a search directory has another name for the unit, and whether it has
/// a link of the unit's own name to a file of that name.
fn names(
    evidence: &Evidence,
    directory: &str,
    install: &Install,
    match_name: bool,
    hidden: bool,
) -> Result<(bool, bool), Unavailable> {
    let mut same_name = false;
    for (link, target) in links(evidence, directory)? {
        let leads_here = target.rsplit('/').next() == Some(install.name.as_str());
        let own_name = !hidden && link == install.name;
        if own_name && leads_here {
            same_name = true;
        } else if (own_name || leads_here) && (!match_name || install.knows(&link)) {
            return Ok((true, same_name));
        }
    }
    Ok((false, same_name))
}
