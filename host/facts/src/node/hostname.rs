//! What systemd makes of a host name that is none.

/// As long as a host name may be (`HOST_NAME_MAX`).
const MAX: usize = 64;

/// A host name without what may not be in one (`hostname_cleanup` in
/// `src/basic/hostname-util.c`).
pub(super) fn clean(name: &str) -> String {
    let mut clean = String::with_capacity(name.len().min(MAX));
    for c in name.chars() {
        if clean.len() >= MAX {
            break;
        }
        let begins = clean.is_empty() || clean.ends_with('.');
        match c {
            '.' if !begins && !clean.ends_with('-') => clean.push(c),
            '-' if !begins => clean.push(c),
            c if c.is_ascii_alphanumeric() => clean.push(c),
            _ => {}
        }
    }
    clean.truncate(clean.trim_end_matches(['.', '-']).len());
    clean
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_may_not_be_in_it_is_dropped() {
        for (written, name) in [
            ("node-1.example.org", "node-1.example.org"),
            ("no de", "node"),
            ("-a..b-.c.", "a.b-c"),
            ("n\u{f6}de_1", "nde1"),
            ("", ""),
        ] {
            assert_eq!(clean(written), name, "{written}");
        }
    }
}
