//! Control groups: the mode now and after a boot, controllers, groups, and the
//! disk behind a path (io.latency is set on whole disks).

mod boot;
mod disk;
mod mode;

use std::sync::Arc;

use nodepol_model::{Horizon, Part, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

pub use mode::Mode;

use crate::evidence::Evidence;
use crate::node::Node;
use crate::sourced::Sourced;

/// Where the hierarchies are mounted.
const ROOT: &str = "/sys/fs/cgroup";
/// `CGROUP2_SUPER_MAGIC` of linux/magic.h.
const CGROUP2: u64 = 0x6367_7270;
/// `TMPFS_MAGIC`.
const TMPFS: u64 = 0x0102_1994;

/// Facts about control groups (`wit/cgroups.wit`).
#[derive(Debug)]
pub struct Cgroups {
    evidence: Arc<Evidence>,
    node: Arc<Node>,
}

/// What `nodepol facts` prints of the control groups.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The mode in use.
    pub mode: Option<Mode>,
    /// The mode after the next boot.
    pub mode_at_next_boot: Option<Mode>,
    /// The controllers of the root group.
    pub controllers: Option<Vec<String>>,
}

impl Cgroups {
    /// Facts from `evidence`.
    pub fn new(evidence: Arc<Evidence>, node: Arc<Node>) -> Self {
        Self { evidence, node }
    }

    /// The mode in use, or the one that the configured kernel command line and
    /// the systemd that is installed give. A live node for which no boot loader
    /// is configured in sight keeps its mode.
    ///
    /// # Errors
    /// [`Unavailable`] if the evidence does not determine it.
    pub fn get_mode(&self, at: Horizon) -> Result<Mode, Unavailable> {
        match at {
            Horizon::Now => self.mounted(),
            Horizon::NextBoot => boot::mode(&self.evidence, &self.node, || self.mounted()),
        }
    }

    fn mounted(&self) -> Result<Mode, Unavailable> {
        let magic = |path| match self.evidence.filesystem(path) {
            Part::Present(filesystem) => {
                let hex = filesystem.magic.trim_start_matches("0x");
                u64::from_str_radix(hex, 16).ok()
            }
            Part::Absent | Part::Unreadable(_) => None,
        };
        match magic(ROOT) {
            Some(CGROUP2) => return Ok(Mode::V2),
            Some(TMPFS) if magic("/sys/fs/cgroup/unified") == Some(CGROUP2) => {
                return Ok(Mode::Hybrid);
            }
            _ => {}
        }
        let mounts = disk::mounts(&self.evidence)?;
        let at = |path: &str| mounts.iter().rev().find(|mount| mount.point == path);
        match at(ROOT).map(|mount| mount.filesystem.as_str()) {
            Some("cgroup2") => Ok(Mode::V2),
            Some(_) if at("/sys/fs/cgroup/unified").is_some_and(|m| m.filesystem == "cgroup2") => {
                Ok(Mode::Hybrid)
            }
            Some(_) if mounts.iter().any(|mount| mount.filesystem == "cgroup") => Ok(Mode::V1),
            _ => Err(Unavailable::new(
                ROOT,
                "no control groups are mounted there",
            )),
        }
    }

    /// The controllers that the root group has, sorted.
    ///
    /// # Errors
    /// [`Unavailable`] if the kernel does not say.
    pub fn controllers(&self) -> Result<Vec<String>, Unavailable> {
        let path = "/sys/fs/cgroup/cgroup.controllers";
        let mut found: Vec<String> = match self.evidence.text(path) {
            Part::Present(text) => text.split_whitespace().map(str::to_owned).collect(),
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
            Part::Absent => {
                let path = "/proc/cgroups";
                let text = self.evidence.text(path).known(path)?.copied();
                let text = text.ok_or_else(|| Unavailable::new(path, "no kernel says it"))?;
                // name, hierarchy, groups, enabled
                text.lines()
                    .filter(|line| !line.starts_with('#'))
                    .map(|line| line.split_whitespace().collect::<Vec<_>>())
                    .filter(|row| row.get(3) == Some(&"1"))
                    .filter_map(|row| row.first().map(|name| (*name).to_owned()))
                    .collect()
            }
        };
        found.sort();
        Ok(found)
    }

    /// A file of a group, such as `/system.slice` and `io.latency`; none if it
    /// does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read, or is no file of a group.
    pub fn file(&self, group: &str, name: &str) -> Result<Option<String>, Unavailable> {
        let path = format!("{ROOT}/{}/{name}", group.trim_matches('/')).replace("//", "/");
        if name.contains('/') || path.split('/').any(|part| part == "..") {
            return Err(Unavailable::new(path, "it is no file of a control group"));
        }
        let text = self.evidence.text(&path);
        Ok(text.known(&path)?.map(|text| (*text).to_owned()))
    }

    /// The whole disk (`MAJOR:MINOR` and name) behind a path.
    ///
    /// # Errors
    /// [`Unavailable`] where several or none can be told.
    pub fn disk_of(&self, path: &str) -> Result<Sourced<String>, Unavailable> {
        disk::of(&self.evidence, path)
    }

    /// What `nodepol facts` prints.
    pub fn summary(&self) -> Summary {
        Summary {
            mode: self.get_mode(Horizon::Now).ok(),
            mode_at_next_boot: self.get_mode(Horizon::NextBoot).ok(),
            controllers: self.controllers().ok(),
        }
    }
}
