//! `nodepol man`: the man pages, for packages.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

/// The arguments of `nodepol man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The directory to write them to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes a page of `command_line` for the tool and one for each command.
///
/// # Errors
/// If the directory cannot be written.
pub(crate) fn run(arguments: &Man, command_line: clap::Command) -> Result<()> {
    let context = || format!("{}: cannot be written", arguments.out.display());
    std::fs::create_dir_all(&arguments.out).with_context(context)?;
    clap_mangen::generate_to(command_line, &arguments.out).with_context(context)
}
