//! The interface `network`.

use nodepol_facts::network as facts;

use super::convert::{IntoWit, wit};
use crate::bindings::nodepol::policy::network::{Host, Listener};
use crate::bindings::nodepol::policy::types::{Sourced, Unavailable};
use crate::host_state::HostState;

impl Host for HostState {
    fn addresses(&mut self) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.network.addresses()))
    }

    fn configured_addresses(&mut self) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.network.configured_addresses()))
    }

    fn default_route(&mut self) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.network.default_route()))
    }

    fn listening(&mut self) -> wasmtime::Result<Result<Vec<Listener>, Unavailable>> {
        Ok(wit(self.facts()?.network.listening()))
    }

    fn listeners_of(&mut self, pid: u32) -> wasmtime::Result<Result<Vec<Listener>, Unavailable>> {
        Ok(wit(self.facts()?.network.listeners_of(pid)))
    }

    fn cni_plugins(&mut self) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.network.cni_plugins()))
    }
}

impl IntoWit for facts::Listener {
    type Wit = Listener;

    fn into_wit(self) -> Listener {
        Listener {
            address: self.address,
            port: self.port,
            uid: self.uid,
            at: wit(self.at),
        }
    }
}
