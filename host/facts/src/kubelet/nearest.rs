//! The legal name that a misspelt one is nearest to.

use strsim::levenshtein;

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
                levenshtein(&lower, &field.name.to_ascii_lowercase()),
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
