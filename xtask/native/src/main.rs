//! `xtask-native SNAPSHOT ROUNDS`: the standard policies on one node, in the
//! sandbox and without it.
//!
//! What is compared is the sandbox and nothing else. The policies, the SDK and
//! the host's side of their imports are the same source files, compiled into
//! this program; the facts are those of nodepol. Without the sandbox a policy
//! calls the host as any function calls another.

#![allow(
    dead_code,
    unreachable_pub,
    unfulfilled_lint_expectations,
    reason = "the SDK, the policies and parts of the sandbox are included, as they are"
)]

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use clean::clean_line;

// The policies say `nodepol_plugin`, and here that is this program.
extern crate self as nodepol_plugin;

#[path = "../../../host/sandbox/src/clean.rs"]
mod clean;
mod compare;
#[path = "../../../host/cli/src/component.rs"]
mod embedded;
mod generated;
mod host;
#[path = "../../../host/sandbox/src/host_state.rs"]
mod host_state;
#[path = "../../../host/sandbox/src/limits.rs"]
mod limits;
#[path = "../../../host/sandbox/src/linker/mod.rs"]
mod linker;

/// What the SDK's own bindings are in a component.
#[allow(
    missing_docs,
    unused_imports,
    clippy::all,
    reason = "generated from wit/, where every item is documented"
)]
pub mod bindings {
    pub mod nodepol {
        pub mod policy {
            include!(concat!(env!("OUT_DIR"), "/imports.rs"));
        }
    }
    pub use crate::generated::exports;
}

/// Gives the two functions of a policy.
type Made = fn() -> crate::component::Native;

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
include!(concat!(env!("OUT_DIR"), "/policies.rs"));

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask-native: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [snapshot, rounds] = &words[..] else {
        bail!("usage: xtask-native SNAPSHOT ROUNDS");
    };
    let text = std::fs::read(snapshot).with_context(|| snapshot.clone())?;
    compare::compare(nodepol_model::Snapshot::from_json(&text)?, rounds.parse()?)
}
