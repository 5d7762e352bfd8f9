//! The kubelet's version: assumed, printed by its program, or that of its package.

use nodepol_model::{Location, Part};

use crate::evidence::Evidence;
use crate::sourced::Version;

/// The package database of Debian.
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// Versions that are to be taken for true, whatever the node says: how a change
/// of version is rehearsed.
#[derive(Debug, Clone, Default)]
pub struct Assumptions {
    /// Of the kubelet.
    pub kubelet: Option<Version>,
    /// Of containerd.
    pub containerd: Option<Version>,
}

/// The version that the evidence shows, if any does.
pub(crate) fn find(evidence: &Evidence, assumed: Option<&Version>) -> Option<Version> {
    if let Some(assumed) = assumed {
        return Some(assumed.clone());
    }
    let name = "kubelet --version";
    if let Part::Present(output) = evidence.program(name)
        && let Some(version) = Version::find(&output.stdout, Location::source(name))
    {
        return Some(version);
    }
    match evidence.text(DPKG_STATUS) {
        Part::Present(status) => package(status),
        Part::Absent | Part::Unreadable(_) => None,
    }
}

/// The version of the installed package `kubelet` in dpkg's status file
/// (deb-control(5) without the Debian revision).
fn package(status: &str) -> Option<Version> {
    let mut in_kubelet = false;
    let mut installed = false;
    let mut version = None;
    for (number, line) in (1..).zip(status.lines()) {
        if line.is_empty() {
            if in_kubelet && installed && version.is_some() {
                return version;
            }
            (in_kubelet, installed, version) = (false, false, None);
        } else if let Some(name) = line.strip_prefix("Package: ") {
            in_kubelet = name.trim() == "kubelet";
        } else if in_kubelet && line.starts_with("Status: ") {
            installed = line.ends_with(" installed");
        } else if in_kubelet && let Some(text) = line.strip_prefix("Version: ") {
            // `1:1.36.2-1.1`: the epoch and the revision are the package's own.
            let text = text.trim();
            let text = text.split_once(':').map_or(text, |(_, text)| text);
            let text = text.rsplit_once('-').map_or(text, |(text, _)| text);
            version = Version::parse(text, Location::line(DPKG_STATUS, number));
        }
    }
    version.filter(|_| in_kubelet && installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_package() {
        let status = "Package: kubectl\nStatus: install ok installed\nVersion: 1.35.0-1.1\n\n\
            Package: kubelet\nStatus: hold ok installed\nVersion: 1.36.2-1.1\n";
        let version = package(status).unwrap();
        assert_eq!((version.minor, version.patch), (36, 2));
        assert_eq!(version.origin.line, Some(7));
        assert!(
            package("Package: kubelet\nStatus: deinstall ok config-files\nVersion: 1.2.3-1\n")
                .is_none()
        );
    }
}
