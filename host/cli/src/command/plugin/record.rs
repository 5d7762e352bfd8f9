//! `nodepol plugin record`: a case of a real node.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_author::record;
use nodepol_model::Verdict;

use super::Target;
use crate::{output, policy, snapshot_file};

/// The arguments of `nodepol plugin record`.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The name of the case, in kebab-case
    name: String,

    /// A snapshot, as `nodepol snapshot` takes it; `-` reads standard input
    #[arg(long, value_name = "SNAPSHOT")]
    from: PathBuf,

    #[command(flatten)]
    target: Target,
}

/// Writes `cases/NAME.yaml` and `cases/NAME.json`.
///
/// # Errors
/// If the project does not build, or the snapshot cannot be used.
pub(crate) fn run(arguments: &Record) -> Result<()> {
    let sandbox = policy::authors_sandbox()?;
    let (project, built) = arguments.target.open(&sandbox)?;
    let snapshot = snapshot_file::read(&arguments.from)?;
    let recorded = record::record(&project, &sandbox, &built, snapshot, &arguments.name)?;
    let verdicts = recorded.answer.verdicts;
    if [verdicts.now, verdicts.next_boot].contains(&Verdict::Unknown) {
        tracing::warn!(
            "the verdict is unknown: if the snapshot lacks what the policy reads, take it with \
             `nodepol snapshot --policies policy-set.yaml`"
        );
    }
    output::write(
        None,
        &format!(
            "cases/{0}.yaml: now {1}, next boot {2}\ncases/{0}.json: {3} parts of {4} that the \
             snapshot has; look through it before you share it\n",
            arguments.name, verdicts.now, verdicts.next_boot, recorded.kept, recorded.whole,
        ),
    )
}
