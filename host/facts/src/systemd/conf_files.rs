//! Files of assignments in several directories: `*.d/*.conf`.
//!
//! Source: `src/basic/conf-files.c`.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodepol_model::{Part, Unavailable};

use super::syntax::{self, UnitFile};
use crate::evidence::Evidence;

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
