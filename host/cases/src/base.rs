//! The bases that are built in, such as `kubeadm`: healthy nodes and some others.

use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/bases.rs"));

/// The names of the bases that are built in, sorted.
pub fn base_names() -> impl Iterator<Item = &'static str> {
    BASES.iter().map(|(name, _)| *name)
}

/// A base that is built in.
pub fn base_text(name: &str) -> Option<&'static str> {
    BASES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The name of a built-in base, if that is what a case stands on: one word, no
/// path of a file.
pub(crate) fn named(base: &Path) -> Option<&str> {
    base.to_str().filter(|name| !name.contains(['/', '.']))
}

/// The name of the built-in base that another one stands on.
pub(crate) fn beside(base: &Path) -> Option<&str> {
    base.file_stem()?.to_str()
}
