//! Which runtimes are installed, by the traces that an installation leaves.

use nodepol_model::{Location, Part};

use super::containerd;
use crate::evidence::Evidence;
use crate::package;
use crate::sourced::{Sourced, Version};

/// Where unit files are, the strongest first.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Where their programs are.
const PROGRAM_DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/local/bin", "/bin", "/opt/bin"];

/// How one runtime is packaged.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// The units that may run it, the likeliest first.
    pub(super) units: &'static [&'static str],
    programs: &'static [&'static str],
    /// The file that it has where no flag names another.
    config: &'static str,
    /// What prints its version.
    version_commands: &'static [&'static str],
    packages: &'static [&'static str],
}

pub(super) const CONTAINERD: Package = Package {
    name: "containerd",
    units: &["containerd.service"],
    programs: &["containerd"],
    config: containerd::DEFAULT_CONFIG,
    version_commands: &["containerd --version"],
    packages: &["containerd.io", "containerd"],
};
pub(super) const CRIO: Package = Package {
    name: "cri-o",
    units: &["crio.service", "cri-o.service"],
    programs: &["crio"],
    config: super::crio::DEFAULT_CONFIG,
    version_commands: &["crio --version"],
    packages: &["cri-o"],
};
pub(super) const DOCKER: Package = Package {
    name: "docker",
    units: &["docker.service", "docker.socket"],
    programs: &["dockerd"],
    config: super::docker::DEFAULT_CONFIG,
    version_commands: &["dockerd --version", "docker --version"],
    packages: &["docker-ce", "docker.io", "moby-engine"],
};
pub(super) const CRI_DOCKERD: Package = Package {
    name: "cri-dockerd",
    units: &["cri-docker.service", "cri-dockerd.service"],
    programs: &["cri-dockerd"],
    config: "",
    version_commands: &["cri-dockerd --version"],
    packages: &["cri-dockerd"],
};

impl Package {
    /// The unit that runs it, if it is installed: a unit file, a drop-in or a
    /// link for its unit, its program, or its package. A configuration file
    /// tells only in a tree that holds no programs at all: on a whole node it
    /// is what a removed package leaves behind.
    pub(super) fn unit(&self, evidence: &Evidence) -> Option<&'static str> {
        let named = self.units.iter().find(|unit| has_unit(evidence, unit));
        if let Some(unit) = named {
            return Some(unit);
        }
        let first = *self.units.first()?;
        let installed = self.has_program(evidence)
            || self
                .packages
                .iter()
                .any(|name| package::installed(evidence, name).is_some())
            || (!self.config.is_empty()
                && exists(evidence, self.config)
                && !evidence.is_live()
                && PROGRAM_DIRECTORIES
                    .iter()
                    .all(|path| !exists(evidence, path)));
        installed.then_some(first)
    }

    fn has_program(&self, evidence: &Evidence) -> bool {
        self.programs.iter().any(|program| {
            PROGRAM_DIRECTORIES.iter().any(|directory| {
                let path = format!("{directory}/{program}");
                evidence.stat_metadata(&path).present().is_some()
            })
        })
    }

    /// The version: printed by the program, or of its package.
    pub(super) fn version(&self, evidence: &Evidence) -> Option<Version> {
        for command in self.version_commands {
            if let Part::Present(output) = evidence.program(command) {
                let version = Version::find(&output.stdout, Location::source(*command));
                if version.is_some() {
                    return version;
                }
            }
        }
        self.packages
            .iter()
            .find_map(|name| package::installed(evidence, name))
            .and_then(|Sourced { value, origin }| Version::parse(&value, origin))
    }
}

/// A unit file, a directory of drop-ins, or a link that enables it, be the file
/// itself part of the tree or not.
fn has_unit(evidence: &Evidence, unit: &str) -> bool {
    UNIT_DIRECTORIES.iter().any(|directory| {
        let masked = matches!(evidence.lstat(&format!("{directory}/{unit}")), Part::Present(file)
            if matches!(&file.node, nodepol_model::snapshot::FileNode::Symlink(to) if to == "/dev/null"));
        let wants = ["multi-user.target", "sockets.target"]
            .map(|target| format!("{directory}/{target}.wants/{unit}"));
        (!masked && exists(evidence, &format!("{directory}/{unit}")))
            || exists(evidence, &format!("{directory}/{unit}.d"))
            || wants.iter().any(|path| exists(evidence, path))
    })
}

fn exists(evidence: &Evidence, path: &str) -> bool {
    evidence.lstat(path).present().is_some()
}
