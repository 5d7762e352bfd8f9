//! YAML as the kubelet and kubeadm read it (`sigs.k8s.io/yaml` on top of
//! `go.yaml.in/yaml/v2`): YAML 1.1 scalars, the first document only, keys
//! turned into text, the last of equal keys wins, merge keys apply where they
//! stand.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Document, Duplicate, Entry, Node, SyntaxError, Value, escape_token, resolve};

/// Deeper nesting than any node document has; it bounds every recursion over
/// the tree.
const MAX_DEPTH: usize = 128;
/// More values than any node document has, aliases expanded.
const MAX_NODES: usize = 1_000_000;
/// Larger than any node document; the kubelet itself has no limit.
const MAX_BYTES: usize = 16 << 20;

/// Reads the first document of a text. A text without one is `Null`.
///
/// # Errors
/// [`SyntaxError`] if the text is not YAML, or cannot be turned into JSON as the
/// kubelet does first of all (a key that is a list, a number that is infinite).
pub fn parse(text: &str) -> Result<Document, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        return Err(error(1, 1, "the file is larger than 16 MiB"));
    }
    check_characters(text)?;
    check_directives(text)?;
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|why| in_go_words(text, &why))?;
        match event {
            Event::DocumentEnd | Event::StreamEnd => break,
            event => builder.take(event, span)?,
        }
        // What follows the first document is not even parsed.
        if builder.root.is_some() {
            break;
        }
    }
    Ok(builder.finish())
}

/// go-yaml's reader takes printable characters only. A file that lost its end to
/// a power failure is full of zeros, which end a text for other readers.
fn check_characters(text: &str) -> Result<(), SyntaxError> {
    let (mut line, mut column) = (1, 1);
    for c in text.chars() {
        let printable = matches!(
            c,
            '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..
        );
        if !printable {
            return Err(error(line, column, "control characters are not allowed"));
        }
        if c == '\n' {
            (line, column) = (line.saturating_add(1), 1);
        } else {
            column = column.saturating_add(1);
        }
    }
    Ok(())
}

/// go-yaml refuses any version but 1.1.
fn check_directives(text: &str) -> Result<(), SyntaxError> {
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(version) = line.strip_prefix("%YAML ") {
            let version = version.split('#').next().unwrap_or_default().trim();
            if version != "1.1" {
                return Err(error(number, 1, "found incompatible YAML document"));
            }
        } else if !(line.is_empty() || line.starts_with(['#', '%'])) {
            break;
        }
    }
    Ok(())
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// For an object: the key that waits for its value.
    key: Option<Key>,
    /// For an object: where each key stands among its entries.
    index: BTreeMap<String, usize>,
    /// Values below it, itself included, aliases expanded.
    size: usize,
}

struct Key {
    text: String,
    merge: bool,
    line: u32,
    column: u32,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    duplicates: Vec<Duplicate>,
    /// Values made, and how many of them by aliases.
    made: usize,
    aliased: usize,
    /// Values that anchors keep a copy of.
    kept: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let (line, column) = place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let merge = &*text == "<<"
                    && match &tag {
                        None => style == ScalarStyle::Plain,
                        Some(tag) => tag.is_yaml_core_schema() && tag.suffix == "merge",
                    };
                let value = scalar(&text, style, tag.as_deref())
                    .map_err(|message| error(line, column, message))?;
                let node = Node {
                    value,
                    line,
                    column,
                };
                self.anchor(anchor, &node, 1)?;
                self.count(1, line)?;
                self.place(node, 1, if merge { Form::Merge } else { Form::Direct })
            }
            Event::SequenceStart(anchor, _) => {
                self.start(Value::Array(Vec::new()), anchor, line, column)
            }
            Event::MappingStart(anchor, _) => {
                self.start(Value::Object(Vec::new()), anchor, line, column)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some(size) = self.anchors.get(&anchor).map(|(_, size)| *size) else {
                    return Err(error(line, column, "an anchor's value contains itself"));
                };
                self.aliased += size;
                self.count(size, line)?;
                let Some((node, _)) = self.anchors.get(&anchor) else {
                    return Ok(());
                };
                let node = Node {
                    line,
                    column,
                    ..node.clone()
                };
                self.place(node, size, Form::Alias)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn start(
        &mut self,
        value: Value,
        anchor: usize,
        line: u32,
        column: u32,
    ) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(line, column, "nested deeper than 128 levels"));
        }
        self.open.push(Open {
            node: Node {
                value,
                line,
                column,
            },
            anchor,
            key: None,
            index: BTreeMap::new(),
            size: 1,
        });
        self.count(1, line)
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(closed) = self.open.pop() else {
            return Ok(());
        };
        self.anchor(closed.anchor, &closed.node, closed.size)?;
        self.place(closed.node, closed.size, Form::Direct)
    }

    /// Keeps a copy for the aliases to come.
    fn anchor(&mut self, anchor: usize, node: &Node, size: usize) -> Result<(), SyntaxError> {
        if anchor > 0 {
            self.kept += size;
            if self.kept > MAX_NODES {
                return Err(error(node.line, node.column, "too many anchored values"));
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(())
    }

    /// go-yaml's measure against small texts that expand without end.
    fn count(&mut self, values: usize, line: u32) -> Result<(), SyntaxError> {
        self.made = self.made.saturating_add(values);
        let excessive = self.aliased > 100 && self.made > 1000 && {
            #[expect(clippy::cast_precision_loss, reason = "a ratio")]
            let ratio = self.aliased as f64 / self.made as f64;
            ratio > 0.99
        };
        if excessive || self.made > MAX_NODES {
            return Err(error(line, 1, "document contains excessive aliasing"));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, size: usize, form: Form) -> Result<(), SyntaxError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.size += size;
        if let Value::Array(items) = &mut open.node.value {
            items.push(node);
            return Ok(());
        }
        match open.key.take() {
            None => {
                open.key = Some(Key {
                    text: key_text(&node)?,
                    merge: form == Form::Merge,
                    line: node.line,
                    column: node.column,
                });
            }
            Some(key) if key.merge => {
                let (line, column) = (key.line, key.column);
                for entry in merged(node, form, line, column)? {
                    self.insert(entry);
                }
            }
            Some(key) => self.insert(Entry {
                key: key.text,
                line: key.line,
                column: key.column,
                value: node,
            }),
        }
        Ok(())
    }

    /// Sets a key of the innermost object: the last one wins.
    fn insert(&mut self, entry: Entry) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let Value::Object(entries) = &mut open.node.value else {
            return;
        };
        let at = open.index.get(&entry.key).copied();
        if let Some(known) = at.and_then(|at| entries.get_mut(at)) {
            let (key, line, column) = (entry.key.clone(), entry.line, entry.column);
            *known = entry;
            let pointer = self.pointer(&key);
            self.duplicates.push(Duplicate {
                pointer,
                line,
                column,
            });
        } else {
            open.index.insert(entry.key.clone(), entries.len());
            entries.push(entry);
        }
    }

    /// The pointer to a key of the innermost object.
    fn pointer(&self, key: &str) -> String {
        let mut pointer = String::new();
        let outer = self.open.len().saturating_sub(1);
        for open in self.open.iter().take(outer) {
            pointer.push('/');
            match (&open.node.value, &open.key) {
                (Value::Array(items), _) => pointer.push_str(&items.len().to_string()),
                (_, Some(key)) => pointer.push_str(&escape_token(&key.text)),
                (_, None) => {}
            }
        }
        pointer.push('/');
        pointer.push_str(&escape_token(key));
        pointer
    }

    fn finish(self) -> Document {
        Document {
            root: self.root.unwrap_or(Node {
                value: Value::Null,
                line: 1,
                column: 1,
            }),
            duplicates: self.duplicates,
        }
    }
}

/// How a value came to its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Direct,
    Alias,
    /// The scalar `<<` of a merge key.
    Merge,
}

/// The entries that a merge key brings, the strongest last.
fn merged(node: Node, form: Form, line: u32, column: u32) -> Result<Vec<Entry>, SyntaxError> {
    let unfit = || {
        error(
            line,
            column,
            "map merge requires map or sequence of maps as the value",
        )
    };
    match node.value {
        Value::Object(entries) => Ok(entries),
        Value::Array(items) if form == Form::Direct => {
            let mut all = Vec::new();
            for item in items.into_iter().rev() {
                match item.value {
                    Value::Object(entries) => all.extend(entries),
                    _ => return Err(unfit()),
                }
            }
            Ok(all)
        }
        _ => Err(unfit()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let value = match tag {
        Some(tag) if tag.is_yaml_core_schema() => resolve::tagged(&tag.suffix, text)?,
        // The tag `!` alone asks for the meaning of the plain text.
        Some(tag) if tag.suffix.is_empty() => resolve::plain(text),
        Some(_) => Value::Text(text.to_owned()),
        None if style == ScalarStyle::Plain => resolve::plain(text),
        None => Value::Text(text.to_owned()),
    };
    match value {
        Value::Float(number) if number.is_nan() => Err("json: unsupported value: NaN".to_owned()),
        Value::Float(number) if number.is_infinite() => Err(format!(
            "json: unsupported value: {}Inf",
            if number > 0.0 { '+' } else { '-' }
        )),
        value => Ok(value),
    }
}

/// `convertToJSONableObject`: numbers and truth values become text, nothing else.
fn key_text(node: &Node) -> Result<String, SyntaxError> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(value) => Ok(value.to_string()),
        Value::Null => Err(error(
            node.line,
            node.column,
            "unsupported map key of type: <nil>",
        )),
        Value::Array(_) | Value::Object(_) => Err(error(node.line, node.column, "invalid map key")),
    }
}

fn place(span: Span) -> (u32, u32) {
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    (
        number(span.start.line()).max(1),
        number(span.start.col()).saturating_add(1),
    )
}

fn error(line: u32, column: u32, message: impl Into<String>) -> SyntaxError {
    SyntaxError {
        line,
        column,
        message: message.into(),
    }
}

/// The scanner's message, in go-yaml's words where those are known to differ.
fn in_go_words(text: &str, why: &ScanError) -> SyntaxError {
    let (line, column) = place(Span::empty(*why.marker()));
    let indent_has_tab = text
        .lines()
        .nth(line.saturating_sub(1) as usize)
        .is_some_and(|line| {
            line.chars()
                .take_while(|c| matches!(c, ' ' | '\t'))
                .any(|c| c == '\t')
        });
    let message = if indent_has_tab {
        "found a tab character that violates indentation"
    } else {
        why.info()
    };
    error(line, column, message)
}

#[cfg(test)]
mod tests;
