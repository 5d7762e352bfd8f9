//! What the package manager of a tree says is installed.

use nodepol_model::Location;

use crate::evidence::Evidence;
use crate::sourced::{Sourced, Version};

/// The package database of Debian.
const STATUS: &str = "/var/lib/dpkg/status";

/// The version of a Debian package without its epoch, if dpkg has it
/// installed; a package of which only the configuration is left is not.
pub(crate) fn installed(evidence: &Evidence, package: &str) -> Option<Sourced<String>> {
    let text = evidence.text(STATUS);
    let (line, version) = find(text.present()?, package)?;
    let at = Location::line(STATUS, line);
    Some(Sourced::new(version.to_owned(), at))
}

/// The version of what a Debian package has in it: that of [`installed`] without
/// the package's own revision.
pub(crate) fn version(evidence: &Evidence, package: &str) -> Option<Version> {
    let Sourced { value, origin } = installed(evidence, package)?;
    Version::parse(upstream(&value), origin)
}

/// 1.36.2 of `1.36.2-1.1` (deb-version(7)).
fn upstream(version: &str) -> &str {
    version.rsplit_once('-').map_or(version, |(text, _)| text)
}

/// The line and the version of an installed package in dpkg's status file
/// (deb-control(5)). A package of several architectures has several paragraphs.
fn find<'a>(status: &'a str, package: &str) -> Option<(u32, &'a str)> {
    // There are thousands of lines, and few are of this package.
    let field = format!("Package: {package}");
    status.match_indices(&field).find_map(|(at, _)| {
        let (before, paragraph) = status.split_at_checked(at)?;
        let mut lines = paragraph.lines().take_while(|line| !line.is_empty());
        let name = lines.next()?.strip_prefix("Package: ")?;
        if name.trim() != package || !(before.is_empty() || before.ends_with('\n')) {
            return None;
        }
        let mut is_installed = false;
        for (below, text) in (1..).zip(lines) {
            if let Some(status) = text.strip_prefix("Status: ") {
                is_installed = status.trim().ends_with(" installed");
            } else if let Some(version) = text.strip_prefix("Version: ").filter(|_| is_installed) {
                let line = u32::try_from(before.matches('\n').count()).ok()? + 1 + below;
                let version = version.trim();
                return Some((
                    line,
                    version.split_once(':').map_or(version, |(_, rest)| rest),
                ));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_has_installed() {
        let status = "Package: kubectl\nStatus: install ok installed\nVersion: 1.35.0-1.1\n\n\
            Package: kubelet\nStatus: hold ok installed\nVersion: 1:1.36.2-1.1\n";
        assert_eq!(find(status, "kubelet"), Some((7, "1.36.2-1.1")));
        assert_eq!(find(status, "kube"), None);
        let field = "Package: a\nStatus: install ok installed\nX: Package: kubelet\n\n";
        assert_eq!(
            find(&(field.to_owned() + status), "kubelet"),
            Some((11, "1.36.2-1.1"))
        );
        assert_eq!(upstream("1.36.2-1.1"), "1.36.2");
        let removed = "Package: kubelet\nStatus: deinstall ok config-files\nVersion: 1.2.3-1\n";
        assert_eq!(find(removed, "kubelet"), None);
        let again = format!("{removed}\n{status}");
        assert_eq!(find(&again, "kubelet"), Some((11, "1.36.2-1.1")));
    }
}
