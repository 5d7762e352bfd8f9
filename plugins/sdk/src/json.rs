//! The JSON in which facts hand over lists and maps.

use std::str::Chars;

/// A JSON value. Numbers stay as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in the order of its keys.
    Map(Vec<(String, Json)>),
}

/// How deep values may be nested.
const DEEPEST: u8 = 64;

impl Json {
    /// Reads a document. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let value = value(&mut rest, 0)?;
        rest.trim_ascii().is_empty().then_some(value)
    }

    /// The value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The keys and values of an object; none of anything else.
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of an array; none of anything else.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A string, or a number as it is written.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }
}

fn value(rest: &mut &str, depth: u8) -> Option<Json> {
    if depth > DEEPEST {
        return None;
    }
    *rest = rest.trim_ascii_start();
    for (word, json) in [
        ("null", Json::Null),
        ("true", Json::Boolean(true)),
        ("false", Json::Boolean(false)),
    ] {
        if let Some(after) = rest.strip_prefix(word) {
            *rest = after;
            return Some(json);
        }
    }
    match rest.chars().next()? {
        '"' => string(rest).map(Json::Text),
        '[' => {
            let mut items = Vec::new();
            list(rest, ']', |rest| {
                items.push(value(rest, depth + 1)?);
                Some(())
            })?;
            Some(Json::List(items))
        }
        '{' => {
            let mut entries = Vec::new();
            list(rest, '}', |rest| {
                let key = string(rest)?;
                *rest = rest.trim_ascii_start().strip_prefix(':')?;
                entries.push((key, value(rest, depth + 1)?));
                Some(())
            })?;
            Some(Json::Map(entries))
        }
        _ => {
            let end = rest
                .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at_checked(end)?;
            *rest = after;
            (!number.is_empty()).then(|| Json::Number(number.to_owned()))
        }
    }
}

/// What stands between a bracket and the one that closes it, by commas.
fn list(rest: &mut &str, close: char, mut item: impl FnMut(&mut &str) -> Option<()>) -> Option<()> {
    *rest = rest.get(1..)?.trim_ascii_start();
    if let Some(after) = rest.strip_prefix(close) {
        *rest = after;
        return Some(());
    }
    loop {
        item(rest)?;
        *rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(close) {
            *rest = after;
            return Some(());
        }
        *rest = rest.strip_prefix(',')?.trim_ascii_start();
    }
}

fn string(rest: &mut &str) -> Option<String> {
    let mut chars = rest.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => text.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => unicode(&mut chars)?,
                plain => plain,
            }),
            plain => text.push(plain),
        }
    }
    *rest = chars.as_str();
    Some(text)
}

/// Four hexadecimal digits, or two times four for what is beyond them.
fn unicode(chars: &mut Chars) -> Option<char> {
    let first = hexadecimal(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    if (chars.next()?, chars.next()?) != ('\\', 'u') {
        return None;
    }
    let second = hexadecimal(chars)?.checked_sub(0xdc00)?;
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
}

fn hexadecimal(chars: &mut Chars) -> Option<u32> {
    let mut value = 0;
    for _ in 0..4 {
        value = value * 16 + chars.next()?.to_digit(16)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let json = Json::parse(r#"[{"numaNode":0,"limits":{"memory":"1Gi"}}, -1.5e3, true, null]"#)
            .expect("it is JSON");
        let first = json.items().first().expect("there is one");
        assert_eq!(first.get("numaNode").and_then(Json::text), Some("0"));
        let limits = first.get("limits").expect("they are there");
        assert_eq!(
            limits.entries(),
            [("memory".to_owned(), Json::Text("1Gi".to_owned()))]
        );
        assert_eq!(
            json.items().get(1),
            Some(&Json::Number("-1.5e3".to_owned()))
        );
        assert_eq!(json.items().get(2), Some(&Json::Boolean(true)));
        assert_eq!(Json::parse("{}"), Some(Json::Map(Vec::new())));
        assert_eq!(Json::parse(" [ ] "), Some(Json::List(Vec::new())));
    }

    #[test]
    fn strings_are_unescaped() {
        let text = |json| Json::parse(json).and_then(|json| json.text().map(str::to_owned));
        assert_eq!(text(r#""a\"b\\c\/\n""#).as_deref(), Some("a\"b\\c/\n"));
        assert_eq!(text(r#""\u00e4\ud83d\ude00""#).as_deref(), Some("ä😀"));
        assert_eq!(text(r#""\ud83d""#), None);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "[1", "{\"a\"}", "[1,]", "{1:2}", "nul", "1 2", "\"a"] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        assert_eq!(Json::parse(&"[".repeat(100_000)), None);
    }
}
