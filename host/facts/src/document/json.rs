//! JSON as Go's `encoding/json` reads it, with the place of every value and
//! Go's own words for what is wrong.

use std::collections::BTreeMap;

use super::{Document, Duplicate, Entry, Node, SyntaxError, Value, escape_token};

/// Deeper nesting than any node document has; it bounds every recursion over
/// the tree.
const MAX_DEPTH: usize = 128;
/// Larger than any node document.
const MAX_BYTES: usize = 16 << 20;

/// Reads a text that is one JSON value.
///
/// # Errors
/// [`SyntaxError`] if the text is not JSON (RFC 8259), nests deeper than 128
/// levels or is larger than 16 MiB.
pub fn parse(text: &str) -> Result<Document, SyntaxError> {
    let mut reader = Reader {
        rest: text,
        line: 1,
        column: 1,
        path: Vec::new(),
        duplicates: Vec::new(),
    };
    if text.len() > MAX_BYTES {
        return Err(reader.error("the file is larger than 16 MiB"));
    }
    reader.skip_space();
    let root = reader.value()?;
    reader.skip_space();
    if let Some(next) = reader.peek() {
        return Err(reader.invalid(next, "after top-level value"));
    }
    Ok(Document {
        root,
        duplicates: reader.duplicates,
    })
}

struct Reader<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
    /// The tokens of the pointer to the value that is read.
    path: Vec<String>,
    duplicates: Vec<Duplicate>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        if next == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.bump();
        }
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }

    fn invalid(&self, found: char, place: &str) -> SyntaxError {
        self.error(format!("invalid character {found:?} {place}"))
    }

    /// What is wrong at the next character, or that there is none.
    fn unexpected(&self, place: &str) -> SyntaxError {
        match self.peek() {
            Some(next) => self.invalid(next, place),
            None => self.error("unexpected end of JSON input"),
        }
    }

    fn value(&mut self) -> Result<Node, SyntaxError> {
        let (line, column) = (self.line, self.column);
        let value = match self.peek() {
            Some('{') => self.object()?,
            Some('[') => self.array()?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('t') => self.word("true", Value::Boolean(true))?,
            Some('f') => self.word("false", Value::Boolean(false))?,
            Some('n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        };
        Ok(Node {
            value,
            line,
            column,
        })
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, SyntaxError> {
        for expected in word.chars() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected(&format!("in literal {word} (expecting {expected:?})")));
            }
            self.bump();
        }
        Ok(value)
    }

    fn deeper(&mut self, token: String) -> Result<(), SyntaxError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(self.error("nested deeper than 128 levels"));
        }
        self.path.push(token);
        Ok(())
    }

    fn object(&mut self) -> Result<Value, SyntaxError> {
        self.bump();
        let mut entries: Vec<Entry> = Vec::new();
        let mut index: BTreeMap<String, usize> = BTreeMap::new();
        self.skip_space();
        if self.peek() == Some('}') {
            self.bump();
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let (line, column) = (self.line, self.column);
            if self.peek() != Some('"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(':') {
                return Err(self.unexpected("after object key"));
            }
            self.bump();
            self.skip_space();
            self.deeper(key.clone())?;
            let value = self.value()?;
            let at = index.get(&key).copied();
            let entry = Entry {
                key,
                line,
                column,
                value,
            };
            if let Some(known) = at.and_then(|at| entries.get_mut(at)) {
                *known = entry;
                let pointer = self
                    .path
                    .iter()
                    .map(|token| format!("/{}", escape_token(token)))
                    .collect();
                self.duplicates.push(Duplicate {
                    pointer,
                    line,
                    column,
                });
            } else {
                index.insert(entry.key.clone(), entries.len());
                entries.push(entry);
            }
            self.path.pop();
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some('}') => {
                    self.bump();
                    return Ok(Value::Object(entries));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            };
        }
    }

    fn array(&mut self) -> Result<Value, SyntaxError> {
        self.bump();
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(']') {
            self.bump();
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            self.deeper(items.len().to_string())?;
            items.push(self.value()?);
            self.path.pop();
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some(']') => {
                    self.bump();
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected("after array element")),
            };
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return Ok(text);
                }
                Some('\\') => {
                    self.bump();
                    text.push(self.escape()?);
                }
                Some(c) if c >= ' ' => {
                    self.bump();
                    text.push(c);
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.bump();
                return self.unicode();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.bump();
        Ok(c)
    }

    /// The rest of `\uXXXX`. A half of a surrogate pair becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, SyntaxError> {
        let unit = self.hex()?;
        if let Some(c) = char::from_u32(unit) {
            return Ok(c);
        }
        if (0xD800..0xDC00).contains(&unit) && self.rest.starts_with("\\u") {
            let low = self
                .rest
                .get(2..6)
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|digits| u32::from_str_radix(digits, 16).ok());
            if let Some(low) = low.filter(|low| (0xDC00..0xE000).contains(low)) {
                for _ in 0..6 {
                    self.bump();
                }
                let c = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(c).unwrap_or('\u{fffd}'));
            }
        }
        Ok('\u{fffd}')
    }

    fn hex(&mut self) -> Result<u32, SyntaxError> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            unit = unit * 16 + digit;
            self.bump();
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.rest;
        if self.peek() == Some('-') {
            self.bump();
        }
        match self.peek() {
            Some('0') => {
                self.bump();
            }
            Some('1'..='9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        let mut whole = true;
        if self.peek() == Some('.') {
            whole = false;
            self.bump();
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            whole = false;
            self.bump();
            if matches!(self.peek(), Some('-' | '+')) {
                self.bump();
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        let text = start
            .get(..start.len() - self.rest.len())
            .unwrap_or_default();
        if let (true, Ok(number)) = (whole, text.parse()) {
            return Ok(Value::Integer(number));
        }
        match text.parse::<f64>() {
            // Go takes `1.0` for no integer.
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(self.error(format!("number {text} is out of range"))),
        }
    }

    fn some_digits(&mut self, place: &str) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some('0'..='9')) {
            return Err(self.unexpected(place));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some('0'..='9')) {
            self.bump();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_serde_json() {
        for text in [
            r#"{"a": [1, -2.5, true, null, "x\n\u00e9\ud83d\ude00"], "b": {}}"#,
            "[]",
            "  1  ",
            "[1,]",
            "{,}",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "01",
            "1.",
            "1e",
            "\"a",
            "\"\t\"",
            "tru",
            "[1] x",
            "",
        ] {
            let ours = parse(text);
            let theirs = serde_json::from_str::<serde_json::Value>(text);
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}");
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                assert_eq!(ours.root.to_json(), theirs, "{text}");
            }
        }
    }

    #[test]
    fn a_number_with_a_point_is_no_integer() {
        assert_eq!(parse("1.0").unwrap().root.value, Value::Float(1.0));
        assert_eq!(parse("1e2").unwrap().root.value, Value::Float(100.0));
        assert_eq!(parse("-7").unwrap().root.value, Value::Integer(-7));
    }

    #[test]
    fn places_and_duplicates() {
        let document = parse("{\n  \"a\": {\"b\": 1, \"b\": 2}\n}\n").unwrap();
        let node = document.root.at("/a/b").unwrap();
        assert_eq!((node.line, node.column), (2, 22));
        assert_eq!(document.duplicates[0].pointer, "/a/b");
        assert_eq!(document.duplicates[0].column, 17);
    }

    #[test]
    fn faults_are_told_as_go_tells_them() {
        let error = parse("{\"a\": 1,\n }").unwrap_err();
        assert_eq!(
            (error.line, error.message.as_str()),
            (
                2,
                "invalid character '}' looking for beginning of object key string"
            )
        );
        assert_eq!(
            parse("{").unwrap_err().message,
            "unexpected end of JSON input"
        );
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
