//! The text of a unit file, or of systemd's own configuration, as assignments.
//!
//! Source: `man systemd.syntax`; `config_parse` in `src/shared/conf-parser.c`
//! and `read_line` in `src/basic/fileio.c` of systemd 252.

use nodepol_model::Location;

/// As long as a line, with what continues it, may be (`LONG_LINE_MAX`).
const MAX_LINE: usize = 1024 * 1024;

/// The white space that is stripped (`WHITESPACE`).
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A file as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnitFile {
    /// The path by which it was found.
    pub path: String,
    /// In order. Those of unknown sections are among them.
    pub assignments: Vec<Assignment>,
    /// What the reader says and goes on.
    pub warnings: Vec<Notice>,
    /// Where the reader stopped: what follows has no effect.
    pub fault: Option<Notice>,
}

/// Something to say about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub line: u32,
    pub message: String,
}

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub section: String,
    pub key: String,
    pub value: String,
    /// Where the file's lines begin in the value: an offset in bytes, the
    /// line, and the column of that offset. Never empty, sorted.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    offset: usize,
    line: u32,
    column: u32,
}

impl Assignment {
    /// Where the byte `offset` of the value stands.
    pub(super) fn locate(&self, path: &str, offset: usize) -> Location {
        let after = self.pieces.partition_point(|piece| piece.offset <= offset);
        let Some(piece) = after
            .checked_sub(1)
            .and_then(|index| self.pieces.get(index))
        else {
            return Location::source(path);
        };
        let between = self.value.get(piece.offset..offset).unwrap_or("");
        let column = piece.column.saturating_add(count(between));
        Location::position(path, piece.line, column)
    }

    /// Where the value starts.
    pub(super) fn location(&self, path: &str) -> Location {
        self.locate(path, 0)
    }
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// A line with the lines that it continues on.
#[derive(Default)]
struct Logical {
    text: String,
    /// Where each line of the file starts in `text`, with its number.
    lines: Vec<(usize, u32)>,
}

/// Reads a file.
pub(super) fn parse(path: &str, text: &str) -> UnitFile {
    let mut reader = Reader {
        file: UnitFile {
            path: path.to_owned(),
            ..UnitFile::default()
        },
        section: None,
    };
    let mut pending: Option<Logical> = None;
    let mut bom_seen = false;
    let mut number = 0_u32;
    for line in Lines(text) {
        if line.len() >= MAX_LINE {
            reader.stop(number, "Line too long".to_owned());
            return reader.file;
        }
        number = number.saturating_add(1);
        if line.trim_start_matches(WHITESPACE).starts_with(['#', ';']) {
            continue;
        }
        let mut line = line;
        if !bom_seen && let Some(rest) = line.strip_prefix('\u{feff}') {
            line = rest;
            bom_seen = true;
        }
        let mut logical = pending.take().unwrap_or_default();
        if logical.text.len() + line.len() > MAX_LINE {
            reader.stop(number, "Continuation line too long".to_owned());
            return reader.file;
        }
        logical.lines.push((logical.text.len(), number));
        if continues(line) {
            logical
                .text
                .push_str(line.get(..line.len() - 1).unwrap_or(""));
            logical.text.push(' ');
            pending = Some(logical);
            continue;
        }
        logical.text.push_str(line);
        if !reader.line(&logical, number) {
            return reader.file;
        }
    }
    if let Some(logical) = pending {
        reader.line(&logical, number.saturating_add(1));
    }
    reader.file
}

/// Whether the line ends in a backslash that is not escaped itself.
fn continues(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
    backslashes % 2 == 1
}

struct Reader {
    file: UnitFile,
    section: Option<String>,
}

impl Reader {
    fn stop(&mut self, line: u32, message: String) {
        self.file.fault = Some(Notice { line, message });
    }

    fn warn(&mut self, line: u32, message: &str) {
        self.file.warnings.push(Notice {
            line,
            message: message.to_owned(),
        });
    }

    /// Reads one line; false if the reader gives the file up.
    fn line(&mut self, logical: &Logical, number: u32) -> bool {
        let text = logical.text.trim_matches(WHITESPACE);
        if text.is_empty() {
            return true;
        }
        if let Some(rest) = text.strip_prefix('[') {
            let Some(section) = rest.strip_suffix(']') else {
                self.stop(number, format!("Invalid section header '{text}'"));
                return false;
            };
            if !is_safe(section) {
                self.stop(number, format!("Bad characters in section header '{text}'"));
                return false;
            }
            self.section = Some(section.to_owned());
            return true;
        }
        let Some(section) = self.section.clone() else {
            self.warn(number, "Assignment outside of section. Ignoring.");
            return true;
        };
        let Some((key, value)) = text.split_once('=') else {
            self.warn(number, "Missing '=', ignoring line.");
            return true;
        };
        if key.is_empty() {
            self.warn(number, "Missing key name before '=', ignoring line.");
            return true;
        }
        let value = value.trim_matches(WHITESPACE);
        // Where the value starts in the logical line: both are slices of it.
        let start = (value.as_ptr() as usize).saturating_sub(logical.text.as_ptr() as usize);
        self.file.assignments.push(Assignment {
            section,
            key: key.trim_matches(WHITESPACE).to_owned(),
            value: value.to_owned(),
            pieces: logical.pieces(start),
        });
        true
    }
}

impl Logical {
    /// The pieces of a value that starts at `start`.
    fn pieces(&self, start: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (index, (begin, line)) in self.lines.iter().enumerate() {
            let end = self
                .lines
                .get(index + 1)
                .map_or(usize::MAX, |(next, _)| *next);
            if end <= start {
                continue;
            }
            let offset = begin.saturating_sub(start);
            let before = self.text.get(*begin..start).unwrap_or("");
            pieces.push(Piece {
                offset,
                line: *line,
                column: count(before).saturating_add(1),
            });
        }
        pieces
    }
}

/// `string_is_safe`: no control characters, quotes or backslashes.
pub(super) fn is_safe(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c < ' ' || matches!(c, '"' | '\'' | '\\' | '\x7f'))
}

/// The lines of a text. A line ends at `\n`, `\r`, NUL or a combination of
/// them without repetition, such as `\r\n`.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let Some(end) = self.0.find(['\n', '\r', '\0']) else {
            return Some(std::mem::take(&mut self.0));
        };
        let (line, rest) = self.0.split_at(end);
        let (mut newline, mut carriage_return, mut length) = (false, false, 0);
        for byte in rest.bytes() {
            match byte {
                b'\n' if !newline => newline = true,
                b'\r' if !carriage_return => carriage_return = true,
                b'\0' => {
                    length += 1;
                    break;
                }
                _ => break,
            }
            length += 1;
        }
        self.0 = rest.get(length..).unwrap_or("");
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String, String)> {
        parse("/u", text)
            .assignments
            .iter()
            .map(|a| {
                (
                    a.section.clone(),
                    a.key.clone(),
                    a.value.clone(),
                    a.location("/u").to_string(),
                )
            })
            .collect()
    }

    #[test]
    fn joins_continued_lines_around_comments() {
        let text = "[Service]\nExecStart=/bin/a \\\n  --b \\\n# not this\n  --c\n\nType = notify\n";
        let file = parse("/u", text);
        let exec = &file.assignments[0];
        assert_eq!(exec.value, "/bin/a    --b    --c");
        assert_eq!(exec.locate("/u", 10), Location::position("/u", 3, 3));
        assert_eq!(
            exec.locate("/u", exec.value.find("--c").unwrap()),
            Location::position("/u", 5, 3)
        );
        assert_eq!(file.assignments[1].key, "Type");
        assert_eq!(
            file.assignments[1].location("/u"),
            Location::position("/u", 7, 8)
        );
    }

    #[test]
    fn takes_every_kind_of_line_end() {
        let read = read("\u{feff}[A]\r\nb=1\rc=2\n\rd=3\\\r\n4\0e=5");
        let keys: Vec<_> = read
            .iter()
            .map(|(_, k, v, at)| format!("{k}={v}@{at}"))
            .collect();
        assert_eq!(
            keys,
            ["b=1@/u:2:3", "c=2@/u:3:3", "d=3 4@/u:4:3", "e=5@/u:6:3"]
        );
    }

    #[test]
    fn stops_at_a_broken_header() {
        let file = parse("/u", "x=1\n[A]\na=1\n[B\nb=2\n");
        assert_eq!(file.assignments.len(), 1);
        assert_eq!(file.warnings.len(), 1);
        assert_eq!(file.fault.unwrap().line, 4);
    }

    #[test]
    fn ends_with_a_backslash() {
        assert_eq!(read("[A]\na=1 \\")[0].2, "1");
        assert_eq!(read("[A]\na=1\\\\\nb=2")[0].2, "1\\\\");
    }
}
