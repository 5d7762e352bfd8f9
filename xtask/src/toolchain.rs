//! Finds a Rust compiler that can build WebAssembly, and installs one where none
//! is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use nodepol_toolchain::{DEBIAN_PACKAGES, Rust, TARGET};

use crate::run::{check, step};
use crate::workspace::Workspace;

/// Finds one, or installs one.
pub(crate) fn find() -> Result<Rust> {
    let missing = match Rust::find() {
        Ok(rust) => return Ok(rust),
        Err(missing) => missing,
    };
    step(&format!(
        "installing the compiler's {TARGET} target with rustup"
    ));
    let rustup = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status();
    if rustup.is_ok_and(|status| status.success()) && Rust::has_target() {
        return Ok(Rust::Rustup);
    }
    if Path::new("/etc/debian_version").exists() && is_root() {
        step(&format!(
            "rustup cannot; installing {}",
            DEBIAN_PACKAGES.join(", ")
        ));
        check(apt_get().arg("update"))?;
        check(
            apt_get()
                .args(["install", "--yes", "--no-install-recommends"])
                .args(DEBIAN_PACKAGES),
        )?;
        if let Some(rust) = Rust::debian() {
            return Ok(rust);
        }
    }
    Err(missing.into())
}

/// The cargo that builds the standard policies; the caller adds packages.
pub(crate) fn cargo_build(rust: &Rust, workspace: &Workspace) -> Command {
    let mut command = rust.cargo_build(&target(workspace));
    command
        .current_dir(&workspace.root)
        .args(["--profile", "component"]);
    command
}

/// Where the core modules are after a build.
pub(crate) fn output(workspace: &Workspace) -> PathBuf {
    target(workspace).join(TARGET).join("component")
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("guest")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null());
    command
}
