//! Command lines: `ExecStart=` and its kin.
//!
//! Source: `man systemd.service` (command lines); `config_parse_exec` in
//! `src/core/load-fragment.c`.

use nodepol_model::Location;

use super::specifier;
use super::syntax::{Assignment, is_safe};
use super::words::{Rules, Words};
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// A command as systemd holds it: specifiers expanded, variables not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExecCommand {
    /// The program: an absolute path, or a name that is looked up.
    pub path: String,
    /// The words, the zeroth among them, each with its place.
    pub argv: Vec<Sourced<String>>,
    /// Prefix `-`.
    pub ignore_failure: bool,
    /// Prefix `:`: variables stay as they are.
    pub literal: bool,
    /// Where it starts.
    pub at: Location,
    /// A specifier of which the value is not known; it stands as written.
    pub undetermined: Option<char>,
}

/// A command line that makes systemd refuse the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub String);

/// Reads the value of one assignment, which may hold several commands.
///
/// # Errors
/// [`Refused`] if the line is wrong and not marked with `-`.
pub(super) fn parse(
    assignment: &Assignment,
    path: &str,
    unit: &str,
    evidence: &Evidence,
) -> Result<Vec<ExecCommand>, Refused> {
    let mut commands = Vec::new();
    let mut words = Words::new(&assignment.value);
    loop {
        // A first word that cannot be split makes systemd skip the line.
        let Ok(Some(first)) = words.next_lenient(Rules::COMMAND) else {
            return Ok(commands);
        };
        if first.text == ";" {
            continue;
        }
        let (prefix, named) = strip_prefixes(&first.text);
        let at = assignment.locate(path, first.start);
        let mut command = ExecCommand {
            path: String::new(),
            argv: Vec::new(),
            ignore_failure: prefix.ignore_failure,
            literal: prefix.literal,
            at: at.clone(),
            undetermined: None,
        };
        let program = command.expand(named, unit, evidence);
        if let Err(refused) = check_program(&program) {
            return if prefix.ignore_failure {
                Ok(commands)
            } else {
                Err(refused)
            };
        }
        command.path = simplify(&program);
        if !prefix.own_zeroth {
            command.argv.push(Sourced::new(program, at));
        }
        let more = match command.arguments(&mut words, assignment, path, unit, evidence) {
            Ok(more) => more,
            Err(_) if prefix.ignore_failure => return Ok(commands),
            Err(refused) => return Err(refused),
        };
        if command.argv.is_empty() {
            return if prefix.ignore_failure {
                Ok(commands)
            } else {
                Err(Refused(format!(
                    "Empty executable name or zeroeth argument: {}",
                    assignment.value
                )))
            };
        }
        commands.push(command);
        if !more {
            return Ok(commands);
        }
    }
}

impl ExecCommand {
    /// Reads words up to the end, or to a lone `;` (then true).
    fn arguments(
        &mut self,
        words: &mut Words<'_>,
        assignment: &Assignment,
        path: &str,
        unit: &str,
        evidence: &Evidence,
    ) -> Result<bool, Refused> {
        loop {
            let rest = words.rest();
            if is_word(rest, ";") {
                words.skip(1);
                return Ok(true);
            }
            if is_word(rest, "\\;") {
                let at = assignment.locate(path, words.position());
                self.argv.push(Sourced::new(";".to_owned(), at));
                words.skip(2);
                continue;
            }
            match words.next_lenient(Rules::COMMAND) {
                Ok(Some(word)) => {
                    let at = assignment.locate(path, word.start);
                    let text = self.expand(&word.text, unit, evidence);
                    self.argv.push(Sourced::new(text, at));
                }
                Ok(None) => return Ok(false),
                Err(_) => {
                    return Err(Refused(format!(
                        "Unbalanced quoting, ignoring: \"{}\"",
                        assignment.value
                    )));
                }
            }
        }
    }

    fn expand(&mut self, text: &str, unit: &str, evidence: &Evidence) -> String {
        specifier::expand(text, unit, evidence).unwrap_or_else(|undetermined| {
            self.undetermined = Some(undetermined.0);
            text.to_owned()
        })
    }
}

/// Whether the text starts with this word as it stands.
fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

#[derive(Debug, Clone, Copy, Default)]
struct Prefix {
    ignore_failure: bool,
    own_zeroth: bool,
    literal: bool,
}

fn strip_prefixes(word: &str) -> (Prefix, &str) {
    let mut prefix = Prefix::default();
    // `+`, `!` and `!!` exclude one another.
    let mut privileges = 0;
    let mut rest = word;
    loop {
        let Some(first) = rest.chars().next() else {
            return (prefix, rest);
        };
        match first {
            '-' if !prefix.ignore_failure => prefix.ignore_failure = true,
            '@' if !prefix.own_zeroth => prefix.own_zeroth = true,
            ':' if !prefix.literal => prefix.literal = true,
            '+' if privileges == 0 => privileges = 3,
            '!' if privileges < 2 => privileges += 1,
            _ => return (prefix, rest),
        }
        rest = rest.get(1..).unwrap_or("");
    }
}

fn check_program(program: &str) -> Result<(), Refused> {
    if program.is_empty() {
        return Err(Refused("Empty path in command line".to_owned()));
    }
    if !is_safe(program) {
        return Err(Refused(format!(
            "Executable name contains special characters: {program}"
        )));
    }
    if program.ends_with('/') {
        return Err(Refused(format!(
            "Executable path specifies a directory: {program}"
        )));
    }
    let valid = if program.starts_with('/') {
        program.len() < 4096 && program.split('/').all(|part| part.len() <= 255)
    } else {
        program.len() <= 255 && !program.contains('/') && program != "." && program != ".."
    };
    if valid {
        Ok(())
    } else {
        Err(Refused(format!(
            "Neither a valid executable name nor an absolute path: {program}"
        )))
    }
}

/// `path_simplify`: without doubled slashes and `.`.
fn simplify(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("/{}", parts.join("/"))
}
