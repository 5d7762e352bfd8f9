//! Words of a shell command, as far as a kubelet is started through one.

/// A word, and whether its text is exactly what the shell makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text, quotes removed.
    pub(crate) text: String,
    /// The line it starts on, from 0.
    pub(crate) line: usize,
    /// It ends a command: `;`, `&&`, `|` or a line break.
    pub(crate) operator: bool,
}

/// Splits a script into words. `variables` gives the value of a variable; what
/// it does not know stays as it is written.
pub(crate) fn split(script: &str, variables: impl Fn(&str) -> Option<String>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut line = 0;
    let mut start = 0;
    let mut quote: Option<char> = None;
    let mut rest = script.chars().peekable();
    let end = |word: &mut Option<String>, start: usize, words: &mut Vec<Word>| {
        if let Some(text) = word.take() {
            words.push(Word {
                text,
                line: start,
                operator: false,
            });
        }
    };
    while let Some(c) = rest.next() {
        if word.is_none() {
            start = line;
        }
        if c == '\n' {
            line += 1;
        }
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match rest.next() {
                Some('\n') => line += 1,
                Some(escaped) => {
                    let word = word.get_or_insert_default();
                    if quote.is_some() && !matches!(escaped, '"' | '\\' | '$' | '`') {
                        word.push('\\');
                    }
                    word.push(escaped);
                }
                None => {}
            },
            (None | Some('"'), '$') => {
                let braced = rest.next_if_eq(&'{').is_some();
                let mut name = String::new();
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                let word = word.get_or_insert_default();
                let closed = !braced || rest.next_if_eq(&'}').is_some();
                match variables(&name).filter(|_| closed) {
                    Some(value) => word.push_str(&value),
                    None => {
                        word.push('$');
                        if braced {
                            word.push('{');
                        }
                        word.push_str(&name);
                        if braced && closed {
                            word.push('}');
                        }
                    }
                }
            }
            (None, '#') if word.is_none() => while rest.next_if(|c| *c != '\n').is_some() {},
            (None, ';' | '|' | '&' | '\n') => {
                end(&mut word, start, &mut words);
                words.push(Word {
                    text: c.to_string(),
                    line: start,
                    operator: true,
                });
            }
            (None, c) if c.is_whitespace() => end(&mut word, start, &mut words),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    end(&mut word, start, &mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        split(script, |name| (name == "A").then(|| "a b".to_owned()))
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    #[test]
    fn words() {
        assert_eq!(
            texts("exec kubelet --x=\"1 2\" '--y' \\\n --z=${A}/c $B # no\n"),
            ["exec", "kubelet", "--x=1 2", "--y", "--z=a b/c", "$B", "\n"]
        );
        assert_eq!(texts("a;b && c"), ["a", ";", "b", "&", "&", "c"]);
        assert_eq!(texts("''"), [""]);
    }
}
