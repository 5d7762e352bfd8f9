//! Reading containerd's files: the first one, and those that it imports.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use nodepol_model::{Location, Part, Unavailable};

use super::release::Release;
use super::schema;
use crate::document::{Value, toml};
use crate::evidence::{Evidence, Resolved};
use crate::node::pattern::matches;
use crate::runtime::decode::{self, Mistyped};
use crate::runtime::tree::{Kind, Tree};

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
/// The plugin of its images from `version = 3` on.
pub(super) const PLUGIN_V3_IMAGES: &str = "io.containerd.cri.v1.images";

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
    /// Values of another type than containerd decodes.
    Types(Vec<Mistyped>),
    /// A pattern that is none (`filepath.ErrBadPattern`).
    Pattern(Location, String),
    Unavailable(Unavailable),
}

/// Parses one file.
pub(super) fn parse(evidence: &Evidence, path: &str, release: Release) -> Result<Parsed, Fault> {
    match evidence.text(path) {
        Part::Present(text) => parse_text(text, path, release),
        Part::Absent => Err(Fault::Missing),
        Part::Unreadable(why) => Err(Fault::Unavailable(Unavailable::new(path, why))),
    }
}

/// Parses the text of a file, or what `containerd config dump` printed.
pub(super) fn parse_text(text: &str, path: &str, release: Release) -> Result<Parsed, Fault> {
    let node = toml::parse(text)
        .or_else(|error| {
            if release.is_2() {
                return Err(error);
            }
            toml::parse(&as_go_toml_1(text)).map_err(|_| error)
        })
        .map_err(|error| {
            Fault::Syntax(
                Location::position(path, error.line, error.column),
                error.message,
            )
        })?;
    let mut tree = Tree::of(&node, path);
    let mistyped = decode::apply(&mut tree, schema::top(release), "", schema::names(release));
    if !mistyped.is_empty() {
        return Err(Fault::Types(mistyped));
    }
    let version = match tree.get("version").map(|tree| &tree.kind) {
        Some(Kind::Leaf(Value::Integer(number))) => u32::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    Ok(Parsed {
        path: path.to_owned(),
        version,
        tree,
    })
}

/// What go-toml v1, the reader of containerd 1.x, takes beyond TOML: a CR alone
/// as the end of a line, and any character in a comment, which only LF ends. A
/// string keeps what it has.
fn as_go_toml_1(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string_length(rest, next),
            _ => next.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        match next {
            '#' => read.extend(part.chars().map(|c| if c.is_control() { ' ' } else { c })),
            '\r' if !after.starts_with('\n') => read.push('\n'),
            _ => read.push_str(part),
        }
        rest = after;
    }
    read
}

/// The bytes of the string that `text` starts with; all of it, if it has no end.
fn string_length(text: &str, quote: char) -> usize {
    let long: String = std::iter::repeat_n(quote, 3).collect();
    let end = if text.starts_with(&long) {
        long
    } else {
        quote.to_string()
    };
    let mut at = end.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(&end) {
            return at + end.len();
        }
        let mut characters = rest.chars();
        let escapes = characters.next() == Some('\\') && quote == '"';
        let next = if escapes { characters.next() } else { None };
        let first = rest.chars().next().map_or(1, char::len_utf8);
        at += first + next.map_or(0, char::len_utf8);
    }
    text.len()
}

/// The files that a file imports, in order, as its release expands them.
pub(super) fn imports(
    evidence: &Evidence,
    file: &Parsed,
    release: Release,
) -> Result<Vec<(String, Location)>, Fault> {
    let unavailable = Fault::Unavailable;
    let mut found = Vec::new();
    let Some(list) = file.tree.get("imports") else {
        return Ok(found);
    };
    for (written, node) in list.texts() {
        let at = Location::position(&file.path, node.line, node.column).with_pointer("/imports");
        let globbed = written.contains('*');
        let base = if globbed && !release.joins_globs() {
            "/"
        } else {
            parent(&file.path)
        };
        let path = clean(&if written.starts_with('/') {
            written.to_owned()
        } else {
            format!("{base}/{written}")
        });
        if globbed {
            if !is_pattern(&path) {
                return Err(Fault::Pattern(at, written.to_owned()));
            }
            for path in glob(evidence, &path).map_err(unavailable)? {
                found.push((path, at.clone()));
            }
        } else {
            found.push((path, at));
        }
        if found.len() > MAX_FILES {
            return Err(unavailable(Unavailable::new(
                &file.path,
                "it imports too many files",
            )));
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
pub(super) fn clean(path: &str) -> String {
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

/// Whether Go's `filepath.Match` takes it for a pattern: every class is closed
/// and holds something, and a backslash has what it escapes.
fn is_pattern(pattern: &str) -> bool {
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' if rest.next().is_none() => return false,
            '[' => {
                rest.next_if_eq(&'^');
                let mut ranges = 0;
                while ranges == 0 || rest.next_if_eq(&']').is_none() {
                    let is_range = class_character(&mut rest) && {
                        rest.next_if_eq(&'-').is_none() || class_character(&mut rest)
                    };
                    if !is_range || rest.peek().is_none() {
                        return false;
                    }
                    ranges += 1;
                }
            }
            _ => {}
        }
    }
    true
}

/// `getEsc`: one character of a class.
fn class_character(rest: &mut Peekable<Chars<'_>>) -> bool {
    match rest.next() {
        None | Some('-' | ']') => false,
        Some('\\') => rest.next().is_some(),
        Some(_) => true,
    }
}

/// `filepath.Glob`: sorted in each directory, nothing where none matches.
pub(super) fn glob(evidence: &Evidence, pattern: &str) -> Result<Vec<String>, Unavailable> {
    let mut found = vec![String::new()];
    for (depth, part) in pattern
        .split('/')
        .filter(|part| !part.is_empty())
        .enumerate()
    {
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
    known.get(plugin).map_or_else(
        || format!("io.containerd.grpc.v1.{plugin}"),
        |name| (*name).to_owned(),
    )
}
