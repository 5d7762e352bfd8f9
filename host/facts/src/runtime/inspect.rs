//! The runtimes of a node, each with the configuration that it works with.

use jiff::Timestamp;
use nodepol_model::{Horizon, Location, Part, Unavailable};

use super::containerd::{self, Containerd};
use super::crio::{self, Crio};
use super::docker::{self, Docker};
use super::installed::{CONTAINERD, CRI_DOCKERD, CRIO, DOCKER};
use super::live::Running;
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
    /// What the program itself makes of its files.
    printed: Option<Printed>,
}

/// What `containerd config dump` or `crio config` said.
#[derive(Debug)]
enum Printed {
    /// The cgroup driver; none where it is left to whether systemd runs.
    Driver(Option<Sourced<String>>),
    /// It does not start with these files.
    Refusal(Problem),
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
        at: Horizon,
    ) -> Self {
        let read = Reader {
            evidence,
            launch,
            assumed,
            at,
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
    at: Horizon,
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
        let installed = self.containerd_version();
        let found = self.containerd_of(unit, installed);
        // What runs may be older than what is installed.
        Some(match self.running_version(&found) {
            Some(running) if self.assumed.is_none() => self.containerd_of(unit, Some(running)),
            _ => found,
        })
    }

    /// The version that runs, where it is another than the one that is installed
    /// and it is asked for what runs.
    fn running_version(&self, found: &Found) -> Option<Version> {
        if self.at != Horizon::Now {
            return None;
        }
        let running = found.running(self.evidence)?.version?;
        let same = found
            .version
            .as_ref()
            .is_some_and(|installed| installed.text == running.text);
        (!same).then_some(running)
    }

    fn containerd_of(&self, unit: &str, version: Option<Version>) -> Found {
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
        // That is what the program on disk says, not an older one that runs.
        if found.version == self.containerd_version() {
            match self.dump(found.version.as_ref()) {
                Ok(Some(dumped)) => {
                    found.printed = dumped.cgroup_driver().ok().map(Printed::Driver);
                    if found.configuration.is_err() {
                        found.configuration = Ok(Configuration::Containerd(dumped));
                    }
                }
                Ok(None) => {}
                Err(why) => {
                    found.printed = Some(Printed::Refusal(Problem {
                        kind: "refused",
                        message: why,
                        at: Location::source(&found.config_path),
                        fatal: true,
                        nearest: None,
                    }));
                }
            }
        }
        found
    }

    /// What containerd itself makes of its files.
    ///
    /// # Errors
    /// Its words, if it does not start with them.
    fn dump(&self, version: Option<&Version>) -> Result<Option<Containerd>, String> {
        // The version that is installed is asked, and no other.
        if self.assumed.is_some() {
            return Ok(None);
        }
        let command = "containerd config dump";
        let output = self.evidence.program(command);
        let Some(output) = output.present() else {
            return Ok(None);
        };
        if output.status == Some(0) {
            return Ok(Containerd::dumped(&output.stdout, command, version).ok());
        }
        // Releases before 1.3 do not know the command; without root it may not
        // read the files.
        let said = output
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("containerd: "));
        let counts = version.is_some_and(|version| version.at_least(1, 3));
        match said {
            Some(said) if counts && !said.contains("permission denied") => Err(said.to_owned()),
            _ => Ok(None),
        }
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
        found.printed = self.crio_prints();
        if let Some(running) = self.running_version(&found) {
            found.version = Some(running);
        }
        Some(found)
    }

    /// What `crio config` prints: its files, as it reads them itself.
    fn crio_prints(&self) -> Option<Printed> {
        let command = "crio config";
        let output = self.evidence.program(command);
        let output = output.present().filter(|output| output.status == Some(0))?;
        let driver = crio::printed_driver(&output.stdout, command)?;
        Some(Printed::Driver(Some(driver)))
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
        if let Some(running) = self.running_version(&found) {
            found.version = Some(running);
        }
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
            printed: None,
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
