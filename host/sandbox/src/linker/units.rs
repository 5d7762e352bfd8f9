//! The interface `units`.

use nodepol_facts::systemd as facts;

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::types::{Horizon, Problem, Sourced, Unavailable};
use crate::bindings::nodepol::policy::units::{
    Command, Condition, EnvironmentFile, Host, Link, ProgramState, ServiceSettings, Unit, Variable,
};
use crate::host_state::HostState;

impl Host for HostState {
    fn get(&mut self, at: Horizon, name: String) -> wasmtime::Result<Result<Unit, Unavailable>> {
        Ok(wit(self.facts()?.units.get(horizon(at), &name)))
    }

    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.facts()?.units.names())
    }

    fn assignments(
        &mut self,
        name: String,
        section: String,
        key: String,
    ) -> wasmtime::Result<Result<Vec<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.units.assignments(&name, &section, &key)))
    }

    fn property(
        &mut self,
        name: String,
        property: String,
    ) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.property(&name, &property)))
    }

    fn need_daemon_reload(&mut self, name: String) -> wasmtime::Result<Result<bool, Unavailable>> {
        Ok(wit(self.facts()?.units.need_daemon_reload(&name)))
    }

    fn service(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Option<ServiceSettings>, Unavailable>> {
        Ok(wit(self.facts()?.units.service(horizon(at), &name)))
    }

    fn commands(
        &mut self,
        at: Horizon,
        name: String,
        key: String,
    ) -> wasmtime::Result<Result<Vec<Command>, Unavailable>> {
        Ok(wit(self.facts()?.units.commands(horizon(at), &name, &key)))
    }

    fn environment_files(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<EnvironmentFile>, Unavailable>> {
        Ok(wit(self
            .facts()?
            .units
            .environment_files(horizon(at), &name)))
    }

    fn program(&mut self, path: String) -> wasmtime::Result<Result<ProgramState, Unavailable>> {
        Ok(wit(self.facts()?.units.program(&path)))
    }

    fn enabled_by(&mut self, name: String) -> wasmtime::Result<Result<Vec<Link>, Unavailable>> {
        Ok(wit(self.facts()?.units.enabled_by(&name)))
    }

    fn pulled_in_by(&mut self, name: String) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.pulled_in_by(&name)))
    }

    fn default_target(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<Sourced>, Unavailable>> {
        Ok(wit(self.facts()?.units.default_target(horizon(at))))
    }

    fn dependencies(
        &mut self,
        at: Horizon,
        name: String,
        kind: String,
    ) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.dependencies(
            horizon(at),
            &name,
            &kind,
        )))
    }

    fn control_group(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.control_group(&name)))
    }

    fn conditions(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Condition>, Unavailable>> {
        Ok(wit(self.facts()?.units.conditions(horizon(at), &name)))
    }

    fn ordered_before(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.ordered_before(&name)))
    }

    fn ordering_cycle(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.units.ordering_cycle(&name)))
    }

    fn ignored_settings(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        Ok(wit(self.facts()?.units.ignored_settings(&name)))
    }

    fn file_environment(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Variable>, Unavailable>> {
        let units = &self.facts()?.units;
        Ok(wit(units
            .file_environment(horizon(at), &name)
            .map(variables)))
    }

    fn environment_problems(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Problem>, Unavailable>> {
        let units = &self.facts()?.units;
        Ok(wit(units.environment_problems(horizon(at), &name)))
    }

    fn unread_environment(
        &mut self,
        at: Horizon,
        name: String,
    ) -> wasmtime::Result<Result<Vec<Variable>, Unavailable>> {
        let units = &self.facts()?.units;
        Ok(wit(units
            .unread_environment(horizon(at), &name)
            .map(variables)))
    }
}

/// A pair is an orphan; this is its name.
struct Set(facts::Variable);

fn variables(pairs: Vec<facts::Variable>) -> Vec<Set> {
    pairs.into_iter().map(Set).collect()
}

impl IntoWit for Set {
    type Wit = Variable;

    fn into_wit(self) -> Variable {
        let (name, value) = self.0;
        Variable {
            name,
            value: value.value,
            at: wit(value.origin),
        }
    }
}

impl IntoWit for facts::Condition {
    type Wit = Condition;

    fn into_wit(self) -> Condition {
        Condition {
            kind: self.kind,
            parameter: self.parameter,
            negated: self.negated,
            trigger: self.trigger,
            met: wit(self.met),
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::Unit {
    type Wit = Unit;

    fn into_wit(self) -> Unit {
        Unit {
            name: self.name,
            load_state: self.load_state,
            load_error: self.load_error,
            fragment: self.fragment,
            drop_ins: self.drop_ins,
            file_state: self.file_state,
            active_state: self.active_state,
            sub_state: self.sub_state,
        }
    }
}

impl IntoWit for facts::ServiceSettings {
    type Wit = ServiceSettings;

    fn into_wit(self) -> ServiceSettings {
        ServiceSettings {
            kind: self.kind,
            restart: self.restart,
            restart_usec: self.restart_usec,
            start_limit_interval_usec: self.start_limit_interval_usec,
            start_limit_burst: self.start_limit_burst,
            watchdog_usec: self.watchdog_usec,
            slice: self.slice,
        }
    }
}

impl IntoWit for facts::Command {
    type Wit = Command;

    fn into_wit(self) -> Command {
        Command {
            path: self.path,
            argv: self.argv,
            ignore_failure: self.ignore_failure,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::EnvironmentFile {
    type Wit = EnvironmentFile;

    fn into_wit(self) -> EnvironmentFile {
        EnvironmentFile {
            path: self.path,
            optional: self.optional,
            present: self.present,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::ProgramState {
    type Wit = ProgramState;

    fn into_wit(self) -> ProgramState {
        match self {
            Self::Runnable => ProgramState::Runnable,
            Self::Missing => ProgramState::Missing,
            Self::Dangling(target) => ProgramState::Dangling(target),
            Self::NotAFile => ProgramState::NotAFile,
            Self::NotExecutable => ProgramState::NotExecutable,
            Self::WrongArchitecture(built_for, runs) => {
                ProgramState::WrongArchitecture((built_for, runs))
            }
            Self::NoExec(mount) => ProgramState::NoExec(mount),
            Self::MissingInterpreter(interpreter) => ProgramState::MissingInterpreter(interpreter),
            Self::NotAProgram => ProgramState::NotAProgram,
        }
    }
}

impl IntoWit for facts::Link {
    type Wit = Link;

    fn into_wit(self) -> Link {
        Link {
            path: self.path,
            target: self.target,
            dangling: self.dangling,
            runtime: self.runtime,
        }
    }
}
