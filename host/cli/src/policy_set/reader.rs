//! Reads one object of a policy set and remembers what is wrong with it.

use nodepol_facts::document::{Entry, Node, Value};
use nodepol_model::Location;
use nodepol_report::nearest;

use super::mistake::{Mistake, Mistakes};
use super::place;

/// Reads values of one file.
pub(super) struct Reader<'a> {
    /// The file, as the user named it.
    pub(super) file: &'a str,
    pub(super) mistakes: Mistakes,
}

impl Reader<'_> {
    /// Where a value stands.
    pub(super) fn at(&self, node: &Node) -> Location {
        place(self.file, node)
    }

    /// Where a key stands.
    pub(super) fn key_at(&self, entry: &Entry) -> Location {
        Location::position(self.file, entry.line, entry.column)
    }

    pub(super) fn mistake(&mut self, at: Location, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    /// The entries of an object, every key of which must be one of `legal`.
    pub(super) fn object<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        legal: &[&str],
    ) -> Option<&'n [Entry]> {
        let Value::Object(entries) = &node.value else {
            let at = self.at(node);
            self.mistake(
                at,
                format!(
                    "{what} must be a mapping with {}, not {}",
                    list(legal),
                    kind(node)
                ),
            );
            return None;
        };
        for entry in entries {
            if !legal.contains(&entry.key.as_str()) {
                let at = self.key_at(entry);
                let message = unknown(&format!("key of {what}"), &entry.key, legal);
                self.mistake(at, message);
            }
        }
        Some(entries)
    }

    /// The items of a list.
    pub(super) fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.value {
            Value::Array(items) => items,
            // A key with nothing behind it: an empty list, as YAML writers mean it.
            Value::Null => &[],
            _ => {
                let at = self.at(node);
                self.mistake(at, format!("{what} must be a list, not {}", kind(node)));
                &[]
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let at = self.at(node);
        match node.as_str() {
            Some(text) if !text.trim().is_empty() => Some(text),
            Some(_) => {
                self.mistake(at, format!("{what} must not be empty"));
                None
            }
            None => {
                self.mistake(
                    at,
                    format!("{what} must be a text, not {}; put it in quotes", kind(node)),
                );
                None
            }
        }
    }

    /// A list of texts that are not empty.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Node)> {
        let items = self.items(node, what);
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            if let Some(text) = self.text(item, &format!("an item of {what}")) {
                texts.push((text, item));
            }
        }
        texts
    }

    /// A word of which each stands for something.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let legal: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let at = self.at(node);
            self.mistake(at, unknown(what, text, &legal));
        }
        found.map(|(_, meaning)| *meaning)
    }
}

/// `unknown WHAT`, with the nearest legal name or all of them.
pub(super) fn unknown(what: &str, given: &str, legal: &[&str]) -> String {
    match nearest(given, legal.iter().copied()) {
        Some(nearest) => format!("unknown {what} `{given}`; did you mean `{nearest}`?"),
        None if legal.len() > 12 => format!("unknown {what} `{given}`; see `nodepol list`"),
        None => format!("unknown {what} `{given}`; there is {}", list(legal)),
    }
}

fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a value is, for a person.
pub(super) fn kind(node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Boolean(value) => format!("the boolean {value}"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::Text(text) if text.len() <= 40 => format!("the text {text:?}"),
        Value::Text(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}
