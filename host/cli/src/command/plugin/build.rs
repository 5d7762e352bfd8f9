//! `nodepol plugin build`: a component of a project.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_author::{Project, build};

use crate::command::inspect;
use crate::rights::{self, Needs};
use crate::{output, policy};

/// The arguments of `nodepol plugin build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The project's directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

/// Builds it and prints its size, permissions and digest.
///
/// # Errors
/// If a compiler is missing or complains, or the component is no policy.
pub(crate) fn run(arguments: &Build) -> Result<()> {
    let project = Project::open(&arguments.directory)?;
    let sandbox = policy::authors_sandbox()?;
    let loaded = build::build(&project, &sandbox)?;
    rights::give_up(&Needs::default());
    let built = loaded.describe(&project, &sandbox)?;
    let mut text = format!("component    {}\n", project.component().display());
    text.push_str(&inspect::text(&built.inspection));
    output::write(None, &text)
}
