//! Command lines that can be copied into a shell.

/// An argv as one line for a POSIX shell.
pub(super) fn join(argv: &[String]) -> String {
    argv.iter()
        .enumerate()
        // A first word with `=` would be an assignment.
        .map(|(at, word)| match at {
            0 if word.contains('=') => format!("'{}'", word.replace('\'', r"'\''")),
            _ => quote(word),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// One word, quoted where a shell would make something else of it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn words_survive_a_shell() {
        let argv = [
            "sed", "-i", "s|a b|c|", "it's", "", "$HOME", "--a=b", "/etc/x",
        ]
        .map(str::to_owned);
        assert_eq!(
            join(&argv),
            r"sed -i 's|a b|c|' 'it'\''s' '' '$HOME' --a=b /etc/x"
        );
    }
}
