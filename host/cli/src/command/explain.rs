//! `nodepol explain`: what a policy checks, why, how it is fixed.

use anyhow::{Result, bail};
use clap::Args;

use crate::{component, output};

/// The arguments of `nodepol explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The policy's id; `nodepol list` shows all
    policy: String,
}

/// Prints the policy's page.
///
/// # Errors
/// If there is no such policy.
pub(crate) fn run(arguments: &Explain) -> Result<()> {
    // A finding is named `policy/finding` in reports: its policy explains it.
    let id = arguments.policy.split('/').next().unwrap_or_default();
    let Some(component) = component::find(id) else {
        bail!("{}", component::unknown(id));
    };
    if component.readme.is_empty() {
        bail!("`{id}` has no page; `nodepol list` says what it is about");
    }
    output::write(None, component.readme)
}
