//! All facts of one node, each area once.

use std::sync::Arc;

use nodepol_model::{Horizon, Unavailable};
use serde_json::Value as Json;

use crate::cgroup::Cgroups;
use crate::configs::Configs;
use crate::credential::{Certs, CredentialFlags};
use crate::evidence::Evidence;
use crate::files::Files;
use crate::journal::JournalFacts;
use crate::kubelet::{Assumptions, Kubelet};
use crate::node::Node;
use crate::runtime::{Launch, Runtimes};
use crate::sourced::Sourced;
use crate::systemd::Units;

/// The facts that policies read: one field for each interface.
#[derive(Debug)]
pub struct Facts {
    /// What all of it rests on.
    pub evidence: Arc<Evidence>,
    /// systemd units.
    pub units: Arc<Units>,
    /// The kubelet.
    pub kubelet: Arc<Kubelet>,
    /// The node as a whole.
    pub node: Arc<Node>,
    /// Control groups.
    pub cgroups: Arc<Cgroups>,
    /// Container runtimes.
    pub runtimes: Arc<Runtimes>,
    /// Certificates and kubeconfigs.
    pub certs: Arc<Certs>,
    /// The log.
    pub journal: Arc<JournalFacts>,
    /// Structured files.
    pub configs: Arc<Configs>,
    /// Paths.
    pub files: Arc<Files>,
}

impl Facts {
    /// The facts that follow from `evidence`, and from what is assumed of
    /// versions.
    pub fn new(evidence: Arc<Evidence>, assumptions: Assumptions) -> Self {
        let units = Arc::new(Units::new(Arc::clone(&evidence)));
        let kubelet = Arc::new(Kubelet::new(
            Arc::clone(&evidence),
            Arc::<Units>::clone(&units),
            assumptions,
        ));
        let node = Arc::new(Node::new(Arc::clone(&evidence), Arc::clone(&kubelet)));
        let cgroups = Arc::new(Cgroups::new(Arc::clone(&evidence), Arc::clone(&node)));
        let runtimes = Arc::new(Runtimes::new(
            Arc::clone(&evidence),
            Arc::<Units>::clone(&units),
            Arc::clone(&kubelet),
            Arc::clone(&node),
            Arc::clone(&cgroups),
        ));
        let certs = Arc::new(Certs::with_flags(
            Arc::clone(&evidence),
            credential_flags(&kubelet, Horizon::Now),
            credential_flags(&kubelet, Horizon::NextBoot),
            evidence.snapshot().taken_at,
        ));
        Self {
            journal: Arc::new(JournalFacts::new(Arc::clone(&evidence))),
            configs: Arc::new(Configs::new(Arc::clone(&evidence))),
            files: Arc::new(Files::new(Arc::clone(&evidence))),
            units,
            kubelet,
            node,
            cgroups,
            runtimes,
            certs,
            evidence,
        }
    }
}

impl Launch for Units {
    fn assignments(
        &self,
        unit: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        self.assignments(unit, section, key)
    }
}

/// What the kubelet is told about its credentials.
fn credential_flags(kubelet: &Kubelet, at: Horizon) -> Result<CredentialFlags, Unavailable> {
    let flag = |name: &str| {
        let flag = kubelet.flag(at, name)?;
        Ok::<_, Unavailable>(flag.map(|flag| flag.value))
    };
    Ok(CredentialFlags {
        kubeconfig: flag("kubeconfig")?,
        bootstrap_kubeconfig: flag("bootstrap-kubeconfig")?,
        cert_dir: flag("cert-dir")?,
        rotate_certificates: kubelet
            .setting(at, "/rotateCertificates")?
            .is_some_and(|setting| setting.value == Json::Bool(true)),
    })
}
