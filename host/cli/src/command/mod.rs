//! The command line: the commands, one file each.

mod completions;
mod eval;
mod explain;
mod facts;
mod inspect;
mod list;
mod man;
mod plugin;
mod snapshot;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

/// Tells whether the kubelet will come up on this node, now and after the next
/// boot, and what to change if not.
#[derive(Debug, Parser)]
#[command(name = "nodepol", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 ready, 1 a policy failed, 2 usage, input or policy set, \
                        3 undecided."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Tell more on standard error; twice or thrice for still more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge a node: will its kubelet come up, now and after the next boot?
    Eval(eval::Eval),
    /// Read a node into one file, without its secrets, to be judged elsewhere
    Snapshot(snapshot::Take),
    /// Show what the node's files really mean, each value with its origin
    Facts(facts::Show),
    /// Show what a policy checks, why, and how it is fixed
    Explain(explain::Explain),
    /// List the policies, their phases, severity and permissions
    List(list::List),
    /// Show the permissions, exports and digest of a component; runs nothing
    Inspect(inspect::Inspect),
    /// Write, build and test policies of your own
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Print the completions for a shell
    Completions(completions::Completions),
    /// Write the man pages
    #[command(hide = true)]
    Man(man::Man),
}

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
        Command::Plugin(command) => plugin::run(&command),
        Command::Completions(arguments) => {
            completions::run(&arguments, Arguments::command()).map(|()| 0)
        }
        Command::Man(arguments) => man::run(&arguments, Arguments::command()).map(|()| 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
