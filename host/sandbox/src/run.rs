//! A store with an instance of a component in it.

use std::sync::Arc;

use nodepol_facts::Facts;
use nodepol_model::report::{PolicyError, PolicyErrorKind};
use wasmtime::Store;

use crate::bindings::PolicyFull;
use crate::failure::{Stage, policy_error};
use crate::host_state::{HostState, LogLine};
use crate::limits::Limits;
use crate::load::{Linked, LoadError, Prepared};

/// One store. What it may use is counted from [`Run::new`] or [`Run::again`].
pub(crate) struct Run {
    store: Store<HostState>,
    /// The instance, once a call wanted it.
    policy: Option<PolicyFull>,
    limits: Limits,
    /// Whether its fuel and its time are counted; if not, why.
    counted: Result<(), String>,
    /// After what is loaded of it.
    linked: Arc<Linked>,
}

impl Run {
    pub(crate) fn new(prepared: &Prepared, facts: Option<Arc<Facts>>, limits: &Limits) -> Self {
        let linked = Arc::clone(&prepared.linked);
        let state = HostState::new(facts, Arc::clone(&prepared.granted_files), limits.clone());
        let mut store = Store::new(&linked.backend.engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_max_component_handles(limits.handles);
        let mut run = Self {
            store,
            policy: None,
            limits: limits.clone(),
            counted: Ok(()),
            linked,
        };
        // All of it before anything is instantiated: start functions run then.
        run.fill_up();
        run
    }

    /// Whether it could run `prepared` as well, within `limits`.
    pub(crate) fn serves(&self, prepared: &Prepared, limits: &Limits) -> bool {
        Arc::ptr_eq(&self.linked, &prepared.linked) && self.limits == *limits
    }

    /// Makes it ready for the next policy of its component.
    pub(crate) fn again(mut self, prepared: &Prepared) -> Self {
        let files = Arc::clone(&prepared.granted_files);
        self.store.data_mut().renew(files);
        self.fill_up();
        self
    }

    /// Gives it all that its limits allow for a policy.
    fn fill_up(&mut self) {
        self.store.set_hostcall_fuel(self.limits.hostcall_fuel);
        let epochs = self.linked.backend.epochs(&self.limits);
        self.store
            .set_epoch_deadline(*epochs.as_ref().unwrap_or(&1));
        let fuel = self.store.set_fuel(self.limits.fuel);
        self.counted = epochs
            .map(drop)
            .and(fuel.map_err(|error| error.to_string()));
    }

    /// Calls the component. One that failed is not to be called again: who knows
    /// what it left half done.
    pub(crate) fn call<T>(
        &mut self,
        stage: Stage,
        function: impl FnOnce(&PolicyFull, &mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, PolicyError> {
        if let Err(why) = &self.counted {
            return Err(PolicyError {
                kind: PolicyErrorKind::NotLoadable,
                message: format!("it is not run, since its limits cannot be kept: {why}"),
            });
        }
        let policy = match self.policy.take() {
            Some(policy) => policy,
            None => self.start()?,
        };
        let called = function(&policy, &mut self.store);
        self.policy = Some(policy);
        called.map_err(|error| self.error(&error, stage))
    }

    fn start(&mut self) -> Result<PolicyFull, PolicyError> {
        let pre = self.linked.pre.instance_pre();
        let instance = pre
            .instantiate(&mut self.store)
            .map_err(|error| self.error(&error, Stage::Start))?;
        // Only here wasmtime compares the types of the exports.
        PolicyFull::new(&mut self.store, &instance)
            .map_err(|error| LoadError::mismatch(&error).into())
    }

    fn error(&self, error: &wasmtime::Error, stage: Stage) -> PolicyError {
        policy_error(error, stage, self.store.data(), &self.limits)
    }

    /// Fuel that the policy used so far.
    pub(crate) fn fuel_used(&self) -> u64 {
        // Only a store without fuel has no answer.
        let left = self.store.get_fuel().unwrap_or_default();
        self.limits.fuel.saturating_sub(left)
    }

    /// What the policy logged.
    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().take_log()
    }
}
