//! The mode that systemd chooses at boot (`cg_is_unified_wanted` of
//! src/shared/cgroup-setup.c; the NEWS of 256 and 258).

use nodepol_model::{Horizon, Part, Unavailable};

use super::Mode;
use crate::evidence::Evidence;
use crate::node::{Node, OsRelease};
use crate::package;
use crate::sourced::Sourced;

const UNIFIED: &str = "systemd.unified_cgroup_hierarchy";
const LEGACY: &str = "systemd.legacy_systemd_cgroup_controller";
/// Without it, 256 and 257 do not boot with v1.
const FORCE: &str = "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE";

pub(super) fn mode(
    evidence: &Evidence,
    node: &Node,
    mounted: impl Fn() -> Result<Mode, Unavailable>,
) -> Result<Mode, Unavailable> {
    let version = systemd_version(evidence);
    if version.is_some_and(|version| version >= 258) {
        return Ok(Mode::V2);
    }
    let line = match node.command_line(Horizon::NextBoot) {
        Ok(line) => line,
        // Nothing in sight changes what runs.
        Err(_) if evidence.is_live() => return mounted(),
        Err(unavailable) => return Err(unavailable),
    };
    if let Some(wanted) = wanted(&line) {
        let forced = boolean(&line, FORCE) == Some(true);
        return match version {
            _ if wanted == Mode::V2 => Ok(Mode::V2),
            Some(256..) if !forced => Ok(Mode::V2),
            Some(_) => Ok(wanted),
            // Before 256 it is as the line says; afterwards it takes the force.
            None if forced => Ok(wanted),
            None => Err(Unavailable::new(
                "systemd",
                "whether it still honours a command line that asks for cgroup v1 hangs on its \
                 version, which is not known",
            )),
        };
    }
    if evidence.is_live() {
        let running = node.command_line(Horizon::Now)?;
        if wanted(&running).is_none() {
            return mounted();
        }
    }
    if version.is_some_and(|version| version >= 256) {
        return Ok(Mode::V2);
    }
    default_of(node.os()?.as_ref()).ok_or_else(|| {
        Unavailable::new(
            "/etc/os-release",
            "the default cgroup mode of this distribution is not known here",
        )
    })
}

/// The mode that a command line asks for.
fn wanted(line: &[Sourced<String>]) -> Option<Mode> {
    match boolean(line, UNIFIED) {
        Some(true) => Some(Mode::V2),
        Some(false) => Some(match boolean(line, LEGACY) {
            Some(true) => Mode::V1,
            Some(false) | None => Mode::Hybrid,
        }),
        None => line
            .iter()
            .any(|word| word.value == "cgroup_no_v1=all")
            .then_some(Mode::V2),
    }
}

/// The last assignment of a truth value; bare, it is true.
fn boolean(line: &[Sourced<String>], key: &str) -> Option<bool> {
    line.iter().rev().find_map(|word| {
        // `_` and `-` are the same there.
        let (name, value) = word.value.split_once('=').unwrap_or((&word.value, "1"));
        if name.replace('-', "_") != key.replace('-', "_") {
            return None;
        }
        match value.to_ascii_lowercase().as_str() {
            "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
            "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
            _ => None,
        }
    })
}

/// The major version: of the manager that runs, else of its library or package.
fn systemd_version(evidence: &Evidence) -> Option<u32> {
    if let Some(version) = evidence.manager("Version").and_then(|v| v.as_str()) {
        return leading_number(version);
    }
    for directory in ["/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd"] {
        if let Part::Present(names) = evidence.names(directory) {
            let version = names
                .iter()
                .filter_map(|name| name.strip_prefix("libsystemd-shared-"))
                .find_map(leading_number);
            if version.is_some() {
                return version;
            }
        }
    }
    leading_number(&package::installed(evidence, "systemd")?.value)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// The mode that a distribution boots with by itself, as far as it is certain.
fn default_of(os: Option<&OsRelease>) -> Option<Mode> {
    let os = os?;
    let first_unified = match os.id.as_str() {
        "debian" => 11,
        "ubuntu" => 22,
        "fedora" => 31,
        "rhel" | "centos" | "rocky" | "almalinux" | "ol" => 9,
        "amzn" => 2023,
        _ => return None,
    };
    (os.major()? >= first_unified).then_some(Mode::V2)
}

#[cfg(test)]
mod tests {
    use nodepol_model::Location;

    use super::*;

    fn line(words: &str) -> Vec<Sourced<String>> {
        let words = words.split_whitespace();
        words
            .map(|word| Sourced::new(word.to_owned(), Location::source("/proc/cmdline")))
            .collect()
    }

    #[test]
    fn what_a_command_line_asks_for() {
        assert_eq!(wanted(&line("ro quiet")), None);
        assert_eq!(
            wanted(&line("systemd.unified_cgroup_hierarchy")),
            Some(Mode::V2)
        );
        assert_eq!(
            wanted(&line("systemd.unified_cgroup_hierarchy=no")),
            Some(Mode::Hybrid)
        );
        assert_eq!(
            wanted(&line(
                "systemd.unified-cgroup-hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
            )),
            Some(Mode::V1)
        );
        assert_eq!(wanted(&line("cgroup_no_v1=all")), Some(Mode::V2));
    }
}
