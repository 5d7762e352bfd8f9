//! One name with its value, in any of the notations of a node's files.

use std::ops::Range;

use super::{name, value};

/// How a name is followed by its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// `name: value`
    Colon,
    /// `name=value`
    Equals,
    /// `--name value`
    Blank,
}

/// A name in a line, with where its value begins.
#[derive(Debug)]
pub(super) struct Assignment<'a> {
    /// The name, without dashes and quotes.
    pub(super) name: &'a str,
    /// Where the name begins, its quote and dashes included.
    pub(super) start: usize,
    /// Where its value begins: the end of the line if it has none there.
    pub(super) value: usize,
    /// What stands between.
    pub(super) separator: Separator,
    /// The quote around the name: `"`, `'` or `\"`.
    pub(super) quote: Option<&'a str>,
    /// Whether it is a flag.
    pub(super) flag: bool,
    /// Whether blanks stand between the separator and the value.
    pub(super) spaced: bool,
    /// Whether the line begins with it, but for indentation and a dash.
    pub(super) leads: bool,
}

/// What stands at the place of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The value itself, without its quotes.
    Scalar(Range<usize>),
    /// A quote that is not closed in this line.
    Open(Range<usize>, &'static str),
    /// `|` or `>`: the indented lines below.
    Block,
    /// Nothing: perhaps the lines below.
    Below,
    /// `[…]`
    List(Range<usize>),
    /// `{…}`, an alias, or nothing that can be a secret.
    Nested,
}

impl<'a> Assignment<'a> {
    /// Reads the name that begins at `start`, which is `word` with its dashes,
    /// if a value follows it in `line`.
    pub(super) fn read(line: &'a str, start: usize, word: &'a str) -> Option<Self> {
        let bytes = line.as_bytes();
        let at = |index: usize| bytes.get(index).copied();
        let flag = word.starts_with('-');
        let name = word.trim_start_matches('-');
        let word_end = start + word.len();
        let mut end = word_end;
        let before = line.get(..start)?;
        let quote = ["\\\"", "\"", "'"].into_iter().find(|quote| {
            before.ends_with(quote) && line.get(end..).is_some_and(|rest| rest.starts_with(quote))
        });
        end += quote.map_or(0, str::len);
        let after = skip_blanks(bytes, end);
        let start = start - quote.map_or(0, str::len);
        let separator = match at(after) {
            Some(b':') => Separator::Colon,
            Some(b'=') => Separator::Equals,
            _ if flag => Separator::Blank,
            _ => return None,
        };
        let value = match separator {
            Separator::Blank => skip_flag_gap(bytes, word_end),
            _ => skip_blanks(bytes, after + 1),
        };
        Some(Self {
            name,
            start,
            value,
            separator,
            quote,
            flag,
            spaced: value > after + 1 || value >= bytes.len(),
            leads: is_lead(line.get(..start)?),
        })
    }

    /// Where the value stands.
    pub(super) fn place(&self, line: &str) -> Place {
        let bytes = line.as_bytes();
        let rest = line.get(self.value..).unwrap_or_default();
        let escaped = self.quote == Some("\\\"");
        if escaped && rest.starts_with("\\\"") {
            let start = self.value + 2;
            let end = line.get(start..).and_then(|rest| rest.find("\\\""));
            return Place::Scalar(start..end.map_or(line.len(), |end| start + end));
        }
        match bytes.get(self.value) {
            None if self.separator == Separator::Equals => Place::Nested,
            None => Place::Below,
            Some(b'"' | b'\'' | b'`') => {
                let quotes = ["\"\"\"", "'''", "\"", "'", "`"];
                let quote = quotes
                    .into_iter()
                    .find(|quote| rest.starts_with(quote))
                    .unwrap_or("`");
                let start = self.value + quote.len();
                match closing(line, start, quote) {
                    Some(end) => Place::Scalar(start..end),
                    None => Place::Open(start..line.len(), quote),
                }
            }
            Some(b'{') if !rest.starts_with("{{") => Place::Nested,
            Some(b'[') => {
                let end = rest.find(']').map_or(line.len(), |end| self.value + end);
                Place::List(self.value + 1..end)
            }
            Some(b'|' | b'>') if self.yaml() && is_block_mark(rest) => Place::Block,
            Some(b'!') if self.yaml() && rest.ends_with(['|', '>', '-']) => Place::Block,
            Some(b'*') if self.yaml() && is_alias(rest) => Place::Nested,
            Some(b'#') if self.yaml() && self.spaced => Place::Below,
            Some(b'-') if self.separator == Separator::Blank => Place::Nested,
            Some(_) => self.bare(line),
        }
    }

    fn yaml(&self) -> bool {
        self.separator == Separator::Colon && (self.leads || self.quote.is_some())
    }

    fn bare(&self, line: &str) -> Place {
        let rest = line.get(self.value..).unwrap_or_default();
        let before = line.get(..self.start).unwrap_or_default();
        let until = |stop: &dyn Fn(u8) -> bool| {
            let length = rest.bytes().position(stop).unwrap_or(rest.len());
            self.value..self.value + length
        };
        let flow = |byte: u8| matches!(byte, b',' | b'}' | b']');
        let word_end = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, 0 | b'"' | b'\'');
        // A whole argument in quotes, `"--token=a b"`, but not the first of several in one value.
        if self.quote.is_none()
            && self.separator != Separator::Colon
            && let Some(quote @ ('"' | '\'')) = before.chars().next_back()
            && !(self.flag && before.trim_end_matches(quote).ends_with('='))
        {
            let quote = if quote == '"' { "\"" } else { "'" };
            let end = closing(line, self.value, quote).unwrap_or(line.len());
            return Place::Scalar(self.value..end);
        }
        let range = match self.separator {
            Separator::Colon if self.leads && (self.spaced || self.quote.is_some()) => {
                let comment = rest.find(" #").unwrap_or(rest.len());
                let text = rest.get(..comment).unwrap_or(rest).trim_end();
                let text = if self.quote.is_some() {
                    text.trim_end_matches([',', '}', ']'])
                } else {
                    text
                };
                self.value..self.value + text.len()
            }
            Separator::Colon if self.quote.is_some() || before.trim_end().ends_with(['{', ',']) => {
                until(&flow)
            }
            Separator::Colon => {
                // Running text: only what looks like a secret.
                let range = until(&|byte| word_end(byte) || byte == b',' || byte == b';');
                let word = line.get(range.clone()).unwrap_or_default();
                if !value::looks_random(word) {
                    return Place::Nested;
                }
                range
            }
            Separator::Equals if self.leads && !self.flag => {
                let text = rest.trim_end();
                let text = text.strip_suffix('\\').unwrap_or(text).trim_end();
                self.value..self.value + text.len()
            }
            Separator::Equals | Separator::Blank if self.flag || !has_lower(self.name) => {
                until(&word_end)
            }
            _ => until(&|byte| word_end(byte) || flow(byte) || matches!(byte, b'&' | b';' | b')')),
        };
        Place::Scalar(range)
    }
}

/// Whether `before` is nothing but indentation, list dashes, a comment mark or `export`.
fn is_lead(before: &str) -> bool {
    // No one indents so far; without a bound a long line takes quadratic time.
    before.len() <= 256
        && before
            .split_ascii_whitespace()
            .all(|word| matches!(word, "-" | "#" | "export" | "{" | ";"))
        && (before.is_empty() || before.ends_with([' ', '\t']))
}

fn has_lower(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(rest.len())
}

/// Over what divides a flag from its argument: blanks, NUL, or `", "`.
fn skip_flag_gap(bytes: &[u8], from: usize) -> usize {
    let quoted = matches!(bytes.get(from), Some(b'"' | b'\''));
    let mut at = from + usize::from(quoted);
    while let Some(byte) = bytes.get(at) {
        let gap = matches!(byte, b' ' | b'\t' | 0) || (quoted && *byte == b',');
        if !gap {
            break;
        }
        at += 1;
    }
    at
}

/// The quote that ends what begins at `start`: not one that is escaped, nor in
/// single quotes one that is doubled. Three quotes, TOML's, end at three.
pub(super) fn closing(line: &str, start: usize, quote: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let &[quote] = quote.as_bytes() else {
        return Some(start + line.get(start..)?.find(quote)?);
    };
    let mut at = start;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            byte if byte == quote => {
                let doubled = quote == b'\'' && bytes.get(at + 1) == Some(&quote);
                if !doubled {
                    return Some(at);
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
}

fn is_block_mark(rest: &str) -> bool {
    let mark = rest.split(" #").next().unwrap_or(rest).trim_end();
    mark.len() <= 3
        && mark
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte))
}

fn is_alias(rest: &str) -> bool {
    let name = rest.get(1..).unwrap_or_default().trim_end();
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whether the assignment is one of a secret.
pub(super) fn is_secret(assignment: &Assignment<'_>) -> bool {
    name::is_secret(assignment.name)
        || (assignment.separator == Separator::Equals && name::is_shorthand(assignment.name))
}
