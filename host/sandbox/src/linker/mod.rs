//! The one place of permission: what is granted is linked, and nothing else.

mod certs;
mod cgroups;
mod configs;
mod convert;
mod files;
mod journal;
mod kubelet;
mod log;
mod network;
mod node;
mod runtimes;
mod swap;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::nodepol::policy;
use crate::host_state::HostState;

/// An interface that can be granted. `log` is none of them: every policy has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "documented in wit/, one file each")]
pub enum Interface {
    Certs,
    Cgroups,
    Configs,
    Files,
    Journal,
    Kubelet,
    Network,
    Node,
    Runtimes,
    Swap,
    Units,
}

impl Interface {
    /// All of them, sorted.
    pub const ALL: [Self; 11] = [
        Self::Certs,
        Self::Cgroups,
        Self::Configs,
        Self::Files,
        Self::Journal,
        Self::Kubelet,
        Self::Network,
        Self::Node,
        Self::Runtimes,
        Self::Swap,
        Self::Units,
    ];

    /// The name in `wit/` and in policy sets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certs => "certs",
            Self::Cgroups => "cgroups",
            Self::Configs => "configs",
            Self::Files => "files",
            Self::Journal => "journal",
            Self::Kubelet => "kubelet",
            Self::Network => "network",
            Self::Node => "node",
            Self::Runtimes => "runtimes",
            Self::Swap => "swap",
            Self::Units => "units",
        }
    }

    /// The interface of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|interface| interface.as_str() == name)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a policy may read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// The interfaces that it may import.
    pub interfaces: BTreeSet<Interface>,
    /// The files of which it may read the text, by absolute path. Means
    /// something only together with the interface `files`.
    pub files: BTreeSet<String>,
}

impl Grants {
    /// Nothing but the log.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every interface and no file's text: what standard policies get.
    pub fn standard() -> Self {
        Self {
            interfaces: Interface::ALL.into_iter().collect(),
            files: BTreeSet::new(),
        }
    }
}

/// The linkers of one engine, one for each set of interfaces: policies with the
/// same grants share one.
#[derive(Default)]
pub(crate) struct Linkers(Mutex<BTreeMap<BTreeSet<Interface>, Arc<Linker<HostState>>>>);

impl fmt::Debug for Linkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linkers").finish_non_exhaustive()
    }
}

impl Linkers {
    /// The linker for `grants`.
    pub(crate) fn of(
        &self,
        engine: &Engine,
        grants: &Grants,
    ) -> wasmtime::Result<Arc<Linker<HostState>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linker) = known.get(&grants.interfaces) {
            return Ok(Arc::clone(linker));
        }
        let linker = Arc::new(linker(engine, grants)?);
        known.insert(grants.interfaces.clone(), Arc::clone(&linker));
        Ok(linker)
    }
}

/// A linker that has the granted interfaces and the log.
fn linker(engine: &Engine, grants: &Grants) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    policy::log::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    for interface in &grants.interfaces {
        add(&mut linker, *interface)?;
    }
    Ok(linker)
}

fn add(linker: &mut Linker<HostState>, interface: Interface) -> wasmtime::Result<()> {
    type Own = HasSelf<HostState>;
    match interface {
        Interface::Certs => policy::certs::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Cgroups => policy::cgroups::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Configs => policy::configs::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Files => policy::files::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Journal => policy::journal::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Kubelet => policy::kubelet::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Runtimes => policy::runtimes::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Network => policy::network::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Node => policy::node::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Swap => policy::swap::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Units => policy::units::add_to_linker::<_, Own>(linker, |state| state),
    }
}
