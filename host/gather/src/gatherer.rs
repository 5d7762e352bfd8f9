//! The order in which a node is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nodepol_model::cri::Cri;
use nodepol_model::snapshot::{Content, File, FileNode, ProgramOutput, Source, Systemd};
use nodepol_model::{Part, Snapshot, Want};
use serde_json::Value;

use crate::base::{self, Program};
use crate::files::{Depth, Reader};
use crate::options::Options;
use crate::root::Root;
use crate::systemd::Manager;
use crate::{cri, journal, metadata, programs, redact};

/// A source that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory of a tree is not there, is no directory, or is closed.
    #[error(
        "{path}: cannot be the root of a node: {reason}; name a directory that holds its files"
    )]
    Root {
        /// The directory that was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads one node into a snapshot.
pub struct Gatherer {
    reader: Reader,
    options: Options,
    manager: Option<Manager>,
}

impl Gatherer {
    /// A gatherer of the machine that this runs on.
    ///
    /// # Errors
    /// [`Error::Root`] if `/` itself cannot be opened.
    pub fn live(options: Options) -> Result<Self, Error> {
        Self::new(Root::live(), Path::new("/"), options)
    }

    /// A gatherer of the files below `root`: a mounted image, the disk of a dead
    /// node, a test's tree. Nothing outside of it is read, nothing is run.
    ///
    /// # Errors
    /// [`Error::Root`] if `root` is no directory that can be opened.
    pub fn tree(root: &Path, options: Options) -> Result<Self, Error> {
        Self::new(Root::tree(root), root, options)
    }

    fn new(
        root: Result<Root, rustix::io::Errno>,
        path: &Path,
        options: Options,
    ) -> Result<Self, Error> {
        let root = root.map_err(|errno| Error::Root {
            path: path.to_owned(),
            reason: metadata::refusal(errno),
        })?;
        Ok(Self {
            reader: Reader::new(root, options.limits.clone()),
            options,
            manager: None,
        })
    }

    /// Reads what every snapshot holds, as taken at `taken_at`.
    pub fn start(&mut self, taken_at: Timestamp) -> Snapshot {
        let live = self.reader.root().is_live();
        let source = if live { Source::Live } else { Source::Tree };
        let mut snapshot = Snapshot::empty(source, taken_at);
        let of_trees = base::OF_TREES.iter().filter(|_| !live);
        for (path, depth) in base::PATHS.iter().chain(of_trees) {
            self.reader.read(&mut snapshot.files, path, *depth);
        }
        for directory in base::UNIT_DIRECTORIES {
            self.read_units(&mut snapshot.files, directory);
        }
        for path in base::FILESYSTEMS {
            let filesystem = self.reader.filesystem(path);
            snapshot.filesystems.insert((*path).to_owned(), filesystem);
        }
        if !live {
            snapshot.systemd = Part::Absent;
            snapshot.journal = journal::of_tree(self.reader.root(), &self.options);
            return snapshot;
        }
        snapshot.systemd = self.ask_systemd(&snapshot.files);
        let services = snapshot.systemd.present();
        let processes: Vec<u64> = services.map(main_processes).unwrap_or_default();
        for process in processes {
            for name in ["cmdline", "cgroup", "stat"] {
                let path = format!("/proc/{process}/{name}");
                self.reader.read(&mut snapshot.files, &path, Depth::Content);
            }
        }
        let boot = text(&snapshot.files, "/proc/sys/kernel/random/boot_id");
        snapshot.journal = journal::of_machine(boot, &self.options);
        for url in base::CRI_SOCKETS {
            let answers = self.ask_cri(url, snapshot.systemd.present());
            snapshot.cri.insert((*url).to_owned(), answers);
        }
        if self.options.run_programs {
            for program in base::PROGRAMS {
                let output = self.ask_program(program, snapshot.systemd.present());
                snapshot.programs.insert(program.key.to_owned(), output);
            }
        }
        snapshot
    }

    /// Adds to `snapshot` what `wants` name and what it does not hold. What it
    /// holds is never read again. Returns whether anything was added; if not,
    /// asking again is of no use.
    pub fn extend(&mut self, snapshot: &mut Snapshot, wants: &BTreeSet<Want>) -> bool {
        let mut added = false;
        let mut units = BTreeSet::new();
        for want in wants {
            match want {
                Want::Path(path) => {
                    added |= self.reader.read(&mut snapshot.files, path, Depth::Content);
                }
                Want::Metadata(path) => {
                    added |= self.reader.read(&mut snapshot.files, path, Depth::Metadata);
                }
                Want::Filesystem(path) => {
                    if !snapshot.filesystems.contains_key(path) {
                        let filesystem = self.reader.filesystem(path);
                        snapshot.filesystems.insert(path.clone(), filesystem);
                        added = true;
                    }
                }
                Want::Unit(name) => {
                    units.insert(name.clone());
                }
                Want::Cri(url) => {
                    if !snapshot.cri.contains_key(url) {
                        let answers = self.ask_cri(url, snapshot.systemd.present());
                        snapshot.cri.insert(url.clone(), answers);
                        added = true;
                    }
                }
            }
        }
        if let Part::Present(systemd) = &mut snapshot.systemd {
            units.retain(|name| !systemd.units.contains_key(name));
            if !units.is_empty() {
                added = true;
                self.ask_units(systemd, units);
            }
        }
        added
    }

    /// Runs `work` on every thread that this has started: that of the connection
    /// to D-Bus, if there is one. What drops rights has to be done on each thread.
    /// Whether no thread is left on which it was not done.
    pub fn run_on_threads(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.manager
            .as_ref()
            .is_none_or(|bus| bus.run_on_thread(work))
    }

    fn ask_units(&self, systemd: &mut Systemd, units: BTreeSet<String>) {
        let mut answers = Systemd::default();
        if let Some(manager) = &self.manager {
            answers = manager.read(&units);
            redact_systemd(&mut answers);
        }
        for name in units {
            let answer = answers.units.remove(&name).unwrap_or_else(|| {
                Part::Unreadable("systemd was not asked: take a snapshot of the live node".into())
            });
            systemd.units.insert(name, answer);
        }
    }

    fn ask_systemd(&mut self, files: &Files) -> Part<Systemd> {
        let address = self.options.dbus_address.as_deref();
        match Manager::connect(address, self.options.deadline, redacted) {
            Ok(manager) => {
                let units = base::UNITS.iter().map(|name| (*name).to_owned()).collect();
                let mut systemd = manager.read(&units);
                redact_systemd(&mut systemd);
                self.manager = Some(manager);
                Part::Present(systemd)
            }
            // sd_booted(3): without this directory systemd is not the init system.
            Err(_) if address.is_none() && is_absent(files, "/run/systemd/system") => Part::Absent,
            Err(unavailable) => Part::Unreadable(unavailable.reason),
        }
    }

    /// Lists a directory of units, with what only its entries tell: links,
    /// which enable, mask and alias, and directories of drop-ins and links.
    fn read_units(&mut self, files: &mut Files, directory: &str) {
        self.reader.read(files, directory, Depth::Content);
        for name in names(files, directory) {
            let path = format!("{directory}/{name}");
            if name.ends_with(".d") {
                self.reader.read(files, &path, Depth::Tree);
            } else if [".wants", ".requires", ".upholds"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                self.reader.read(files, &path, Depth::Content);
                for link in names(files, &path) {
                    self.reader.read_link(files, &format!("{path}/{link}"));
                }
            } else {
                self.reader.read(files, &path, Depth::Content);
            }
        }
    }

    /// Asks the runtime behind a socket, unless that would start it.
    fn ask_cri(&self, url: &str, systemd: Option<&Systemd>) -> Part<Cri> {
        if !self.reader.root().is_live() {
            return Part::Unreadable("in a tree nothing runs that could be asked".to_owned());
        }
        let service = base::STARTED_BY_SOCKET
            .iter()
            .find(|(socket, _)| *socket == url)
            .map(|(_, service)| *service);
        if let Some(service) = service
            && !runs(systemd, service)
        {
            return Part::Unreadable(format!(
                "{service} does not run, and to ask it would start it"
            ));
        }
        cri::ask(url, self.options.program_deadline)
    }

    fn ask_program(&self, program: &Program, systemd: Option<&Systemd>) -> Part<ProgramOutput> {
        let command = systemd.and_then(|systemd| exec_start(systemd, program.service));
        let command = command.filter(|(path, _)| file_name(path) == Some(program.name));
        let (path, argv) = match (self.options.programs.get(program.name), command) {
            (Some(path), _) => (path.clone(), Vec::new()),
            (None, Some((path, argv))) => (path, argv),
            (None, None) => {
                let mut candidates = self
                    .options
                    .program_directories
                    .iter()
                    .map(|directory| format!("{directory}/{}", program.name));
                match candidates.find(|path| Path::new(path).is_file()) {
                    Some(path) => (path, Vec::new()),
                    None => return Part::Absent,
                }
            }
        };
        if program.asks_service && !runs(systemd, program.service) {
            return Part::Unreadable(format!("{} does not run", program.service));
        }
        let mut arguments = Vec::new();
        if program.with_config {
            arguments.extend(config_flag(&argv));
        }
        arguments.extend(program.arguments.iter().map(|word| (*word).to_owned()));
        programs::run(&path, &arguments, &self.options)
    }
}

type Files = BTreeMap<String, Part<File>>;

/// Takes out what a property's name says is secret (`SetCredential`); its value
/// alone was looked at when it was read.
fn redact_systemd(systemd: &mut Systemd) {
    let units = systemd.units.values_mut().filter_map(|unit| match unit {
        Part::Present(unit) => Some(&mut unit.properties),
        Part::Absent | Part::Unreadable(_) => None,
    });
    for properties in units.chain([&mut systemd.manager]) {
        let mut object = Value::Object(std::mem::take(properties).into_iter().collect());
        redact::json(&mut object);
        if let Value::Object(fields) = object {
            *properties = fields.into_iter().collect();
        }
    }
}

fn is_absent(files: &Files, path: &str) -> bool {
    matches!(files.get(path), Some(Part::Absent))
}

/// The names in a directory that was read under this very path. One that is
/// reached through a link (`/lib` on a merged `/usr`) is read under its own.
fn names(files: &Files, path: &str) -> Vec<String> {
    match files.get(path) {
        Some(Part::Present(File {
            node: FileNode::Directory(Part::Present(names)),
            ..
        })) => names.clone(),
        _ => Vec::new(),
    }
}

fn text<'a>(files: &'a Files, path: &str) -> Option<&'a str> {
    match files.get(path) {
        Some(Part::Present(File {
            node: FileNode::Regular(Content::Text(text)),
            ..
        })) => Some(text),
        _ => None,
    }
}

fn file_name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}

/// Whether systemd says that a service runs.
fn runs(systemd: Option<&Systemd>, service: &str) -> bool {
    let unit = systemd.and_then(|systemd| systemd.units.get(service)?.present());
    unit.and_then(|unit| unit.properties.get("ActiveState")?.as_str()) == Some("active")
}

/// The processes of the services that run, from their `MainPID`.
fn main_processes(systemd: &Systemd) -> Vec<u64> {
    let units = systemd.units.values().filter_map(Part::present);
    let processes = units.filter_map(|unit| unit.properties.get("MainPID")?.as_u64());
    processes.filter(|process| *process != 0).collect()
}

/// The first command of a service: its file and its argv. `ExecStart` is
/// `a(sasbttttuii)`.
fn exec_start(systemd: &Systemd, service: &str) -> Option<(String, Vec<String>)> {
    let unit = systemd.units.get(service)?.present()?;
    let command = unit.properties.get("ExecStart")?.get(0)?;
    let path = command.get(0)?.as_str()?.to_owned();
    let argv = command.get(1)?.as_array()?;
    let argv = argv
        .iter()
        .filter_map(|word| word.as_str().map(str::to_owned));
    Some((path, argv.collect()))
}

/// `--config FILE` of an argv of containerd, if it has it. A variable in it
/// is not expanded here, so it is not passed on.
fn config_flag(argv: &[String]) -> Vec<String> {
    let mut words = argv.iter();
    let mut file = None;
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        match name {
            Some("config" | "c") => file = words.next().cloned(),
            Some(name) => {
                if let Some(value) = name.strip_prefix("config=").or(name.strip_prefix("c=")) {
                    file = Some(value.to_owned());
                }
            }
            None => {}
        }
    }
    let file = file.filter(|file| file.starts_with('/') && !file.contains('$'));
    file.map(|file| vec!["--config".to_owned(), file])
        .unwrap_or_default()
}

/// The value of a property, without its secrets.
fn redacted(mut value: serde_json::Value) -> serde_json::Value {
    crate::redact::json(&mut value);
    value
}
