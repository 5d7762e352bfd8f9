//! Runs a component once.

use std::sync::Arc;
use std::time::Instant;

use nodepol_facts::Facts;
use nodepol_model::Horizon;
use nodepol_model::report::{Cost, PolicyError, PolicyErrorKind};
use wasmtime::Store;

use crate::answer::{self, Answer};
#[cfg(feature = "compiler")]
use crate::artifact::Trusted;
use crate::backend::Backends;
use crate::bindings::PolicyFull;
use crate::bindings::exports::nodepol::policy::check;
use crate::cache::Cache;
#[cfg(feature = "compiler")]
use crate::card::Card;
use crate::compile::Compiler;
use crate::description::{self, Description};
use crate::engine::Machine;
use crate::failure::{Stage, bad_answer, policy_error};
use crate::host_state::{HostState, LogLine};
use crate::in_place::InPlace;
use crate::limits::Limits;
use crate::linker::Grants;
use crate::load::{self, LoadError, Prepared, Source};
use crate::parameters::Argument;

/// Loads and runs policies. One is enough for a process; it can be shared
/// between threads.
#[derive(Debug)]
pub struct Sandbox {
    backends: Backends,
    compiler: Compiler,
    cache: Option<Cache>,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[error("policies cannot be run here: {0}")]
pub struct SandboxError(String);

/// What came of one evaluation.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Its answer, or how the policy itself failed.
    pub outcome: Result<Answer, PolicyError>,
    /// What it logged, in order, also if it failed.
    pub log: Vec<LogLine>,
    /// What it cost.
    pub cost: Cost,
}

impl Sandbox {
    /// A sandbox that compiles with `compiler` and keeps what it compiled in
    /// `cache`.
    ///
    /// # Errors
    /// If wasmtime does not run here.
    pub fn new(compiler: Compiler, cache: Option<Cache>) -> Result<Self, SandboxError> {
        let backends = Backends::default();
        let machines = [Machine::InPlace, Machine::Native, Machine::Interpreter];
        if !machines
            .iter()
            .any(|machine| backends.get(*machine).is_some())
        {
            return Err(SandboxError(
                "there is no engine for this machine".to_owned(),
            ));
        }
        Ok(Self {
            backends,
            compiler,
            cache,
        })
    }

    /// Whether an artifact runs where it is: then loading it reads no file, starts
    /// no compiler and is cheap.
    pub fn runs_in_place(&self, artifact: &'static [u8]) -> bool {
        InPlace::of_this_process().holds_artifact(artifact)
            && self.backends.get(Machine::InPlace).is_some()
    }

    /// Makes a component ready to run. Nothing of it runs yet.
    ///
    /// # Errors
    /// [`LoadError`]: it is no policy, wants more than `grants`, or cannot be
    /// compiled within its limits.
    pub fn load(&self, source: Source<'_>, grants: &Grants) -> Result<Prepared, LoadError> {
        load::load(
            &self.backends,
            &self.compiler,
            self.cache.as_ref(),
            source,
            grants,
        )
    }

    /// Asks a component who it is. It reads no facts for that.
    ///
    /// # Errors
    /// [`PolicyError`] if it fails or describes itself against the rules.
    pub fn describe(&self, policy: &Prepared, limits: &Limits) -> Result<Description, PolicyError> {
        let mut run = Run::new(policy, None, limits);
        let described = run.call(Stage::Describe, |policy, store| {
            policy.nodepol_policy_check().call_describe(store)
        })?;
        description::checked(described, limits).map_err(bad_answer)
    }

    /// What a component of this repository, of which this process just made
    /// `artifact`, shows and says.
    #[cfg(feature = "compiler")]
    pub(crate) fn card(&self, wasm: &[u8], artifact: &[u8]) -> Result<Card, String> {
        let inspection = crate::inspect::inspect(wasm).map_err(|error| error.to_string())?;
        let backend = self.backends.get(Machine::Native).ok_or("no engine")?;
        let component = crate::artifact::load(&backend.engine, &Trusted::vouch(artifact))
            .map_err(|error| error.to_string())?;
        let shown = Arc::new(inspection.clone());
        let policy = load::link(backend, &component, shown, &Grants::standard())
            .map_err(|error| error.to_string())?;
        let description = self
            .describe(&policy, &Limits::default())
            .map_err(|error| error.message)?;
        Ok(Card {
            inspection,
            description,
        })
    }

    /// Lets a component judge the node at `horizons`.
    ///
    /// `arguments` are those that [`crate::parameters::check`] gives.
    pub fn evaluate(
        &self,
        policy: &Prepared,
        facts: &Arc<Facts>,
        horizons: &[Horizon],
        arguments: &[Argument],
        limits: &Limits,
    ) -> Evaluation {
        let started = Instant::now();
        let asked: Vec<_> = horizons.iter().copied().map(answer::horizon_to).collect();
        let given: Vec<check::Argument> = arguments.iter().map(Argument::to_wit).collect();
        let mut run = Run::new(policy, Some(Arc::clone(facts)), limits);
        let outcome = run
            .call(Stage::Evaluate, |policy, store| {
                policy
                    .nodepol_policy_check()
                    .call_evaluate(store, &asked, &given)
            })
            .and_then(|result| match result {
                Ok(answer) => answer::checked(answer, horizons, limits),
                Err(failure) => Err(failed(failure)),
            });
        Evaluation {
            outcome,
            cost: Cost {
                fuel: run.fuel_used(),
                micros: u64::try_from(started.elapsed().as_micros()).ok(),
            },
            log: run.store.into_data().into_log(),
        }
    }
}

/// What the component says about itself.
fn failed(failure: check::Failure) -> PolicyError {
    let text = |text: &str| {
        let mut text = crate::clean_line(text);
        if text.len() > 1024 {
            text.truncate(text.floor_char_boundary(1024));
            text.push('…');
        }
        text
    };
    PolicyError {
        kind: PolicyErrorKind::Plugin,
        message: match failure {
            check::Failure::InvalidParameter(said) => {
                format!("it refuses a parameter: {}", text(&said))
            }
            check::Failure::Internal(said) => format!("it could not work: {}", text(&said)),
        },
    }
}

/// One store, which is used for one call and dropped.
struct Run<'a> {
    store: Store<HostState>,
    policy: &'a Prepared,
    limits: &'a Limits,
    /// Whether its fuel and its time are counted; if not, why.
    counted: Result<(), String>,
}

impl<'a> Run<'a> {
    fn new(policy: &'a Prepared, facts: Option<Arc<Facts>>, limits: &'a Limits) -> Self {
        let state = HostState::new(facts, Arc::clone(&policy.granted_files), limits.clone());
        let mut store = Store::new(&policy.backend.engine, state);
        // All of it before anything is instantiated: start functions run then.
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(limits.hostcall_fuel);
        store.set_max_component_handles(limits.handles);
        let epochs = policy.backend.epochs(limits);
        store.set_epoch_deadline(*epochs.as_ref().unwrap_or(&1));
        let fuel = store
            .set_fuel(limits.fuel)
            .map_err(|error| error.to_string());
        Self {
            store,
            policy,
            limits,
            counted: epochs.and(fuel),
        }
    }

    fn call<T>(
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
        let pre = &self.policy.pre;
        let instance = match pre.instance_pre().instantiate(&mut self.store) {
            Ok(instance) => instance,
            Err(error) => return Err(self.error(&error, Stage::Start)),
        };
        // Only here wasmtime compares the types of the exports.
        let policy = PolicyFull::new(&mut self.store, &instance)
            .map_err(|error| PolicyError::from(LoadError::mismatch(&error)))?;
        function(&policy, &mut self.store).map_err(|error| self.error(&error, stage))
    }

    fn error(&self, error: &wasmtime::Error, stage: Stage) -> PolicyError {
        policy_error(error, stage, self.store.data(), self.limits)
    }

    fn fuel_used(&self) -> u64 {
        // Only a store without fuel has no answer.
        let left = self.store.get_fuel().unwrap_or_default();
        self.limits.fuel.saturating_sub(left)
    }
}
