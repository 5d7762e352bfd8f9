//! What the package manager of a tree says is installed.

use nodepol_model::Location;

use crate::evidence::Evidence;
use crate::sourced::Sourced;

const STATUS: &str = "/var/lib/dpkg/status";

/// The version of a Debian package without its epoch, if dpkg has it
/// installed; a package of which only the configuration is left is not.
pub(crate) fn installed(evidence: &Evidence, package: &str) -> Option<Sourced<String>> {
    let text = evidence.text(STATUS);
    let text = text.present()?;
    let (mut here, mut is_installed) = (false, false);
    for (line, text) in (1..).zip(text.lines()) {
        if text.is_empty() {
            here = false;
        } else if let Some(name) = text.strip_prefix("Package: ") {
            (here, is_installed) = (name.trim() == package, false);
        } else if !here {
            continue;
        } else if let Some(status) = text.strip_prefix("Status: ") {
            is_installed = status.trim().ends_with(" installed");
        } else if let Some(version) = text.strip_prefix("Version: ").filter(|_| is_installed) {
            let version = version.trim();
            let version = version.split_once(':').map_or(version, |(_, rest)| rest);
            return Some(Sourced::new(
                version.to_owned(),
                Location::line(STATUS, line),
            ));
        }
    }
    None
}
