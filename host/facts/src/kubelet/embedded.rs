//! Kubelets that have no `kubelet.service` but a file of arguments.

use nodepol_model::{Location, Part, Unavailable};

use super::shell::{Lookup, Scope, Script};
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// A distribution that starts the kubelet from a file of arguments.
struct Snap {
    arguments: &'static str,
    /// `$SNAP`, `$SNAP_DATA`, `$SNAP_COMMON` (snapcraft's environment).
    variables: [(&'static str, &'static str); 3],
}

const SNAPS: [Snap; 2] = [
    Snap {
        arguments: "/var/snap/microk8s/current/args/kubelet",
        variables: [
            ("SNAP", "/snap/microk8s/current"),
            ("SNAP_DATA", "/var/snap/microk8s/current"),
            ("SNAP_COMMON", "/var/snap/microk8s/common"),
        ],
    },
    Snap {
        arguments: "/var/snap/k8s/common/args/kubelet",
        variables: [
            ("SNAP", "/snap/k8s/current"),
            ("SNAP_DATA", "/var/snap/k8s/current"),
            ("SNAP_COMMON", "/var/snap/k8s/common"),
        ],
    },
];

/// The arguments of an embedded kubelet, the word `kubelet` first.
///
/// # Errors
/// [`Unavailable`] if such a file is there and cannot be read.
pub(crate) fn arguments(evidence: &Evidence) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    for snap in &SNAPS {
        let text = match evidence.text(snap.arguments) {
            Part::Present(text) => text,
            Part::Absent => continue,
            // A snapshot without the file says as little as one without the snap.
            Part::Unreadable(why) => return Err(Unavailable::new(snap.arguments, why)),
        };
        let scope = Scope {
            variables: &|name| {
                let known = snap.variables.iter().find(|(known, _)| *known == name);
                known.map_or(Lookup::AsWritten, |(_, value)| {
                    Lookup::Value((*value).to_owned())
                })
            },
            positional: &[],
        };
        let mut script = Script::new(text);
        let words = std::iter::from_fn(|| script.command(&scope)).flatten();
        let program = Sourced::new("kubelet".to_owned(), Location::source(snap.arguments));
        let rest = words.map(|word| {
            let line = u32::try_from(word.line)
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            Sourced::new(word.text, Location::line(snap.arguments, line))
        });
        return Ok(Some(std::iter::once(program).chain(rest).collect()));
    }
    Ok(None)
}
