//! `KubeletConfiguration` as the kubelet's codec decodes it: strictly first,
//! and when that fails only on names, leniently. So a name that is unknown or
//! stands twice is ignored, and a wrong type is fatal
//! (`pkg/kubelet/kubeletconfig/util/codec`, `sigs.k8s.io/json`).

use nodepol_model::Location;

use super::fields::{Field, KUBELET_CONFIGURATION, Kind, Struct};
use super::nearest::nearest;
use crate::document::{Document, Entry, Node, Value, escape_token, json, yaml};
use crate::go_duration;
use crate::sourced::Problem;

/// The only version there is.
pub(crate) const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
/// The kind of the file.
pub(crate) const KIND: &str = "KubeletConfiguration";

/// Which of the two ways of reading a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The file of `--config`.
    Main,
    /// A drop-in: any unknown name passes silently, letters match whatever
    /// their case, a key that stands twice is fatal.
    DropIn,
}

/// Reads and checks a file. The tree is that of a legal file only if no problem
/// is fatal.
pub(crate) fn read(
    text: &str,
    path: &str,
    role: Role,
    minor: Option<u32>,
) -> (Option<Document>, Vec<Problem>) {
    let mut checker = Checker {
        path,
        role,
        minor,
        problems: Vec::new(),
    };
    if text.is_empty() {
        let message = format!("kubelet config file {path:?} was empty");
        checker.fatal("empty-file", message, Location::source(path));
        return (None, checker.problems);
    }
    // What starts like an object is given to the JSON reader alone.
    let is_json = text.trim_start().starts_with('{');
    let document = match if is_json {
        json::parse(text)
    } else {
        yaml::parse(text)
    } {
        Ok(document) => document,
        Err(why) => {
            let message = if is_json || why.message.starts_with("json:") {
                why.message
            } else {
                format!("yaml: line {}: {}", why.line, why.message)
            };
            let at = Location {
                line: Some(why.line),
                column: Some(why.column),
                ..Location::source(path)
            };
            checker.fatal("syntax", message, at);
            return (None, checker.problems);
        }
    };
    checker.head(&document.root);
    for duplicate in &document.duplicates {
        let at = Location {
            line: Some(duplicate.line),
            column: Some(duplicate.column),
            pointer: Some(duplicate.pointer.clone()),
            ..Location::source(path)
        };
        let name = duplicate.pointer.rsplit('/').next().unwrap_or_default();
        checker.problems.push(Problem {
            kind: "duplicate-field",
            message: format!("key {name:?} already set in map"),
            at,
            fatal: role == Role::DropIn,
            nearest: None,
        });
    }
    let at = Place {
        pointer: String::new(),
        dotted: String::new(),
    };
    checker.object(&document.root, &KUBELET_CONFIGURATION, &at);
    (Some(document), checker.problems)
}

struct Checker<'a> {
    path: &'a str,
    role: Role,
    minor: Option<u32>,
    problems: Vec<Problem>,
}

/// Where the checker is, in both ways of saying it.
struct Place {
    pointer: String,
    dotted: String,
}

impl Place {
    fn below(&self, key: &str) -> Self {
        let dot = if self.dotted.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{}", self.pointer, escape_token(key)),
            dotted: format!("{}{dot}{key}", self.dotted),
        }
    }

    fn element(&self, index: usize) -> Self {
        Self {
            pointer: format!("{}/{index}", self.pointer),
            dotted: format!("{}[{index}]", self.dotted),
        }
    }
}

impl Checker<'_> {
    fn fatal(&mut self, kind: &'static str, message: String, at: Location) {
        self.problems.push(Problem::fatal(kind, message, at));
    }

    fn location(&self, node: &Node, place: &Place) -> Location {
        Location {
            source: self.path.to_owned(),
            line: Some(node.line),
            column: Some(node.column),
            pointer: Some(place.pointer.clone()),
        }
    }

    /// `apiVersion` and `kind`, which choose what the rest is decoded as.
    fn head(&mut self, root: &Node) {
        let text = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let message = if kind.is_empty() {
            "Object 'Kind' is missing".to_owned()
        } else if version.is_empty() {
            "Object 'apiVersion' is missing".to_owned()
        } else if version != API_VERSION || kind != KIND {
            format!("no kind {kind:?} is registered for version {version:?} in scheme")
        } else {
            return;
        };
        let key = if kind.is_empty() || version == API_VERSION {
            "kind"
        } else {
            "apiVersion"
        };
        let at = match root.get(key) {
            Some(node) => Location {
                line: Some(node.line),
                column: Some(node.column),
                pointer: Some(format!("/{key}")),
                ..Location::source(self.path)
            },
            None => Location::source(self.path),
        };
        self.fatal("wrong-kind", message, at);
    }

    fn object(&mut self, node: &Node, of: &'static Struct, place: &Place) {
        let Value::Object(entries) = &node.value else {
            if !matches!(node.value, Value::Null) && !place.pointer.is_empty() {
                self.wrong_type(node, of, place, of.name);
            }
            return;
        };
        for entry in entries {
            let inner = place.below(&entry.key);
            match of.field(&entry.key).filter(|field| self.has(field)) {
                Some(field) => self.value(&entry.value, field, field.kind, of, &inner),
                None if place.pointer.is_empty()
                    && matches!(entry.key.as_str(), "apiVersion" | "kind") => {}
                None => {
                    self.unknown(entry, of, &inner);
                    if let Some(field) = self.folded(of, &entry.key) {
                        self.value(&entry.value, field, field.kind, of, &inner);
                    }
                }
            }
        }
    }

    fn has(&self, field: &Field) -> bool {
        self.minor.is_none_or(|minor| field.since <= minor.max(25))
    }

    /// The field that a key of another case is taken for.
    fn folded(&self, of: &'static Struct, key: &str) -> Option<&'static Field> {
        (self.role == Role::DropIn)
            .then(|| fold(of, key))?
            .filter(|field| self.has(field))
    }

    fn unknown(&mut self, entry: &Entry, of: &'static Struct, place: &Place) {
        let at = Location {
            source: self.path.to_owned(),
            line: Some(entry.line),
            column: Some(entry.column),
            pointer: Some(place.pointer.clone()),
        };
        if let Some(field) = self.folded(of, &entry.key) {
            self.problems.push(Problem {
                kind: "wrong-case",
                message: format!(
                    "{:?} is taken for {:?} in a drop-in, and would be ignored in the main file",
                    place.dotted, field.name
                ),
                at,
                fatal: false,
                nearest: Some(field.name.to_owned()),
            });
            return;
        }
        // The name of a later kubelet's field is right as it is.
        let (message, nearest) = match of.field(&entry.key) {
            Some(field) => (
                format!(
                    "unknown field {:?}: only kubelets from 1.{} have it",
                    place.dotted, field.since
                ),
                None,
            ),
            None => (
                format!("unknown field {:?}", place.dotted),
                nearest(of, &entry.key),
            ),
        };
        self.problems.push(Problem {
            kind: "unknown-field",
            message,
            at,
            fatal: false,
            nearest,
        });
    }

    fn value(
        &mut self,
        node: &Node,
        field: &'static Field,
        kind: Kind,
        of: &'static Struct,
        place: &Place,
    ) {
        if matches!(node.value, Value::Null) {
            // Go hands `null` to the duration's own reader, which takes it for "".
            if matches!(kind, Kind::Duration) && !field.pointer && self.role == Role::Main {
                let at = self.location(node, place);
                self.fatal("wrong-type", "time: invalid duration \"\"".to_owned(), at);
            }
            return;
        }
        match (kind, &node.value) {
            (Kind::Bool, Value::Boolean(_))
            | (Kind::Int64 | Kind::DurationOrInt, Value::Integer(_))
            | (Kind::Float64, Value::Integer(_) | Value::Float(_))
            | (Kind::Text | Kind::Quantity, Value::Text(_))
            | (Kind::Quantity, Value::Integer(_) | Value::Float(_)) => {}
            (Kind::Int32, Value::Integer(number)) if i32::try_from(*number).is_ok() => {}
            (Kind::Uint32, Value::Integer(number)) if u32::try_from(*number).is_ok() => {}
            (Kind::Duration | Kind::DurationOrInt, Value::Text(text)) => {
                if let Err(why) = go_duration::parse(text) {
                    let at = self.location(node, place);
                    self.fatal("wrong-type", why, at);
                }
            }
            (Kind::Texts, Value::Array(items)) => {
                self.items(items, field, Kind::Text, of, place);
            }
            (Kind::Int32s, Value::Array(items)) => {
                self.items(items, field, Kind::Int32, of, place);
            }
            (Kind::TextMap, Value::Object(entries)) => {
                self.entries(entries, field, Kind::Text, of, place);
            }
            (Kind::BoolMap, Value::Object(entries)) => {
                self.entries(entries, field, Kind::Bool, of, place);
            }
            (Kind::TextsMap, Value::Object(entries)) => {
                self.entries(entries, field, Kind::Texts, of, place);
            }
            (Kind::QuantityMap, Value::Object(entries)) => {
                self.entries(entries, field, Kind::Quantity, of, place);
            }
            (Kind::Object(inner), Value::Object(_)) => self.object(node, inner, place),
            (Kind::Objects(inner), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.object(item, inner, &place.element(index));
                }
            }
            _ => self.wrong_type(node, of, place, kind.go()),
        }
    }

    fn items(
        &mut self,
        items: &[Node],
        field: &'static Field,
        kind: Kind,
        of: &'static Struct,
        place: &Place,
    ) {
        for (index, item) in items.iter().enumerate() {
            self.value(item, field, kind, of, &place.element(index));
        }
    }

    fn entries(
        &mut self,
        entries: &[Entry],
        field: &'static Field,
        kind: Kind,
        of: &'static Struct,
        place: &Place,
    ) {
        for entry in entries {
            self.value(&entry.value, field, kind, of, &place.below(&entry.key));
        }
    }

    fn wrong_type(&mut self, node: &Node, of: &Struct, place: &Place, go: &str) {
        let found = match &node.value {
            Value::Null => "null".to_owned(),
            Value::Boolean(_) => "bool".to_owned(),
            Value::Integer(number) if go.starts_with("int") || go.starts_with("uint") => {
                format!("number {number}")
            }
            Value::Float(number) if go.starts_with("int") || go.starts_with("uint") => {
                format!("number {number}")
            }
            Value::Integer(_) | Value::Float(_) => "number".to_owned(),
            Value::Text(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let message = format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {go}",
            of.name, place.dotted
        );
        let at = self.location(node, place);
        self.fatal("wrong-type", message, at);
    }
}

/// The field that Go's own decoder takes a key of another case for in a drop-in.
/// The merged keys come to it sorted: it counts unless the right one is there and
/// comes behind it.
pub(crate) fn fold(of: &Struct, key: &str) -> Option<&'static Field> {
    of.fields
        .iter()
        .find(|field| field.name != key && field.name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests;
