//! Text from a component, made safe to show.
//!
//! A component chooses every byte of its messages. On a terminal, control
//! characters can move the cursor, set titles or paste; directional marks can
//! make a line read as another one than it is.

/// What is shown of a text that stands in one line: without escape sequences,
/// control characters and directional marks; line breaks and tabs become
/// blanks.
pub fn clean_line(text: &str) -> String {
    clean(text, false)
}

/// The same for a text that may have several lines.
pub fn clean_text(text: &str) -> String {
    clean(text, true)
}

/// The start of a name that is wrong, for a message.
pub(crate) fn shortened(text: &str) -> String {
    let mut text = clean_line(text);
    if text.len() > 64 {
        text.truncate(text.floor_char_boundary(64));
        text.push('…');
    }
    text
}

fn clean(text: &str, lines: bool) -> String {
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' if lines => clean.push(c),
            '\r' if rest.as_str().starts_with('\n') => {}
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                clean.push(' ');
            }
            '\u{1b}' | '\u{90}'..='\u{9f}' => rest = after_sequence(c, rest.as_str()).chars(),
            c if is_unsafe(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Whether a character can do more than be seen.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Directional marks, embeddings, overrides and isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line separators, and characters that are not seen at all.
            | '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// What follows an escape sequence (ECMA-48) that starts with `start`.
fn after_sequence(start: char, rest: &str) -> &str {
    let (kind, rest) = match start {
        '\u{1b}' => {
            let mut chars = rest.chars();
            match chars.next() {
                Some(kind) => (kind, chars.as_str()),
                None => return rest,
            }
        }
        // The same controls as one character.
        '\u{9b}' => ('[', rest),
        '\u{9d}' => (']', rest),
        '\u{90}' => ('P', rest),
        '\u{98}' => ('X', rest),
        '\u{9e}' => ('^', rest),
        '\u{9f}' => ('_', rest),
        _ => return rest,
    };
    match kind {
        // A control sequence: parameters, then one final byte.
        '[' => {
            let rest = rest.trim_start_matches(|c| matches!(c, ' '..='?'));
            let mut chars = rest.chars();
            match chars.next() {
                Some('@'..='~') => chars.as_str(),
                _ => rest,
            }
        }
        // A string: until its terminator, which must be in the same line.
        ']' | 'P' | 'X' | '^' | '_' => match rest.find(['\u{7}', '\u{9c}', '\u{1b}', '\n']) {
            Some(end) => match rest.split_at(end).1 {
                tail if tail.starts_with('\n') => tail,
                tail => {
                    let mut chars = tail.chars();
                    chars.next();
                    let tail = chars.as_str();
                    tail.strip_prefix('\\').unwrap_or(tail)
                }
            },
            None => "",
        },
        // A charset: one character more.
        '(' | ')' | '*' | '+' | '#' | '%' | ' ' => {
            let mut chars = rest.chars();
            chars.next();
            chars.as_str()
        }
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        for text in ["", "swap is on", "größer als 3 — ✓ 漢字 👩‍🔧"] {
            assert_eq!(clean_line(text), text);
            assert_eq!(clean_text(text), text);
        }
    }

    #[test]
    fn escape_sequences_go_as_a_whole() {
        assert_eq!(clean_line("\x1b[31mred\x1b[0m"), "red");
        assert_eq!(clean_line("\u{9b}2Jgone"), "gone");
        assert_eq!(clean_line("a\x1b]0;title\x07b"), "ab");
        assert_eq!(
            clean_line("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b"),
            "alinkb"
        );
        assert_eq!(clean_line("a\x1b(0b\x1bcd"), "abd");
        assert_eq!(clean_line("end\x1b"), "end");
        assert_eq!(clean_line("end\x1b["), "end");
    }

    #[test]
    fn breaks_and_marks() {
        assert_eq!(clean_line("a\r\nb\tc\0d"), "a b cd");
        assert_eq!(clean_text("a\r\nb\tc"), "a\nb c");
        assert_eq!(clean_line("ab\u{202e}cd\u{2066}e\u{e0041}"), "abcde");
        assert_eq!(clean_line("pass\u{2028}fail\u{85}x"), "pass fail x");
        assert_eq!(clean_line("a\u{8}\u{7f}b"), "ab");
    }
}
