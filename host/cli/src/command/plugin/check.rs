//! `nodepol plugin check`: what a publisher would say of a project.

use anyhow::Result;
use clap::Args;
use nodepol_author::check::{self, Weight};
use nodepol_author::trial;
use nodepol_report::Format;
use serde_json::json;

use super::Target;
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
    let (project, built) = arguments.target.open(&sandbox)?;
    let mut trials = Vec::new();
    for path in trial::cases(&project)? {
        trials.push(trial::run(&sandbox, &built, &path)?);
    }
    let remarks = check::check(&project, &sandbox, &built, &trials)?;
    let errors = remarks
        .iter()
        .filter(|remark| remark.weight == Weight::Error)
        .count();
    let warnings = remarks.len() - errors;
    let text = match arguments.format {
        Format::Text => {
            let mut text = String::new();
            for remark in &remarks {
                text.push_str(&format!(
                    "{}[{}]: {}\n",
                    remark.weight.as_str(),
                    remark.code,
                    remark.message
                ));
            }
            let fuel = trials.iter().map(|trial| trial.fuel).max().unwrap_or(0);
            text.push_str(&format!(
                "{errors} errors, {warnings} warnings; {} cases, {} bytes, at most {fuel} units \
                 of fuel\n",
                trials.len(),
                built.inspection.size
            ));
            text
        }
        Format::Json => {
            let list: Vec<_> = remarks
                .iter()
                .map(|remark| {
                    json!({
                        "weight": remark.weight.as_str(),
                        "code": remark.code,
                        "message": remark.message,
                    })
                })
                .collect();
            format!("{:#}\n", json!({ "remarks": list }))
        }
    };
    output::write(None, &text)?;
    Ok(if errors > 0 || (arguments.strict && warnings > 0) {
        FAILED
    } else {
        0
    })
}
