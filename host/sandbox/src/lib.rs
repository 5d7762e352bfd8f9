//! Runs policies that nobody has to trust.
//!
//! A policy is a WebAssembly component that exports `nodepol:policy/check` and
//! imports the interfaces that it reads. The way of a component through here:
//!
//! 1. [`inspect`] reads its imports and exports without compiling or running
//!    anything; an import is a permission.
//! 2. [`Sandbox::load`] refuses what is not granted ([`Grants`]), compiles the
//!    rest in a child process ([`Compiler`]) or takes it from a [`Cache`], and
//!    links only the granted interfaces: [`Prepared`].
//! 3. [`Sandbox::describe`] asks it who it is; [`parameters::check`] checks what
//!    a policy set gives it.
//! 4. [`Hearing::evaluate`] runs it once, in a store of its own, within [`Limits`],
//!    and checks its answer.
//!
//! The standard policies are embedded as one component, [`Standard`]: it is loaded
//! once, and has one store for each node.
//!
//! Whatever a component does, the outcome is an answer or a
//! [`nodepol_model::report::PolicyError`]; the next policy runs as if nothing
//! had happened.

mod answer;
mod artifact;
mod backend;
mod bindings;
mod cache;
mod card;
mod clean;
mod compile;
#[cfg(feature = "compiler")]
pub mod compile_child;
mod description;
pub mod engine;
mod failure;
mod hearing;
mod host_state;
mod in_place;
pub mod inspect;
mod limits;
mod linker;
mod load;
mod names;
pub mod parameters;
mod run;
mod sandbox;
mod standard;
mod ticker;

pub use answer::Answer;
pub use cache::{Cache, CacheError};
pub use card::Card;
#[cfg(feature = "compiler")]
pub use card::card;
pub use clean::{clean_line, clean_text};
pub use compile::{COMPILE_COMMAND, CompileError, CompileLimits, Compiler};
pub use description::Description;
pub use hearing::{Evaluation, Hearing};
pub use host_state::{LogLevel, LogLine};
pub use inspect::{Inspection, inspect};
pub use limits::Limits;
pub use linker::{Grants, Interface};
pub use load::{Embedded, LoadError, Prepared, permit};
pub use parameters::{Argument, Parameter, ParameterProblem, Value};
pub use sandbox::{Sandbox, SandboxError};
pub use standard::Standard;
