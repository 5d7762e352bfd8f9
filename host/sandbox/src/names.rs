//! How names and digests are spelt.

use std::fmt::Write;

/// The longest name that a policy may give to anything.
const LONGEST: usize = 64;

/// Whether `name` is kebab-case: `kubelet-unit`, `cgroup-v1`.
pub(crate) fn is_kebab(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The name of `known` that is nearest to `name`, if one is near enough to be
/// what was meant: at most a third of its letters differ.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()).div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let value = (diagonal + usize::from(a != b))
                .min(before + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = value;
            before = value;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_case() {
        for good in ["a", "swap-off", "cgroup-v1"] {
            assert!(is_kebab(good), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "1a",
            "A",
            "a_b",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_and_far_ones_are_not() {
        let known = ["warn-before", "fail-before", "paths"];
        assert_eq!(
            nearest("warn-befor", known.into_iter()),
            Some("warn-before")
        );
        assert_eq!(nearest("path", known.into_iter()), Some("paths"));
        assert_eq!(nearest("zzz", known.into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
