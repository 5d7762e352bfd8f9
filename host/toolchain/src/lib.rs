//! Finds the compilers that build policies, and says how to install them.
//!
//! The project's own build and `nodepol plugin build` both use it, so it holds
//! little and depends on almost nothing. It installs nothing.

mod c;
mod go;
mod install;
mod javascript;
mod path;
mod rust;

pub use c::Clang;
pub use go::Go;
pub use install::word;
pub use javascript::{Qjs, Tsc};
pub use path::which;
pub use rust::{DEBIAN_PACKAGES, Rust, TARGET};

/// No compiler for a language was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} was not found; install it with\n{}", indented(.install))]
pub struct Missing {
    /// What was looked for.
    pub what: String,
    /// Commands of which each alone installs it.
    pub install: Vec<String>,
}

/// The command that installs packages of this system: `debian` on a Debian,
/// `other` anywhere else.
pub fn command_for(debian: &str, other: &str) -> String {
    match install::Packages::find() {
        Some(install::Packages::Apt) => install::Packages::Apt.install(debian),
        Some(packages) => packages.install(other),
        None => format!("the packages `{other}` of your system"),
    }
}

fn indented(commands: &[String]) -> String {
    let lines: Vec<_> = commands
        .iter()
        .map(|command| format!("    {command}"))
        .collect();
    lines.join("\n  or\n")
}
