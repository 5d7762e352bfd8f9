//! `nodepol plugin`: what an author of policies works with.

mod build;
mod check;
mod new;
mod record;
mod test;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use nodepol_author::build::Built;
use nodepol_author::{AuthorError, Project, build as builder};
use nodepol_sandbox::Sandbox;

use crate::rights::{self, Needs};

/// The commands of `nodepol plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Write a new project that builds and passes its own cases
    New(new::New),
    /// Build a project's component
    Build(build::Build),
    /// Build a project and run its cases through the sandbox
    Test(test::Test),
    /// Say what a publisher would say of a project
    Check(check::Check),
    /// Make a case of a snapshot of a real node
    Record(record::Record),
}

/// Does what is asked for; gives the exit code.
///
/// # Errors
/// If there is no result: exit code 2.
pub(crate) fn run(command: &Plugin) -> Result<u8> {
    let result = match command {
        Plugin::New(arguments) => new::run(arguments).map(|()| 0),
        Plugin::Build(arguments) => build::run(arguments).map(|()| 0),
        Plugin::Test(arguments) => test::run(arguments),
        Plugin::Check(arguments) => check::run(arguments),
        Plugin::Record(arguments) => record::run(arguments).map(|()| 0),
    };
    // These errors say their causes themselves.
    result.map_err(|error| match error.downcast::<AuthorError>() {
        Ok(error) => anyhow::Error::msg(error.to_string()),
        Err(error) => error,
    })
}

/// Which project, and whether it is built.
#[derive(Debug, Args)]
struct Target {
    /// The project's directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Take this component and build nothing
    #[arg(long, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
}

impl Target {
    /// Builds the project, or loads the component that is there, and keeps only
    /// the rights that `needs` names before anything of it runs.
    fn open(
        &self,
        sandbox: &Sandbox,
        needs: impl FnOnce(&Project) -> Result<Needs>,
    ) -> Result<(Project, Built)> {
        let project = Project::open(&self.directory)?;
        let loaded = match &self.component {
            None => builder::build(&project, sandbox)?,
            Some(path) => {
                let wasm = super::inspect::read(path)?;
                builder::load(&project, sandbox, &wasm)?
            }
        };
        rights::give_up(&needs(&project)?);
        let built = loaded.describe(&project, sandbox)?;
        Ok((project, built))
    }
}
