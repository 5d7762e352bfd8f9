//! Names of units: `foo.service`, `foo@.service`, `foo@bar.service`.
//!
//! Source: `man systemd.unit` (string escaping for inclusion in unit names) and
//! `src/basic/unit-name.c`.

/// As long as a unit's name may be, in bytes (`UNIT_NAME_MAX - 1`).
const MAX_LENGTH: usize = 255;

const TYPES: [&str; 11] = [
    "automount",
    "device",
    "mount",
    "path",
    "scope",
    "service",
    "slice",
    "socket",
    "swap",
    "target",
    "timer",
];

/// What a valid name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `foo.service`.
    Plain,
    /// `foo@.service`.
    Template,
    /// `foo@bar.service`.
    Instance,
}

/// The kind of a name; `None` if it is no valid name of a unit.
pub(super) fn kind(name: &str) -> Option<Kind> {
    if name.len() > MAX_LENGTH {
        return None;
    }
    let (stem, kind) = name.rsplit_once('.')?;
    if stem.is_empty() || !TYPES.contains(&kind) {
        return None;
    }
    let valid =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
    if !stem.chars().all(valid) {
        return None;
    }
    match stem.split_once('@') {
        None => Some(Kind::Plain),
        Some(("", _)) => None,
        Some((_, "")) => Some(Kind::Template),
        Some(_) => Some(Kind::Instance),
    }
}

/// What follows the last dot: `service`.
pub(super) fn suffix(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, suffix)| suffix)
}

/// `foo` of `foo@bar.service` and of `foo.service` (`%p`).
pub(super) fn prefix(name: &str) -> &str {
    let stem = stem(name);
    stem.split_once('@').map_or(stem, |(prefix, _)| prefix)
}

/// `bar` of `foo@bar.service` (`%i`).
pub(super) fn instance(name: &str) -> Option<&str> {
    stem(name)
        .split_once('@')
        .map(|(_, instance)| instance)
        .filter(|instance| !instance.is_empty())
}

/// `foo@bar` of `foo@bar.service` (`%N`).
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// `foo@.service` of `foo@bar.service` and of itself; `None` for a plain name.
pub(super) fn template(name: &str) -> Option<String> {
    stem(name)
        .split_once('@')
        .map(|(prefix, _)| format!("{prefix}@.{}", suffix(name)))
}

/// `foo@bar.service` of `foo@.service` and `bar`.
pub(super) fn instantiate(template: &str, instance: &str) -> String {
    format!("{}@{instance}.{}", prefix(template), suffix(template))
}

/// Units of this type may have aliases.
pub(super) fn may_alias(name: &str) -> bool {
    matches!(
        suffix(name),
        "service" | "socket" | "target" | "device" | "timer" | "path"
    )
}

/// Units of this type may be templates.
pub(super) fn may_template(name: &str) -> bool {
    matches!(
        suffix(name),
        "service" | "socket" | "target" | "timer" | "path"
    )
}

/// `bar-baz` of `/bar/baz`: a path as a unit's name writes it.
pub(super) fn escape_path(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.is_empty() {
        return "-".to_owned();
    }
    escape(&parts.join("/"))
}

/// A text as a unit's name writes it: `/` is `-`, whatever else is no letter,
/// digit, `:`, `_` or `.` is `\xXX`, and so is a leading dot.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if index == 0 => escaped.push_str("\\x2e"),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b':' | b'_' | b'.' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    escaped
}

/// The text of which [`escape`] made this; `None` if it is malformed.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'-' => bytes.push(b'/'),
            b'\\' => {
                let [b'x', high, low, tail @ ..] = rest else {
                    return None;
                };
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(*high)? * 16 + digit(*low)?;
                bytes.push(u8::try_from(value).ok()?);
                rest = tail;
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The path that `bar-baz` stands for: `/bar/baz`.
pub(super) fn unescape_path(text: &str) -> Option<String> {
    if text == "-" {
        return Some("/".to_owned());
    }
    Some(format!("/{}", unescape(text)?))
}

/// The names whose `.d` directories apply to `name`, most specific first:
/// itself, its template, and each with what follows a dash taken off
/// (`foo-bar.service`, `foo-.service`).
pub(super) fn drop_in_names(name: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut current = Some(name.to_owned());
    // A name has at most as many dashes as bytes, so this ends.
    while let Some(name) = current {
        names.push(name.clone());
        if kind(&name) == Some(Kind::Instance)
            && let Some(template) = template(&name)
        {
            // The template's own prefixes come before those of the instance.
            names.push(template.clone());
            let mut shorter = shorten(&template);
            while let Some(template) = shorter {
                shorter = shorten(&template);
                names.push(template);
            }
        }
        current = shorten(&name);
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// `foo-.service` of `foo-bar.service`, as `unit_file_find_dirs` does it.
fn shorten(name: &str) -> Option<String> {
    let whole = prefix(name);
    let dash = whole.rfind('-').filter(|dash| *dash > 0)?;
    let shorter = if dash + 1 < whole.len() {
        whole.get(..=dash)?
    } else {
        // A trailing dash is chopped off, once.
        let chopped = whole.get(..dash)?;
        let dash = chopped.rfind('-').filter(|dash| *dash > 0)?;
        chopped.get(..=dash)?
    };
    let rest = name.get(whole.len()..)?;
    Some(format!("{shorter}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_names_apart() {
        assert_eq!(kind("kubelet.service"), Some(Kind::Plain));
        assert_eq!(kind("a@.service"), Some(Kind::Template));
        assert_eq!(kind("a@b@c.service"), Some(Kind::Instance));
        assert_eq!(kind("a b.service"), None);
        assert_eq!(kind("kubelet"), None);
        assert_eq!(kind("@x.service"), None);
        assert_eq!(kind(".service"), None);
        assert_eq!(kind("10-kubeadm.conf"), None);
    }

    #[test]
    fn escapes_paths() {
        assert_eq!(escape_path("/var/lib/a-b"), "var-lib-a\\x2db");
        assert_eq!(escape_path("//"), "-");
        assert_eq!(
            unescape_path("var-lib-a\\x2db").as_deref(),
            Some("/var/lib/a-b")
        );
        assert_eq!(unescape("a\\x2"), None);
    }

    #[test]
    fn lists_the_prefixes_of_drop_ins() {
        assert_eq!(
            drop_in_names("foo-bar-baz.service"),
            ["foo-bar-baz.service", "foo-bar-.service", "foo-.service"]
        );
        assert_eq!(
            drop_in_names("a-b@c.service"),
            [
                "a-b@c.service",
                "a-b@.service",
                "a-@.service",
                "a-@c.service"
            ]
        );
        assert_eq!(
            drop_in_names("foo--.service"),
            ["foo--.service", "foo-.service"]
        );
        assert_eq!(drop_in_names("-.slice"), ["-.slice"]);
    }
}
