//! The legal word that a wrong one was probably meant to be.

/// How much of a word may be wrong before a guess would only confuse.
const LONGEST_DISTANCE_PART: usize = 3;

/// The legal word nearest to `wrong`, if one is near: at most a third of its
/// letters have to change, or one is the start or a whole part of the other.
/// The same answer whatever the order of `legal`.
pub fn nearest<'a>(wrong: &str, legal: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    // Longer than any name that anybody chose: a distance would cost its square.
    if wrong.is_empty() || wrong.len() > 128 {
        return None;
    }
    legal
        .into_iter()
        .filter_map(|word| {
            let distance = strsim::damerau_levenshtein(&wrong, &word.to_lowercase());
            let longest = word.chars().count().max(wrong.chars().count());
            let near = distance * LONGEST_DISTANCE_PART <= longest;
            let inside = wrong.len() >= 3 && (word.contains(&wrong) || wrong.contains(word));
            (near || inside).then_some((!near, distance, word))
        })
        .min()
        .map(|(_, _, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word() {
        let legal = ["swap-active", "swap-behavior", "cgroup-version"];
        assert_eq!(nearest("swap-actve", legal), Some("swap-active"));
        assert_eq!(nearest("Cgroup_Version", legal), Some("cgroup-version"));
        assert_eq!(nearest("behavior", legal), Some("swap-behavior"));
    }

    #[test]
    fn something_else_finds_nothing() {
        assert_eq!(nearest("journal", ["swap-active"]), None);
        assert_eq!(nearest("", ["swap-active"]), None);
        assert_eq!(nearest(&"x".repeat(10_000), ["swap-active"]), None);
    }
}
