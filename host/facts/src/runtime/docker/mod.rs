//! docker with cri-dockerd: `daemon.json`, the flags of dockerd, and the
//! socket on which cri-dockerd speaks CRI (moby daemon/daemon_unix.go,
//! daemon/config/config.go).

mod options;

use nodepol_model::{Location, Part, Unavailable};

use super::flags;
use super::types::Edit;
use crate::document::{Entry, Value, escape_token, json};
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced, Version};

/// The file, if `--config-file` names no other.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/docker/daemon.json";
/// Where cri-dockerd listens if nothing says otherwise.
pub(crate) const CRI_DOCKERD: &str = "/run/cri-dockerd.sock";
/// Where the kubelet's own dockershim listened, up to 1.23.
pub(crate) const DOCKERSHIM: &str = "/run/dockershim.sock";
const OPTION: &str = "native.cgroupdriver";

/// The configuration that dockerd works with.
#[derive(Debug, Clone)]
pub(crate) struct Docker {
    pub(crate) path: String,
    /// From 28 on, it is strict with `exec-opts`, and takes the last driver of
    /// several (`parseExecOptions`); none if its version is not known.
    is_strict: Option<bool>,
    from_file: Option<Sourced<String>>,
    from_flag: Option<Sourced<String>>,
    /// How many `exec-opts` the file has.
    options: usize,
    problems: Vec<Problem>,
    /// What hangs on its version, which is not known.
    undecided: Option<Unavailable>,
}

impl Docker {
    /// Reads `daemon.json` and the flags.
    ///
    /// # Errors
    /// [`Unavailable`] if the file could not be read, or if what dockerd makes of
    /// it hangs on its version, which is not known.
    pub(crate) fn read(
        evidence: &Evidence,
        argv: &[Sourced<String>],
        version: Option<&Version>,
    ) -> Result<Self, Unavailable> {
        let flag = flags::value(argv, &["config-file"]);
        let required = flag.is_some();
        let path = flag.map_or_else(|| DEFAULT_CONFIG.to_owned(), |flag| flag.value);
        let mut docker = Self {
            path: path.clone(),
            is_strict: version.map(|version| version.at_least(28, 0)),
            from_file: None,
            from_flag: None,
            options: 0,
            problems: Vec::new(),
            undecided: None,
        };
        docker.from_flag = docker.driver(flags::values(argv, &["exec-opt"]));
        match evidence.text(&path) {
            Part::Present(text) => docker.file(text, argv, version),
            Part::Absent if required => docker.problem(
                "config-missing",
                format!("--config-file names {path}, which does not exist"),
                Location::source(&path),
            ),
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        }
        if let Some(driver) = docker.said()
            && !matches!(driver.value.as_str(), "systemd" | "cgroupfs")
        {
            let (value, at) = (driver.value.clone(), driver.origin.clone());
            docker.problem(
                "wrong-value",
                format!("cgroup driver \"{value}\" is none of systemd and cgroupfs"),
                at,
            );
        }
        match docker.undecided.take() {
            // What every version refuses is known all the same.
            Some(undecided) if docker.problems.is_empty() => Err(undecided),
            _ => Ok(docker),
        }
    }

    /// `getConflictFreeConfiguration`.
    fn file(&mut self, text: &str, argv: &[Sourced<String>], version: Option<&Version>) {
        // Since 23 a byte order mark is passed over, and an empty file is none.
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let is_lax = text.starts_with('\u{feff}') || trimmed.is_empty();
        let text = match version {
            Some(version) if version.at_least(23, 0) => text.trim_start_matches('\u{feff}'),
            None if is_lax => {
                self.hangs_on_version("a file that is empty or has a byte order mark");
                return;
            }
            _ => text,
        };
        if trimmed.is_empty() && version.is_some_and(|version| version.at_least(23, 0)) {
            return;
        }
        let root = match json::parse(text) {
            Ok(document) => document.root,
            Err(error) => {
                let at = Location::position(&self.path, error.line, error.column);
                self.problem("json-syntax", error.message, at);
                return;
            }
        };
        if !matches!(root.value, Value::Object(_) | Value::Null) {
            let at = Location::position(&self.path, root.line, root.column);
            self.problem("wrong-type", "it is no object".to_owned(), at);
            return;
        }
        self.directives(root.entries(), argv);
        for entry in root.entries() {
            if let Some(wanted) = options::mistyped(&entry.key, &entry.value) {
                let message = format!("{} must be {wanted}", entry.key);
                let at = self.place(entry, &format!("/{}", entry.key));
                self.problem("wrong-type", message, at);
            }
        }
        let Some(list) = root.get("exec-opts") else {
            return;
        };
        self.options = list.items().len();
        let texts = list.items().iter().enumerate().filter_map(|(index, item)| {
            let at = Location::position(&self.path, item.line, item.column)
                .with_pointer(format!("/exec-opts/{index}"));
            Some(Sourced::new(item.as_str()?.to_owned(), at))
        });
        let texts = texts.collect();
        self.from_file = self.driver(texts);
    }

    /// `findConfigurationConflicts`: names that are none, and names that a flag
    /// sets as well.
    fn directives(&mut self, entries: &[Entry], argv: &[Sourced<String>]) {
        let mut found = Vec::new();
        for entry in entries {
            let pointer = format!("/{}", escape_token(&entry.key));
            match &entry.value.value {
                // Its keys count, and not its name.
                Value::Object(inner) if !options::is_flat(&entry.key) => {
                    found.extend(inner.iter().map(|entry| {
                        let pointer = format!("{pointer}/{}", escape_token(&entry.key));
                        (entry.key.as_str(), self.place(entry, &pointer))
                    }));
                }
                _ => found.push((entry.key.as_str(), self.place(entry, &pointer))),
            }
        }
        for (name, at) in &found {
            if !options::is_known(name) {
                self.problems.push(Problem {
                    kind: "unknown-field",
                    message: format!(
                        "the following directives don't match any configuration option: {name}"
                    ),
                    at: at.clone(),
                    fatal: true,
                    nearest: options::nearest(name).map(str::to_owned),
                });
            }
        }
        let set: Vec<&str> = argv
            .iter()
            .skip(1)
            .filter_map(|word| options::set_by(&word.value))
            .collect();
        for (name, at) in found {
            if set.contains(&name) {
                self.problem(
                    "flag-and-file",
                    format!(
                        "the following directives are specified both as a flag and in the \
                         configuration file: {name}; keep one of them"
                    ),
                    at,
                );
            }
        }
    }

    fn place(&self, entry: &Entry, pointer: &str) -> Location {
        Location::position(&self.path, entry.line, entry.column).with_pointer(pointer)
    }

    /// The driver among exec options, and what is wrong with them.
    fn driver(&mut self, options: Vec<Sourced<String>>) -> Option<Sourced<String>> {
        let mut drivers = Vec::new();
        for option in options {
            let parts = option.value.split_once('=');
            let (key, value) = parts.map_or(("", ""), |(key, value)| (key.trim(), value.trim()));
            let is_driver = key.eq_ignore_ascii_case(OPTION);
            if !is_driver || value.is_empty() {
                match self.is_strict {
                    Some(true) => {
                        let message = format!(
                            "invalid exec-opt ({}): dockerd takes {OPTION}=systemd or \
                             {OPTION}=cgroupfs",
                            option.value
                        );
                        self.problem("wrong-value", message, option.origin.clone());
                    }
                    Some(false) => {}
                    None => self.hangs_on_version("an exec-opt that 28 refuses"),
                }
            }
            if is_driver {
                drivers.push(Sourced {
                    value: value.to_owned(),
                    origin: option.origin,
                });
            }
        }
        let differ = drivers
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.value != b.value));
        if differ && self.is_strict.is_none() {
            self.hangs_on_version("more than one cgroup driver");
        }
        let driver = if self.is_strict == Some(true) {
            drivers.pop()
        } else {
            drivers.into_iter().next()
        };
        // An empty one is none.
        driver.filter(|driver| !driver.value.is_empty())
    }

    fn hangs_on_version(&mut self, what: &str) {
        let why = format!(
            "what dockerd makes of {what} ({}) hangs on its version, which is not known",
            self.path
        );
        self.undecided
            .get_or_insert_with(|| Unavailable::new("dockerd --version", why));
    }

    fn problem(&mut self, kind: &'static str, message: String, at: Location) {
        self.problems.push(Problem::fatal(kind, message, at));
    }

    /// What a flag or the file says; none where dockerd decides by itself.
    pub(crate) fn said(&self) -> Option<&Sourced<String>> {
        self.from_flag.as_ref().or(self.from_file.as_ref())
    }

    /// Why dockerd does not start, if it does not.
    ///
    /// # Errors
    /// [`Unavailable`], with the first problem.
    pub(crate) fn starts(&self) -> Result<(), Unavailable> {
        match self.problems.first() {
            Some(problem) => Err(Unavailable::new(&problem.at.source, &problem.message)),
            None => Ok(()),
        }
    }

    /// Where to set the systemd driver.
    ///
    /// # Errors
    /// [`Unavailable`] if a flag decides, for then no file helps.
    pub(crate) fn systemd_driver_edits(&self) -> Result<Vec<Edit>, Unavailable> {
        if let Some(flag) = &self.from_flag {
            if flag.value == "systemd" {
                return Ok(Vec::new());
            }
            return Err(Unavailable::new(
                &flag.origin.source,
                "a flag of dockerd sets the cgroup driver; change it there",
            ));
        }
        let json = format!("\"{OPTION}=systemd\"");
        let edit = |pointer: String, json: String| {
            vec![Edit {
                path: self.path.clone(),
                pointer,
                json,
            }]
        };
        Ok(match &self.from_file {
            Some(said) if said.value == "systemd" => Vec::new(),
            Some(said) => edit(said.origin.pointer.clone().unwrap_or_default(), json),
            None if self.options == 0 => edit("/exec-opts".to_owned(), format!("[{json}]")),
            None => edit(format!("/exec-opts/{}", self.options), json),
        })
    }

    /// What is wrong with its configuration.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Whether cri-dockerd answers RuntimeConfig: from 0.3.17, and from 0.4.0.
pub(crate) fn answers_runtime_config(version: &Version) -> bool {
    version.at_least_patch(0, 3, 17)
}
