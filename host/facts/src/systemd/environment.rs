//! The environment that a service is started with.
//!
//! Source: `man systemd.exec` (`Environment=`, `EnvironmentFile=`);
//! `parse_env_file_internal` in `src/basic/env-file.c`,
//! `config_parse_environ` in `src/core/load-fragment.c`.

use std::collections::BTreeMap;

use nodepol_model::Location;

use crate::sourced::{Problem, Sourced};

/// One `NAME=value` of an environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub name: String,
    pub value: String,
    pub at: Location,
}

/// Variables by name, each with its origin.
pub(super) type Variables = BTreeMap<String, Sourced<String>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    PreKey,
    Key,
    PreValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// What may be escaped between double quotes (`SHELL_NEED_ESCAPE`).
const DOUBLE_QUOTE_ESCAPES: [char; 4] = ['"', '\\', '`', '$'];

/// Reads an environment file. Lines that are no assignment of a valid name are
/// not among the result, as systemd ignores them (`export A=1` is one).
pub(super) fn parse(path: &str, text: &str) -> Vec<Variable> {
    read(path, text).0
}

/// What of an environment file systemd passes over, and what it takes otherwise
/// than a shell would: kinds `ignored`, `comment-in-value` and `unclosed-quote`; or
/// that it does not read the file at all: `embedded-nul`.
pub(super) fn problems(path: &str, text: &str) -> Vec<Problem> {
    read(path, text).1
}

/// Where a file has a NUL byte. systemd reads nothing of such a file, and does not
/// start a service that requires it (`read_full_stream_full` in
/// `src/basic/fileio.c`: `EBADMSG`).
fn nul(path: &str, text: &str) -> Option<Location> {
    let (before, _) = text.split_once('\0')?;
    let lines = before.matches('\n').count().saturating_add(1);
    Some(Location::line(
        path,
        u32::try_from(lines).unwrap_or(u32::MAX),
    ))
}

fn read(path: &str, text: &str) -> (Vec<Variable>, Vec<Problem>) {
    if let Some(at) = nul(path, text) {
        let problem = Problem {
            kind: "embedded-nul",
            message: format!("{path} has a NUL byte, and systemd reads nothing of it"),
            at,
            fatal: true,
            nearest: None,
        };
        return (Vec::new(), vec![problem]);
    }
    let mut reader = Reader {
        path,
        variables: Vec::new(),
        problems: Vec::new(),
        previous: '\n',
        key: String::new(),
        value: String::new(),
        key_end: None,
        value_end: None,
        at: Location::source(path),
    };
    let mut state = State::PreKey;
    let (mut line, mut column) = (1_u32, 0_u32);
    for c in text.chars() {
        column = column.saturating_add(1);
        state = reader.step(state, c, line, column);
        reader.previous = c;
        if c == '\n' {
            line = line.saturating_add(1);
            column = 0;
        }
    }
    match state {
        State::PreValue | State::ValueEscape => reader.push(false),
        State::Single | State::Double | State::DoubleEscape => {
            let message = format!("the quote in the value of {} is never closed", reader.key);
            let at = reader.at.clone();
            reader.report("unclosed-quote", message, at);
            reader.push(false);
        }
        State::Value => reader.push(true),
        State::Key => reader.ignore(),
        State::PreKey | State::Comment | State::CommentEscape => {}
    }
    (reader.variables, reader.problems)
}

struct Reader<'a> {
    path: &'a str,
    variables: Vec<Variable>,
    problems: Vec<Problem>,
    /// The character before.
    previous: char,
    key: String,
    value: String,
    /// Where trailing white space starts.
    key_end: Option<usize>,
    value_end: Option<usize>,
    /// Where the assignment starts.
    at: Location,
}

const fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

impl Reader<'_> {
    fn report(&mut self, kind: &'static str, message: String, at: Location) {
        self.problems.push(Problem {
            kind,
            message,
            at,
            fatal: false,
            nearest: None,
        });
    }

    /// A line without `=`.
    fn ignore(&mut self) {
        let message = format!("`{}` is no assignment, and ignored", self.key.trim_end());
        let at = self.at.clone();
        self.report("ignored", message, at);
    }

    fn step(&mut self, state: State, c: char, line: u32, column: u32) -> State {
        let in_value = matches!(state, State::PreValue | State::Value);
        if in_value && c == '#' && is_space(self.previous) {
            let message = format!("`#` starts no comment here: it belongs to {}", self.key);
            let at = Location::position(self.path, line, column);
            self.report("comment-in-value", message, at);
        }
        match state {
            State::PreKey => match c {
                '#' | ';' => State::Comment,
                c if is_space(c) => State::PreKey,
                c => {
                    self.key.clear();
                    self.key.push(c);
                    self.key_end = None;
                    self.at = Location::position(self.path, line, column);
                    State::Key
                }
            },
            State::Key if is_newline(c) => {
                self.ignore();
                State::PreKey
            }
            State::Key if c == '=' => {
                self.value.clear();
                self.value_end = None;
                State::PreValue
            }
            State::Key => {
                Self::mark(&mut self.key_end, c, self.key.len());
                self.key.push(c);
                State::Key
            }
            State::PreValue => match c {
                c if is_newline(c) => {
                    self.push(false);
                    State::PreKey
                }
                '\'' => State::Single,
                '"' => State::Double,
                '\\' => State::ValueEscape,
                c if is_space(c) => State::PreValue,
                c => {
                    self.value.push(c);
                    State::Value
                }
            },
            State::Value => match c {
                c if is_newline(c) => {
                    self.push(true);
                    State::PreKey
                }
                '\\' => {
                    self.value_end = None;
                    State::ValueEscape
                }
                c => {
                    Self::mark(&mut self.value_end, c, self.value.len());
                    self.value.push(c);
                    State::Value
                }
            },
            State::ValueEscape => {
                if !is_newline(c) {
                    self.value.push(c);
                }
                State::Value
            }
            State::Single if c == '\'' => State::PreValue,
            State::Double if c == '"' => State::PreValue,
            State::Double if c == '\\' => State::DoubleEscape,
            State::Single | State::Double => {
                self.value.push(c);
                state
            }
            State::DoubleEscape => {
                if DOUBLE_QUOTE_ESCAPES.contains(&c) {
                    self.value.push(c);
                } else if c != '\n' {
                    self.value.extend(['\\', c]);
                }
                State::Double
            }
            State::Comment if c == '\\' => State::CommentEscape,
            State::Comment if is_newline(c) => State::PreKey,
            State::Comment | State::CommentEscape => State::Comment,
        }
    }

    fn mark(end: &mut Option<usize>, c: char, length: usize) {
        if is_space(c) {
            end.get_or_insert(length);
        } else {
            *end = None;
        }
    }

    /// Ends an assignment; `chomp` takes trailing white space off its value.
    fn push(&mut self, chomp: bool) {
        if let Some(end) = self.key_end.take() {
            self.key.truncate(end);
        }
        if let Some(end) = self.value_end.take().filter(|_| chomp) {
            self.value.truncate(end);
        }
        if is_name(&self.key) {
            self.variables.push(Variable {
                name: self.key.clone(),
                value: self.value.clone(),
                at: self.at.clone(),
            });
        } else {
            let message = format!(
                "`{}` is no name of a variable: the line is ignored",
                self.key
            );
            let at = self.at.clone();
            self.report("ignored", message, at);
        }
        self.key.clear();
        self.value.clear();
    }
}

/// `env_name_is_valid`: ASCII letters, digits and `_`, no digit first.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_nul_byte_is_not_read() {
        let text = "A=1\nB=2\0\nC=3\n";
        assert!(parse("/f", text).is_empty());
        let found = problems("/f", text);
        assert_eq!(found.len(), 1);
        assert!(found[0].fatal);
        assert_eq!(found[0].at, Location::line("/f", 2));
    }

    fn read(text: &str) -> Vec<String> {
        parse("/e", text)
            .into_iter()
            .map(|v| format!("{}={}@{}", v.name, v.value, v.at))
            .collect()
    }

    #[test]
    fn reads_quotes_and_continuations() {
        let text = "# no \\\nstill=no\nA=1\n B = \"x \\\ny\" \nC='a\\b' 'c'\nD=a\\\nb # c\n";
        assert_eq!(
            read(text),
            [
                "A=1@/e:3:1",
                "B=x y@/e:4:2",
                "C=a\\bc@/e:6:1",
                "D=ab # c@/e:7:1"
            ]
        );
    }

    #[test]
    fn takes_carriage_returns_as_line_ends() {
        assert_eq!(read("A=1\r\nB=\"2\"\r\n"), ["A=1@/e:1:1", "B=2@/e:2:1"]);
    }

    #[test]
    fn ignores_what_is_no_assignment() {
        assert_eq!(read("export A=1\nB\n=3\nC=4"), ["C=4@/e:4:1"]);
    }

    #[test]
    fn tells_what_it_passes_over() {
        let text = "export A=1\nB\nC=1 # no\nD='x' # y\nE=a#b\nF=\"x\n";
        let found: Vec<_> = problems("/e", text)
            .into_iter()
            .map(|problem| format!("{} {}", problem.kind, problem.at))
            .collect();
        assert_eq!(
            found,
            [
                "ignored /e:1:1",
                "ignored /e:2:1",
                "comment-in-value /e:3:5",
                "comment-in-value /e:4:7",
                "unclosed-quote /e:6:1"
            ]
        );
        assert!(problems("/e", "# A\n; B\nA=1\r\nB=\"x # y\"\n\n").is_empty());
    }

    #[test]
    fn keeps_an_unclosed_quote_to_the_end() {
        assert_eq!(read("A=\"x\nB=2\n"), ["A=x\nB=2\n@/e:1:1"]);
    }
}
