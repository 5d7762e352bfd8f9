//! The quotes of a shell, in files that are assignments of one: os-release(5),
//! /etc/default/grub.

/// Takes the quotes and backslashes of a shell word away.
pub(crate) fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    if let Some(literal) = inner('\'') {
        return literal.to_owned();
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = inner('"').unwrap_or(value).chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' {
            characters.next()
        } else {
            Some(c)
        });
    }
    plain
}
