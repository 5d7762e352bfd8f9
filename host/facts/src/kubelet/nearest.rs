//! The legal name that a misspelt one is nearest to.

use super::fields::{KUBELET_CONFIGURATION, Kind, Struct};

/// The legal name that is meant, if one is near: in this object first, then
/// anywhere (a field that stands at the wrong level).
pub(crate) fn nearest(of: &Struct, key: &str) -> Option<String> {
    if key.len() > 64 {
        return None;
    }
    let lower = key.to_ascii_lowercase();
    let best = of
        .fields
        .iter()
        .map(|field| {
            (
                distance(&lower, &field.name.to_ascii_lowercase()),
                field.name,
            )
        })
        .min()?;
    if best.0 <= (key.len() / 4).max(1) {
        return Some(best.1.to_owned());
    }
    elsewhere(&KUBELET_CONFIGURATION, key, "")
}

fn elsewhere(of: &'static Struct, key: &str, prefix: &str) -> Option<String> {
    of.fields.iter().find_map(|field| {
        let dotted = format!("{prefix}{}", field.name);
        match field.kind {
            _ if field.name == key => Some(dotted),
            Kind::Object(inner) => elsewhere(inner, key, &format!("{dotted}.")),
            _ => None,
        }
    })
}

/// Levenshtein's distance, of short names.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut above = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&b) {
            let here = (above + usize::from(a != *b)).min(left + 1).min(*cell + 1);
            above = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_names() {
        let of = |name: &str| nearest(&KUBELET_CONFIGURATION, name);
        assert_eq!(of("CgroupDriver").as_deref(), Some("cgroupDriver"));
        assert_eq!(of("failSwapon").as_deref(), Some("failSwapOn"));
        assert_eq!(
            of("clientCAFile").as_deref(),
            Some("authentication.x509.clientCAFile")
        );
        assert_eq!(of("somethingElseAltogether"), None);
        assert_eq!(of(&"x".repeat(100_000)), None);
    }
}
