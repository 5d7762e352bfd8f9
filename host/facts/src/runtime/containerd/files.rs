//! Reading containerd's files: the first one, and those that it imports.

use std::collections::BTreeMap;

use nodepol_model::{Location, Part, Unavailable};

use super::tree::Tree;
use crate::document::toml;
use crate::evidence::{Evidence, Resolved};

/// More imports than any node has; beyond them nothing is claimed.
const MAX_FILES: usize = 256;
/// The longest pattern that is expanded, in components.
const MAX_DEPTH: usize = 64;

/// The plugin of the CRI settings in `version = 1`.
pub(super) const PLUGIN_V1: &str = "cri";
/// The same in `version = 2`.
pub(super) const PLUGIN_V2: &str = "io.containerd.grpc.v1.cri";
/// The plugin of its runtimes from `version = 3` on.
pub(super) const PLUGIN_V3: &str = "io.containerd.cri.v1.runtime";

/// One file as it was parsed.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) path: String,
    /// What it says of itself; 0 if nothing.
    pub(super) version: u32,
    pub(super) tree: Tree,
}

/// Why a file cannot be read as configuration.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Missing,
    Syntax(Location, String),
    Unavailable(Unavailable),
}

/// Parses one file.
pub(super) fn parse(evidence: &Evidence, path: &str) -> Result<Parsed, Fault> {
    match evidence.text(path) {
        Part::Present(text) => parse_text(text, path),
        Part::Absent => Err(Fault::Missing),
        Part::Unreadable(why) => Err(Fault::Unavailable(Unavailable::new(path, why))),
    }
}

/// Parses the text of a file, or what `containerd config dump` printed.
pub(super) fn parse_text(text: &str, path: &str) -> Result<Parsed, Fault> {
    let node = toml::parse(text).map_err(|error| {
        Fault::Syntax(
            Location::position(path, error.line, error.column),
            error.message,
        )
    })?;
    let version = match node.get("version").map(|node| &node.value) {
        None => 0,
        Some(crate::document::Value::Integer(number)) => u32::try_from(*number).unwrap_or(0),
        Some(_) => {
            let at = node.get("version").map_or((1, 1), |n| (n.line, n.column));
            return Err(Fault::Syntax(
                Location::position(path, at.0, at.1).with_pointer("/version"),
                "`version` must be an integer".to_owned(),
            ));
        }
    };
    Ok(Parsed {
        path: path.to_owned(),
        version,
        tree: Tree::of(&node, path),
    })
}

/// The files that a file imports, in order, as its release expands them.
pub(super) fn imports(
    evidence: &Evidence,
    file: &Parsed,
    joins_globs: bool,
) -> Result<Vec<(String, Location)>, Unavailable> {
    let mut found = Vec::new();
    let Some(list) = file.tree.get("imports") else {
        return Ok(found);
    };
    for (written, node) in list.texts() {
        let at = Location::position(&file.path, node.line, node.column).with_pointer("/imports");
        let globbed = written.contains('*');
        let base = if globbed && !joins_globs { "/" } else { parent(&file.path) };
        let path = clean(&if written.starts_with('/') {
            written.to_owned()
        } else {
            format!("{base}/{written}")
        });
        if globbed {
            for path in glob(evidence, &path)? {
                found.push((path, at.clone()));
            }
        } else {
            found.push((path, at));
        }
        if found.len() > MAX_FILES {
            return Err(Unavailable::new(&file.path, "it imports too many files"));
        }
    }
    Ok(found)
}

pub(super) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => path.get(..at).unwrap_or("/"),
    }
}

/// `filepath.Clean` of an absolute path: by words alone, no links followed.
pub(crate) fn clean(path: &str) -> String {
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

/// `filepath.Glob`: sorted in each directory, nothing where none matches.
pub(crate) fn glob(evidence: &Evidence, pattern: &str) -> Result<Vec<String>, Unavailable> {
    let mut found = vec![String::new()];
    for (depth, part) in pattern.split('/').filter(|part| !part.is_empty()).enumerate() {
        if depth >= MAX_DEPTH {
            return Err(Unavailable::new(pattern, "the pattern is too deep"));
        }
        let mut next = Vec::new();
        for base in &found {
            if !part.contains(['*', '?', '[', '\\']) {
                next.push(format!("{base}/{part}"));
                continue;
            }
            let directory = if base.is_empty() { "/" } else { base };
            match evidence.names(directory) {
                Part::Present(names) => next.extend(
                    names
                        .iter()
                        .filter(|name| matches(part, name))
                        .map(|name| format!("{base}/{name}")),
                ),
                Part::Absent => {}
                // What is no directory has no names; anything else is not known.
                Part::Unreadable(why) => {
                    if !matches!(evidence.stat(directory), Part::Present((_, file))
                        if !matches!(file.node, nodepol_model::snapshot::FileNode::Directory(_)))
                    {
                        return Err(Unavailable::new(directory, why));
                    }
                }
            }
            if next.len() > MAX_FILES {
                return Err(Unavailable::new(pattern, "it matches too many files"));
            }
        }
        found = next;
    }
    let mut existing = Vec::with_capacity(found.len());
    for path in found {
        match evidence.resolve(&path) {
            Resolved::At(_) => existing.push(path),
            // A link that leads nowhere is a match, and then cannot be opened.
            Resolved::Nowhere(_) => {
                if evidence.lstat(&path).present().is_some() {
                    existing.push(path);
                }
            }
            Resolved::Unknown(unavailable) => return Err(unavailable),
        }
    }
    Ok(existing)
}

/// `filepath.Match` of one component: `*`, `?`, `[…]`, `\`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Positions to return to: one star is enough, for the last one decides.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p == pattern.len() && n == name.len() {
            return true;
        }
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(_) => name.get(n).and_then(|c| one(&pattern, p, *c)),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one character; gives where the pattern goes on.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&c)).then_some(at + 2),
        '[' => {
            let mut p = at + 1;
            let negated = pattern.get(p) == Some(&'^');
            p += usize::from(negated);
            let mut hit = false;
            let mut first = true;
            while let Some(&low) = pattern.get(p) {
                if low == ']' && !first {
                    return (hit != negated).then_some(p + 1);
                }
                first = false;
                if pattern.get(p + 1) == Some(&'-') {
                    let high = *pattern.get(p + 2)?;
                    hit |= low <= c && c <= high;
                    p += 3;
                } else {
                    hit |= low == c;
                    p += 1;
                }
            }
            None
        }
        literal => (*literal == c).then_some(at + 1),
    }
}

/// The name that a plugin of `version = 1` has from version 2 on
/// (`v1MigratePluginName`), as far as it matters to CRI.
pub(super) fn renamed(plugin: &str) -> String {
    if plugin.contains('.') {
        return plugin.to_owned();
    }
    let known: BTreeMap<&str, &str> = BTreeMap::from([
        (PLUGIN_V1, PLUGIN_V2),
        ("linux", "io.containerd.runtime.v1.linux"),
        ("task", "io.containerd.runtime.v2.task"),
        ("overlayfs", "io.containerd.snapshotter.v1.overlayfs"),
    ]);
    known
        .get(plugin)
        .map_or_else(|| format!("io.containerd.grpc.v1.{plugin}"), |name| (*name).to_owned())
}
