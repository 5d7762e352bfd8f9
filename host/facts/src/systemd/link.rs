//! Links among unit files: where they lead, and whether they mask.
//!
//! Source: `unit_file_resolve_symlink`, `unit_validate_alias_symlink_or_warn` in
//! `src/basic/unit-file.c`; `null_or_empty` in `src/basic/stat-util.c`.

use std::collections::BTreeSet;

use nodepol_model::snapshot::{File, FileNode, SpecialKind};
use nodepol_model::{Part, Unavailable};

use super::directories::DIRECTORIES;
use super::name::{self, Kind};
use crate::evidence::{Evidence, Resolved};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Another name.
    Alias(String),
    /// A file (or a link out of the search path) at this path.
    File(String),
    /// It cannot be told.
    Unknown(Unavailable),
}

/// lstat(2) of a unit file: metadata first, so that hundreds of units are not
/// read for the sake of their links.
pub(super) fn lstat<'a>(evidence: &'a Evidence, path: &str) -> Part<&'a File> {
    match evidence.stat_metadata(path) {
        Part::Unreadable(why) if why.contains("not gathered") => {
            // A link that was gathered may lead to something that was not.
            match evidence.gathered(path) {
                Some(part) => part.as_ref(),
                None => Part::Unreadable(why),
            }
        }
        _ => evidence.lstat(path),
    }
}

/// What a link in a unit directory stands for; `None` if systemd ignores it.
pub(super) fn link(
    evidence: &Evidence,
    directory: &str,
    name: &str,
    target: &str,
    canonical: &BTreeSet<String>,
) -> Option<Entry> {
    let path = format!("{directory}/{name}");
    let target = destination(evidence, directory, target);
    let inside = target != "/dev/null" && in_search_path(&target, canonical);
    if !inside {
        return Some(Entry::File(path));
    }
    let (_, base) = target.rsplit_once('/')?;
    // A link to the same name in another directory is no alias: that directory
    // itself says what the name stands for.
    if base == name {
        return None;
    }
    let (from, to) = (name::kind(name)?, name::kind(base)?);
    let fits = from == to || (from == Kind::Instance && to == Kind::Template);
    let valid = name::may_alias(name)
        && (from == Kind::Plain || name::may_template(name))
        && fits
        && name::suffix(name) == name::suffix(base)
        && (to != Kind::Instance || name::instance(name) == name::instance(base));
    valid.then(|| Entry::Alias(base.to_owned()))
}

/// Whether a path is in a directory where units are looked for.
pub(super) fn in_search_path(path: &str, canonical: &BTreeSet<String>) -> bool {
    let below = |directory: &str| {
        path.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    DIRECTORIES.iter().any(|(directory, _)| below(directory))
        || canonical.iter().any(|directory| below(directory))
}

/// Where a link in `directory` points, `.` and `..` and links of its ancestors
/// resolved, the last component as it stands.
pub(super) fn destination(evidence: &Evidence, directory: &str, target: &str) -> String {
    let absolute = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("{directory}/{target}")
    };
    let plain = normalize(&absolute);
    if plain == "/dev/null" || in_search_path(&plain, &BTreeSet::new()) {
        return plain;
    }
    let Some((parent, base)) = plain.rsplit_once('/') else {
        return plain;
    };
    match evidence.resolve(if parent.is_empty() { "/" } else { parent }) {
        Resolved::At(parent) => format!("{}/{base}", parent.trim_end_matches('/')),
        Resolved::Nowhere(_) | Resolved::Unknown(_) => plain,
    }
}

/// A path without `.`, `..` and doubled slashes.
pub(super) fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a file masks: empty, or a link to `/dev/null`.
pub(super) fn is_null(evidence: &Evidence, path: &str) -> bool {
    if let Part::Present(File {
        node: FileNode::Symlink(target),
        ..
    }) = lstat(evidence, path)
    {
        let directory = path
            .rsplit_once('/')
            .map_or("/", |(directory, _)| directory);
        if destination(evidence, directory, target) == "/dev/null" {
            return true;
        }
    }
    match evidence.stat_metadata(path) {
        Part::Present((at, file)) => {
            at == "/dev/null"
                || match &file.node {
                    FileNode::Regular(_) => file.size == 0,
                    FileNode::Special(kind) => matches!(
                        kind,
                        SpecialKind::CharacterDevice | SpecialKind::BlockDevice
                    ),
                    FileNode::Directory(_) | FileNode::Symlink(_) => false,
                }
        }
        Part::Absent | Part::Unreadable(_) => false,
    }
}
