//! Container runtimes: which are there, which one the kubelet talks to, and
//! the cgroup driver that each of them ends up with.

mod containerd;
mod crio;
mod decode;
mod docker;
mod embedded;
mod endpoint;
mod flags;
mod found;
mod inspect;
mod installed;
mod launch;
mod live;
mod tree;
mod types;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use nodepol_model::{Horizon, Location, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

pub use launch::Launch;
pub use live::Running;
pub use types::{Answer, Edit, Handler, Runtime};

use crate::cgroup::{Cgroups, Mode};
use crate::evidence::Evidence;
use crate::kubelet::Kubelet;
use crate::kubelet_driver::RuntimeConfig;
use crate::node::Node;
use crate::sourced::{Problem, Sourced};
use found::Found;
use inspect::Inspection;

/// Facts about container runtimes (`wit/runtimes.wit`).
#[derive(Debug)]
pub struct Runtimes {
    evidence: Arc<Evidence>,
    launch: Arc<dyn Launch>,
    kubelet: Arc<Kubelet>,
    node: Arc<Node>,
    cgroups: Arc<Cgroups>,
    inspected: Mutex<BTreeMap<Horizon, Arc<Inspection>>>,
}

/// What `nodepol facts` prints of one runtime.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Name, version, unit, endpoint and file.
    #[serde(flatten)]
    pub runtime: Runtime,
    /// Whether the kubelet talks to it.
    pub selected: Option<bool>,
    /// The cgroup driver that its files give it.
    pub cgroup_driver: Option<Sourced<String>>,
    /// Its handlers.
    pub handlers: Option<Vec<Handler>>,
    /// What is wrong with its files.
    pub problems: Option<Vec<Problem>>,
    /// What it says of itself while it runs, where it was asked.
    pub running: Option<Running>,
}

impl Runtimes {
    /// Facts from `evidence`. The version of containerd that the kubelet's
    /// assumptions name goes before what the node says.
    pub fn new(
        evidence: Arc<Evidence>,
        launch: Arc<dyn Launch>,
        kubelet: Arc<Kubelet>,
        node: Arc<Node>,
        cgroups: Arc<Cgroups>,
    ) -> Self {
        Self {
            evidence,
            launch,
            kubelet,
            node,
            cgroups,
            inspected: Mutex::default(),
        }
    }

    fn inspection(&self, at: Horizon) -> Arc<Inspection> {
        let mut known = self
            .inspected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(inspection) = known.get(&at) {
            return Arc::clone(inspection);
        }
        let inspection = Arc::new(Inspection::of(
            &self.evidence,
            &*self.launch,
            &self.node,
            self.kubelet.assumptions().containerd.as_ref(),
            at,
        ));
        known.insert(at, Arc::clone(&inspection));
        inspection
    }

    /// The runtimes that are installed, sorted by name.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell a runtime's socket could not be
    /// read.
    pub fn all(&self, at: Horizon) -> Result<Vec<Runtime>, Unavailable> {
        let inspection = self.inspection(at);
        Ok(inspection.found.iter().map(Found::runtime).collect())
    }

    /// The endpoint that the kubelet connects to, as a URL with `/run` for
    /// `/var/run`. Before a node joins, that is the one that kubeadm will find
    /// (its origin is `kubeadm`).
    ///
    /// # Errors
    /// [`Unavailable`] if the kubelet's arguments or configuration are not known.
    pub fn endpoint(&self, at: Horizon) -> Result<Sourced<String>, Unavailable> {
        if self.node.embedded_kubelet() {
            let flavour = self.node.flavour();
            if let Some(place) = embedded::place(&self.evidence, &flavour.value)?
                && let Some(address) = place.address
            {
                return Ok(address.map(|address| endpoint::canonical(&address)));
            }
            if flavour.value == "microshift" {
                return Ok(flavour.map(|_| endpoint::canonical(crio::DEFAULT_LISTEN)));
            }
        }
        endpoint::of_kubelet(&self.kubelet, at).or_else(|unavailable| {
            // Before it joins, the file is not there yet.
            let waits = self.kubelet.config_present(at) == Ok(false);
            let detected = waits.then(|| self.detected(at)).flatten();
            detected.ok_or(unavailable)
        })
    }

    /// What kubeadm will write: the well-known socket of the one runtime that is
    /// installed (`DetectCRISocket` of cmd/kubeadm/app/util/runtime).
    fn detected(&self, at: Horizon) -> Option<Sourced<String>> {
        let inspection = self.inspection(at);
        let known = [
            containerd::DEFAULT_ADDRESS,
            crio::DEFAULT_LISTEN,
            docker::CRI_DOCKERD,
        ]
        .map(endpoint::canonical);
        let mut sockets = inspection
            .found
            .iter()
            .filter_map(|found| found.endpoint().ok().flatten())
            .filter(|url| known.contains(url));
        let only = sockets.next()?;
        let is_only = sockets.next().is_none();
        is_only.then(|| Sourced::new(only, Location::source("kubeadm")))
    }

    /// The runtime behind that endpoint; none if no installed runtime listens
    /// there.
    ///
    /// # Errors
    /// As for [`Self::endpoint`], or if it cannot be told where a runtime listens.
    pub fn selected(&self, at: Horizon) -> Result<Option<Runtime>, Unavailable> {
        let endpoint = self.endpoint(at)?;
        let inspection = self.inspection(at);
        // The kubelet's own shim needs no socket of docker's.
        let is_shim = endpoint.value == endpoint::canonical(docker::DOCKERSHIM)
            && self
                .kubelet
                .flag(at, "container-runtime")?
                .is_some_and(|flag| flag.value == "docker");
        let mut unknown = None;
        for found in &inspection.found {
            match found.endpoint() {
                Ok(Some(url)) if url == endpoint.value => return Ok(Some(found.runtime())),
                Ok(_) if is_shim && found.name() == "docker" => return Ok(Some(found.runtime())),
                Ok(_) => {}
                Err(unavailable) => unknown = Some(unavailable),
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    /// The cgroup driver of a runtime, by its name; none if it is not installed.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read, if the runtime does not
    /// start with its files, if the driver hangs on a version that is not known,
    /// or (now) if a file was edited after the daemon started.
    pub fn cgroup_driver(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Option<Sourced<String>>, Unavailable> {
        let inspection = self.inspection(at);
        let Some(found) = inspection.get(name) else {
            return Ok(None);
        };
        if at == Horizon::Now {
            if let Some(driver) = self
                .running(found)
                .and_then(|running| running.cgroup_driver)
            {
                return Ok(Some(driver));
            }
            found.unchanged_since_start(&self.evidence)?;
        }
        match found.said_driver()? {
            Some(driver) => Ok(Some(driver)),
            None => self.default_driver(at, found).map(Some),
        }
    }

    /// What it says of itself; nothing of a containerd that is assumed to be
    /// another.
    fn running(&self, found: &Found) -> Option<Running> {
        let assumed = self.kubelet.assumptions().containerd.is_some();
        if assumed && found.name() == "containerd" {
            return None;
        }
        found.running(&self.evidence)
    }

    /// Who answers CRI v1 at `url`, as [`Self::endpoint`] writes it.
    ///
    /// # Errors
    /// [`Unavailable`] if nobody was asked, as in a tree. No policy can have a
    /// socket asked that is no runtime's and not the kubelet's endpoint.
    pub fn who_answers(&self, url: &str) -> Result<Answer, Unavailable> {
        let at = Horizon::Now;
        let of_kubelet = || {
            self.endpoint(at)
                .is_ok_and(|endpoint| endpoint.value == url)
        };
        let of_runtime = |found: &Found| found.endpoint().ok().flatten().as_deref() == Some(url);
        if !self.inspection(at).found.iter().any(of_runtime) && !of_kubelet() {
            return Err(Unavailable::new(
                url,
                "neither a runtime nor the kubelet has this endpoint",
            ));
        }
        live::answer(&self.evidence, url)
    }

    /// What docker and containerd 2.x do where nothing is said.
    fn default_driver(&self, at: Horizon, found: &Found) -> Result<Sourced<String>, Unavailable> {
        let init = self.node.init(at)?;
        let by_systemd = init.is_some_and(|init| init.value == "systemd");
        // docker wants one hierarchy as well (UsingSystemd of moby); containerd
        // only looks whether systemd runs.
        let systemd =
            by_systemd && (found.name() != "docker" || self.cgroups.get_mode(at)? == Mode::V2);
        let driver = if systemd { "systemd" } else { "cgroupfs" };
        Ok(Sourced::new(driver.to_owned(), Location::source("default")))
    }

    /// The handlers of a runtime: those that containerd says it has, or else by
    /// its files; none for docker, which has no choice of them.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read, or (now) if one was edited
    /// after the daemon started.
    pub fn handlers(&self, at: Horizon, name: &str) -> Result<Vec<Handler>, Unavailable> {
        let inspection = self.inspection(at);
        let Some(found) = inspection.get(name) else {
            return Ok(Vec::new());
        };
        if at == Horizon::Now {
            let url = found.endpoint().ok().flatten();
            if let Some(handlers) = url.and_then(|url| live::handlers(&self.evidence, &url)) {
                return Ok(handlers);
            }
            found.unchanged_since_start(&self.evidence)?;
        }
        found.handlers()
    }

    /// Whether this runtime answers the CRI method RuntimeConfig, by the version
    /// that is installed, or else by what runs; none if neither tells.
    ///
    /// # Errors
    /// [`Unavailable`] never; the type leaves room for evidence to come.
    pub fn supports_runtime_config(&self, name: &str) -> Result<Option<bool>, Unavailable> {
        let inspection = self.inspection(Horizon::NextBoot);
        Ok(inspection.get(name).and_then(|found| {
            found
                .supports_runtime_config()
                .or_else(|| self.running(found)?.answers_runtime_config)
        }))
    }

    /// What to set, and where this version reads it, to make it use the systemd
    /// driver. Empty if it does already, or is not installed.
    ///
    /// # Errors
    /// [`Unavailable`] if that hangs on a version that is not known, or a flag
    /// decides instead of a file.
    pub fn systemd_driver_edits(&self, name: &str) -> Result<Vec<Edit>, Unavailable> {
        let inspection = self.inspection(Horizon::NextBoot);
        inspection
            .get(name)
            .map_or(Ok(Vec::new()), Found::systemd_driver_edits)
    }

    /// The first of its files that changed after the daemon started.
    ///
    /// # Errors
    /// [`Unavailable`] never; the type leaves room for evidence to come.
    pub fn pending(&self, name: &str) -> Result<Option<Location>, Unavailable> {
        let inspection = self.inspection(Horizon::NextBoot);
        Ok(inspection
            .get(name)
            .and_then(|found| found.pending(&self.evidence)))
    }

    /// What is wrong with its configuration files.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn problems(&self, name: &str) -> Result<Vec<Problem>, Unavailable> {
        let inspection = self.inspection(Horizon::NextBoot);
        inspection
            .get(name)
            .map_or(Ok(Vec::new()), |found| found.problems(&self.evidence))
    }

    /// What `nodepol facts` prints, by the files.
    pub fn summary(&self) -> Vec<Summary> {
        let at = Horizon::NextBoot;
        let selected = self.selected(at);
        let inspection = self.inspection(at);
        let summaries = inspection.found.iter().map(|found| Summary {
            runtime: found.runtime(),
            selected: selected.as_ref().ok().map(|selected| {
                selected
                    .as_ref()
                    .is_some_and(|selected| selected.name == found.name())
            }),
            cgroup_driver: self.cgroup_driver(at, found.name()).ok().flatten(),
            handlers: found.handlers().ok(),
            problems: found.problems(&self.evidence).ok(),
            running: self.running(found),
        });
        summaries.collect()
    }
}

impl RuntimeConfig for Runtimes {
    fn answers(&self, at: Horizon) -> Result<bool, Unavailable> {
        let selected = self.behind_endpoint(at)?;
        if at == Horizon::Now
            && let Some(found) = self.inspection(at).get(&selected.name)
            && let Some(answers) = self
                .running(found)
                .and_then(|now| now.answers_runtime_config)
        {
            return Ok(answers);
        }
        self.supports_runtime_config(&selected.name)?
            .ok_or_else(|| {
                Unavailable::new(
                    format!("{} --version", selected.name),
                    "whether it answers RuntimeConfig hangs on its version, which is not known",
                )
            })
    }

    fn cgroup_driver(&self, at: Horizon) -> Result<Sourced<String>, Unavailable> {
        let selected = self.behind_endpoint(at)?;
        Self::cgroup_driver(self, at, &selected.name)?
            .ok_or_else(|| Unavailable::new(selected.name, "it is not installed"))
    }
}

impl Runtimes {
    fn behind_endpoint(&self, at: Horizon) -> Result<Runtime, Unavailable> {
        let endpoint = self.endpoint(at)?;
        self.selected(at)?.ok_or_else(|| {
            Unavailable::new(endpoint.value, "no runtime that is installed listens there")
        })
    }
}
