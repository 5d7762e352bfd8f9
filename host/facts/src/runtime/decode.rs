//! Decoding a tree as Go decodes TOML into structs: every key has a type, and one
//! value of another type is an error of the whole.

use nodepol_model::Location;

use super::tree::{Kind, Tree};
use crate::document::Value;

/// What Go decodes a value into.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    /// `string`.
    Text,
    /// `int`.
    Integer,
    /// `bool`.
    Truth,
    /// `[]string`.
    Texts,
    /// A map of anything.
    Free,
    /// What has more than one type, as a duration.
    Any,
    /// A map of one type.
    Map(&'static Type),
    /// A struct: its fields, in parts that several of them share.
    Table(&'static [&'static [Field]]),
}

/// A key and its type.
pub(super) type Field = (&'static str, Type);

use Type::{Any, Free, Integer, Map, Table, Text, Texts, Truth};

/// How a reader finds the key of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// By any case of its name: go-toml v2, BurntSushi/toml.
    AnyCase,
    /// By its name, or that in capitals: go-toml v1.
    AsWritten,
}

/// A value of another type than its key has.
#[derive(Debug, Clone)]
pub(super) struct Mistyped {
    pub(super) message: String,
    pub(super) at: Location,
}

/// Gives the keys the names that they have in the source, and finds the values
/// of another type. `above` is the way to the tree, empty for a whole file.
pub(super) fn apply(tree: &mut Tree, of: Type, above: &str, names: Names) -> Vec<Mistyped> {
    let mut found = Vec::new();
    visit(tree, of, above, names, &mut found);
    found
}

fn visit(tree: &mut Tree, of: Type, path: &str, names: Names, found: &mut Vec<Mistyped>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    let fits = match (&mut tree.kind, of) {
        (Kind::Leaf(Value::Text(_)), Text)
        | (Kind::Leaf(Value::Integer(_)), Integer)
        | (Kind::Leaf(Value::Boolean(_)), Truth)
        | (Kind::Table(_), Free)
        | (_, Any) => true,
        (Kind::Leaf(Value::Array(items)), Texts) => {
            items.iter().all(|item| item.as_str().is_some())
        }
        (Kind::Table(table), Map(of)) => {
            for (key, value) in table {
                visit(value, *of, &below(key), names, found);
            }
            true
        }
        (Kind::Table(_), Table(parts)) => {
            for (key, of) in parts.iter().copied().flatten() {
                name_as_in_source(tree, key, names);
                if let Some(value) = tree.get_mut(key) {
                    visit(value, *of, &below(key), names, found);
                }
            }
            true
        }
        _ => false,
    };
    if !fits {
        found.push(Mistyped {
            message: format!("{path} must be {}, not {}", wanted(of), given(tree)),
            at: tree.at.clone(),
        });
    }
}

/// Gives a key that is written otherwise its own name.
fn name_as_in_source(tree: &mut Tree, key: &str, names: Names) {
    let Kind::Table(table) = &mut tree.kind else {
        return;
    };
    if table.contains_key(key) {
        return;
    }
    let written = table
        .keys()
        .find(|written| match names {
            Names::AnyCase => written.eq_ignore_ascii_case(key),
            Names::AsWritten => **written == key.to_ascii_uppercase(),
        })
        .cloned();
    if let Some(value) = written.and_then(|written| table.remove(&written)) {
        table.insert(key.to_owned(), value);
    }
}

fn wanted(of: Type) -> &'static str {
    match of {
        Text => "a text",
        Integer => "an integer",
        Truth => "true or false",
        Texts => "a list of texts",
        Free | Map(_) | Table(_) => "a table",
        Any => "anything",
    }
}

fn given(tree: &Tree) -> &'static str {
    match &tree.kind {
        Kind::Table(_) => "a table",
        Kind::Leaf(value) => match value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "true or false",
            Value::Array(items) if items.iter().any(|item| !item.entries().is_empty()) => {
                "a list of tables"
            }
            Value::Array(_) => "such a list",
            Value::Null | Value::Object(_) => "what stands there",
        },
    }
}
