//! The interface `cgroups`.

use nodepol_facts::cgroup as facts;

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::cgroups::{Host, Mode};
use crate::bindings::nodepol::policy::types::{Horizon, Sourced, Unavailable};
use crate::host_state::HostState;

impl Host for HostState {
    fn get_mode(&mut self, at: Horizon) -> wasmtime::Result<Result<Mode, Unavailable>> {
        Ok(wit(self.facts()?.cgroups.get_mode(horizon(at))))
    }

    fn controllers(&mut self) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.cgroups.controllers()))
    }

    fn file(
        &mut self,
        group: String,
        name: String,
    ) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.cgroups.file(&group, &name)))
    }

    fn disk_of(&mut self, path: String) -> wasmtime::Result<Result<Sourced, Unavailable>> {
        Ok(wit(self.facts()?.cgroups.disk_of(&path)))
    }
}

impl IntoWit for facts::Mode {
    type Wit = Mode;

    fn into_wit(self) -> Mode {
        match self {
            Self::V1 => Mode::V1,
            Self::V2 => Mode::V2,
            Self::Hybrid => Mode::Hybrid,
        }
    }
}
