//! CRI-O: its file, every file of its drop-in directory, environment, flags
//! (`internal/criocli`, `pkg/config` of cri-o).

mod schema;

use std::collections::BTreeMap;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Location, Part, Unavailable};

use super::decode::{self, Names};
use super::flags;
use super::tree::Tree;
use super::types::{Edit, Handler};
use crate::document::toml;
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced, Version};

/// The first file, if no flag names another.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/crio/crio.conf";
const DEFAULT_DROP_INS: &str = "/etc/crio/crio.conf.d";
/// A directory that looks like the drop-in directory and is never read.
const NEVER_READ: &str = "/etc/crio/conf.d";
/// The socket (`CrioSocketPath`), with `/run` for `/var/run`.
pub(crate) const DEFAULT_LISTEN: &str = "/run/crio/crio.sock";
/// The cgroup manager if nothing else is said (since 1.18).
const DEFAULT_DRIVER: &str = "systemd";
const MAX_FILES: usize = 1024;
const MAX_DEPTH: usize = 32;

/// Gives a variable of the environment, by its name.
pub(crate) type Variables<'a> = dyn Fn(&str) -> Result<Option<Sourced<String>>, Unavailable> + 'a;

/// The configuration that CRI-O works with.
#[derive(Debug, Clone)]
pub(crate) struct Crio {
    pub(crate) path: String,
    drop_ins: String,
    settings: BTreeMap<&'static str, Sourced<String>>,
    /// The runtime that is there without a table: crun since 1.31, runc before.
    built_in: &'static str,
    default_runtime: Option<Sourced<String>>,
    handlers: BTreeMap<String, (Option<String>, Location)>,
    listen: Option<Sourced<String>>,
    driver: Sourced<String>,
    problems: Vec<Problem>,
    files: Vec<String>,
}

impl Crio {
    /// Reads the files that argv and environment name. `variable` gives a
    /// variable of the environment.
    ///
    /// # Errors
    /// [`Unavailable`] if a file or directory could not be read, or if whether it
    /// starts hangs on its version, which is not known.
    pub(crate) fn read(
        evidence: &Evidence,
        argv: &[Sourced<String>],
        variable: &Variables<'_>,
        version: Option<&Version>,
    ) -> Result<Self, Unavailable> {
        // An empty variable counts as one that is set (`flagFromEnvOrFile` of
        // urfave/cli).
        let given = |names: &[&str], name: &str| match flags::value(argv, names) {
            Some(flag) => Ok(Some(flag)),
            None => variable(name),
        };
        let built_in = match version {
            Some(version) if !version.at_least(1, 31) => "runc",
            _ => "crun",
        };
        let config = given(&["config", "c"], "CONTAINER_CONFIG")?;
        let drop_ins = given(&["config-dir", "d"], "CONTAINER_CONFIG_DIR")?
            .map_or_else(|| DEFAULT_DROP_INS.to_owned(), |dir| dir.value);
        let path = config
            .as_ref()
            .map_or_else(|| DEFAULT_CONFIG.to_owned(), |config| config.value.clone());
        let mut crio = Self {
            path: path.clone(),
            drop_ins: drop_ins.clone(),
            settings: BTreeMap::new(),
            built_in,
            default_runtime: None,
            handlers: BTreeMap::from([(built_in.to_owned(), (None, Location::source("default")))]),
            listen: None,
            driver: Sourced::new(DEFAULT_DRIVER.to_owned(), Location::source("default")),
            problems: Vec::new(),
            files: Vec::new(),
        };
        // An empty --config switches the first file off.
        if !path.is_empty() && !crio.apply(evidence, &path)? && config.is_some() {
            crio.problem(
                "config-missing",
                format!("--config names {path}, which does not exist: CRI-O does not start"),
                Location::source(&path),
                true,
            );
        }
        let files = if drop_ins.is_empty() {
            Vec::new()
        } else {
            walk(evidence, &drop_ins)?
        };
        for file in files {
            if crio.apply(evidence, &file)? && is_backup(&file) {
                crio.problem(
                    "backup-applied",
                    format!(
                        "CRI-O reads every file of {drop_ins}, whatever its name: what {file} \
                         sets counts, after the file that it is a copy of"
                    ),
                    Location::source(&file),
                    false,
                );
            }
        }
        crio.listen = given(&["listen"], "CONTAINER_LISTEN")?
            .or_else(|| crio.text("listen"))
            .filter(|listen| !listen.value.is_empty());
        if let Some(flag) = given(&["cgroup-manager"], "CONTAINER_CGROUP_MANAGER")? {
            crio.driver = flag;
        } else if let Some(setting) = crio.text("cgroup_manager") {
            crio.driver = setting;
        }
        crio.check(
            evidence,
            given(&["conmon-cgroup"], "CONTAINER_CONMON_CGROUP")?,
        );
        crio.default_runtime = given(&["default-runtime"], "CONTAINER_DEFAULT_RUNTIME")?
            .or_else(|| crio.text("default_runtime"))
            .filter(|name| !name.value.is_empty());
        let mut runtimes = flags::values(argv, &["runtimes"]);
        if runtimes.is_empty() {
            runtimes.extend(variable("CONTAINER_RUNTIMES")?);
        }
        crio.add(&runtimes);
        crio.check_default(version.is_some())?;
        Ok(crio)
    }

    /// Applies a file; false if it does not exist.
    fn apply(&mut self, evidence: &Evidence, path: &str) -> Result<bool, Unavailable> {
        let text = match evidence.text(path) {
            Part::Present(text) => text,
            Part::Absent => return Ok(false),
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        self.files.push(path.to_owned());
        let root = match toml::parse(text) {
            Ok(root) => root,
            Err(error) => {
                self.problem(
                    "toml-syntax",
                    format!("unable to decode configuration {path}: {}", error.message),
                    Location::position(path, error.line, error.column),
                    true,
                );
                return Ok(true);
            }
        };
        let mut tree = Tree::of(&root, path);
        let mistyped = decode::apply(&mut tree, schema::FILE, "", Names::AnyCase);
        if !mistyped.is_empty() {
            for wrong in mistyped {
                self.problem(
                    "wrong-type",
                    format!(
                        "unable to decode configuration {path}: {}: CRI-O does not start",
                        wrong.message
                    ),
                    wrong.at,
                    true,
                );
            }
            return Ok(true);
        }
        for (table, key) in [
            ("api", "listen"),
            ("runtime", "cgroup_manager"),
            ("runtime", "conmon_cgroup"),
            ("runtime", "default_runtime"),
        ] {
            if let Some(setting) = tree.path(&["crio", table, key])
                && let Some(text) = setting.text()
                && !(text.is_empty() && key == "listen")
            {
                let setting = Sourced::new(text.to_owned(), setting.at.clone());
                self.settings.insert(key, setting);
            }
        }
        let runtimes = tree.path(&["crio", "runtime", "runtimes"]);
        for (name, table) in runtimes.into_iter().flat_map(Tree::entries) {
            let kind = table.get("runtime_type").and_then(Tree::text);
            self.handlers
                .insert(name.clone(), (kind.map(str::to_owned), table.at.clone()));
        }
        Ok(true)
    }

    /// `--runtimes`: `name:path:root:type:…`, several of them with commas between.
    fn add(&mut self, runtimes: &[Sourced<String>]) {
        for given in runtimes {
            for runtime in given.value.split(',') {
                let mut fields = runtime.split(':');
                let name = fields.next().unwrap_or_default();
                let kind = fields.nth(2).filter(|kind| !kind.is_empty());
                if !name.is_empty() {
                    let entry = (kind.map(str::to_owned), given.origin.clone());
                    self.handlers.insert(name.to_owned(), entry);
                }
            }
        }
    }

    /// `ValidateDefaultRuntime`.
    fn check_default(&mut self, is_version_known: bool) -> Result<(), Unavailable> {
        let Some(default) = self.default_runtime.clone() else {
            return Ok(());
        };
        let name = default.value.as_str();
        let from_default = |(_, at): &(Option<String>, Location)| at.source == "default";
        let table = self.handlers.get(name);
        if !is_version_known && matches!(name, "runc" | "crun") && table.is_none_or(from_default) {
            return Err(Unavailable::new(
                "crio --version",
                format!(
                    "default_runtime is \"{name}\", and no file has a table of it: whether CRI-O \
                     starts hangs on its version, which is not known"
                ),
            ));
        }
        if table.is_none() {
            self.problem(
                "default-runtime-missing",
                format!(
                    "default_runtime set to \"{name}\", but no runtime entry table \
                     [crio.runtime.runtimes.{name}] was found: CRI-O does not start"
                ),
                default.origin,
                true,
            );
            self.problems.sort();
        }
        Ok(())
    }

    fn text(&self, key: &str) -> Option<Sourced<String>> {
        self.settings.get(key).cloned()
    }

    fn problem(&mut self, kind: &'static str, message: String, at: Location, fatal: bool) {
        self.problems.push(Problem {
            fatal,
            ..Problem::fatal(kind, message, at)
        });
    }

    /// The rules of `SetCgroupManager` and of conmon's group.
    fn check(&mut self, evidence: &Evidence, conmon_flag: Option<Sourced<String>>) {
        let driver = self.driver.clone();
        if !matches!(driver.value.as_str(), "systemd" | "cgroupfs") {
            self.problem(
                "wrong-value",
                format!(
                    "invalid cgroup manager \"{}\": CRI-O does not start",
                    driver.value
                ),
                driver.origin.clone(),
                true,
            );
        }
        let conmon = conmon_flag.or_else(|| self.text("conmon_cgroup"));
        if let Some(conmon) = conmon.filter(|conmon| !conmon.value.is_empty()) {
            let group = conmon.value.as_str();
            if driver.value == "cgroupfs" && !matches!(group, "pod" | "system.slice") {
                self.problem(
                    "conmon-cgroup",
                    format!(
                        "cgroupfs manager conmon cgroup should be 'pod' or empty, but got: \
                         '{group}': CRI-O does not start"
                    ),
                    conmon.origin,
                    true,
                );
            } else if driver.value == "systemd" && group != "pod" && !group.ends_with(".slice") {
                self.problem(
                    "conmon-cgroup",
                    "conmon cgroup should be 'pod' or a systemd slice: CRI-O does not start"
                        .to_owned(),
                    conmon.origin,
                    true,
                );
            }
        }
        if let Part::Present(names) = evidence.names(NEVER_READ)
            && self.drop_ins != NEVER_READ
        {
            for name in names {
                self.problem(
                    "not-imported",
                    format!(
                        "CRI-O never reads {NEVER_READ}; move {name} to {}",
                        self.drop_ins
                    ),
                    Location::source(format!("{NEVER_READ}/{name}")),
                    false,
                );
            }
        }
        self.problems.sort();
    }

    /// The socket that it listens on.
    pub(crate) fn listen(&self) -> Option<&Sourced<String>> {
        self.listen.as_ref()
    }

    /// The effective `cgroup_manager`.
    ///
    /// # Errors
    /// [`Unavailable`] if CRI-O does not start with these files.
    pub(crate) fn cgroup_driver(&self) -> Result<Sourced<String>, Unavailable> {
        match self.problems.iter().find(|problem| problem.fatal) {
            Some(problem) => Err(Unavailable::new(&problem.at.source, &problem.message)),
            None => Ok(self.driver.clone()),
        }
    }

    /// The handlers, sorted; all of them use the one driver.
    ///
    /// # Errors
    /// As for [`Self::cgroup_driver`].
    pub(crate) fn handlers(&self) -> Result<Vec<Handler>, Unavailable> {
        let driver = self.cgroup_driver()?;
        let default = self
            .default_runtime
            .as_ref()
            .map_or(self.built_in, |name| name.value.as_str());
        let handlers = self.handlers.iter().map(|(name, (kind, at))| Handler {
            name: name.clone(),
            kind: Some(kind.clone().unwrap_or_else(|| "oci".to_owned())),
            cgroup_driver: Some(driver.value.clone()),
            is_default: *name == default,
            at: at.clone(),
        });
        Ok(handlers.collect())
    }

    /// Where to set the systemd driver: where the effective value stands, or in
    /// the last drop-in's stead, in one that sorts after every other.
    ///
    /// # Errors
    /// [`Unavailable`] if a flag or variable decides, for then no file helps.
    pub(crate) fn systemd_driver_edits(&self) -> Result<Vec<Edit>, Unavailable> {
        if self.driver.value == "systemd" {
            return Ok(Vec::new());
        }
        let Some(pointer) = &self.driver.origin.pointer else {
            return Err(Unavailable::new(
                &self.driver.origin.source,
                "a flag or variable of the unit sets the cgroup manager, and wins over every \
                 file; change it there",
            ));
        };
        let edit = |path: &str, pointer: &str, json: &str| Edit {
            path: path.to_owned(),
            pointer: pointer.to_owned(),
            json: json.to_owned(),
        };
        let mut edits = vec![edit(&self.driver.origin.source, pointer, "\"systemd\"")];
        if let Some(conmon) = self.text("conmon_cgroup")
            && !conmon.value.is_empty()
            && conmon.value != "pod"
            && !conmon.value.ends_with(".slice")
        {
            edits.push(edit(
                &conmon.origin.source,
                conmon.origin.pointer.as_deref().unwrap_or_default(),
                "\"pod\"",
            ));
        }
        Ok(edits)
    }

    /// The files that were read, in order.
    pub(crate) fn files(&self) -> &[String] {
        &self.files
    }

    /// What is wrong with its files.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// The driver in what `crio config` prints: a setting that has its default is
/// printed as a comment.
pub(crate) fn printed_driver(text: &str, source: &str) -> Option<Sourced<String>> {
    let root = toml::parse(text).ok()?;
    root.at("/crio")?;
    let pointer = "/crio/runtime/cgroup_manager";
    Some(match root.at(pointer) {
        Some(node) => Sourced::new(
            node.as_str()?.to_owned(),
            Location::position(source, node.line, node.column).with_pointer(pointer),
        ),
        None => Sourced::new(DEFAULT_DRIVER.to_owned(), Location::source(source)),
    })
}

/// Whether a driver is that of a file, or of none.
pub(crate) fn is_from_file(origin: &Location) -> bool {
    origin.pointer.is_some() || origin.source == "default"
}

/// Whether a name is one that editors and package managers give to copies.
fn is_backup(path: &str) -> bool {
    const ENDINGS: [&str; 15] = [
        "~",
        ".bak",
        ".backup",
        ".old",
        ".orig",
        ".rpmsave",
        ".rpmnew",
        ".rpmorig",
        ".swp",
        ".save",
        ".dpkg-old",
        ".dpkg-dist",
        ".dpkg-new",
        ".ucf-dist",
        ".ucf-old",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// `filepath.Walk`: every file below, in lexical order of each directory,
/// whatever its name. Links are not entered.
fn walk(evidence: &Evidence, directory: &str) -> Result<Vec<String>, Unavailable> {
    let mut found = Vec::new();
    let mut pending = vec![(directory.to_owned(), 0)];
    while let Some((path, depth)) = pending.pop() {
        if found.len() > MAX_FILES || depth > MAX_DEPTH {
            return Err(Unavailable::new(directory, "it holds too many files"));
        }
        let file = match evidence.lstat(&path) {
            Part::Present(file) => file,
            Part::Absent => continue,
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        match &file.node {
            FileNode::Directory(Part::Present(names)) => pending.extend(
                names
                    .iter()
                    .rev()
                    .map(|name| (format!("{path}/{name}"), depth + 1)),
            ),
            FileNode::Directory(Part::Absent) => {}
            FileNode::Directory(Part::Unreadable(why)) => {
                return Err(Unavailable::new(path, why));
            }
            // A link to a directory is opened as a file, which fails.
            _ => found.push(path),
        }
    }
    Ok(found)
}
