//! What `nodepol facts` prints: the facts about a node as one document.
//!
//! `null` stands where the evidence does not determine a value. Values are
//! those of the next start, unless their name says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use nodepol_model::{API_VERSION, Horizon};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::facts::Facts;
use crate::join_state::JoinState;
use crate::kubelet::Starts as _;
use crate::kubelet_driver::Driver;
use crate::systemd::{Link, ServiceSettings};
use crate::{cgroup, credential, kubelet, node, runtime, swap};

/// The facts about one node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Facts")]
pub struct Summary {
    /// [`API_VERSION`].
    pub api_version: String,
    /// Always `Facts`.
    pub kind: String,
    /// When the snapshot was taken.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// Who the node is.
    pub node: Node,
    /// The units of the kubelet and of the runtimes, by name.
    pub units: BTreeMap<String, Option<Unit>>,
    /// The kubelet and its effective configuration.
    pub kubelet: Kubelet,
    /// The runtimes that are installed, sorted by name.
    pub runtimes: Vec<runtime::Summary>,
    /// Swap, now and at the next boot.
    pub swap: swap::SwapSummary,
    /// Control groups.
    pub cgroups: cgroup::Summary,
    /// The kubelet's credentials.
    pub credentials: credential::CredentialSummary,
}

/// Who the node is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Name, system, kernel.
    #[serde(flatten)]
    pub node: node::Summary,
    /// How far it has joined a cluster.
    pub join_state: Option<JoinState>,
}

/// The kubelet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubelet {
    /// Version, arguments, settings.
    #[serde(flatten)]
    pub kubelet: kubelet::Summary,
    /// The driver that it ends up with, which is not always the one that it is
    /// told.
    pub cgroup_driver: Option<Driver>,
}

/// A unit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, `bad-setting`.
    pub load_state: String,
    /// Why it is not loaded.
    pub load_error: Option<String>,
    /// `UnitFileState`; empty for a unit without a file.
    pub enabled: String,
    /// The links that make a boot start it.
    pub enabled_by: Option<Vec<Link>>,
    /// `FragmentPath`.
    pub fragment: Option<String>,
    /// `DropInPaths`, in the order in which they are applied.
    pub drop_ins: Vec<String>,
    /// `Restart`.
    pub restart: Option<String>,
    /// `Slice`.
    pub slice: Option<String>,
    /// What a service is started with.
    pub service: Option<ServiceSettings>,
    /// Every command line of `ExecStart`, variables expanded.
    pub exec_start: Option<Vec<Vec<String>>>,
    /// `ActiveState`, now.
    pub active_state: Option<String>,
    /// `SubState`, now.
    pub sub_state: Option<String>,
}

/// The schema of [`Summary`].
pub fn schema() -> Schema {
    schema_for!(Summary)
}

impl Facts {
    /// All facts as one document.
    pub fn summary(&self) -> Summary {
        let runtimes = self.runtimes.summary();
        let mut names: BTreeSet<String> = ["kubelet.service".to_owned()].into();
        names.extend(runtimes.iter().map(|summary| summary.runtime.unit.clone()));
        let units = names
            .into_iter()
            .map(|name| {
                let unit = self.unit(&name);
                (name, unit)
            })
            .collect();
        Summary {
            api_version: API_VERSION.to_owned(),
            kind: "Facts".to_owned(),
            taken_at: self.evidence.taken_at(),
            node: Node {
                node: self.node.summary(),
                join_state: self.join_state().ok(),
            },
            units,
            kubelet: Kubelet {
                kubelet: self.kubelet.summary(),
                cgroup_driver: self.kubelet_cgroup_driver(Horizon::NextBoot).ok(),
            },
            runtimes,
            swap: self.swap.summary(),
            cgroups: self.cgroups.summary(),
            credentials: self.certs.summary(Horizon::NextBoot),
        }
    }

    fn unit(&self, name: &str) -> Option<Unit> {
        let unit = self.units.get(Horizon::NextBoot, name).ok()?;
        let now = self.units.get(Horizon::Now, name).ok();
        let service = self.units.service(Horizon::NextBoot, name).ok().flatten();
        let words = |lines: Vec<Vec<crate::sourced::Sourced<String>>>| {
            lines
                .into_iter()
                .map(|line| line.into_iter().map(|word| word.value).collect())
                .collect()
        };
        Some(Unit {
            load_state: unit.load_state,
            load_error: unit.load_error,
            enabled: unit.file_state,
            enabled_by: self.units.enabled_by(name).ok(),
            fragment: unit.fragment,
            drop_ins: unit.drop_ins,
            restart: service.as_ref().map(|service| service.restart.clone()),
            slice: service.as_ref().map(|service| service.slice.clone()),
            service,
            exec_start: self
                .units
                .started(name, "ExecStart")
                .ok()
                .flatten()
                .map(words),
            active_state: now.as_ref().and_then(|unit| unit.active_state.clone()),
            sub_state: now.and_then(|unit| unit.sub_state),
        })
    }
}
