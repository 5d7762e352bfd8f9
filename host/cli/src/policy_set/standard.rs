//! The sets that are built in, by name.

/// What is judged if nothing else is asked for.
pub(super) const DEFAULT: &str = "standard";

/// The names of all of them.
pub(crate) const NAMES: [&str; 5] = [DEFAULT, "kubeadm", "image", "pre-join", "boot"];

/// The text of a built-in set.
pub(super) fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        DEFAULT => include_str!("../../../../policies/standard.yaml"),
        "kubeadm" => include_str!("../../../../policies/kubeadm.yaml"),
        "image" => include_str!("../../../../policies/image.yaml"),
        "pre-join" => include_str!("../../../../policies/pre-join.yaml"),
        "boot" => include_str!("../../../../policies/boot.yaml"),
        _ => return None,
    })
}
