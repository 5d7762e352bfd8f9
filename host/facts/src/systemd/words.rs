//! Splitting a text into words as systemd does.
//!
//! Source: `extract_first_word` in `src/basic/extract-word.c`, `cunescape_one`
//! in `src/basic/escape.c`; `man systemd.syntax` (quoting).

/// What of the syntax applies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    /// Quotes group and are removed.
    pub unquote: bool,
    /// A backslash starts a C-style escape; one that is unknown is an error.
    pub c_escapes: bool,
    /// An unknown escape stands for itself.
    pub keep_unknown_escapes: bool,
    /// Unbalanced quotes and a trailing backslash are no error.
    pub relaxed: bool,
    /// A backslash is a character like any other.
    pub plain_backslash: bool,
}

impl Rules {
    /// Command lines and `Environment=`.
    pub(super) const COMMAND: Self = Self {
        unquote: true,
        c_escapes: true,
        keep_unknown_escapes: false,
        relaxed: false,
        plain_backslash: false,
    };
    /// Lists of units.
    pub(super) const NAMES: Self = Self {
        unquote: false,
        c_escapes: false,
        keep_unknown_escapes: false,
        relaxed: false,
        plain_backslash: true,
    };
    /// Lists of paths and of other plain words.
    pub(super) const QUOTED: Self = Self {
        unquote: true,
        c_escapes: false,
        keep_unknown_escapes: false,
        relaxed: false,
        plain_backslash: true,
    };
    /// The value of a variable that stands as a word of its own.
    pub(super) const VARIABLE: Self = Self {
        unquote: true,
        c_escapes: false,
        keep_unknown_escapes: false,
        relaxed: true,
        plain_backslash: false,
    };
}

/// Quotes that are not closed, or an escape that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads words one after another.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
}

/// A word and where it starts in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub start: usize,
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Where in the text the rest starts.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Goes `bytes` on, then over white space.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
        self.skip_separators();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_separators(&mut self) {
        while self.peek().is_some_and(is_separator) {
            self.at += 1;
        }
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self, rules: Rules) -> Result<Option<Word>, Malformed> {
        self.skip_separators();
        if self.peek().is_none() {
            return Ok(None);
        }
        let start = self.at;
        let mut word: Vec<u8> = Vec::new();
        let mut quote = None;
        loop {
            let Some(byte) = self.peek() else {
                if quote.is_some() && !rules.relaxed {
                    return Err(Malformed);
                }
                break;
            };
            match (byte, quote) {
                (b'\\', _) if !rules.plain_backslash => {
                    self.at += 1;
                    match self.peek() {
                        None => {
                            if rules.keep_unknown_escapes && (quote.is_none() || rules.relaxed) {
                                word.push(b'\\');
                            } else if !rules.relaxed {
                                return Err(Malformed);
                            }
                            break;
                        }
                        Some(_) if rules.c_escapes => self.escape(rules, &mut word)?,
                        Some(byte) => {
                            word.push(byte);
                            self.at += 1;
                        }
                    }
                }
                (byte, Some(open)) if byte == open => {
                    quote = None;
                    self.at += 1;
                }
                (b'"' | b'\'', None) if rules.unquote => {
                    quote = Some(byte);
                    self.at += 1;
                }
                (byte, None) if is_separator(byte) => {
                    self.skip_separators();
                    break;
                }
                (byte, _) => {
                    word.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(Some(Word {
            text: into_text(word),
            start,
        }))
    }

    /// The next word; unknown escapes are kept where that makes it one
    /// (`extract_first_word_and_warn`).
    pub(super) fn next_lenient(&mut self, rules: Rules) -> Result<Option<Word>, Malformed> {
        let before = self.at;
        self.next(rules).or_else(|Malformed| {
            self.at = before;
            self.next(Rules {
                keep_unknown_escapes: true,
                ..rules
            })
        })
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, rules: Rules, word: &mut Vec<u8>) -> Result<(), Malformed> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if let Some((escaped, length)) = unescape(rest) {
            match escaped {
                Escaped::Byte(byte) => word.push(byte),
                Escaped::Char(c) => word.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
            self.at += length;
            return Ok(());
        }
        let Some(&byte) = rest.first().filter(|_| rules.keep_unknown_escapes) else {
            return Err(Malformed);
        };
        word.extend([b'\\', byte]);
        self.at += 1;
        Ok(())
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// A C-style escape without its backslash, and its length.
fn unescape(text: &[u8]) -> Option<(Escaped, usize)> {
    let number = |digits: &[u8], radix: u32| {
        digits.iter().try_fold(0_u32, |value, digit| {
            Some(value * radix + char::from(*digit).to_digit(radix)?)
        })
    };
    let byte = match text.first()? {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b's' => b' ',
        same @ (b'\\' | b'"' | b'\'') => *same,
        b'x' => {
            let value = number(text.get(1..3)?, 16).filter(|value| *value > 0)?;
            return Some((Escaped::Byte(u8::try_from(value).ok()?), 3));
        }
        kind @ (b'u' | b'U') => {
            let length = if *kind == b'u' { 5 } else { 9 };
            let digits = text.get(1..length)?;
            let value = digits.iter().try_fold(0_u32, |value, digit| {
                value
                    .checked_mul(16)?
                    .checked_add(char::from(*digit).to_digit(16)?)
            })?;
            let c = char::from_u32(value).filter(|c| *c != '\0')?;
            return Some((Escaped::Char(c), length));
        }
        b'0'..=b'7' => {
            let value = number(text.get(..3)?, 8).filter(|value| *value > 0)?;
            return Some((Escaped::Byte(u8::try_from(value).ok()?), 3));
        }
        _ => return None,
    };
    Some((Escaped::Byte(byte), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, rules: Rules) -> Result<Vec<String>, Malformed> {
        let mut words = Words::new(text);
        let mut split = Vec::new();
        while let Some(word) = words.next_lenient(rules)? {
            split.push(word.text);
        }
        Ok(split)
    }

    #[test]
    fn splits_command_lines() {
        assert_eq!(
            split(
                r#"/bin/a "b c" d"e f"g 'h\x20i' \x41\u00e4 "" "#,
                Rules::COMMAND
            ),
            Ok(["/bin/a", "b c", "de fg", "h i", "Aä", ""]
                .map(str::to_owned)
                .to_vec())
        );
        assert_eq!(split(r#"a "b"#, Rules::COMMAND), Err(Malformed));
        assert_eq!(
            split(r"a \d b", Rules::COMMAND),
            Ok(["a", r"\d", "b"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn splits_values_of_variables() {
        assert_eq!(
            split(r#"--a="b c" 'd"#, Rules::VARIABLE),
            Ok(["--a=b c", "d"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn keeps_escapes_of_unit_names() {
        assert_eq!(
            split(r"dev-a\x2db.swap x", Rules::NAMES),
            Ok([r"dev-a\x2db.swap", "x"].map(str::to_owned).to_vec())
        );
    }
}
