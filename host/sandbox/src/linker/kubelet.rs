//! The interface `kubelet`.

use nodepol_facts::kubelet as facts;
use nodepol_facts::kubelet_driver;
use serde_json::Value as Json;

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::kubelet::{
    Driver, DropInDirectory, FlagOverride, Host, Process, SettingValue,
};
use crate::bindings::nodepol::policy::types::{Horizon, Problem, Sourced, Unavailable, Version};
use crate::host_state::HostState;

impl Host for HostState {
    fn get_version(&mut self) -> wasmtime::Result<Result<Option<Version>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.get_version()))
    }

    fn argv(&mut self, at: Horizon) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.argv(horizon(at))))
    }

    fn flag(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.flag(horizon(at), &name)))
    }

    fn setting(
        &mut self,
        at: Horizon,
        pointer: String,
    ) -> wasmtime::Result<Result<Option<SettingValue>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.setting(horizon(at), &pointer)))
    }

    fn config_path(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.config_path(horizon(at))))
    }

    fn config_present(&mut self, at: Horizon) -> wasmtime::Result<Result<bool, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.config_present(horizon(at))))
    }

    fn config_problems(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.config_problems(horizon(at))))
    }

    fn flag_problems(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.flag_problems(horizon(at))))
    }

    fn gate_problems(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.gate_problems(horizon(at))))
    }

    fn flag_overrides(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Vec<FlagOverride>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.flag_overrides(horizon(at))))
    }

    fn config_drop_ins(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<DropInDirectory>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.config_drop_ins(horizon(at))))
    }

    fn cgroup_driver(&mut self, at: Horizon) -> wasmtime::Result<Result<Driver, Unavailable>> {
        Ok(wit(self.facts()?.kubelet_cgroup_driver(horizon(at))))
    }

    fn running(&mut self) -> wasmtime::Result<Result<Option<Process>, Unavailable>> {
        Ok(wit(self.facts()?.kubelet.running()))
    }
}

impl IntoWit for facts::SettingValue {
    type Wit = SettingValue;

    fn into_wit(self) -> SettingValue {
        let text = match &self.value {
            Json::String(text) => Some(text.clone()),
            Json::Null | Json::Bool(_) | Json::Number(_) => Some(self.value.to_string()),
            Json::Array(_) | Json::Object(_) => None,
        };
        SettingValue {
            json: self.value.to_string(),
            text,
            at: wit(self.origin),
            is_default: self.is_default,
            overridden: wit(self.overridden),
        }
    }
}

impl IntoWit for facts::FlagOverride {
    type Wit = FlagOverride;

    fn into_wit(self) -> FlagOverride {
        FlagOverride {
            flag: self.flag,
            pointer: self.pointer,
            value: wit(self.value),
            hidden: wit(self.hidden),
        }
    }
}

impl IntoWit for facts::DropIns {
    type Wit = DropInDirectory;

    fn into_wit(self) -> DropInDirectory {
        DropInDirectory {
            path: wit(self.path),
            is_link: self.is_link,
            read: self.read,
            passed_over: self.passed_over,
        }
    }
}

impl IntoWit for facts::Process {
    type Wit = Process;

    fn into_wit(self) -> Process {
        Process {
            pid: self.pid,
            cgroup: self.cgroup,
        }
    }
}

impl IntoWit for kubelet_driver::Driver {
    type Wit = Driver;

    fn into_wit(self) -> Driver {
        Driver {
            value: self.value,
            at: wit(self.at),
            from_runtime: self.from_runtime,
        }
    }
}
