//! The interface `swap`.

use nodepol_facts::swap as facts;

use super::convert::{IntoWit, wit};
use crate::bindings::nodepol::policy::swap::{Activation, Device, Enforcement, Host};
use crate::bindings::nodepol::policy::types::Unavailable;
use crate::host_state::HostState;

impl Host for HostState {
    fn active(&mut self) -> wasmtime::Result<Result<Vec<Device>, Unavailable>> {
        Ok(wit(self.facts()?.swap.active()))
    }

    fn encrypted(&mut self, path: String) -> wasmtime::Result<Result<Option<bool>, Unavailable>> {
        Ok(wit(self.facts()?.swap.encrypted(&path)))
    }

    fn at_next_boot(&mut self) -> wasmtime::Result<Result<Vec<Activation>, Unavailable>> {
        Ok(wit(self.facts()?.swap.at_next_boot()))
    }

    fn enforcements(&mut self) -> wasmtime::Result<Result<Vec<Enforcement>, Unavailable>> {
        Ok(wit(self.facts()?.swap.enforcements()))
    }
}

impl IntoWit for facts::Device {
    type Wit = Device;

    fn into_wit(self) -> Device {
        Device {
            path: self.path,
            kind: self.kind,
            size_bytes: self.size_bytes,
            used_bytes: self.used_bytes,
            priority: self.priority,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::Activation {
    type Wit = Activation;

    fn into_wit(self) -> Activation {
        Activation {
            kind: self.kind.to_owned(),
            what: self.what,
            unit: self.unit,
            at: wit(self.at),
            text: self.text,
            before_kubelet: self.before_kubelet,
            device_present: self.device_present,
        }
    }
}

impl IntoWit for facts::Enforcement {
    type Wit = Enforcement;

    fn into_wit(self) -> Enforcement {
        Enforcement {
            kind: self.kind.to_owned(),
            what: self.what,
            at: wit(self.at),
        }
    }
}
