//! One runtime that was found: what its configuration comes to.

use jiff::Timestamp;
use nodepol_model::{Location, Part, Unavailable};

use super::containerd::{self, Containerd};
use super::crio::{self, Crio};
use super::docker::{self, Docker};
use super::endpoint;
use super::installed::CRIO;
use super::live::Running;
use super::types::{Edit, Handler, Runtime};
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced, Version};

/// One runtime.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: &'static str,
    pub(super) unit: String,
    pub(super) version: Option<Version>,
    pub(super) config_path: String,
    pub(super) configuration: Result<Configuration, Unavailable>,
    /// A socket that a flag names, or that is built in.
    pub(super) address: Option<Sourced<String>>,
    /// docker without cri-dockerd speaks no CRI.
    pub(super) speaks_cri: bool,
    pub(super) cri_dockerd: Option<Version>,
    /// What the program itself makes of its files.
    pub(super) printed: Option<Printed>,
}

/// What `containerd config dump` or `crio config` said.
#[derive(Debug)]
pub(super) enum Printed {
    /// The cgroup driver; none where it is left to whether systemd runs.
    Driver(Option<Sourced<String>>),
    /// It does not start with these files.
    Refusal(Problem),
}

#[derive(Debug)]
pub(super) enum Configuration {
    Containerd(Containerd),
    Crio(Crio),
    Docker(Docker),
}

impl Found {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn runtime(&self) -> Runtime {
        Runtime {
            name: self.name.to_owned(),
            version: self.version.clone(),
            unit: self.unit.clone(),
            endpoint: self.endpoint().ok().flatten(),
            config_path: (!self.config_path.is_empty()).then(|| self.config_path.clone()),
            config_version: match &self.configuration {
                Ok(Configuration::Containerd(config)) => config.config_version(),
                _ => None,
            },
        }
    }

    /// Its CRI socket as a URL; none if it speaks no CRI.
    pub(super) fn endpoint(&self) -> Result<Option<String>, Unavailable> {
        if !self.speaks_cri {
            return Ok(None);
        }
        if let Some(address) = &self.address {
            return Ok(Some(endpoint::canonical(&address.value)));
        }
        let configuration = self.configuration.as_ref().map_err(Clone::clone)?;
        let address = match configuration {
            Configuration::Containerd(config) => config.address()?.map_or_else(
                || containerd::DEFAULT_ADDRESS.to_owned(),
                |(address, _)| address,
            ),
            Configuration::Crio(config) => config.listen().map_or_else(
                || crio::DEFAULT_LISTEN.to_owned(),
                |listen| listen.value.clone(),
            ),
            Configuration::Docker(_) => docker::CRI_DOCKERD.to_owned(),
        };
        Ok(Some(endpoint::canonical(&address)))
    }

    /// What it says of itself while it runs.
    pub(super) fn running(&self, evidence: &Evidence) -> Option<Running> {
        let url = self.endpoint().ok().flatten();
        let answered = url.and_then(|url| Running::of(evidence, &url));
        if self.name == "docker" {
            // dockerd decides; cri-dockerd repeats what it was told once.
            return Running::docker(evidence).or(answered);
        }
        answered
    }

    /// The driver that the files say; none where it hangs on the node. Where the
    /// program itself reads them otherwise, it is right.
    pub(super) fn said_driver(&self) -> Result<Option<Sourced<String>>, Unavailable> {
        let read = self.read_driver();
        let printed = match &self.printed {
            None => return read,
            // The reader has the line.
            Some(Printed::Refusal(_)) if read.is_err() => return read,
            Some(Printed::Refusal(problem)) => {
                return Err(Unavailable::new(&problem.at.source, &problem.message));
            }
            Some(Printed::Driver(driver)) => driver,
        };
        let value = |driver: &Option<Sourced<String>>| driver.as_ref().map(|d| d.value.clone());
        match &read {
            Ok(read) if value(read) == value(printed) => {}
            // A flag or a variable of the unit, which the program was not given.
            Ok(Some(read)) if self.name == CRIO.name && !crio::is_from_file(&read.origin) => {}
            _ => return Ok(printed.clone()),
        }
        read
    }

    fn read_driver(&self) -> Result<Option<Sourced<String>>, Unavailable> {
        match self.configuration.as_ref().map_err(Clone::clone)? {
            Configuration::Containerd(config) => config.cgroup_driver(),
            Configuration::Crio(config) => config.cgroup_driver().map(Some),
            Configuration::Docker(config) => {
                config.starts()?;
                Ok(config.said().cloned())
            }
        }
    }

    pub(super) fn handlers(&self) -> Result<Vec<Handler>, Unavailable> {
        match self.configuration.as_ref().map_err(Clone::clone)? {
            Configuration::Containerd(config) => config.handlers(),
            Configuration::Crio(config) => config.handlers(),
            Configuration::Docker(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn systemd_driver_edits(&self) -> Result<Vec<Edit>, Unavailable> {
        match self.configuration.as_ref().map_err(Clone::clone)? {
            Configuration::Containerd(config) => config.systemd_driver_edits(),
            Configuration::Crio(config) => config.systemd_driver_edits(),
            Configuration::Docker(config) => config.systemd_driver_edits(),
        }
    }

    pub(super) fn problems(&self, evidence: &Evidence) -> Result<Vec<Problem>, Unavailable> {
        match self.configuration.as_ref().map_err(Clone::clone)? {
            Configuration::Containerd(config) => {
                let mut problems = config.problems(evidence)?;
                if let Some(Printed::Refusal(refusal)) = &self.printed
                    && !problems.iter().any(|problem| problem.fatal)
                {
                    problems.push(refusal.clone());
                }
                Ok(problems)
            }
            Configuration::Crio(config) => Ok(config.problems().to_vec()),
            Configuration::Docker(config) => Ok(config.problems().to_vec()),
        }
    }

    pub(super) fn supports_runtime_config(&self) -> Option<bool> {
        match (self.name, &self.version) {
            ("docker", _) => self
                .cri_dockerd
                .as_ref()
                .map(docker::answers_runtime_config),
            ("cri-o", Some(version)) => Some(version.at_least(1, 28)),
            ("containerd", Some(version)) => Some(version.at_least(2, 0)),
            // A file that only 2.x starts with tells as much.
            ("containerd", None) => match self.configuration.as_ref().ok()? {
                Configuration::Containerd(config) => config.is_2(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The files say what runs only if they are older than the daemon.
    pub(super) fn unchanged_since_start(&self, evidence: &Evidence) -> Result<(), Unavailable> {
        self.pending(evidence).map_or(Ok(()), |file| {
            Err(Unavailable::new(
                file.source,
                format!(
                    "it changed after {} started, which has not read it since; ask the runtime \
                     itself (crictl info)",
                    self.unit
                ),
            ))
        })
    }

    /// The first of its files that changed after the daemon started.
    pub(super) fn pending(&self, evidence: &Evidence) -> Option<Location> {
        if !evidence.is_live() {
            return None;
        }
        let started = evidence
            .loaded_unit(&self.unit)
            .ok()?
            .properties
            .get("ExecMainStartTimestamp")
            .and_then(serde_json::Value::as_i64)
            .filter(|started| *started > 0)
            .and_then(|micros| Timestamp::from_microsecond(micros).ok())?;
        let changed = |path: &String| matches!(evidence.stat(path), Part::Present((_, file)) if file.modified > started);
        self.files().into_iter().find(changed).map(Location::source)
    }

    fn files(&self) -> Vec<String> {
        match &self.configuration {
            Ok(Configuration::Containerd(config)) => config.files(),
            Ok(Configuration::Crio(config)) => config.files().to_vec(),
            Ok(Configuration::Docker(_)) | Err(_) => vec![self.config_path.clone()],
        }
    }
}
