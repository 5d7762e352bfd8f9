//! `nodepol plugin check`: what a publisher would say of a project.

use anyhow::Result;
use clap::Args;
use nodepol_author::{check, trial};
use nodepol_model::inspection::{Check as Document, Weight};
use nodepol_report::Format;

use super::Target;
use crate::command::inspect;
use crate::rights::Needs;
use crate::{output, policy};

/// The exit code if a remark is an error.
const FAILED: u8 = 1;

/// The arguments of `nodepol plugin check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    target: Target,

    /// Let warnings fail it as well
    #[arg(long)]
    strict: bool,

    /// How the remarks are written: text or json
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// Prints the remarks; 1 if one is an error.
///
/// # Errors
/// If the project does not build, or a case cannot be used.
pub(crate) fn run(arguments: &Check) -> Result<u8> {
    let sandbox = policy::authors_sandbox()?;
    let mut cases = Vec::new();
    let (project, built) = arguments.target.open(&sandbox, |project| {
        cases = trial::cases(project, None)?;
        Ok(Needs {
            read: trial::directories(project, &cases),
            write: Vec::new(),
        })
    })?;
    let trials = trial::run_all(&sandbox, &built, &cases)?;
    let remarks = check::check(&project, &sandbox, &built, &trials)?;
    let document = Document {
        api_version: nodepol_model::API_VERSION.to_owned(),
        kind: "Check".to_owned(),
        id: project.manifest.id.clone(),
        digest: built.inspection.digest.clone(),
        size: u64::try_from(built.inspection.size).unwrap_or(u64::MAX),
        cases: u64::try_from(trials.len()).unwrap_or(u64::MAX),
        fuel: trials.iter().map(|trial| trial.fuel).max().unwrap_or(0),
        remarks,
    };
    let remarks = &document.remarks;
    let errors = remarks
        .iter()
        .filter(|remark| remark.weight == Weight::Error)
        .count();
    let warnings = remarks.len() - errors;
    let text = match arguments.format {
        Format::Text => {
            let mut text = String::new();
            for remark in remarks {
                text.push_str(&format!(
                    "{}[{}]: {}\n",
                    remark.weight.as_str(),
                    remark.code,
                    remark.message
                ));
            }
            text.push_str(&format!(
                "{}, {}; {}, {} bytes, at most {} units of fuel\n",
                counted(errors, "error"),
                counted(warnings, "warning"),
                counted(trials.len(), "case"),
                document.size,
                document.fuel
            ));
            text
        }
        Format::Json => inspect::to_json(&document)?,
    };
    output::write(None, &text)?;
    Ok(if errors > 0 || (arguments.strict && warnings > 0) {
        FAILED
    } else {
        0
    })
}

/// `1 case`, `2 cases`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
