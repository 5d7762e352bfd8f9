//! All facts of one node, each area once.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use nodepol_model::{Horizon, Phase, Snapshot, Unavailable, Want};

use crate::cgroup::Cgroups;
use crate::configs::Configs;
use crate::credential::Certs;
use crate::evidence::Evidence;
use crate::files::Files;
use crate::join_state::{self, JoinPaths, JoinState};
use crate::journal::JournalFacts;
use crate::kernel_modules::KernelModules;
use crate::kubelet::{Assumptions, Kubelet};
use crate::kubelet_driver::{self, Driver};
use crate::mount::Mounts;
use crate::network::Network;
use crate::node::Node;
use crate::runtime::Runtimes;
use crate::swap::Swap;
use crate::systemd::Units;

/// The facts that policies read: one field for each interface of the ABI.
#[derive(Debug)]
pub struct Facts {
    /// What all of it rests on.
    pub evidence: Arc<Evidence>,
    /// systemd units.
    pub units: Arc<Units>,
    /// The kubelet; its cgroup driver is [`Facts::kubelet_cgroup_driver`].
    pub kubelet: Arc<Kubelet>,
    /// The node; its join state is [`Facts::join_state`].
    pub node: Arc<Node>,
    /// Control groups.
    pub cgroups: Arc<Cgroups>,
    /// Container runtimes.
    pub runtimes: Arc<Runtimes>,
    /// Swap.
    pub swap: Swap<Units>,
    /// Certificates and kubeconfigs.
    pub certs: Certs,
    /// The kubelet's log.
    pub journal: JournalFacts,
    /// Structured files.
    pub configs: Arc<Configs>,
    /// Paths.
    pub files: Arc<Files>,
    /// What the next boot mounts.
    pub mounts: Mounts,
    /// The network.
    pub network: Network,
    /// Kernel modules.
    pub modules: KernelModules,
    joined: OnceLock<Result<JoinState, Unavailable>>,
}

/// What is judged besides the snapshot itself.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Versions that are assumed in place of those that are installed.
    pub assumptions: Assumptions,
    /// The instant that is asked about; the snapshot's own if none.
    pub at: Option<Timestamp>,
}

impl Facts {
    /// The facts of a snapshot. Each is worked out when it is first asked for.
    pub fn new(snapshot: Arc<Snapshot>, question: Question) -> Self {
        Self::of(snapshot, question, Evidence::new)
    }

    /// The same facts; [`Evidence::take_seen`] tells what of the snapshot they rest on.
    pub fn watched(snapshot: Arc<Snapshot>, question: Question) -> Self {
        Self::of(snapshot, question, Evidence::watched)
    }

    fn of(
        snapshot: Arc<Snapshot>,
        question: Question,
        evidence: fn(Arc<Snapshot>) -> Evidence,
    ) -> Self {
        let snapshot = match question.at {
            Some(at) if at != snapshot.taken_at => Arc::new(Snapshot {
                taken_at: at,
                ..Snapshot::clone(&snapshot)
            }),
            _ => snapshot,
        };
        let evidence = Arc::new(evidence(snapshot));
        let units = Arc::new(Units::new(Arc::clone(&evidence)));
        let kubelet = Arc::new(Kubelet::new(
            Arc::clone(&evidence),
            Arc::clone(&units) as _,
            question.assumptions,
        ));
        let node = Arc::new(Node::new(Arc::clone(&evidence), Arc::clone(&kubelet)));
        let cgroups = Arc::new(Cgroups::new(Arc::clone(&evidence), Arc::clone(&node)));
        Self {
            runtimes: Arc::new(Runtimes::new(
                Arc::clone(&evidence),
                Arc::clone(&units) as _,
                Arc::clone(&kubelet),
                Arc::clone(&node),
                Arc::clone(&cgroups),
            )),
            swap: Swap::new(Arc::clone(&evidence), Arc::clone(&units), {
                let node = Arc::clone(&node);
                move || node.command_line(Horizon::NextBoot)
            }),
            certs: Certs::new(Arc::clone(&evidence), Arc::clone(&kubelet)),
            journal: JournalFacts::new(Arc::clone(&evidence)),
            configs: Arc::new(Configs::new(Arc::clone(&evidence))),
            files: Arc::new(Files::new(Arc::clone(&evidence))),
            mounts: Mounts::new(Arc::clone(&evidence), Arc::clone(&units)),
            network: Network::new(Arc::clone(&evidence)),
            modules: KernelModules::new(
                Arc::clone(&evidence),
                Arc::clone(&units),
                Arc::clone(&node),
            ),
            joined: OnceLock::new(),
            units,
            kubelet,
            node,
            cgroups,
            evidence,
        }
    }

    /// What was looked for so far and never gathered. Empties the list.
    pub fn take_wants(&self) -> BTreeSet<Want> {
        self.evidence.take_wants()
    }

    /// How far the node has come into a cluster.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that tells could not be read.
    pub fn join_state(&self) -> Result<JoinState, Unavailable> {
        // Nearly every policy asks for it first.
        self.joined.get_or_init(|| self.find_join_state()).clone()
    }

    fn find_join_state(&self) -> Result<JoinState, Unavailable> {
        if self.node.embedded_kubelet() {
            return join_state::of_embedded(&self.evidence);
        }
        if !self.has_kubelet()? {
            return Ok(JoinState::NoKubelet);
        }
        // Where the start of the kubelet cannot be told, the paths of kubeadm
        // are the best guess that there is.
        let paths = JoinPaths::of(&self.kubelet).unwrap_or_default();
        join_state::of_kubelet(&self.evidence, &paths)
    }

    /// Whether there is a kubelet.service or a kubelet's program.
    fn has_kubelet(&self) -> Result<bool, Unavailable> {
        let unit = self.units.get(Horizon::NextBoot, "kubelet.service");
        if unit
            .as_ref()
            .is_ok_and(|unit| unit.load_state != "not-found")
        {
            return Ok(true);
        }
        for path in [
            "/usr/bin/kubelet",
            "/usr/local/bin/kubelet",
            "/opt/bin/kubelet",
        ] {
            if self.evidence.stat_metadata(path).known(path)?.is_some() {
                return Ok(true);
            }
        }
        // The program tells as well; only without it the unit must be known.
        unit.map(|_| false)
    }

    /// The phase that the evidence speaks for, and why.
    pub fn phase(&self) -> (Phase, &'static str) {
        // What cannot be told is judged like a node that has joined: no rule
        // is left out for it.
        self.node
            .phase(self.join_state().unwrap_or(JoinState::BrokenPartial))
    }

    /// The cgroup driver that the kubelet ends up with.
    ///
    /// # Errors
    /// [`Unavailable`] if it hangs on something unknown.
    pub fn kubelet_cgroup_driver(&self, at: Horizon) -> Result<Driver, Unavailable> {
        let before_join = self.join_state() == Ok(JoinState::InstalledNotJoined);
        kubelet_driver::cgroup_driver(&self.kubelet, &*self.runtimes, at, before_join)
    }
}
