//! What containerd's own table recommends for a release of Kubernetes.

use nodepol_plugin::{Finding, Horizon, kubelet, runtimes};

/// Major, minor and patch.
type Release = (u32, u32, u32);

/// What containerd's own table recommends for a release of Kubernetes: the oldest
/// patch of each minor version, the oldest first. Others work as well.
const RECOMMENDED: [(u32, &[Release]); 2] = [
    (35, &[(1, 7, 28), (2, 1, 5), (2, 2, 0)]),
    (36, &[(2, 2, 0), (2, 3, 0)]),
];

/// A note on a containerd that is not recommended for this kubelet. What is not
/// known is not worth one.
pub(crate) fn not_recommended(at: Horizon) -> Option<Finding> {
    let kubelet = kubelet::get_version().ok()??;
    let runtime = runtimes::selected(at).ok()??;
    let version = runtime.version.filter(|_| runtime.name == "containerd")?;
    let (_, recommended) = RECOMMENDED
        .iter()
        .find(|(minor, _)| (kubelet.major, kubelet.minor) == (1, *minor))?;
    let own = (version.major, version.minor, version.patch);
    let fits = recommended
        .iter()
        .any(|least| (own.0, own.1) == (least.0, least.1) && own >= *least);
    let newest = recommended.last()?;
    if fits || (own.0, own.1) > (newest.0, newest.1) {
        return None;
    }
    let names: String = recommended
        .iter()
        .map(|(major, minor, patch)| match patch {
            0 => format!(" {major}.{minor}"),
            patch => format!(" {major}.{minor}.{patch}"),
        })
        .collect();
    Some(
        Finding::note(
            "runtime-not-recommended",
            format!(
                "containerd {} is none that is recommended for Kubernetes 1.{}:{names}",
                version.text, kubelet.minor
            ),
        )
        .evidence(version.at, version.text),
    )
}
