//! A kubelet in `sh -c '…'`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nodepol_model::Unavailable;

use super::{Environment, find};
use crate::kubelet::shell::{Lookup, Scope, Script, Word};
use crate::sourced::Sourced;

/// What the shell, or the manager, sets on its own.
const UNKNOWABLE: [&str; 14] = [
    "HOME",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LOGNAME",
    "MAINPID",
    "NOTIFY_SOCKET",
    "PATH",
    "PWD",
    "SHELL",
    "SYSTEMD_EXEC_PID",
    "UID",
    "USER",
];

/// The kubelet that a shell with these words starts.
///
/// # Errors
/// [`Unavailable`] if only the shell knows how.
pub(super) fn kubelet(
    words: &[Sourced<String>],
    environment: &Environment<'_>,
    depth: usize,
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    let at = words
        .iter()
        .position(|word| word.value.starts_with('-') && word.value.ends_with('c'));
    let Some(text) = at.and_then(|at| words.get(at + 1)) else {
        return Ok(None);
    };
    let after = at.and_then(|at| words.get(at + 2..)).unwrap_or_default();
    let positional: Vec<String> = after.iter().map(|word| word.value.clone()).collect();
    let variables = Variables {
        environment,
        assigned: RefCell::default(),
        opaque: RefCell::new(false),
    };
    let lookup = |name: &str| variables.lookup(name);
    let scope = Scope {
        variables: &lookup,
        positional: &positional,
    };
    let mut script = Script::new(&text.value);
    let mut found = None;
    while let Some(command) = script.command(&scope) {
        let command = without_reserved(&command);
        if variables.assigns(command) {
            continue;
        }
        let sourced: Vec<_> = command
            .iter()
            .map(|word| variables.sourced(word, text))
            .collect();
        let Some(argv) = find(&sourced, environment, depth + 1)? else {
            continue;
        };
        if command.iter().any(|word| !word.exact) {
            return Err(Unavailable::new(
                &text.origin.source,
                "a shell works out words of the kubelet's command line when it starts it",
            ));
        }
        if found.is_some_and(|other| other != argv) {
            return Err(Unavailable::new(
                &text.origin.source,
                "a shell decides which of several kubelets it starts",
            ));
        }
        found = Some(argv);
    }
    Ok(found)
}

/// The command behind reserved words, `exec`, and assignments for it alone.
fn without_reserved(command: &[Word]) -> &[Word] {
    const RESERVED: [&str; 13] = [
        "!", "{", "}", "command", "do", "done", "elif", "else", "exec", "fi", "if", "then", "while",
    ];
    let is_skipped = |word: &Word| {
        RESERVED.contains(&word.text.as_str()) || (command.len() > 1 && assignment(word).is_some())
    };
    let start = command.iter().position(|word| !is_skipped(word));
    match start {
        Some(start) => command.get(start..).unwrap_or_default(),
        // Nothing but assignments.
        None if command.iter().all(|word| assignment(word).is_some()) => command,
        None => &[],
    }
}

/// `NAME=value`.
fn assignment(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let mut chars = name.chars();
    let first = chars.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, value))
}

/// The variables of a script while it is read.
struct Variables<'a> {
    environment: &'a Environment<'a>,
    /// What the script sets; none if only the shell knows to what.
    assigned: RefCell<BTreeMap<String, Option<String>>>,
    /// A command ran that can set any variable.
    opaque: RefCell<bool>,
}

impl Variables<'_> {
    fn lookup(&self, name: &str) -> Lookup {
        if let Some(assigned) = self.assigned.borrow().get(name) {
            return assigned.clone().map_or(Lookup::Unknown, Lookup::Value);
        }
        match (self.environment)(name) {
            _ if *self.opaque.borrow() => Lookup::Unknown,
            Ok(Some(variable)) => Lookup::Value(variable.value),
            Ok(None) if UNKNOWABLE.contains(&name) => Lookup::Unknown,
            Ok(None) => Lookup::Value(String::new()),
            Err(_) => Lookup::Unknown,
        }
    }

    /// Notes what a command sets; whether it does nothing else.
    fn assigns(&self, command: &[Word]) -> bool {
        let Some(first) = command.first() else {
            return true;
        };
        match first.text.as_str() {
            "." | "source" | "eval" | "read" | "for" | "set" | "getopts" => {
                *self.opaque.borrow_mut() = true;
                return true;
            }
            _ => {}
        }
        let exports = matches!(first.text.as_str(), "export" | "readonly" | "local");
        if !exports && !command.iter().all(|word| assignment(word).is_some()) {
            return false;
        }
        for word in command {
            if let Some((name, value)) = assignment(word) {
                let value = word.exact.then(|| value.to_owned());
                self.assigned.borrow_mut().insert(name.to_owned(), value);
            }
        }
        true
    }

    /// A word with its place: that of the variable that all of it comes from.
    fn sourced(&self, word: &Word, script: &Sourced<String>) -> Sourced<String> {
        let of_variable = word.variable.as_ref().and_then(|name| {
            let own = self.assigned.borrow().contains_key(name);
            (self.environment)(name).ok().flatten().filter(|_| !own)
        });
        let origin = of_variable.map_or_else(|| script.origin.clone(), |variable| variable.origin);
        Sourced::new(word.text.clone(), origin)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test may end so")]

    use nodepol_model::Location;

    use super::*;

    fn started(script: &str) -> Result<Option<String>, String> {
        let word = |text: &str| Sourced::new(text.to_owned(), Location::source("unit"));
        let environment = |name: &str| {
            Ok(match name {
                "EXTRA" => Some(Sourced::new(
                    "--max-pods=5 --v=2".to_owned(),
                    Location::source("/etc/default/kubelet"),
                )),
                "CFG" => Some(word("/c")),
                _ => None,
            })
        };
        let words = [word("-c"), word(script), word("sh"), word("--last")];
        let found = kubelet(&words, &environment, 0).map_err(|why| why.reason)?;
        Ok(found.map(|argv| {
            let words: Vec<String> = argv
                .into_iter()
                .map(|word| match word.origin.source.as_str() {
                    "unit" => word.value,
                    other => format!("{}@{other}", word.value),
                })
                .collect();
            words.join("|")
        }))
    }

    #[test]
    fn what_the_shell_makes_of_it() {
        for (script, argv) in [
            (
                "exec /usr/bin/kubelet --config=\"$CFG\" $EXTRA",
                "/usr/bin/kubelet|--config=/c|--max-pods=5@/etc/default/kubelet|\
                 --v=2@/etc/default/kubelet",
            ),
            ("kubelet --v=2 2>&1 | tee /var/log/k.log", "kubelet|--v=2"),
            (
                "mkdir -p /x && exec kubelet --v=2 >>/var/log/k.log",
                "kubelet|--v=2",
            ),
            (
                "A=--v=3; kubelet $A $NONE ${B:---v=4}",
                "kubelet|--v=3|--v=4",
            ),
            ("exec kubelet \"$@\"", "kubelet|--last"),
            (
                "if [ -x /usr/bin/kubelet ]; then exec kubelet --v=2; fi",
                "kubelet|--v=2",
            ),
            ("IP=$(hostname -I); kubelet --v=2", "kubelet|--v=2"),
        ] {
            assert_eq!(started(script), Ok(Some(argv.to_owned())), "{script}");
        }
        assert_eq!(started("echo kubelet"), Ok(None));
    }

    #[test]
    fn what_only_the_shell_knows() {
        for script in [
            "kubelet --node-ip=$(hostname -I)",
            "kubelet --node-ip=`hostname -I`",
            "IP=$(hostname -I); kubelet --node-ip=$IP",
            ". /etc/kubelet.env; kubelet $ARGS",
            "kubelet --hostname-override=$HOSTNAME",
        ] {
            let why = started(script).expect_err(script);
            assert!(why.starts_with("a shell works out"), "{script}: {why}");
        }
        let why = started("if a; then kubelet --v=1; else kubelet --v=2; fi");
        assert!(why.is_err_and(|why| why.starts_with("a shell decides")));
    }
}
