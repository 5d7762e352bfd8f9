//! `nodepol completions`: completions for a shell.

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use crate::output;

/// The arguments of `nodepol completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions of `command_line`.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(arguments: &Completions, mut command_line: clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command_line, "nodepol", &mut script);
    output::write(None, &String::from_utf8(script)?)
}
