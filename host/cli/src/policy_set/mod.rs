//! Policy sets: which policies, with which parameters, severities, grants and
//! limits, and which of their findings are waived.
//!
//! A set is a YAML file. All its mistakes are told at once, each with its place:
//! those of the file alone by [`parse`], those that need the policies (their
//! parameters) by [`crate::policy`].

#[cfg(test)]
mod fuzz;
mod mistake;
mod parse;
mod reader;
mod standard;
mod value;
mod waive;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use nodepol_facts::document::Node;
use nodepol_model::{Location, Phase, Severity};

pub(crate) use mistake::{Mistake, Mistakes};
pub(crate) use standard::NAMES;
pub(crate) use value::{duration, instant};
pub(crate) use waive::waive;

/// A file larger than this is no policy set.
const MAX_BYTES: u64 = 1 << 20;

/// One or more policy sets, put together.
#[derive(Debug, Default)]
pub(crate) struct PolicySet {
    /// In the order of the files.
    pub(crate) entries: Vec<Entry>,
    /// In the order of the files.
    pub(crate) waivers: Vec<Waiver>,
}

/// One policy of a set.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Which policy.
    pub(crate) source: Source,
    /// Where the set names it.
    pub(crate) at: Location,
    /// The phases that the set judges it in; its own if the set is silent.
    pub(crate) phases: Option<Vec<Phase>>,
    /// The parameters that the set gives, with their places.
    pub(crate) parameters: BTreeMap<String, Given>,
    /// The severity that the set gives it.
    pub(crate) severity: Option<Severity>,
    /// The interfaces that it may import; if the set is silent, all for a
    /// standard policy and none for any other.
    pub(crate) interfaces: Option<Vec<String>>,
    /// The files of which it may read the text.
    pub(crate) files: Vec<String>,
    /// What it may use.
    pub(crate) limits: Limits,
}

/// Where a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A standard policy, by its id.
    Standard(String),
    /// A component in a file.
    File(PathBuf),
}

/// A value that a set gives to a parameter.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) value: serde_json::Value,
    pub(crate) key_at: Location,
    pub(crate) value_at: Location,
}

/// The limits that a set changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Units of fuel.
    pub(crate) fuel: Option<u64>,
    /// Wall-clock time.
    pub(crate) wall: Option<Duration>,
    /// Bytes of all memories together.
    pub(crate) memory: Option<usize>,
}

/// Something that is found, and not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiver {
    /// The policy.
    pub(crate) policy: String,
    /// The finding; all of the policy's if there is none.
    pub(crate) finding: Option<String>,
    /// Why it is not counted.
    pub(crate) reason: String,
    /// From when on it counts again.
    pub(crate) expires: Option<Timestamp>,
    /// Where the set says so.
    pub(crate) at: Location,
}

impl Waiver {
    /// `policy` or `policy/finding`.
    pub(crate) fn names(&self) -> String {
        match &self.finding {
            Some(finding) => format!("{}/{finding}", self.policy),
            None => self.policy.clone(),
        }
    }
}

impl PolicySet {
    /// Reads the sets of that names or paths; the set `standard` if there are
    /// none, with all mistakes of all files. A policy that stands in several sets
    /// is taken from the last.
    pub(crate) fn load(names: &[String], known: &[&str]) -> (Self, Mistakes) {
        let default = [standard::DEFAULT.to_owned()];
        let names = if names.is_empty() { &default } else { names };
        let mut whole = Self::default();
        let mut mistakes = Mistakes::default();
        for name in names {
            match text(name) {
                Ok(text) => {
                    let (set, found) = parse::parse(name, &text, known);
                    mistakes.extend(found);
                    whole.add(set);
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let standard = whole
            .entries
            .iter()
            .find(|entry| matches!(entry.source, Source::Standard(_)));
        if let (true, Some(entry)) = (known.is_empty(), standard) {
            mistakes.push(Mistake::new(entry.at.clone(), crate::component::NONE));
        }
        (whole, mistakes)
    }

    fn add(&mut self, later: Self) {
        for entry in later.entries {
            self.entries.retain(|known| known.source != entry.source);
            self.entries.push(entry);
        }
        self.waivers.extend(later.waivers);
    }
}

/// The text of a built-in set, or of a file.
fn text(name: &str) -> Result<String, Mistake> {
    if let Some(text) = standard::text(name) {
        return Ok(text.to_owned());
    }
    let path = Path::new(name);
    let unreadable = |why: String| {
        let looks_like_name = !name.contains(['/', '.']);
        let nearest = looks_like_name
            .then(|| nodepol_report::nearest(name, NAMES))
            .flatten();
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!(
                "name a policy set's file, or a set that is built in: {}",
                NAMES.join(", ")
            ),
        };
        Mistake::new(Location::source(name), format!("{why}; {hint}"))
    };
    let metadata = std::fs::metadata(path)
        .map_err(|error| unreadable(format!("cannot be read: {}", reason(&error))))?;
    if !metadata.is_file() {
        return Err(unreadable("is no file".to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(unreadable(format!(
            "has {} bytes, and a policy set has at most {MAX_BYTES}",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path)
        .map_err(|error| unreadable(format!("cannot be read: {}", reason(&error))))?;
    String::from_utf8(bytes).map_err(|_| unreadable("is no text (not UTF-8)".to_owned()))
}

/// What the system says, without the number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "permission denied; run it as a user who may, such as root".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Where a value of the file `name` stands.
fn place(name: &str, node: &Node) -> Location {
    Location::position(name, node.line, node.column)
}
