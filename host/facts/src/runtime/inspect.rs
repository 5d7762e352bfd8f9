//! The runtimes of a node, each with the configuration that it works with.

use nodepol_model::{Horizon, Location, Part, Unavailable};

use super::containerd::{self, Containerd};
use super::crio::{self, Crio};
use super::docker::{self, Docker};
use super::found::{Configuration, Found, Printed};
use super::installed::{CONTAINERD, CRI_DOCKERD, CRIO, DOCKER};
use super::{Launch, embedded, flags};
use crate::evidence::Evidence;
use crate::node::Node;
use crate::sourced::{Problem, Sourced, Version};

/// Everything that is installed, sorted by name.
#[derive(Debug)]
pub(super) struct Inspection {
    pub(super) found: Vec<Found>,
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
        let version = CRIO.version(self.evidence);
        let configuration = self.argv(unit).and_then(|argv| {
            let variable = |name: &str| self.launch.variable(unit, name);
            Crio::read(self.evidence, &argv, &variable, version.as_ref())
        });
        let path = configuration.as_ref().map_or_else(
            |_| crio::DEFAULT_CONFIG.to_owned(),
            |crio| crio.path.clone(),
        );
        let configuration = configuration.map(Configuration::Crio);
        let mut found = self.found(CRIO.name, unit, path, configuration, None);
        found.version = version;
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
        let version = DOCKER.version(self.evidence);
        let configuration = self
            .argv(unit)
            .and_then(|argv| Docker::read(self.evidence, &argv, version.as_ref()));
        let path = configuration.as_ref().map_or_else(
            |_| docker::DEFAULT_CONFIG.to_owned(),
            |docker| docker.path.clone(),
        );
        let configuration = configuration.map(Configuration::Docker);
        let cri = CRI_DOCKERD.unit(self.evidence);
        let address = cri.and_then(|unit| self.cri_dockerd_address(unit));
        let mut found = self.found(DOCKER.name, unit, path, configuration, address);
        found.version = version;
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
