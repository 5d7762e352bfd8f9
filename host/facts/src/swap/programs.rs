//! The programs that a command line runs: by itself, behind a wrapper such as
//! `env`, or in the text of a shell.
//!
//! Only as much of a shell is read as tells whether a command is surely run. What
//! stands behind a condition, in a loop or after an `exit` may be run or not.

/// Programs that run what follows their options, and how many words of their own
/// come before it.
const WRAPPERS: [(&str, usize); 15] = [
    ("busybox", 0),
    ("chroot", 1),
    ("command", 0),
    ("env", 0),
    ("exec", 0),
    ("flock", 1),
    ("ionice", 0),
    ("nice", 0),
    ("nohup", 0),
    ("nsenter", 0),
    ("setsid", 0),
    ("sudo", 0),
    ("time", 0),
    ("timeout", 1),
    ("unshare", 0),
];

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// Commands that do not fail, so that what follows their `&&` is run. What turns
/// swap off is taken to succeed as well.
const SUCCEED: [&str; 8] = [
    ":", "true", "echo", "sleep", "sync", "set", "export", "swapoff",
];

/// As deep as a shell in a wrapper in a shell may go.
const DEPTH: usize = 8;

/// A program that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Its arguments.
    pub arguments: Vec<String>,
    /// It is run whatever happens, to its end, and all its arguments are known.
    pub certain: bool,
}

/// How often, and how, a command line runs `program`.
pub(super) fn runs_of(argv: &[String], program: &str) -> Vec<Run> {
    let mut found = Vec::new();
    of_words(argv, program, true, DEPTH, &mut found);
    found
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn of_words(words: &[String], program: &str, certain: bool, depth: usize, found: &mut Vec<Run>) {
    let Some((first, rest)) = words.split_first() else {
        return;
    };
    let name = base(first);
    if name == program {
        found.push(Run {
            arguments: rest.to_vec(),
            certain: certain && !rest.iter().any(|word| word.contains(['$', '`'])),
        });
        return;
    }
    if depth == 0 {
        return;
    }
    if SHELLS.contains(&name) {
        if let Some(text) = shell_text(rest) {
            of_text(text, program, certain, depth - 1, found);
        }
        return;
    }
    let Some((_, own)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) else {
        return;
    };
    let mut own = *own;
    let mut at = 0;
    while let Some(word) = rest.get(at) {
        let option = word.starts_with('-') || word.bytes().all(|b| b.is_ascii_digit());
        let variable = name == "env" && word.contains('=');
        if variable || (option && (own == 0 || word.starts_with('-'))) {
            at += 1;
        } else if own > 0 {
            own -= 1;
            at += 1;
        } else {
            break;
        }
    }
    let before = found.len();
    of_words(
        rest.get(at..).unwrap_or_default(),
        program,
        certain,
        depth - 1,
        found,
    );
    // An option with a word of its own hides what is run.
    if found.len() == before
        && rest.iter().take(at).any(|word| word.starts_with('-'))
        && let Some(place) = rest.iter().position(|word| base(word) == program)
    {
        found.push(Run {
            arguments: rest.get(place + 1..).unwrap_or_default().to_vec(),
            certain: false,
        });
    }
}

/// The text of `sh -c TEXT`.
fn shell_text(words: &[String]) -> Option<&str> {
    let mut is_text = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix(['-', '+']) {
            Some(options) if !options.starts_with('-') => {
                is_text |= options.contains('c');
                if options.ends_with('o') {
                    words.next();
                }
            }
            Some(_) => {}
            None => return is_text.then_some(word),
        }
    }
    None
}

/// What stands between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    End,
    And,
    Or,
    Pipe,
    Background,
    Open,
    Close,
}

fn of_text(text: &str, program: &str, certain: bool, depth: usize, found: &mut Vec<Run>) {
    // Of each group, loop and condition that is open: whether it may be passed over.
    let mut open: Vec<bool> = Vec::new();
    // The command is run only if the one before did well, or did not.
    let mut depends = false;
    // A command before may have ended the shell.
    let mut ended = false;
    for (mut words, joint) in commands(text) {
        let mut succeeds = false;
        while let Some(first) = words.first() {
            match first.as_str() {
                "if" | "while" | "until" | "for" | "case" | "select" => open.push(true),
                "then" | "else" | "elif" | "do" | "!" => {}
                "fi" | "done" | "esac" | "}" => {
                    open.pop();
                }
                "{" => open.push(depends),
                word if is_assignment(word) => {}
                _ => break,
            }
            words.remove(0);
        }
        let passed_over = depends || ended || open.contains(&true);
        if let Some(first) = words.first() {
            let name = base(first);
            succeeds = SUCCEED.contains(&name);
            let sure = certain && !passed_over && joint != Joint::Background;
            of_words(&words, program, sure, depth, found);
            if matches!(name, "exit" | "return" | "exec") {
                if !passed_over {
                    return;
                }
                ended = true;
            }
        }
        match joint {
            Joint::End | Joint::Background => depends = false,
            Joint::And => depends |= !succeeds,
            Joint::Or => depends = true,
            Joint::Pipe => {}
            Joint::Open => {
                open.push(depends);
                depends = false;
            }
            Joint::Close => {
                open.pop();
            }
        }
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The words of each command and what stands behind it, redirections left out.
fn commands(text: &str) -> Vec<(Vec<String>, Joint)> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut redirected = false;
    let mut chars = text.chars().peekable();
    let finish = |word: &mut Option<String>, words: &mut Vec<String>, redirected: &mut bool| {
        if let Some(word) = word.take() {
            if *redirected {
                *redirected = false;
            } else {
                words.push(word);
            }
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|c| *c != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => word.extend(chars.next()),
                        c => word.push(c),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => word.get_or_insert_default().push(c),
            },
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '>' | '<' => {
                // A number before it is the descriptor.
                if word
                    .as_ref()
                    .is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()))
                {
                    word = None;
                }
                finish(&mut word, &mut words, &mut redirected);
                while chars
                    .next_if(|c| matches!(c, '>' | '<' | '&' | '|'))
                    .is_some()
                {}
                redirected = true;
            }
            ';' | '\n' | '&' | '|' | '(' | ')' => {
                // `$(…)` is a word that nobody can tell.
                if c == '(' && word.as_ref().is_some_and(|word| word.ends_with('$')) {
                    let word = word.get_or_insert_default();
                    word.push(c);
                    let mut depth = 1;
                    for c in chars.by_ref() {
                        word.push(c);
                        match c {
                            '(' => depth += 1,
                            ')' => depth -= 1,
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                    continue;
                }
                finish(&mut word, &mut words, &mut redirected);
                redirected = false;
                let joint = match c {
                    '&' if chars.next_if_eq(&'&').is_some() => Joint::And,
                    '|' if chars.next_if_eq(&'|').is_some() => Joint::Or,
                    '&' => Joint::Background,
                    '|' => Joint::Pipe,
                    '(' => Joint::Open,
                    ')' => Joint::Close,
                    _ => Joint::End,
                };
                found.push((std::mem::take(&mut words), joint));
            }
            c if c.is_whitespace() => finish(&mut word, &mut words, &mut redirected),
            c => word.get_or_insert_default().push(c),
        }
    }
    finish(&mut word, &mut words, &mut redirected);
    found.push((words, Joint::End));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<(String, bool)> {
        let argv: Vec<String> = line.split('^').map(str::to_owned).collect();
        runs_of(&argv, "swapoff")
            .into_iter()
            .map(|run| (run.arguments.join(" "), run.certain))
            .collect()
    }

    #[test]
    fn a_command_that_is_surely_run() {
        for (line, arguments) in [
            ("/sbin/swapoff^-a", "-a"),
            ("busybox^swapoff^-a", "-a"),
            ("/usr/bin/env^LANG=C^swapoff^-a", "-a"),
            ("/usr/bin/timeout^-k^5^10^swapoff^-a", "-a"),
            ("/usr/bin/nsenter^-t^1^-m^--^swapoff^-a", "-a"),
            ("/bin/sh^-c^swapoff -a", "-a"),
            (
                "/bin/bash^-e^-o^pipefail^-c^swapoff -a 2>/dev/null || true",
                "-a",
            ),
            (
                "/bin/sh^-ec^echo off; /sbin/swapoff '/swap file' >&2",
                "/swap file",
            ),
            ("/bin/sh^-c^sleep 1 && A=1 swapoff -a", "-a"),
            ("/bin/sh^-c^{ swapoff -a; }", "-a"),
            ("/bin/sh^-c^if test -e /x; then true; fi; swapoff -a", "-a"),
        ] {
            assert_eq!(found(line), [(arguments.to_owned(), true)], "{line}");
        }
    }

    #[test]
    fn a_command_that_may_be_run() {
        for line in [
            "/bin/sh^-c^test -e /x && swapoff -a",
            "/bin/sh^-c^test -e /x || exit 0; swapoff -a",
            "/bin/sh^-c^if test -e /x; then swapoff -a; fi",
            "/bin/sh^-c^test -e /x && { echo off; swapoff -a; }",
            "/bin/sh^-c^test -e /x && (swapoff -a)",
            "/bin/sh^-c^swapoff -a &",
            "/bin/sh^-c^swapoff $DEVICE",
            "/sbin/swapoff^$DEVICE",
            "/usr/bin/sudo^-u^root^swapoff^-a",
        ] {
            let found = found(line);
            assert!(
                matches!(found.as_slice(), [(_, false)]),
                "{line}: {found:?}"
            );
        }
    }

    #[test]
    fn a_command_that_is_only_named() {
        for line in [
            "/bin/echo^swapoff^-a",
            "/bin/sh^-c^echo swapoff",
            "/bin/sh^-c^echo \"swapoff -a\"",
            "/bin/sh^-c^true # swapoff -a",
            "/bin/sh^-c^exit 0; swapoff -a",
            "/bin/sh^/opt/swapoff",
            "/usr/bin/swapoff-helper^-a",
            "/usr/bin/env^echo^swapoff^-a",
        ] {
            assert_eq!(found(line), [], "{line}");
        }
    }
}
