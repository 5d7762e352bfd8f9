//! Patterns of file names, as fnmatch(3) and Go's `filepath.Match` know them.

/// `filepath.Match` of one component: `*`, `?`, `[…]`, `\`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Positions to return to: one star is enough, for the last one decides.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p == pattern.len() && n == name.len() {
            return true;
        }
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(_) => name.get(n).and_then(|c| one(&pattern, p, *c)),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one character; gives where the pattern goes on.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '\\' => (pattern.get(at + 1) == Some(&c)).then_some(at + 2),
        '[' => {
            let mut p = at + 1;
            let negated = pattern.get(p) == Some(&'^');
            p += usize::from(negated);
            let mut hit = false;
            let mut first = true;
            while let Some(&low) = pattern.get(p) {
                if low == ']' && !first {
                    return (hit != negated).then_some(p + 1);
                }
                first = false;
                if pattern.get(p + 1) == Some(&'-') {
                    let high = *pattern.get(p + 2)?;
                    hit |= low <= c && c <= high;
                    p += 3;
                } else {
                    hit |= low == c;
                    p += 1;
                }
            }
            None
        }
        literal => (*literal == c).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_marks_and_sets() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", "a.toml.bak", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a", "a", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
