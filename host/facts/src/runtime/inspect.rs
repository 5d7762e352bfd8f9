//! The runtimes of a node, each with the configuration that it works with.

use jiff::Timestamp;
use nodepol_model::{Location, Part, Unavailable};

use super::containerd::{self, Containerd};
use super::crio::{self, Crio};
use super::docker::{self, Docker};
use super::installed::{CONTAINERD, CRI_DOCKERD, CRIO, DOCKER};
use super::types::{Edit, Handler, Runtime};
use super::{Launch, embedded, endpoint, flags};
use crate::evidence::Evidence;
use crate::node::Node;
use crate::sourced::{Problem, Sourced, Version};

/// Everything that is installed, sorted by name.
#[derive(Debug)]
pub(super) struct Inspection {
    pub(super) found: Vec<Found>,
}

/// One runtime.
#[derive(Debug)]
pub(super) struct Found {
    name: &'static str,
    unit: String,
    version: Option<Version>,
    config_path: String,
    configuration: Result<Configuration, Unavailable>,
    /// A socket that a flag names, or that is built in.
    address: Option<Sourced<String>>,
    /// docker without cri-dockerd speaks no CRI.
    speaks_cri: bool,
    cri_dockerd: Option<Version>,
}

#[derive(Debug)]
enum Configuration {
    Containerd(Containerd),
    Crio(Crio),
    Docker(Docker),
}

impl Inspection {
    pub(super) fn of(
        evidence: &Evidence,
        launch: &dyn Launch,
        node: &Node,
        assumed: Option<&Version>,
    ) -> Self {
        let read = Reader {
            evidence,
            launch,
            assumed,
        };
        let found = [read.containerd(node), read.crio(), read.docker()];
        Self {
            found: found.into_iter().flatten().collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Found> {
        self.found.iter().find(|found| found.name == name)
    }
}

struct Reader<'a> {
    evidence: &'a Evidence,
    launch: &'a dyn Launch,
    assumed: Option<&'a Version>,
}

impl Reader<'_> {
    /// The words of `ExecStart`; empty if the unit's file is not there.
    fn argv(&self, unit: &str) -> Result<Vec<Sourced<String>>, Unavailable> {
        let commands = self.launch.started(unit, "ExecStart")?;
        Ok(commands.into_iter().flatten().next().unwrap_or_default())
    }

    fn containerd_version(&self) -> Option<Version> {
        self.assumed
            .cloned()
            .or_else(|| CONTAINERD.version(self.evidence))
    }

    fn containerd(&self, node: &Node) -> Option<Found> {
        let flavour = node.flavour().value;
        match embedded::place(self.evidence, &flavour) {
            Ok(Some(place)) => return Some(self.embedded(place)),
            Ok(None) => {}
            Err(unavailable) => {
                return Some(self.found(
                    CONTAINERD.name,
                    &flavour,
                    String::new(),
                    Err(unavailable),
                    None,
                ));
            }
        }
        let unit = CONTAINERD.unit(self.evidence)?;
        let version = self.containerd_version();
        let argv = self.argv(unit);
        let flag = |names: &[&str]| {
            argv.as_ref()
                .ok()
                .and_then(|argv| flags::value(argv, names))
        };
        let config = flag(&["config", "c"]);
        let path = config.as_ref().map_or_else(
            || containerd::DEFAULT_CONFIG.to_owned(),
            |flag| flag.value.clone(),
        );
        let configuration = match &argv {
            Ok(_) => Containerd::read(self.evidence, &path, config.is_some(), version.as_ref())
                .map(Configuration::Containerd),
            Err(unavailable) => Err(unavailable.clone()),
        };
        let address = flag(&["address", "a"]);
        let mut found = self.found(CONTAINERD.name, unit, path, configuration, address);
        found.version = version;
        if found.configuration.is_err()
            && let Some(dumped) = self.dump(found.version.as_ref())
        {
            found.configuration = Ok(Configuration::Containerd(dumped));
        }
        Some(found)
    }

    /// What containerd itself makes of its files, where those cannot be read.
    fn dump(&self, version: Option<&Version>) -> Option<Containerd> {
        let command = "containerd config dump";
        let output = self.evidence.program(command);
        let output = output.present().filter(|output| output.status == Some(0))?;
        Containerd::dumped(&output.stdout, command, version).ok()
    }

    fn embedded(&self, place: embedded::Place) -> Found {
        let version = self.containerd_version();
        let configuration = match self.evidence.stat(&place.config) {
            Part::Absent => Err(Unavailable::new(
                &place.config,
                format!(
                    "{} writes it when it starts, and it is not there",
                    place.unit
                ),
            )),
            Part::Present(_) | Part::Unreadable(_) => {
                Containerd::read(self.evidence, &place.config, true, version.as_ref())
                    .map(Configuration::Containerd)
            }
        };
        let mut found = self.found(
            CONTAINERD.name,
            place.unit,
            place.config,
            configuration,
            place.address,
        );
        found.version = version;
        found
    }

    fn crio(&self) -> Option<Found> {
        let unit = CRIO.unit(self.evidence)?;
        let configuration = self.argv(unit).and_then(|argv| {
            let variable = |name: &str| self.launch.variable(unit, name);
            Crio::read(self.evidence, &argv, &variable)
        });
        let path = configuration.as_ref().map_or_else(
            |_| crio::DEFAULT_CONFIG.to_owned(),
            |crio| crio.path.clone(),
        );
        let configuration = configuration.map(Configuration::Crio);
        let mut found = self.found(CRIO.name, unit, path, configuration, None);
        found.version = CRIO.version(self.evidence);
        Some(found)
    }

    fn docker(&self) -> Option<Found> {
        let unit = DOCKER.unit(self.evidence)?;
        // The socket unit alone starts the service of the same name.
        let unit = if unit == "docker.socket" {
            "docker.service"
        } else {
            unit
        };
        let configuration = self
            .argv(unit)
            .and_then(|argv| Docker::read(self.evidence, &argv));
        let path = configuration.as_ref().map_or_else(
            |_| docker::DEFAULT_CONFIG.to_owned(),
            |docker| docker.path.clone(),
        );
        let configuration = configuration.map(Configuration::Docker);
        let cri = CRI_DOCKERD.unit(self.evidence);
        let address = cri.and_then(|unit| self.cri_dockerd_address(unit));
        let mut found = self.found(DOCKER.name, unit, path, configuration, address);
        found.version = DOCKER.version(self.evidence);
        found.speaks_cri = cri.is_some();
        found.cri_dockerd = CRI_DOCKERD.version(self.evidence);
        Some(found)
    }

    /// `--container-runtime-endpoint`, or with `fd://` what its socket unit
    /// listens on.
    fn cri_dockerd_address(&self, unit: &str) -> Option<Sourced<String>> {
        let argv = self.argv(unit).ok()?;
        let flag = flags::value(&argv, &["container-runtime-endpoint"]);
        if let Some(flag) = flag.filter(|flag| !flag.value.starts_with("fd:")) {
            return Some(flag);
        }
        let socket = unit.replace(".service", ".socket");
        let listens = self
            .launch
            .assignments(&socket, "Socket", "ListenStream")
            .ok()?;
        Some(listens.into_iter().next_back().map_or_else(
            || Sourced::new(docker::CRI_DOCKERD.to_owned(), Location::source("default")),
            |listen| listen.map(|path| path.replace("%t", "/run")),
        ))
    }

    fn found(
        &self,
        name: &'static str,
        unit: &str,
        config_path: String,
        configuration: Result<Configuration, Unavailable>,
        address: Option<Sourced<String>>,
    ) -> Found {
        Found {
            name,
            unit: unit.to_owned(),
            version: None,
            config_path,
            configuration,
            address,
            speaks_cri: true,
            cri_dockerd: None,
        }
    }
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

    /// The driver that the files say; none where it hangs on the node.
    pub(super) fn said_driver(&self) -> Result<Option<Sourced<String>>, Unavailable> {
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
            Configuration::Containerd(config) => config.problems(evidence),
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
        if !evidence.is_live() {
            return Ok(());
        }
        let Ok(unit) = evidence.loaded_unit(&self.unit) else {
            return Ok(());
        };
        let started = unit
            .properties
            .get("ExecMainStartTimestamp")
            .and_then(serde_json::Value::as_i64)
            .filter(|started| *started > 0)
            .and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let Some(started) = started else {
            return Ok(());
        };
        for path in self.files() {
            if let Part::Present((_, file)) = evidence.stat(&path)
                && file.modified > started
            {
                return Err(Unavailable::new(
                    &path,
                    format!(
                        "it changed after {} started, which has not read it since; ask the \
                         runtime itself (crictl info)",
                        self.unit
                    ),
                ));
            }
        }
        Ok(())
    }

    fn files(&self) -> Vec<String> {
        match &self.configuration {
            Ok(Configuration::Containerd(config)) => config.files(),
            Ok(Configuration::Crio(config)) => config.files().to_vec(),
            Ok(Configuration::Docker(_)) | Err(_) => vec![self.config_path.clone()],
        }
    }
}
