//! Builds the standard policies: core modules, components, and the machine code
//! that the host carries.

use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{self, check, step};
use crate::toolchain;
use crate::workspace::Workspace;

/// The package with all of them in one component.
const STANDARD: &str = "nodepol-standard";

/// Builds every policy in `plugins/` into `components/` of the target directory.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let ids = workspace.policy_ids()?;
    let rust = toolchain::find()?;
    step(&format!(
        "building the core modules of {} policies",
        ids.len()
    ));
    let mut cargo = toolchain::cargo_build(&rust, workspace);
    for package in ids.iter().map(String::as_str).chain([STANDARD]) {
        cargo.args(["--package", package]);
    }
    check(&mut cargo)?;

    step("building the compiler of components (the first time takes minutes)");
    run::build_program(workspace, "xtask-components")?;
    step("compiling the components");
    check(
        Command::new(workspace.target.join("debug/xtask-components"))
            .arg(toolchain::output(workspace))
            .arg(workspace.components())
            .args(&ids),
    )
}

/// Prints each component's size and their sum.
pub(crate) fn print_sizes(workspace: &Workspace) -> Result<()> {
    let mut sum = 0;
    let ids = workspace.policy_ids()?;
    for id in &ids {
        let path = workspace.components().join(format!("{id}.wasm"));
        let size = std::fs::metadata(&path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        println!("{size:>8}  {id}");
        sum += size;
    }
    println!("{sum:>8}  sum of {}", ids.len());
    Ok(())
}
