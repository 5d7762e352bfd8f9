//! Dependencies of a unit, by their kinds.

use std::collections::BTreeMap;

use super::name;

/// The directories of links that pull units in, by what they make of them.
pub(super) const PULLING: [(&str, &str); 3] = [
    (".wants", "Wants"),
    (".requires", "Requires"),
    (".upholds", "Upholds"),
];

/// Why a dependency is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A file says so, or what a file sets implies it.
    Set,
    /// It lies in what the unit is: a slice in its parent, a socket before what
    /// it starts.
    Implied,
    /// `DefaultDependencies=`.
    Default,
}

/// Units by kind of dependency, such as `After`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dependencies {
    pub by_kind: BTreeMap<&'static str, BTreeMap<String, Reason>>,
    /// Paths that must be mounted.
    pub mounts: Vec<String>,
    /// The parent of a mount point, which must be mounted as well.
    pub parent: Option<String>,
}

/// The kinds that files may set, with their inverses.
pub(super) const KINDS: [(&str, &str); 13] = [
    ("After", "Before"),
    ("Before", "After"),
    ("Requires", "RequiredBy"),
    ("Requisite", "RequisiteOf"),
    ("Wants", "WantedBy"),
    ("BindsTo", "BoundBy"),
    ("Upholds", "UpheldBy"),
    ("PartOf", "ConsistsOf"),
    ("Conflicts", "ConflictedBy"),
    ("OnFailure", "OnFailureOf"),
    ("OnSuccess", "OnSuccessOf"),
    ("Triggers", "TriggeredBy"),
    ("PropagatesReloadTo", "ReloadPropagatedFrom"),
];

/// The kinds that start what they name.
pub(super) const STARTING: [&str; 5] = ["Requires", "BindsTo", "Wants", "Upholds", "Triggers"];

impl Dependencies {
    /// Adds one.
    pub(super) fn add(&mut self, kind: &'static str, unit: &str, reason: Reason) {
        let known = self
            .by_kind
            .entry(kind)
            .or_default()
            .entry(unit.to_owned())
            .or_insert(reason);
        *known = (*known).min(reason);
    }

    pub(super) fn add_all(&mut self, kinds: &[&'static str], unit: &str, reason: Reason) {
        for kind in kinds {
            self.add(kind, unit, reason);
        }
    }

    /// What a socket, path or timer starts: the unit that it names, else the
    /// service of its own name.
    pub(super) fn starts(&mut self, named: Option<String>, id: &str) {
        let (unit, reason) = match named {
            Some(unit) => (unit, Reason::Set),
            None => (format!("{}.service", name::stem(id)), Reason::Implied),
        };
        self.add_all(&["Before", "Triggers"], &unit, reason);
    }

    /// The units of a kind with the reason, sorted.
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = (&str, Reason)> {
        self.by_kind
            .get(kind)
            .into_iter()
            .flatten()
            .map(|(unit, reason)| (unit.as_str(), *reason))
    }

    pub(super) fn has(&self, kind: &str, unit: &str) -> bool {
        self.by_kind
            .get(kind)
            .is_some_and(|units| units.contains_key(unit))
    }
}
