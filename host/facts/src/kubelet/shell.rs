//! Commands of a shell, as far as a kubelet is started through one.
//!
//! Source: POSIX.1-2017, "Shell Command Language".

use std::iter::Peekable;
use std::str::Chars;

/// A word, and how well it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// The text, quotes removed and variables replaced.
    pub(crate) text: String,
    /// The line it starts on, from 0.
    pub(crate) line: usize,
    /// The shell makes exactly this of it. If not, it runs a command for it, or
    /// takes a variable whose value is not known.
    pub(crate) exact: bool,
    /// The variable that all of it comes from.
    pub(crate) variable: Option<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// This, or nothing where it is empty or not set.
    Value(String),
    /// It stays as it is written.
    AsWritten,
    /// Only the shell will know.
    Unknown,
}

/// What a script sees.
pub(crate) struct Scope<'a> {
    /// Its variables.
    pub(crate) variables: &'a dyn Fn(&str) -> Lookup,
    /// `$0`, `$1`, …
    pub(crate) positional: &'a [String],
}

/// A script that is read command by command, for an assignment counts in the
/// commands behind it.
pub(crate) struct Script<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl<'a> Script<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            line: 0,
        }
    }

    /// The words of the next command, without its redirections; none behind the
    /// last one. One between two operators has no words.
    pub(crate) fn command(&mut self, scope: &Scope<'_>) -> Option<Vec<Word>> {
        self.rest.peek()?;
        let mut reading = Reading {
            script: self,
            scope,
            words: Vec::new(),
            word: None,
            skips: false,
        };
        reading.read();
        reading.end();
        Some(reading.words)
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn take_if(&mut self, expected: char) -> bool {
        self.rest.next_if_eq(&expected).is_some()
    }

    /// Up to the bracket that closes what is open.
    fn skip_brackets(&mut self) {
        let mut open = 1;
        while open > 0
            && let Some(c) = self.take()
        {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
        }
    }
}

/// One command while it is read.
struct Reading<'s, 'a> {
    script: &'s mut Script<'a>,
    scope: &'s Scope<'s>,
    words: Vec<Word>,
    word: Option<Word>,
    /// The next word is the target of a redirection.
    skips: bool,
}

impl Reading<'_, '_> {
    fn read(&mut self) {
        let mut quoted = false;
        while let Some(c) = self.script.take() {
            match (quoted, c) {
                (false, '\'') => {
                    self.literal("");
                    while let Some(c) = self.script.take().filter(|c| *c != '\'') {
                        self.literal(c.encode_utf8(&mut [0; 4]));
                    }
                }
                (_, '"') => {
                    quoted = !quoted;
                    self.word();
                }
                (_, '\\') => self.escape(quoted),
                (_, '$') => self.dollar(quoted),
                (_, '`') => {
                    while self.script.take().is_some_and(|c| c != '`') {}
                    self.word().exact = false;
                }
                (false, '#') if self.word.is_none() => {
                    while self.script.rest.next_if(|c| *c != '\n').is_some() {}
                }
                (false, '&') if self.script.rest.peek() == Some(&'>') => self.end(),
                (false, '<' | '>') => self.redirection(),
                (false, ';' | '|' | '&' | '\n' | '(' | ')') => return,
                (false, c) if c.is_whitespace() => self.end(),
                (_, c) => self.literal(c.encode_utf8(&mut [0; 4])),
            }
        }
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_with(|| Word {
            line: self.script.line,
            exact: true,
            ..Word::default()
        })
    }

    fn literal(&mut self, text: &str) {
        let word = self.word();
        word.text.push_str(text);
        word.variable = None;
    }

    fn end(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.skips)
        {
            self.words.push(word);
        }
    }

    fn escape(&mut self, quoted: bool) {
        match self.script.take() {
            Some('\n') | None => {}
            Some(escaped) => {
                if quoted && !matches!(escaped, '"' | '\\' | '$' | '`') {
                    self.literal("\\");
                }
                self.literal(escaped.encode_utf8(&mut [0; 4]));
            }
        }
    }

    /// `2>&1`, `>> FILE`, `< FILE`, `> >(COMMAND)`.
    fn redirection(&mut self) {
        let of_descriptor = self
            .word
            .as_ref()
            .is_some_and(|word| word.text.chars().all(|c| c.is_ascii_digit()));
        if of_descriptor {
            self.word = None;
        }
        self.end();
        while self
            .script
            .rest
            .next_if(|c| matches!(c, '<' | '>' | '&' | '|'))
            .is_some()
        {}
        if self.script.take_if('(') {
            self.script.skip_brackets();
            self.skips = false;
        } else {
            self.skips = !self.script.take_if('-');
        }
    }

    fn dollar(&mut self, quoted: bool) {
        let rest = &mut self.script.rest;
        match rest.peek().copied() {
            Some('(') => {
                self.script.take();
                self.script.skip_brackets();
                self.word().exact = false;
            }
            Some('{') => {
                self.script.take();
                let mut inner = String::new();
                while let Some(c) = self.script.take() {
                    if c == '}' {
                        break;
                    }
                    inner.push(c);
                }
                self.braced(&inner, quoted);
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                self.variable(&name, &format!("${name}"), quoted);
            }
            Some(c) if c.is_ascii_digit() || matches!(c, '@' | '*' | '#' | '?' | '$' | '!') => {
                self.script.take();
                self.parameter(c, quoted);
            }
            _ => self.literal("$"),
        }
    }

    /// `${NAME}`, `${NAME:-default}`, and what is not worked out here.
    fn braced(&mut self, inner: &str, quoted: bool) {
        let end = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(inner.len());
        let (name, operator) = inner.split_at(end);
        let written = format!("${{{inner}}}");
        let default = operator.strip_prefix(":-").or(operator.strip_prefix('-'));
        match default.filter(|default| !default.contains(['$', '`'])) {
            Some(default) if !name.is_empty() => match (self.scope.variables)(name) {
                Lookup::Value(value) if value.is_empty() => self.expand(default, None, quoted),
                _ => self.variable(name, &written, quoted),
            },
            _ if operator.is_empty() && !name.is_empty() => match name.parse() {
                Ok(index) => self.argument(index, quoted),
                Err(_) => self.variable(name, &written, quoted),
            },
            _ => self.word().exact = false,
        }
    }

    fn parameter(&mut self, parameter: char, quoted: bool) {
        match (parameter, parameter.to_digit(10)) {
            (_, Some(index)) => self.argument(index as usize, quoted),
            ('@' | '*', None) => {
                let arguments = self.scope.positional.get(1..).unwrap_or_default();
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        self.end();
                    }
                    self.literal(argument);
                }
            }
            _ => self.word().exact = false,
        }
    }

    fn argument(&mut self, index: usize, quoted: bool) {
        let argument = self.scope.positional.get(index).cloned();
        self.expand(&argument.unwrap_or_default(), None, quoted);
    }

    fn variable(&mut self, name: &str, written: &str, quoted: bool) {
        match (self.scope.variables)(name) {
            Lookup::Value(value) => self.expand(&value, Some(name), quoted),
            Lookup::AsWritten => self.literal(written),
            Lookup::Unknown => self.word().exact = false,
        }
    }

    /// Puts a value in: whole in quotes, else split at blanks.
    fn expand(&mut self, value: &str, variable: Option<&str>, quoted: bool) {
        if quoted {
            let begins = self.word().text.is_empty();
            self.literal(value);
            self.word().variable = variable.filter(|_| begins).map(str::to_owned);
            return;
        }
        let mut fields = value.split_whitespace().peekable();
        if value.starts_with(char::is_whitespace) {
            self.end();
        }
        while let Some(field) = fields.next() {
            let begins = self.word.is_none();
            self.literal(field);
            self.word().variable = variable.filter(|_| begins).map(str::to_owned);
            if fields.peek().is_some() {
                self.end();
            }
        }
        if value.ends_with(char::is_whitespace) {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<Vec<String>> {
        let positional = ["sh", "one", "two words"].map(str::to_owned);
        let scope = Scope {
            variables: &|name| match name {
                "A" => Lookup::Value("a b".to_owned()),
                "KEPT" => Lookup::AsWritten,
                "UNKNOWN" => Lookup::Unknown,
                _ => Lookup::Value(String::new()),
            },
            positional: &positional,
        };
        let mut script = Script::new(text);
        std::iter::from_fn(|| script.command(&scope))
            .map(|words| {
                let text = |word: Word| match word.exact {
                    true => word.text,
                    false => format!("?{}", word.text),
                };
                words.into_iter().map(text).collect::<Vec<_>>()
            })
            .filter(|words| !words.is_empty())
            .collect()
    }

    fn one(text: &str) -> Vec<String> {
        let mut found = commands(text);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn words() {
        assert_eq!(
            one("exec kubelet --x=\"1 2\" '--y' \\\n --z=\"${A}/c\" $NONE # no\n"),
            ["exec", "kubelet", "--x=1 2", "--y", "--z=a b/c"]
        );
        assert_eq!(commands("a;b && c"), [["a"], ["b"], ["c"]]);
        assert_eq!(one("''"), [""]);
    }

    #[test]
    fn variables_split_at_blanks_unless_they_are_quoted() {
        assert_eq!(one("k $A -$A- \"$A\""), ["k", "a", "b", "-a", "b-", "a b"]);
        assert_eq!(one("k ${KEPT}x $KEPT"), ["k", "${KEPT}x", "$KEPT"]);
        assert_eq!(one("k ${NONE:-x y} ${A:-z}"), ["k", "x", "y", "a", "b"]);
        assert_eq!(
            one("k \"$@\" $2"),
            ["k", "one", "two words", "two", "words"]
        );
    }

    #[test]
    fn what_only_the_shell_knows() {
        assert_eq!(
            one("k --a=$(hostname -I | cut -d' ' -f1) --b=`id` --c=$UNKNOWN ${A%b} --d"),
            ["k", "?--a=", "?--b=", "?--c=", "?", "--d"]
        );
    }

    #[test]
    fn redirections_are_no_words() {
        assert_eq!(
            commands("k --a >/var/log/k.log 2>&1 --b 2>>x &>y </dev/null >&- | tee log"),
            [vec!["k", "--a", "--b"], vec!["tee", "log"]]
        );
        assert_eq!(one("exec k > >(logger -t k) --a"), ["exec", "k", "--a"]);
        assert_eq!(one("k --n=2 > x"), ["k", "--n=2"]);
    }
}
