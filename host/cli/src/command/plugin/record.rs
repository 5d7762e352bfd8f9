//! `nodepol plugin record`: a case of a real node.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_author::record;
use nodepol_model::Verdict;

use super::Target;
use crate::rights::Needs;
use crate::{output, policy, snapshot_file};

/// The arguments of `nodepol plugin record`.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The name of the case, in kebab-case [default: that of the snapshot's file]
    name: Option<String>,

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
    let snapshot = snapshot_file::read(&arguments.from)?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(&arguments.from),
    };
    let (project, built) = arguments.target.open(&sandbox, |project| {
        Ok(Needs {
            read: vec![project.directory.clone()],
            write: vec![record::case_file(project, &name)?],
        })
    })?;
    let recorded = record::record(&project, &sandbox, &built, snapshot, &name)?;
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
            name, verdicts.now, verdicts.next_boot, recorded.kept, recorded.whole,
        ),
    )
}

/// A name for the case of a snapshot: `worker-7` of `snapshots/Worker_7.json`.
fn name_of(snapshot: &std::path::Path) -> String {
    let stem = snapshot
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    let words: Vec<_> = stem
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    match words.join("-") {
        name if name.starts_with(|first: char| first.is_ascii_lowercase()) => name,
        name if name.is_empty() => "node".to_owned(),
        name => format!("node-{name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::name_of;

    #[test]
    fn a_case_is_called_as_the_snapshot() {
        for (file, name) in [
            ("worker-7.json", "worker-7"),
            ("/tmp/Worker_7.snap.json", "worker-7-snap"),
            ("-", "node"),
            ("10.0.0.7.json", "node-10-0-0-7"),
        ] {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }
}
