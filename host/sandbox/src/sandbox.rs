//! The sandbox: what loads components and asks them.

use std::sync::Arc;

use nodepol_facts::Facts;
use nodepol_model::Horizon;
use nodepol_model::report::PolicyError;

use crate::backend::Backends;
use crate::cache::Cache;
use crate::compile::Compiler;
use crate::description::{self, Description};
use crate::engine::Machine;
use crate::failure::{Stage, bad_answer};
use crate::hearing::{Evaluation, Hearing};
use crate::in_place::InPlace;
use crate::limits::Limits;
use crate::linker::Grants;
use crate::load::{self, Embedded, LoadError, Prepared};
use crate::parameters::Argument;
use crate::run::Run;
use crate::standard::Standard;

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

    /// Whether what is embedded runs where it is: then loading it reads no file,
    /// starts no compiler and is cheap.
    pub fn runs_in_place(&self, embedded: &Embedded) -> bool {
        InPlace::of_this_process().holds_artifact(embedded.artifact)
            && self.backends.get(Machine::InPlace).is_some()
    }

    /// Makes a component ready to run, whoever wrote it. Nothing of it runs yet.
    ///
    /// # Errors
    /// [`LoadError`]: it is no policy, wants more than `grants`, or cannot be
    /// compiled within its limits.
    pub fn load(&self, wasm: &[u8], grants: &Grants) -> Result<Prepared, LoadError> {
        load::load(
            &self.backends,
            &self.compiler,
            self.cache.as_ref(),
            wasm,
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

    /// Makes the policies that are embedded in this program ready to run.
    ///
    /// # Errors
    /// [`LoadError`]: their machine code is for another machine, and they cannot be
    /// compiled anew.
    pub fn load_standard(&self, embedded: &Embedded) -> Result<Standard, LoadError> {
        load::load_embedded(
            &self.backends,
            &self.compiler,
            self.cache.as_ref(),
            embedded,
        )
        .map(Standard::new)
    }

    /// Lets one policy judge a node; [`Hearing`] is for several.
    pub fn evaluate(
        &self,
        policy: &Prepared,
        facts: &Arc<Facts>,
        horizons: &[Horizon],
        arguments: &[Argument],
        limits: &Limits,
    ) -> Evaluation {
        Hearing::new(Arc::clone(facts)).evaluate(policy, horizons, arguments, limits)
    }
}
