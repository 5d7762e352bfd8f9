//! Variables in command lines.
//!
//! Source: `man systemd.service` (command lines); `replace_env_argv` and
//! `replace_env_n` in `src/basic/env-util.c`.

use super::environment::Variables;
use super::words::{Rules, Words};
use crate::sourced::Sourced;

/// Replaces variables in the words of a command. A word that comes from a
/// variable, whole or in part, has the origin of the variable.
pub(super) fn expand(argv: &[Sourced<String>], variables: &Variables) -> Vec<Sourced<String>> {
    let mut expanded = Vec::with_capacity(argv.len());
    for word in argv {
        match lone_variable(&word.value) {
            // Set to nothing and not set are the same: no word.
            Some(name) => {
                if let Some(variable) = variables.get(name) {
                    let mut words = Words::new(&variable.value);
                    while let Ok(Some(part)) = words.next(Rules::VARIABLE) {
                        expanded.push(Sourced::new(part.text, variable.origin.clone()));
                    }
                }
            }
            None => expanded.push(replace(word, variables)),
        }
    }
    expanded
}

/// The names of the variables that a word refers to.
pub(super) fn references(word: &str) -> Vec<&str> {
    if let Some(name) = lone_variable(word) {
        return vec![name];
    }
    let mut names = Vec::new();
    scan(word, |piece| {
        if let Piece::Variable(name) = piece {
            names.push(name);
        }
    });
    names
}

/// `$FOO` as a word of its own. Whatever follows the `$` is the name, so that
/// `$FOO/x` is the variable `FOO/x`, which nobody can set.
fn lone_variable(word: &str) -> Option<&str> {
    word.strip_prefix('$')
        .filter(|name| !name.starts_with(['{', '$']))
}

fn replace(word: &Sourced<String>, variables: &Variables) -> Sourced<String> {
    let mut value = String::with_capacity(word.value.len());
    let mut origin = word.origin.clone();
    scan(&word.value, |piece| match piece {
        Piece::Text(text) => value.push_str(text),
        Piece::Variable(name) => {
            if let Some(variable) = variables.get(name) {
                value.push_str(&variable.value);
                origin.clone_from(&variable.origin);
            }
        }
    });
    Sourced::new(value, origin)
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// The pieces of a word: `${FOO}`, and text in which `$$` is `$`.
fn scan<'a>(word: &'a str, mut piece: impl FnMut(Piece<'a>)) {
    let mut rest = word;
    while let Some(dollar) = rest.find('$') {
        let after = rest.get(dollar + 1..).unwrap_or("");
        if let Some(tail) = after.strip_prefix('$') {
            piece(Piece::Text(rest.get(..=dollar).unwrap_or("")));
            rest = tail;
        } else if let Some((name, tail)) = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            // `${FOO:-x}` is not understood and stays.
            .filter(|(name, _)| !name.contains(':'))
        {
            piece(Piece::Text(rest.get(..dollar).unwrap_or("")));
            piece(Piece::Variable(name));
            rest = tail;
        } else {
            piece(Piece::Text(rest.get(..=dollar).unwrap_or("")));
            rest = after;
        }
    }
    piece(Piece::Text(rest));
}

#[cfg(test)]
mod tests {
    use nodepol_model::Location;

    use super::*;

    fn run(words: &[&str]) -> Vec<String> {
        let at = |source: &str| Location::source(source);
        let variables: Variables = [("A", "--x=1 '--y=2 3'"), ("EMPTY", ""), ("ONE", "one two")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Sourced::new(value.to_owned(), at(name))))
            .collect();
        let argv: Vec<_> = words
            .iter()
            .map(|word| Sourced::new((*word).to_owned(), at("line")))
            .collect();
        expand(&argv, &variables)
            .into_iter()
            .map(|word| format!("{}@{}", word.value, word.origin))
            .collect()
    }

    #[test]
    fn splits_a_lone_variable() {
        assert_eq!(
            run(&["k", "$A", "$EMPTY", "$NONE", "z"]),
            ["k@line", "--x=1@A", "--y=2 3@A", "z@line"]
        );
    }

    #[test]
    fn keeps_a_braced_variable_whole() {
        assert_eq!(
            run(&["${ONE}", "a${NONE}b", "${NONE}", "-${ONE}"]),
            ["one two@ONE", "ab@line", "@line", "-one two@ONE"]
        );
    }

    #[test]
    fn leaves_what_is_no_variable() {
        assert_eq!(
            run(&["$$A", "a$ONE", "$ONE/x", "${ONE:-x}", "${ONE", "a$"]),
            [
                "$A@line",
                "a$ONE@line",
                "${ONE:-x}@line",
                "${ONE@line",
                "a$@line"
            ]
        );
    }
}
