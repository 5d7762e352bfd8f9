//! The effective configuration: defaults, the file, its drop-ins and flags laid
//! over each other, each value with its origin.

mod merged;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use nodepol_model::{Location, Unavailable};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::decode::fold;
use super::defaults::Row;
use super::fields::{Field, KUBELET_CONFIGURATION, Kind, Struct};
use crate::document::{Node, Value, escape_token};
use crate::go_duration;
use crate::sourced::Sourced;

/// A value of `KubeletConfiguration` and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingValue {
    /// The value.
    pub value: Json,
    /// Where it stands.
    pub origin: Location,
    /// No file and no flag says it.
    pub is_default: bool,
    /// What it overrode, as JSON, the strongest first.
    pub overridden: Vec<Sourced<String>>,
}

/// The tree of the values in effect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effective {
    root: BTreeMap<String, Tree>,
    /// The fields whose default hangs on the version, which is not known.
    undetermined: BTreeSet<&'static str>,
    /// What has the zero value and is not there when drop-ins are merged.
    omitted: BTreeMap<String, SettingValue>,
}

#[derive(Debug, Clone)]
enum Tree {
    Leaf(SettingValue),
    Object(BTreeMap<String, Tree>),
    /// `null` in a drop-in took it away.
    Removed(Vec<Sourced<String>>),
}

impl Effective {
    /// Lays a document over what is there. In a `patch` (RFC 7396) `null` takes
    /// away, and a map is merged key by key.
    pub(crate) fn merge(&mut self, document: &Node, path: &str, patch: bool) {
        let layer = Layer { path, patch };
        layer.object(&mut self.root, document, &KUBELET_CONFIGURATION, "");
    }

    /// Lays defaults under what is there. A value that a file states, and that is
    /// the default, stays the file's.
    pub(crate) fn fill(&mut self, rows: Vec<Row>) {
        for (pointer, value) in rows {
            let Some((field, _)) = KUBELET_CONFIGURATION.at(pointer) else {
                continue;
            };
            let (zero, overridden) = match self.get_tree(pointer) {
                Some(Tree::Leaf(leaf)) if !field.pointer && is_zero(&leaf.value) => {
                    (Some(leaf.clone()), Vec::new())
                }
                Some(Tree::Removed(history)) => (None, history.clone()),
                Some(_) => continue,
                None => (self.omitted.remove(pointer), Vec::new()),
            };
            let Some(value) = value else {
                self.undetermined.insert(pointer);
                if let Some(zero) = zero {
                    self.take(pointer);
                    self.omitted.insert(pointer.to_owned(), zero);
                }
                continue;
            };
            self.undetermined.remove(pointer);
            let setting = match zero {
                Some(zero) if is_same(&zero.value, &value) => zero,
                zero => SettingValue {
                    value,
                    origin: Location::source("default"),
                    is_default: true,
                    overridden: zero.as_ref().map_or(overridden, said),
                },
            };
            self.put(pointer, setting);
        }
    }

    /// Takes away what `json.Marshal` leaves out of the base of the drop-ins: the
    /// zero values of fields that are no pointers and no structs, by `omitempty`.
    pub(crate) fn omit_empty(&mut self) {
        merged::omit(
            &mut self.root,
            &KUBELET_CONFIGURATION,
            "",
            &mut self.omitted,
        );
    }

    /// Decodes what the drop-ins were merged to, as `encoding/json` does: without
    /// regard to case, and in the order of the keys.
    pub(crate) fn decode(&mut self) {
        let root = std::mem::take(&mut self.root);
        self.root = merged::settle(root, &KUBELET_CONFIGURATION, "", &self.undetermined);
        let omitted = std::mem::take(&mut self.omitted);
        for (pointer, zero) in omitted {
            if let Some((parent, name)) = self.parent(&pointer)
                && let Some(Tree::Leaf(leaf)) = parent.get_mut(&name)
            {
                leaf.overridden.extend(said(&zero));
            } else {
                self.omitted.insert(pointer, zero);
            }
        }
    }

    /// Puts back what was omitted and has no default: to be there with its zero
    /// value is to be absent.
    pub(crate) fn restore(&mut self) {
        for (pointer, zero) in std::mem::take(&mut self.omitted) {
            if self.get_tree(&pointer).is_none() && !self.undetermined.contains(pointer.as_str()) {
                self.put(&pointer, zero);
            }
        }
    }

    /// Whether a value in effect stands at that place of a file, or below it.
    pub(crate) fn comes_from(&self, place: &Location) -> bool {
        let below = |at: &Location| {
            at.source == place.source
                && at
                    .pointer
                    .as_ref()
                    .zip(place.pointer.as_ref())
                    .is_some_and(|(at, place)| {
                        at.strip_prefix(place.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    })
        };
        self.all().values().any(|setting| below(&setting.origin))
    }

    /// Sets a field by a flag.
    pub(crate) fn set(&mut self, pointer: &str, value: Json, origin: Location) {
        let overridden = match self.get_tree(pointer).and_then(compose) {
            Some(known) => said(&known),
            None => Vec::new(),
        };
        self.put(
            pointer,
            SettingValue {
                value,
                origin,
                is_default: false,
                overridden,
            },
        );
    }

    /// Adds to a list by a flag.
    pub(crate) fn append(&mut self, pointer: &str, more: &[Json], origin: Location) {
        let known = self.get_tree(pointer).and_then(compose);
        let mut all = match known.map(|known| known.value) {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        };
        all.extend_from_slice(more);
        self.set(pointer, Json::Array(all), origin);
    }

    /// Sets one entry of a map by a flag.
    pub(crate) fn set_entry(&mut self, map: &str, key: &str, value: Json, origin: Location) {
        self.set(&format!("{map}/{}", escape_token(key)), value, origin);
    }

    /// Takes a whole map away, as the first flag for it does.
    pub(crate) fn clear(&mut self, pointer: &str) {
        let entry = self.get_tree(pointer).and_then(compose);
        let history = match entry {
            Some(known) if !known.is_default => history(&known),
            _ => Vec::new(),
        };
        if let Some((parent, name)) = self.parent(pointer) {
            parent.insert(name, Tree::Removed(history));
        }
    }

    /// The value that a pointer names.
    pub(crate) fn get(&self, pointer: &str) -> Result<Option<SettingValue>, Unavailable> {
        if let Some(found) = self.get_tree(pointer).and_then(compose) {
            return Ok(Some(found));
        }
        if self.undetermined.contains(pointer) {
            return Err(Unavailable::new(
                "kubelet --version",
                format!(
                    "the default of {pointer} hangs on the kubelet's version, which is not known"
                ),
            ));
        }
        // An element of a list.
        if let Some((list, index)) = pointer.rsplit_once('/')
            && index.parse::<usize>().is_ok()
            && let Some(found) = self.get_tree(list).and_then(compose)
            && let Some(item) = found.value.pointer(&format!("/{index}"))
        {
            return Ok(Some(SettingValue {
                value: item.clone(),
                ..found
            }));
        }
        Ok(None)
    }

    /// Every value that is set, by its dotted name.
    pub(crate) fn all(&self) -> BTreeMap<String, SettingValue> {
        let mut all = BTreeMap::new();
        collect(&self.root, "", &mut all);
        all
    }

    /// Joins a relative path to a directory, as `filepath.Join`.
    pub(crate) fn resolve_path(&mut self, pointer: &str, directory: &str) {
        if let Some((parent, name)) = self.parent(pointer)
            && let Some(Tree::Leaf(leaf)) = parent.get_mut(&name)
            && let Some(path) = leaf.value.as_str()
            && !path.is_empty()
            && !path.starts_with('/')
        {
            leaf.value = Json::String(clean(&format!("{directory}/{path}")));
        }
    }

    fn get_tree(&self, pointer: &str) -> Option<&Tree> {
        let mut tokens = tokens(pointer);
        let mut tree = self.root.get(&*tokens.next()?)?;
        for token in tokens {
            match tree {
                Tree::Object(entries) => tree = entries.get(&*token)?,
                Tree::Leaf(_) | Tree::Removed(_) => return None,
            }
        }
        Some(tree)
    }

    fn take(&mut self, pointer: &str) {
        if let Some((parent, name)) = self.parent(pointer) {
            parent.remove(&name);
        }
    }

    fn put(&mut self, pointer: &str, value: SettingValue) {
        if let Some((parent, name)) = self.parent(pointer) {
            parent.insert(name, Tree::Leaf(value));
        }
    }

    /// The object that holds the pointer's last token; made where it is absent.
    fn parent(&mut self, pointer: &str) -> Option<(&mut BTreeMap<String, Tree>, String)> {
        let mut tokens = tokens(pointer);
        let name = tokens.next_back()?;
        let mut entries = &mut self.root;
        for token in tokens {
            if !matches!(entries.get(&*token), Some(Tree::Object(_))) {
                let empty = Tree::Object(BTreeMap::new());
                entries.insert(token.clone().into_owned(), empty);
            }
            match entries.get_mut(&*token) {
                Some(Tree::Object(inner)) => entries = inner,
                _ => return None,
            }
        }
        Some((entries, name.into_owned()))
    }
}

struct Layer<'a> {
    path: &'a str,
    patch: bool,
}

impl Layer<'_> {
    fn object(
        &self,
        into: &mut BTreeMap<String, Tree>,
        node: &Node,
        of: &'static Struct,
        pointer: &str,
    ) {
        for entry in node.entries() {
            let field = match of.field(&entry.key) {
                Some(field) => field,
                None if self.patch => match fold(of, &entry.key) {
                    Some(field) => field,
                    None => continue,
                },
                None => continue,
            };
            let pointer = format!("{pointer}/{}", escape_token(&entry.key));
            self.field(into, &entry.key, field, &entry.value, &pointer);
        }
    }

    /// A key of a patch may be of another case than its field's name: what that
    /// comes to is seen when all is decoded.
    fn field(
        &self,
        into: &mut BTreeMap<String, Tree>,
        key: &str,
        field: &'static Field,
        node: &Node,
        pointer: &str,
    ) {
        match (&node.value, field.kind) {
            (Value::Null, _) if self.patch => remove(into, key),
            (Value::Null, _) => {}
            (Value::Object(_), Kind::Object(inner)) => {
                if let Some(into) = open(into, key) {
                    self.object(into, node, inner, pointer);
                }
            }
            (Value::Object(entries), kind) if kind.is_map() => {
                let Some(map) = open(into, key) else {
                    return;
                };
                for entry in entries {
                    let pointer = format!("{pointer}/{}", escape_token(&entry.key));
                    match entry.value.value {
                        Value::Null if self.patch => remove(map, &entry.key),
                        _ => self.leaf(map, &entry.key, &entry.value, &pointer),
                    }
                }
            }
            _ => self.leaf(into, key, node, pointer),
        }
    }

    fn leaf(&self, into: &mut BTreeMap<String, Tree>, name: &str, node: &Node, pointer: &str) {
        let overridden = match into.get(name) {
            Some(Tree::Leaf(known)) if known.is_default => known.overridden.clone(),
            Some(tree) => match compose(tree) {
                Some(known) => history(&known),
                None => Vec::new(),
            },
            None => Vec::new(),
        };
        into.insert(
            name.to_owned(),
            Tree::Leaf(SettingValue {
                value: node.to_json(),
                origin: Location {
                    source: self.path.to_owned(),
                    line: Some(node.line),
                    column: Some(node.column),
                    pointer: Some(pointer.to_owned()),
                },
                is_default: false,
                overridden,
            }),
        );
    }
}

/// The object of that name, made where there is none.
fn open<'t>(
    into: &'t mut BTreeMap<String, Tree>,
    name: &str,
) -> Option<&'t mut BTreeMap<String, Tree>> {
    let tree = into
        .entry(name.to_owned())
        .or_insert_with(|| Tree::Object(BTreeMap::new()));
    if !matches!(tree, Tree::Object(_)) {
        *tree = Tree::Object(BTreeMap::new());
    }
    match tree {
        Tree::Object(inner) => Some(inner),
        Tree::Leaf(_) | Tree::Removed(_) => None,
    }
}

fn remove(into: &mut BTreeMap<String, Tree>, name: &str) {
    let history = match into.get(name).and_then(compose) {
        Some(known) if known.is_default => known.overridden,
        Some(known) => history(&known),
        None => return,
    };
    into.insert(name.to_owned(), Tree::Removed(history));
}

/// What the next one overrides of a value: a default is nothing, but for what it
/// overrode itself.
fn said(known: &SettingValue) -> Vec<Sourced<String>> {
    if known.is_default {
        known.overridden.clone()
    } else {
        history(known)
    }
}

/// A value and all that it overrode, as what the next one overrides.
fn history(known: &SettingValue) -> Vec<Sourced<String>> {
    let mut history = vec![Sourced::new(known.value.to_string(), known.origin.clone())];
    history.extend(known.overridden.iter().cloned());
    history
}

/// A part of the tree as one value: of an object, the place of its strongest part.
fn compose(tree: &Tree) -> Option<SettingValue> {
    match tree {
        Tree::Leaf(leaf) => Some(leaf.clone()),
        Tree::Removed(_) => None,
        Tree::Object(entries) => {
            let parts: Vec<(&String, SettingValue)> = entries
                .iter()
                .filter_map(|(name, tree)| Some((name, compose(tree)?)))
                .collect();
            let first = parts
                .iter()
                .map(|(_, part)| part)
                .min_by_key(|part| part.is_default)?;
            let (origin, is_default) = (first.origin.clone(), first.is_default);
            let value: Map<String, Json> = parts
                .iter()
                .map(|(name, part)| ((*name).clone(), part.value.clone()))
                .collect();
            Some(SettingValue {
                value: Json::Object(value),
                origin,
                is_default,
                overridden: Vec::new(),
            })
        }
    }
}

fn collect(
    entries: &BTreeMap<String, Tree>,
    prefix: &str,
    all: &mut BTreeMap<String, SettingValue>,
) {
    for (name, tree) in entries {
        let dotted = format!("{prefix}{name}");
        match tree {
            Tree::Leaf(leaf) => {
                all.insert(dotted, leaf.clone());
            }
            Tree::Object(inner) => collect(inner, &format!("{dotted}."), all),
            Tree::Removed(_) => {}
        }
    }
}

fn tokens(pointer: &str) -> impl DoubleEndedIterator<Item = Cow<'_, str>> {
    let tokens = pointer.strip_prefix('/').map(|rest| rest.split('/'));
    tokens.into_iter().flatten().map(|token| {
        if token.contains('~') {
            Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::Borrowed(token)
        }
    })
}

/// Whether two values come to the same, such as `0` and `0s`.
fn is_same(a: &Json, b: &Json) -> bool {
    a == b || (is_zero(a) && is_zero(b))
}

/// Go leaves a field without a pointer unset where it has its zero value.
fn is_zero(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => {
            text.is_empty() || go_duration::parse(text).is_ok_and(|nanos| nanos == 0)
        }
        Json::Array(_) | Json::Object(_) => false,
    }
}

/// `filepath.Clean` of an absolute path.
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
