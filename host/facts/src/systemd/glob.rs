//! Patterns of file names: `*`, `?` and `[…]`, as glob(7) has them.

/// Whether a name matches a pattern. A leading dot is matched by a dot alone.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // The last `*`, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = name
            .get(n)
            .and_then(|c| one(pattern.get(p..).unwrap_or_default(), *c));
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(length) = step {
            p += length;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            n = taken + 1;
        } else {
            return false;
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

/// How much of the pattern stands for this one character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let close = pattern
                .iter()
                .skip(2)
                .position(|c| *c == ']')
                .map(|at| at + 2)?;
            let set = pattern.get(1..close)?;
            let (negated, set) = match set.split_first() {
                Some(('!' | '^', rest)) => (true, rest),
                _ => (false, set),
            };
            let mut found = false;
            let mut rest = set;
            while let Some((first, tail)) = rest.split_first() {
                rest = tail;
                if let ['-', last, tail @ ..] = tail {
                    found |= (*first..=*last).contains(&c);
                    rest = tail;
                } else {
                    found |= *first == c;
                }
            }
            (found != negated).then_some(close + 1)
        }
        '\\' => (pattern.get(1) == Some(&c)).then_some(2),
        same => (*same == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_names() {
        assert!(matches("*.env", "a.env"));
        assert!(!matches("*.env", ".env"));
        assert!(matches("[a-c]?*", "bx"));
        assert!(!matches("[!a]", "a"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b", "a"));
    }
}
