//! The ways in which machine code gets into memory: one engine each, made when
//! it is first needed. Nothing of one engine is ever used with another.

use std::sync::{Arc, OnceLock};

use wasmtime::Engine;

use crate::engine::{Machine, Purpose, engine};
use crate::limits::Limits;
use crate::linker::Linkers;
use crate::ticker::Ticker;

/// An engine, what is linked in it, and the clock of what runs in it.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) engine: Engine,
    pub(crate) machine: Machine,
    pub(crate) linkers: Linkers,
    /// Started with the first run: a thread that is there before cannot give up
    /// its rights with the one that runs components.
    ticker: OnceLock<Result<Ticker, String>>,
}

impl Backend {
    pub(crate) fn new(machine: Machine) -> wasmtime::Result<Self> {
        Ok(Self {
            engine: engine(Purpose::Run, machine)?,
            machine,
            linkers: Linkers::default(),
            ticker: OnceLock::new(),
        })
    }

    /// Starts the clock. Gives the epochs that `limits` allow.
    pub(crate) fn epochs(&self, limits: &Limits) -> Result<u64, String> {
        let ticker = self
            .ticker
            .get_or_init(|| Ticker::start(&self.engine).map_err(|error| error.to_string()));
        match ticker {
            Ok(_) => Ok(Ticker::epochs(limits.wall)),
            Err(why) => Err(why.clone()),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Backends {
    embedded: OnceLock<Option<Arc<Backend>>>,
    copied: OnceLock<Option<Arc<Backend>>>,
    interpreted: OnceLock<Option<Arc<Backend>>>,
}

impl Backends {
    /// The backend of that kind; none if this machine cannot have it.
    pub(crate) fn get(&self, machine: Machine) -> Option<&Arc<Backend>> {
        let cell = match machine {
            Machine::InPlace => &self.embedded,
            Machine::Native => &self.copied,
            Machine::Interpreter => &self.interpreted,
        };
        let made = cell.get_or_init(|| match Backend::new(machine) {
            Ok(backend) => Some(Arc::new(backend)),
            Err(error) => {
                tracing::debug!("no engine of the kind {machine:?}: {error:#}");
                None
            }
        });
        made.as_ref()
    }
}
