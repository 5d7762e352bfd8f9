//! The interface `runtimes`.

use nodepol_facts::runtime as facts;

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::runtimes::{Answer, Edit, Handler, Host, Runtime};
use crate::bindings::nodepol::policy::types::{Horizon, Location, Problem, Sourced, Unavailable};
use crate::host_state::HostState;

impl Host for HostState {
    fn all(&mut self, at: Horizon) -> wasmtime::Result<Result<Vec<Runtime>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.all(horizon(at))))
    }

    fn endpoint(&mut self, at: Horizon) -> wasmtime::Result<Result<Sourced, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.endpoint(horizon(at))))
    }

    fn selected(&mut self, at: Horizon) -> wasmtime::Result<Result<Option<Runtime>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.selected(horizon(at))))
    }

    fn cgroup_driver(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self
            .facts()?
            .runtimes
            .cgroup_driver(horizon(at), &name)))
    }

    fn handlers(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Handler>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.handlers(horizon(at), &name)))
    }

    fn supports_runtime_config(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<bool>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.supports_runtime_config(&name)))
    }

    fn who_answers(&mut self, endpoint: String) -> wasmtime::Result<Result<Answer, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.who_answers(&endpoint)))
    }

    fn systemd_driver_edits(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Edit>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.systemd_driver_edits(&name)))
    }

    fn pending(&mut self, name: String) -> wasmtime::Result<Result<Option<Location>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.pending(&name)))
    }

    fn problems(&mut self, name: String) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        Ok(wit(self.facts()?.runtimes.problems(&name)))
    }
}

impl IntoWit for facts::Runtime {
    type Wit = Runtime;

    fn into_wit(self) -> Runtime {
        Runtime {
            name: self.name,
            version: wit(self.version),
            unit: self.unit,
            endpoint: self.endpoint,
            config_path: self.config_path,
            config_version: self.config_version,
        }
    }
}

impl IntoWit for facts::Handler {
    type Wit = Handler;

    fn into_wit(self) -> Handler {
        Handler {
            name: self.name,
            kind: self.kind,
            cgroup_driver: self.cgroup_driver,
            is_default: self.is_default,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::Answer {
    type Wit = Answer;

    fn into_wit(self) -> Answer {
        match self {
            Self::Serves { name, version } => Answer::Serves((name, version)),
            Self::Refuses(status) => Answer::Refuses(status),
            Self::Nobody => Answer::Nobody,
        }
    }
}

impl IntoWit for facts::Edit {
    type Wit = Edit;

    fn into_wit(self) -> Edit {
        Edit {
            path: self.path,
            pointer: self.pointer,
            json: self.json,
        }
    }
}
