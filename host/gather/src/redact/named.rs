//! Values whose name says that they are secret, line by line.

use super::assignment::{Assignment, Place, closing, is_secret};
use super::{Edits, REDACTED, name, value};

/// Lines that a quoted value may go on for.
const QUOTED_LINES: usize = 64;

/// `text` without such values, if it has any.
pub(super) fn scrub(text: &str) -> Option<String> {
    let mut scanner = Scanner {
        text,
        edits: Edits::default(),
        below: None,
        quote: None,
        argument: false,
        value_is_secret: false,
        secret_document: None,
        braces: None,
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        scanner.line(start, content);
        start += line.len();
    }
    scanner.edits.apply(text)
}

/// What the lines below a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    /// A block of text.
    Text,
    /// Perhaps a value on a line of its own, perhaps a map.
    Value,
    /// A map or list of which every value is secret.
    All,
}

struct Scanner<'a> {
    text: &'a str,
    edits: Edits,
    /// The indentation of a name, and what its deeper lines are.
    below: Option<(usize, Below)>,
    /// A quote that closes in a later line.
    quote: Option<&'static str>,
    /// The line before ended with a flag whose argument is secret.
    argument: bool,
    /// The last `name:` of a list's item names a secret, so its `value:` is one.
    value_is_secret: bool,
    /// Where the document at hand began, and whether a Kubernetes Secret is in it.
    secret_document: Option<bool>,
    /// Open braces of the data of a Secret in JSON.
    braces: Option<usize>,
}

impl Scanner<'_> {
    fn line(&mut self, start: usize, line: &str) {
        if line.starts_with("---") && !line.starts_with("-----") {
            self.secret_document = None;
            self.below = None;
        }
        let mut from = 0;
        if let Some(quote) = self.quote {
            match closing(line, 0, quote) {
                Some(end) => {
                    self.quote = None;
                    self.redact(start, line, 0..end);
                    from = end + quote.len();
                }
                None => return self.redact(start, line, 0..line.len()),
            }
        } else if self.argument && !line.trim().is_empty() {
            self.argument = false;
            let item = line.trim_start().trim_start_matches("- ").trim_start();
            let item = item.trim_matches(['"', '\'', ',', ' ']);
            if !item.starts_with('-') && !item.contains(": ") {
                return self.redact_item(start, line, item);
            }
        }
        if self.is_below(start, line) {
            return;
        }
        self.assignments(start, line, from);
    }

    /// Treats a line that belongs to a name above it; false if it does not, or
    /// is to be read like any other.
    fn is_below(&mut self, start: usize, line: &str) -> bool {
        let Some((indent, below)) = self.below else {
            return false;
        };
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            return true;
        }
        let own = line.len() - trimmed.len();
        let item = trimmed.starts_with("- ");
        if own < indent || (own == indent && !(item && below != Below::Text)) {
            self.below = None;
            return false;
        }
        let bare = trimmed.trim_start_matches("- ").trim_start();
        match below {
            Below::Text => self.redact_item(start, line, bare),
            Below::Value if mapping_value(bare).is_some() || bare.starts_with(['{', '[', '#']) => {
                self.below = None;
                return false;
            }
            Below::Value => self.redact_item(start, line, bare.trim_matches(['"', '\''])),
            Below::All => match mapping_value(bare) {
                Some(found) => {
                    let found = found.trim_start();
                    if found.starts_with(['|', '>']) {
                        self.below = Some((indent, Below::All));
                    } else {
                        self.redact_item(start, line, found.trim_matches(['"', '\'']));
                    }
                }
                None => self.redact_item(start, line, bare.trim_matches(['"', '\''])),
            },
        }
        true
    }

    fn assignments(&mut self, start: usize, line: &str, from: usize) {
        let bytes = line.as_bytes();
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            if let Some(open) = self.braces {
                at = self.in_braces(start, line, at, open);
                continue;
            }
            if !is_name(*byte) {
                at += 1;
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let length = rest
                .iter()
                .position(|byte| !is_name(*byte))
                .unwrap_or(rest.len());
            let word = line.get(at..at + length).unwrap_or_default();
            let end = at + length;
            at = match Assignment::read(line, at, word) {
                Some(assignment) => self.assignment(start, line, &assignment).max(end),
                None => end,
            };
        }
    }

    /// Redacts the value of an assignment if it is secret. Returns where to go on.
    fn assignment(&mut self, start: usize, line: &str, assignment: &Assignment<'_>) -> usize {
        let rest = line.get(assignment.value..).unwrap_or_default();
        let keyed = assignment.leads || assignment.quote.is_some();
        let own_indent = line.get(..assignment.start).map_or(0, str::len);
        if keyed {
            match assignment.name {
                "name" => {
                    let named = rest.trim_matches(['"', '\'', ',', ' ', '}']);
                    let named = named.split(['"', '\'', ',']).next().unwrap_or_default();
                    self.value_is_secret = name::is_secret(named);
                    return assignment.value;
                }
                "value" if self.value_is_secret => {
                    self.value_is_secret = false;
                    return self.secret(start, line, assignment);
                }
                "data" | "stringData" if self.in_secret(start) => {
                    if rest.starts_with('{') {
                        self.braces = Some(0);
                    } else if rest.is_empty() {
                        self.below = Some((own_indent, Below::All));
                    }
                    return assignment.value;
                }
                _ => {}
            }
            if name::holds_secrets(assignment.name) {
                if rest.is_empty() {
                    self.below = Some((own_indent, Below::All));
                } else if rest.starts_with('{') {
                    self.braces = Some(0);
                }
                return assignment.value;
            }
        }
        if is_secret(assignment) {
            return self.secret(start, line, assignment);
        }
        0
    }

    fn secret(&mut self, start: usize, line: &str, assignment: &Assignment<'_>) -> usize {
        let own_indent = line.get(..assignment.start).map_or(0, str::len);
        match assignment.place(line) {
            Place::Scalar(range) => {
                let end = range.end;
                let numeric = line
                    .get(range.clone())
                    .is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let bare = line
                    .as_bytes()
                    .get(range.start.wrapping_sub(1))
                    .is_none_or(|byte| !b"\"'".contains(byte));
                if numeric
                    && bare
                    && !range.is_empty()
                    && (assignment.quote.is_some() || assignment.spaced)
                {
                    // A bare word would not be a value of JSON or TOML.
                    self.edits.push(
                        start + range.start..start + range.end,
                        format!("\"{REDACTED}\""),
                    );
                } else {
                    self.redact(start, line, range);
                }
                end
            }
            Place::Open(range, quote) => {
                if self.closes_soon(start + line.len(), quote) {
                    self.quote = Some(quote);
                }
                let end = range.end;
                self.redact(start, line, range);
                end
            }
            Place::Block => {
                self.below = Some((own_indent, Below::Text));
                line.len()
            }
            Place::Below if assignment.flag => {
                self.argument = true;
                line.len()
            }
            Place::Below => {
                if assignment.leads || assignment.quote.is_some() {
                    self.below = Some((own_indent, Below::Value));
                }
                line.len()
            }
            Place::List(range) => {
                let end = range.end;
                let inner = line.get(range.clone()).unwrap_or_default();
                if !value::is_harmless(inner.trim_matches(['"', '\'', ' '])) {
                    let quote = if inner.contains('\'') { '\'' } else { '"' };
                    self.edits.push(
                        start + range.start..start + end,
                        format!("{quote}{REDACTED}{quote}"),
                    );
                }
                end
            }
            Place::Nested => assignment.value,
        }
    }

    /// In the data of a Secret in JSON: every string but the keys.
    fn in_braces(&mut self, start: usize, line: &str, at: usize, open: usize) -> usize {
        let bytes = line.as_bytes();
        match bytes.get(at) {
            Some(b'{' | b'[') => self.braces = Some(open + 1),
            Some(b'}' | b']') => self.braces = (open > 1).then(|| open - 1),
            Some(b'"') => {
                let end = closing(line, at + 1, "\"").unwrap_or(line.len());
                let rest = line.get(end + 1..).unwrap_or_default();
                if !rest.trim_start().starts_with(':') {
                    self.redact(start, line, at + 1..end);
                }
                return end + 1;
            }
            _ => {}
        }
        at + 1
    }

    /// Whether the document at `start` has `kind: Secret` in it; found out once
    /// for each document.
    fn in_secret(&mut self, start: usize) -> bool {
        if let Some(known) = self.secret_document {
            return known;
        }
        let begin = self
            .text
            .get(..start)
            .and_then(|text| text.rfind("\n---"))
            .unwrap_or(0);
        let rest = self.text.get(begin..).unwrap_or_default();
        let mut lines = rest.lines().skip(usize::from(begin > 0) * 2).peekable();
        if begin == 0 {
            lines.next_if(|line| line.starts_with("---"));
        }
        let mut document =
            lines.take_while(|line| !line.starts_with("---") || line.starts_with("-----"));
        let known = document.any(says_secret);
        self.secret_document = Some(known);
        known
    }

    fn closes_soon(&self, from: usize, quote: &str) -> bool {
        let rest = self.text.get(from..).unwrap_or_default();
        // The rest of this line is its break alone.
        rest.split_inclusive('\n')
            .take(QUOTED_LINES + 1)
            .any(|line| closing(line, 0, quote).is_some())
    }

    fn redact(&mut self, start: usize, line: &str, range: std::ops::Range<usize>) {
        let old = line.get(range.clone()).unwrap_or_default();
        if !value::is_harmless(old)
            && !old.trim().starts_with("spki-")
            && old.trim() != super::KEY_END
        {
            self.edits
                .push(start + range.start..start + range.end, REDACTED);
        }
    }

    /// Redacts `item`, which is a piece of `line`.
    fn redact_item(&mut self, start: usize, line: &str, item: &str) {
        if let Some(at) = line.find(item) {
            self.redact(start, line, at..at + item.len());
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether a line of YAML or JSON says that it is about a Kubernetes Secret.
fn says_secret(line: &str) -> bool {
    line.match_indices("kind").any(|(at, _)| {
        let rest = line.get(at + 4..).unwrap_or_default();
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        let value = rest
            .strip_prefix(':')
            .map(|rest| rest.trim_start().trim_start_matches(['"', '\'']));
        value.is_some_and(|value| {
            value
                .strip_prefix("Secret")
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
    })
}

/// What follows `key:` in a line of a map.
fn mapping_value(line: &str) -> Option<&str> {
    let (key, rest) = match line.strip_prefix(['"', '\'']) {
        Some(inner) => inner.split_once(['"', '\''])?,
        None => {
            let end = line
                .find(": ")
                .or_else(|| line.strip_suffix(':').map(str::len))?;
            line.split_at_checked(end)?
        }
    };
    let rest = rest.trim_start().strip_prefix(':')?;
    (!key.contains(' ')).then_some(rest)
}
