//! What the first boot of an image enables.
//!
//! PID 1 applies the presets, those that enable only, when it finds
//! `/etc/machine-id` missing or `uninitialized`; an empty file is no first boot.
//!
//! Source: `man machine-id` (first boot semantics), `man systemd.preset`;
//! `manager_preset_all` in `src/core/manager.c`, `read_presets` and
//! `query_presets` in `src/shared/install.c`.

use std::collections::BTreeMap;

use nodepol_model::{Part, Unavailable};

use super::dependency::PULLING;
use super::install::Install;
use super::link::{self, Entry};
use super::name::{self, Kind};
use super::search::View;
use super::{Units, conf_files, glob};
use crate::evidence::Evidence;

const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];

/// What a target is to pull in, by its name: the names for each of [`PULLING`].
pub(super) type Presets = BTreeMap<String, [Vec<String>; 3]>;

/// Whether the next boot is the first.
enum FirstBoot {
    No,
    /// The image says so.
    Marked,
    /// There is no machine ID, which a tree may as well have left out.
    Unmarked,
}

impl Units {
    /// What the presets add to the links that there are. Units that no rule names
    /// are enabled as well; that is left out where the machine ID may just not be
    /// among the files of a tree.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub(super) fn presets(&self) -> Result<Presets, Unavailable> {
        let mut found = Presets::new();
        let by_default = match first_boot(&self.evidence)? {
            FirstBoot::No => return Ok(found),
            FirstBoot::Marked => true,
            FirstBoot::Unmarked => false,
        };
        let search = self.search(View::NextBoot)?;
        if search.is_incomplete() && !by_default {
            return Ok(found);
        }
        let rules = rules(&self.evidence)?;
        for name in search.names() {
            let is_file = matches!(search.entry(name), Some(Entry::File(_)));
            if !is_file || name::kind(name) != Some(Kind::Plain) {
                continue;
            }
            let rule = rules
                .iter()
                .find(|(_, pattern)| glob::matches(pattern, name));
            if !rule.map_or(by_default, |(enables, _)| *enables) {
                continue;
            }
            let unit = self.load(View::NextBoot, name)?;
            let install = Install::of(&unit, name, &self.evidence);
            for (index, targets) in install.targets.iter().enumerate() {
                for target in targets {
                    let pulled = found.entry(target.clone()).or_default();
                    if let Some(names) = pulled.get_mut(index) {
                        names.push(name.clone());
                    }
                }
            }
        }
        Ok(found)
    }
}

const _: () = assert!(PULLING.len() == 3, "an array of Presets has as many");

fn first_boot(evidence: &Evidence) -> Result<FirstBoot, Unavailable> {
    // A kernel that runs has booted, and PID 1 has written the ID.
    if evidence.is_live() {
        return Ok(FirstBoot::No);
    }
    const PATH: &str = "/etc/machine-id";
    match evidence.text(PATH) {
        Part::Present(text) if text.trim() == "uninitialized" => Ok(FirstBoot::Marked),
        Part::Present(_) => Ok(FirstBoot::No),
        Part::Absent => Ok(FirstBoot::Unmarked),
        Part::Unreadable(why) => Err(Unavailable::new(PATH, why)),
    }
}

/// Whether a rule enables, and the pattern of names; the first that matches counts.
fn rules(evidence: &Evidence) -> Result<Vec<(bool, String)>, Unavailable> {
    let directories = DIRECTORIES.map(str::to_owned);
    let mut found = Vec::new();
    for path in conf_files::merged(evidence, &directories, ".preset")? {
        if link::is_null(evidence, &path) {
            continue;
        }
        let text = match evidence.text(&path) {
            Part::Present(text) => text,
            Part::Absent => continue,
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let enables = match words.next() {
                Some("enable") => true,
                Some("disable" | "ignore") => false,
                _ => continue,
            };
            found.extend(words.next().map(|pattern| (enables, pattern.to_owned())));
        }
    }
    Ok(found)
}
