//! The sets that are built in, by name.

/// What is judged if nothing else is asked for.
pub(super) const DEFAULT: &str = "standard";

/// The names of all of them.
pub(crate) const NAMES: [&str; 1] = [DEFAULT];

/// The text of a built-in set.
pub(super) fn text(name: &str) -> Option<&'static str> {
    match name {
        DEFAULT => Some(include_str!("../../../../policies/standard.yaml")),
        _ => None,
    }
}
