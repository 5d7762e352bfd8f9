//! Kernel modules: what is loaded, and what loads one at the next boot.
//!
//! Source: `man modules-load.d`, `man systemd-modules-load.service`
//! (`modules_load=`), `man modprobe` (`-` and `_` are the same in a name);
//! `modules.builtin` in `Documentation/kbuild/kbuild.rst` of Linux.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Horizon, Location, Part, Unavailable};

use crate::evidence::Evidence;
use crate::node::Node;
use crate::sourced::Sourced;
use crate::systemd::Units;

/// The strongest first, as sysctl.d has them; /run does not outlive a reboot.
const DIRECTORIES: [&str; 4] = [
    "/etc/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
];

/// Facts about kernel modules.
#[derive(Debug)]
pub struct KernelModules {
    evidence: Arc<Evidence>,
    units: Arc<Units>,
    node: Arc<Node>,
}

impl KernelModules {
    /// Facts from `evidence`.
    pub fn new(evidence: Arc<Evidence>, units: Arc<Units>, node: Arc<Node>) -> Self {
        Self {
            evidence,
            units,
            node,
        }
    }

    /// How the kernel has a module: `built-in`; now also `loaded`; at the next
    /// boot also `configured`, by modules-load.d(5), the kernel's command line or
    /// a `modprobe` of a unit that the boot starts. None if it has it not, or if
    /// nothing loads it.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that tells could not be read.
    pub fn module(&self, at: Horizon, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let name = name.replace('-', "_");
        let found = match at {
            Horizon::Now => self.loaded(&name)?,
            Horizon::NextBoot => self.configured(&name)?,
        };
        match found {
            Some(found) => Ok(Some(found)),
            None => self.built_in(&name),
        }
    }

    fn loaded(&self, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let path = "/proc/modules";
        match self.evidence.text(path) {
            Part::Present(text) => Ok((1..).zip(text.lines()).find_map(|(number, line)| {
                (line.split(' ').next() == Some(name))
                    .then(|| Sourced::new("loaded".to_owned(), Location::line(path, number)))
            })),
            // A kernel without loadable modules has no such file.
            Part::Absent if self.evidence.is_live() => Ok(None),
            Part::Absent => Err(Unavailable::new(path, "no kernel runs from this tree")),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }

    /// By the list of the kernel that runs, or of every kernel that is installed.
    fn built_in(&self, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let kernels = match self.node.kernel_release()? {
            Some(release) => vec![release],
            None => match self.evidence.names("/lib/modules") {
                Part::Present(names) => names.to_vec(),
                Part::Absent => Vec::new(),
                Part::Unreadable(why) => return Err(Unavailable::new("/lib/modules", why)),
            },
        };
        let mut found = None;
        for kernel in kernels {
            let path = format!("/lib/modules/{kernel}/modules.builtin");
            let Some(text) = self.evidence.text(&path).known(&path)?.copied() else {
                continue;
            };
            let line = (1..).zip(text.lines()).find(|(_, line)| {
                let base = line.rsplit('/').next().unwrap_or(line);
                base.trim_end().trim_end_matches(".ko").replace('-', "_") == name
            });
            match line {
                Some((number, _)) => {
                    let at = Location::line(path, number);
                    found = Some(Sourced::new("built-in".to_owned(), at));
                }
                None => return Ok(None),
            }
        }
        Ok(found)
    }

    fn configured(&self, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let configured = |at: Location| Ok(Some(Sourced::new("configured".to_owned(), at)));
        for path in self.lists()?.into_values() {
            let is_mask = matches!(self.evidence.lstat(&path), Part::Present(file)
                if matches!(&file.node, FileNode::Symlink(target) if target == "/dev/null"));
            if is_mask {
                continue;
            }
            let Some(text) = self.evidence.text(&path).known(&path)?.copied() else {
                continue;
            };
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.trim();
                if !line.starts_with(['#', ';']) && line.replace('-', "_") == name {
                    return configured(Location::line(path, number));
                }
            }
        }
        let words = self
            .node
            .command_line(Horizon::NextBoot)
            .unwrap_or_default();
        for word in words {
            let list = ["modules_load=", "modules-load="]
                .iter()
                .find_map(|key| word.value.strip_prefix(key));
            if list.is_some_and(|list| list.split(',').any(|one| one.replace('-', "_") == name)) {
                return configured(word.origin);
            }
        }
        match self.by_unit(name)? {
            Some(at) => configured(at),
            None => Ok(None),
        }
    }

    /// The files that count, by name: of several directories the first wins.
    fn lists(&self) -> Result<BTreeMap<String, String>, Unavailable> {
        let mut lists = BTreeMap::new();
        for directory in DIRECTORIES {
            match self.evidence.names(directory) {
                Part::Present(names) => {
                    for name in names.iter().filter(|name| name.ends_with(".conf")) {
                        lists
                            .entry(name.clone())
                            .or_insert_with(|| format!("{directory}/{name}"));
                    }
                }
                Part::Absent => {}
                Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
            }
        }
        Ok(lists)
    }

    /// A `modprobe` of a service that the boot starts: containerd has one, and
    /// `modprobe@NAME.service` is one.
    fn by_unit(&self, name: &str) -> Result<Option<Location>, Unavailable> {
        for unit in self.units.started_at_boot()? {
            if !unit.ends_with(".service") {
                continue;
            }
            for key in ["ExecStartPre", "ExecStart"] {
                // A command that cannot be told is none that is known to load it.
                let commands = self.units.commands(Horizon::NextBoot, &unit, key);
                for command in commands.unwrap_or_default() {
                    let program = command.path.rsplit('/').next().unwrap_or_default();
                    // A shell's line may well hold one.
                    let mut words = command
                        .argv
                        .iter()
                        .flat_map(|word| word.split([' ', ';', '&', '\n']));
                    let runs = program == "modprobe"
                        || command.argv.iter().any(|word| word.contains("modprobe "));
                    if runs && words.any(|word| word.replace('-', "_") == name) {
                        return Ok(Some(command.at));
                    }
                }
            }
        }
        Ok(None)
    }
}
