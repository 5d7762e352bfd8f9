//! Values that are no secret, whatever their name says.

use super::REDACTED;

/// The first directories of a node's paths. A secret in base64 may begin with
/// `/` too, but not like this.
const ROOTS: &[&str] = &[
    "bin", "boot", "data", "dev", "etc", "home", "host", "lib", "media", "mnt", "opt", "proc",
    "root", "run", "sbin", "snap", "srv", "sys", "tmp", "usr", "var",
];

/// Whether `value` says nothing that must be hidden: nothing at all, a truth
/// value, a path, a variable, or what was hidden before.
pub(super) fn is_harmless(value: &str) -> bool {
    let value = value.trim().trim_end_matches('\\').trim_end();
    let word = value.to_ascii_lowercase();
    if matches!(
        word.as_str(),
        "" | "true"
            | "false"
            | "null"
            | "~"
            | "none"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "nil"
            | "{}"
            | "[]"
    ) {
        return true;
    }
    value.starts_with(REDACTED)
        || value.starts_with(super::KEY_BEGIN)
        || is_mask(&word)
        || is_path(value)
        || is_variable(value)
}

/// Whether another program hid it already: `***`, `<masked>`, `[REDACTED]`.
fn is_mask(word: &str) -> bool {
    word.bytes().all(|byte| byte == b'*')
        || matches!(
            word.trim_matches(['<', '>', '[', ']', '-']),
            "redacted" | "masked" | "hidden" | "omitted" | "secret" | "data+omitted"
        )
}

fn is_path(value: &str) -> bool {
    let value = value.strip_prefix("file://").unwrap_or(value);
    let Some(rest) = value.strip_prefix('/') else {
        return ["./", "../", "~/"]
            .iter()
            .any(|start| value.starts_with(start))
            && value.bytes().all(is_path_byte);
    };
    let first = rest.split('/').next().unwrap_or_default();
    rest.contains('/') && ROOTS.contains(&first) && value.bytes().all(is_path_byte)
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-@:%$(){}".contains(&byte)
}

/// `$NAME`, `${NAME}`, `$(NAME)`, `{{ name }}`.
fn is_variable(value: &str) -> bool {
    let inner = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| {
            value
                .strip_prefix("$(")
                .and_then(|rest| rest.strip_suffix(')'))
        })
        .or_else(|| {
            value
                .strip_prefix("{{")
                .and_then(|rest| rest.strip_suffix("}}"))
        })
        .or_else(|| value.strip_prefix('$'));
    inner.is_some_and(|name| {
        let name = name.trim();
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
    })
}

/// Whether a word of running text looks like a secret, not like a word.
pub(super) fn looks_random(word: &str) -> bool {
    word.len() >= 8
        && !word.contains(['/', '(', ':'])
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::is_harmless;

    #[test]
    fn paths_variables_and_truth_values_are_harmless() {
        for value in [
            "",
            "true",
            "null",
            "/var/run/secrets/token",
            "$TOKEN",
            "${TOKEN}",
            "$(TOKEN)",
            "{{ token }}",
            "./token",
            "nodepol-redacted",
            "<masked>",
            "***",
            "file:///etc/x/token",
        ] {
            assert!(is_harmless(value), "{value}");
        }
        for value in [
            "hunter2",
            "/9j4AAQSkZJRgABAQ==",
            "$ecret!",
            "123456",
            "/etc",
            "/tmp/a b",
        ] {
            assert!(!is_harmless(value), "{value}");
        }
    }
}
