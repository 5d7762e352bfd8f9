//! Values of several files, merged, each with the file it comes from.

use std::collections::BTreeMap;

use nodepol_model::Location;

use crate::document::{Node, Value, escape_token};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) at: Location,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Table(BTreeMap<String, Tree>),
    Leaf(Value),
}

impl Tree {
    /// An empty table that no file has.
    pub(crate) fn empty() -> Self {
        Self {
            at: Location::source("default"),
            kind: Kind::Table(BTreeMap::new()),
        }
    }

    /// The values of a document, which knows how deep it may be.
    pub(crate) fn of(node: &Node, path: &str) -> Self {
        Self::under(node, path, String::new())
    }

    fn under(node: &Node, path: &str, pointer: String) -> Self {
        let at = Location::position(path, node.line, node.column);
        let kind = match &node.value {
            Value::Object(entries) => Kind::Table(
                entries
                    .iter()
                    .map(|entry| {
                        let pointer = format!("{pointer}/{}", escape_token(&entry.key));
                        (entry.key.clone(), Self::under(&entry.value, path, pointer))
                    })
                    .collect(),
            ),
            other => Kind::Leaf(other.clone()),
        };
        Self {
            at: at.with_pointer(pointer),
            kind,
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&String, &Self)> {
        match &self.kind {
            Kind::Table(table) => Some(table),
            Kind::Leaf(_) => None,
        }
        .into_iter()
        .flatten()
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table(_))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Table(table) => table.get(key),
            Kind::Leaf(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Table(table) => table.get_mut(key),
            Kind::Leaf(_) => None,
        }
    }

    pub(crate) fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Leaf(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn truth(&self) -> Option<bool> {
        match self.kind {
            Kind::Leaf(Value::Boolean(truth)) => Some(truth),
            _ => None,
        }
    }

    /// The texts of an array.
    pub(crate) fn texts(&self) -> Vec<(&str, &Node)> {
        match &self.kind {
            Kind::Leaf(Value::Array(items)) => items
                .iter()
                .filter_map(|item| Some((item.as_str()?, item)))
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Self> {
        match &mut self.kind {
            Kind::Table(table) => table.remove(key),
            Kind::Leaf(_) => None,
        }
    }

    pub(crate) fn insert(&mut self, key: &str, value: Self) {
        if let Kind::Table(table) = &mut self.kind {
            table.insert(key.to_owned(), value);
        }
    }

    /// The table under a key, made if it is not there.
    pub(crate) fn table(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Table(table) => Some(table.entry(key.to_owned()).or_insert_with(Self::empty)),
            Kind::Leaf(_) => None,
        }
    }

    /// Lays `over` over this: tables merge key by key, anything else replaces.
    pub(crate) fn merge(&mut self, over: Self) {
        match (&mut self.kind, over.kind) {
            (Kind::Table(under), Kind::Table(above)) => {
                for (key, value) in above {
                    match under.get_mut(&key) {
                        Some(known) => known.merge(value),
                        None => {
                            under.insert(key, value);
                        }
                    }
                }
                self.at = over.at;
            }
            (kind, above) => {
                *kind = above;
                self.at = over.at;
            }
        }
    }
}
