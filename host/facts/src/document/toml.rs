//! TOML 1.0, as containerd (go-toml) and CRI-O read it, with the place of
//! every value.

use std::ops::Range;

use toml_edit::{
    Document, Formatted, InlineTable, Item, Key, RawString, Table, TableLike, Value as Toml,
};

use super::{Entry, Node, SyntaxError, Value};

/// Parses a document; its root is an object.
///
/// # Errors
/// [`SyntaxError`] with the place of the first fault. What only TOML 1.1 has
/// (line breaks in inline tables, `\e`, `\xHH`, times without seconds) is a
/// fault: the runtimes read 1.0.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let lines = Lines::new(text);
    let document = Document::parse(text).map_err(|error| {
        let (line, column) = lines.position(error.span().map_or(0, |span| span.start));
        SyntaxError {
            line,
            column,
            message: error.message().lines().collect::<Vec<_>>().join("; "),
        }
    })?;
    let reader = Reader { text, lines };
    Ok(Node {
        value: Value::Object(reader.table(document.as_table())?),
        line: 1,
        column: 1,
    })
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
}

impl Reader<'_> {
    // The depth of what these functions call each other for is bounded by the
    // parser, which refuses documents that are nested deeper than it can bear.
    fn table(&self, table: &Table) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries = Vec::with_capacity(table.len());
        for (name, item) in table {
            let key = table.key(name);
            self.check_key(key)?;
            let (line, column) = self.key_position(key, item);
            entries.push(Entry {
                key: name.to_owned(),
                line,
                column,
                value: self.item(item, (line, column))?,
            });
        }
        Ok(entries)
    }

    fn item(&self, item: &Item, key: (u32, u32)) -> Result<Node, SyntaxError> {
        match item {
            Item::None => Ok(place(Value::Null, key)),
            Item::Value(value) => self.value(value, key),
            // A table that only headers of its children mention has no place.
            Item::Table(table) => Ok(place(
                Value::Object(self.table(table)?),
                self.start(table.span(), key),
            )),
            Item::ArrayOfTables(array) => {
                let items = array
                    .iter()
                    .map(|table| {
                        Ok(place(
                            Value::Object(self.table(table)?),
                            self.start(table.span(), key),
                        ))
                    })
                    .collect::<Result<_, _>>()?;
                Ok(place(Value::Array(items), self.start(array.span(), key)))
            }
        }
    }

    fn value(&self, value: &Toml, key: (u32, u32)) -> Result<Node, SyntaxError> {
        let at = self.start(value.span(), key);
        let read = match value {
            Toml::String(text) => {
                self.check_text(text.span())?;
                Value::Text(text.value().clone())
            }
            Toml::Integer(number) => Value::Integer(*number.value()),
            Toml::Float(number) => Value::Float(*number.value()),
            Toml::Boolean(truth) => Value::Boolean(*truth.value()),
            Toml::Datetime(time) => Value::Text(self.datetime(time)?),
            Toml::Array(array) => Value::Array(
                array
                    .iter()
                    .map(|item| self.value(item, at))
                    .collect::<Result<_, _>>()?,
            ),
            Toml::InlineTable(table) => {
                self.check_inline(table, at)?;
                let mut entries = Vec::with_capacity(table.len());
                for (name, value) in table {
                    let key = TableLike::key(table, name);
                    self.check_key(key)?;
                    let (line, column) = self.start(key.and_then(Key::span), at);
                    entries.push(Entry {
                        key: name.to_owned(),
                        line,
                        column,
                        value: self.value(value, (line, column))?,
                    });
                }
                Value::Object(entries)
            }
        };
        Ok(place(read, at))
    }

    fn datetime(&self, time: &Formatted<toml_edit::Datetime>) -> Result<String, SyntaxError> {
        if time.value().time.is_some_and(|time| time.second.is_none()) {
            return Err(self.fault(time.span(), "a time needs its seconds in TOML 1.0"));
        }
        Ok(time.value().to_string())
    }

    fn check_key(&self, key: Option<&Key>) -> Result<(), SyntaxError> {
        key.map_or(Ok(()), |key| self.check_text(key.span()))
    }

    /// Escapes that only TOML 1.1 has. Literal strings have no escapes.
    fn check_text(&self, span: Option<Range<usize>>) -> Result<(), SyntaxError> {
        let Some(span) = span else { return Ok(()) };
        let raw = self.text.get(span.clone()).unwrap_or_default();
        if !raw.starts_with('"') {
            return Ok(());
        }
        let mut bytes = raw.bytes().enumerate();
        while let Some((_, byte)) = bytes.next() {
            if byte != b'\\' {
                continue;
            }
            if let Some((at, b'e' | b'x')) = bytes.next() {
                let start = span.start + at - 1;
                return Err(self.fault(
                    Some(start..start + 2),
                    "the escapes \\e and \\x do not exist in TOML 1.0",
                ));
            }
        }
        Ok(())
    }

    /// Line breaks and a last comma, which TOML 1.0 does not have there.
    fn check_inline(&self, table: &InlineTable, at: (u32, u32)) -> Result<(), SyntaxError> {
        let fault = |message: &str| SyntaxError {
            line: at.0,
            column: at.1,
            message: message.to_owned(),
        };
        if table.trailing_comma() {
            return Err(fault("an inline table cannot end with a comma in TOML 1.0"));
        }
        let broken = |raw: Option<&RawString>| {
            raw.and_then(RawString::span)
                .and_then(|span| self.text.get(span))
                .is_some_and(|text| text.contains('\n'))
        };
        let keys = table
            .iter()
            .filter_map(|(name, _)| TableLike::key(table, name));
        let decors = keys
            .map(Key::leaf_decor)
            .chain(table.iter().map(|(_, value)| value.decor()));
        if broken(Some(table.trailing()))
            || decors
                .into_iter()
                .any(|decor| broken(decor.prefix()) || broken(decor.suffix()))
        {
            return Err(fault("an inline table must be on one line in TOML 1.0"));
        }
        Ok(())
    }

    fn key_position(&self, key: Option<&Key>, item: &Item) -> (u32, u32) {
        let span = key.and_then(Key::span).or_else(|| item.span());
        self.start(span, (1, 1))
    }

    fn start(&self, span: Option<Range<usize>>, otherwise: (u32, u32)) -> (u32, u32) {
        span.map_or(otherwise, |span| self.lines.position(span.start))
    }

    fn fault(&self, span: Option<Range<usize>>, message: &str) -> SyntaxError {
        let (line, column) = self.start(span, (1, 1));
        SyntaxError {
            line,
            column,
            message: message.to_owned(),
        }
    }
}

fn place(value: Value, (line, column): (u32, u32)) -> Node {
    Node {
        value,
        line,
        column,
    }
}

/// Where each line starts, to turn offsets into lines without rereading.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// Line and column, from 1, of a byte offset.
    fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
            .copied()
            .unwrap_or(0);
        let column = self
            .text
            .get(start..offset.min(self.text.len()))
            .map_or(0, |before| before.chars().count());
        (count(line.max(1)), count(column + 1))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let text = "version = 2\n\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  name = 'é' # x\n  on = true\n";
        let root = parse(text).unwrap();
        let table = root
            .at("/plugins/io.containerd.grpc.v1.cri/containerd")
            .unwrap();
        assert_eq!((table.line, table.column), (3, 1));
        let on = table.entry("on").unwrap();
        assert_eq!((on.line, on.column), (5, 3));
        assert_eq!((on.value.line, on.value.column), (5, 8));
        assert_eq!(on.value.as_bool(), Some(true));
        let cri = root
            .at("/plugins")
            .unwrap()
            .entry("io.containerd.grpc.v1.cri")
            .unwrap();
        assert_eq!((cri.line, cri.column), (3, 10));
    }

    #[test]
    fn inline_tables_and_arrays() {
        let root = parse("a = { b = [1, { c = 'x' }] }\n[[t]]\nn = 1\n[[t]]\nn = 2\n").unwrap();
        assert_eq!(root.at("/a/b/1/c").and_then(Node::as_str), Some("x"));
        assert_eq!(root.at("/t/1/n").map(|n| n.line), Some(5));
    }

    #[test]
    fn faults_have_their_place() {
        let error = parse("a = 1\nb = = 2\n").unwrap_err();
        assert_eq!(error.line, 2);
        let error = parse("a = 1\na = 2\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 1));
    }

    #[test]
    fn what_only_toml_1_1_has_is_a_fault() {
        for text in [
            "a = { b = 1,\n c = 2 }",
            "a = { b = 1, }",
            "a = \"\\e\"",
            "a = \"\\x41\"",
            "a = 07:32",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in [
            "a = '\\e'",
            "a = \"\\\\x41\"",
            "a = { b = [\n1,\n] }",
            "a = 07:32:00",
            "",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow() {
        assert!(parse(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(parse(&format!("a{} = 1", ".a".repeat(100_000))).is_err());
    }
}
