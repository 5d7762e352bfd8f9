//! `nodepol` tells whether the kubelet will come up on a Linux node, now and
//! after the next boot, and what to change if not.
//!
//! Standard output carries what was asked for and nothing else. Exit codes:
//! 0 ready, 1 a policy failed, 2 usage, input or policy set, 3 undecided; see
//! [`nodepol_report::outcome`].

mod arguments;
mod command;
mod component;
mod diagnostics;
mod judge;
mod many;
mod node;
mod output;
mod policy;
mod policy_set;
mod progress;
mod rights;
mod selection;
mod snapshot_file;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use crate::command::Arguments;

/// Usage, input or policy set: there is no report.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // The sandbox starts this program once more to compile a component.
    let mut words = std::env::args();
    if words.nth(1).as_deref() == Some(nodepol_sandbox::COMPILE_COMMAND) {
        // It reads and writes its pipes, and nothing else.
        rights::give_up(&rights::Needs::default());
        return nodepol_sandbox::compile_child::main(words);
    }
    let arguments = Arguments::parse();
    diagnostics::start(arguments.verbose);
    match command::run(arguments.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            diagnostics::fail(&error);
            ExitCode::from(UNUSABLE)
        }
    }
}
