//! docker with cri-dockerd: `daemon.json`, the flags of dockerd, and the
//! socket on which cri-dockerd speaks CRI (moby daemon/daemon_unix.go).

use nodepol_model::{Location, Part, Unavailable};

use super::flags;
use super::types::Edit;
use crate::document::json;
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
    exists: bool,
    from_file: Option<Sourced<String>>,
    from_flag: Option<Sourced<String>>,
    /// How many `exec-opts` the file has.
    options: usize,
    problems: Vec<Problem>,
}

impl Docker {
    /// Reads `daemon.json` and the flags.
    ///
    /// # Errors
    /// [`Unavailable`] if the file could not be read.
    pub(crate) fn read(evidence: &Evidence, argv: &[Sourced<String>]) -> Result<Self, Unavailable> {
        let flag = flags::value(argv, &["config-file"]);
        let required = flag.is_some();
        let path = flag.map_or_else(|| DEFAULT_CONFIG.to_owned(), |flag| flag.value);
        let mut docker = Self {
            path: path.clone(),
            exists: false,
            from_file: None,
            from_flag: flags::values(argv, &["exec-opt"])
                .into_iter()
                .filter_map(driver_option)
                .next_back(),
            options: 0,
            problems: Vec::new(),
        };
        match evidence.text(&path) {
            Part::Present(text) => docker.file(text),
            Part::Absent if required => docker.problem(
                "config-missing",
                format!("--config-file names {path}, which does not exist"),
                Location::source(&path),
            ),
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        }
        if let (Some(file), Some(_)) = (&docker.from_file, &docker.from_flag) {
            let at = file.origin.clone();
            docker.problem(
                "flag-and-file",
                "the following directives are specified both as a flag and in the configuration \
                 file: exec-opts; keep one of them"
                    .to_owned(),
                at,
            );
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
        Ok(docker)
    }

    fn file(&mut self, text: &str) {
        self.exists = true;
        let root = match json::parse(text) {
            Ok(document) => document.root,
            Err(error) => {
                let at = Location::position(&self.path, error.line, error.column);
                self.problem("json-syntax", error.message, at);
                return;
            }
        };
        let Some(options) = root.get("exec-opts") else {
            return;
        };
        self.options = options.items().len();
        for (index, option) in options.items().iter().enumerate() {
            let at = Location::position(&self.path, option.line, option.column)
                .with_pointer(format!("/exec-opts/{index}"));
            let text = option.as_str().map(str::to_owned);
            if let Some(driver) = text.and_then(|text| driver_option(Sourced::new(text, at))) {
                self.from_file = Some(driver);
            }
        }
    }

    fn problem(&mut self, kind: &'static str, message: String, at: Location) {
        self.problems.push(Problem {
            kind,
            message,
            at,
            fatal: true,
            nearest: None,
        });
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

/// The driver, if an `exec-opt` names it.
fn driver_option(option: Sourced<String>) -> Option<Sourced<String>> {
    let (key, value) = option.value.split_once('=')?;
    (key.trim().eq_ignore_ascii_case(OPTION)).then(|| Sourced {
        value: value.trim().to_owned(),
        origin: option.origin,
    })
}

/// Whether cri-dockerd answers RuntimeConfig: from 0.3.17, and from 0.4.0.
pub(crate) fn answers_runtime_config(version: &Version) -> bool {
    version.at_least_patch(0, 3, 17)
}
