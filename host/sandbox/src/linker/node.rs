//! The interface `node`.

use nodepol_facts::join_state as facts;
use nodepol_facts::node::{self as facts_of_node, OsRelease as Os};

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::node::{Capacity, Host, JoinState, OsRelease};
use crate::bindings::nodepol::policy::types::{Horizon, Sourced, Unavailable, Version};
use crate::host_state::HostState;

impl Host for HostState {
    fn taken_at(&mut self) -> wasmtime::Result<i64> {
        Ok(self.facts()?.node.taken_at())
    }

    fn os(&mut self) -> wasmtime::Result<Result<Option<OsRelease>, Unavailable>> {
        Ok(wit(self.facts()?.node.os()))
    }

    fn kernel_release(&mut self) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.node.kernel_release()))
    }

    fn command_line(&mut self, at: Horizon) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.node.command_line(horizon(at))))
    }

    fn sysctl(
        &mut self,
        at: Horizon,
        key: String,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.node.sysctl(horizon(at), &key)))
    }

    fn hostname(&mut self, at: Horizon) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.node.hostname(horizon(at))))
    }

    fn init(&mut self, at: Horizon) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.node.init(horizon(at))))
    }

    fn kubeadm_version(&mut self) -> wasmtime::Result<Result<Option<Version>, Unavailable>> {
        Ok(wit(self.facts()?.node.kubeadm_version()))
    }

    fn get_join_state(&mut self) -> wasmtime::Result<Result<JoinState, Unavailable>> {
        Ok(wit(self.facts()?.join_state()))
    }

    fn flavour(&mut self) -> wasmtime::Result<Sourced> {
        Ok(wit(self.facts()?.node.flavour()))
    }

    fn embedded_kubelet(&mut self) -> wasmtime::Result<bool> {
        Ok(self.facts()?.node.embedded_kubelet())
    }

    fn control_plane(&mut self) -> wasmtime::Result<bool> {
        Ok(self.facts()?.node.control_plane())
    }

    fn get_capacity(&mut self) -> wasmtime::Result<Result<Capacity, Unavailable>> {
        Ok(wit(self.facts()?.node.capacity()))
    }

    fn kernel_module(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.modules.module(horizon(at), &name)))
    }

    fn memory_available(&mut self) -> wasmtime::Result<Result<Option<u64>, Unavailable>> {
        Ok(wit(self.facts()?.node.memory_available()))
    }
}

impl IntoWit for facts::JoinState {
    type Wit = JoinState;

    fn into_wit(self) -> JoinState {
        match self {
            Self::NoKubelet => JoinState::NoKubelet,
            Self::InstalledNotJoined => JoinState::InstalledNotJoined,
            Self::Joining => JoinState::Joining,
            Self::Joined => JoinState::Joined,
            Self::BrokenPartial => JoinState::BrokenPartial,
        }
    }
}

impl IntoWit for facts_of_node::Capacity {
    type Wit = Capacity;

    fn into_wit(self) -> Capacity {
        Capacity {
            online_cpus: self.online_cpus,
            memory_bytes: self.memory_bytes,
        }
    }
}

impl IntoWit for Os {
    type Wit = OsRelease;

    fn into_wit(self) -> OsRelease {
        OsRelease {
            id: self.id,
            id_like: self.id_like,
            version_id: self.version_id,
            variant_id: self.variant_id,
            pretty_name: self.pretty_name,
        }
    }
}
