//! Running other programs, with their output where the user sees it.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Says what is being done. Standard output is left to what was asked for.
pub(crate) fn step(what: &str) {
    eprintln!("xtask: {what}");
}

/// Runs the cargo that runs this, in the workspace.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    check(
        Command::new(cargo)
            .args(arguments)
            .current_dir(&workspace.root),
    )
}

/// Builds a program, with the features that its dependencies have in the whole
/// workspace: so that what one task built serves the next.
pub(crate) fn build_program(workspace: &Workspace, name: &str) -> Result<()> {
    cargo(workspace, &["build", "--workspace", "--bin", name])
}

/// Runs a program that must succeed.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("`{}` ended with {status}", words(command));
    }
    Ok(())
}

/// Runs a program and passes its exit code on.
pub(crate) fn status(command: &mut Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map(ExitCode::from)
        .with_context(|| format!("`{}` ended with {status}", words(command)))
}

fn words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
