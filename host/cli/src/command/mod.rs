//! The commands, one file each.

pub(crate) mod completions;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod facts;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod snapshot;

use anyhow::Result;

use crate::arguments::Command;

/// Does what is asked for; gives the exit code.
///
/// # Errors
/// If there is no result: exit code 2.
pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Snapshot(arguments) => snapshot::run(&arguments).map(|()| 0),
        Command::Facts(arguments) => facts::run(&arguments).map(|()| 0),
        Command::Explain(arguments) => explain::run(&arguments).map(|()| 0),
        Command::List(arguments) => list::run(&arguments).map(|()| 0),
        Command::Inspect(arguments) => inspect::run(&arguments).map(|()| 0),
        Command::Completions(arguments) => completions::run(&arguments).map(|()| 0),
        Command::Man(arguments) => man::run(&arguments).map(|()| 0),
    }
}
