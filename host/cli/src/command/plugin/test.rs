//! `nodepol plugin test`: a project's cases, through the real sandbox.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_author::trial::{self, Trial};
use nodepol_author::{bless, junit};

use super::Target;
use crate::rights::Needs;
use crate::{output, policy};

/// The exit code if a case does not hold.
const FAILED: u8 = 1;

/// The arguments of `nodepol plugin test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    target: Target,

    /// Run only the cases with TEXT in their names
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Write what the policy says into the cases that do not hold
    #[arg(long)]
    bless: bool,

    /// Write the results as JUnit XML to FILE as well
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs the cases; 1 if one does not hold.
///
/// # Errors
/// If the project does not build, or a case cannot be used.
pub(crate) fn run(arguments: &Test) -> Result<u8> {
    let sandbox = policy::authors_sandbox()?;
    let mut cases = Vec::new();
    let (project, built) = arguments.target.open(&sandbox, |project| {
        cases = trial::cases(project, arguments.only.as_deref())?;
        let blessed = cases.iter().filter(|_| arguments.bless);
        Ok(Needs {
            read: trial::directories(project, &cases),
            write: blessed.chain(&arguments.junit).cloned().collect(),
        })
    })?;
    let mut trials = trial::run_all(&sandbox, &built, &cases)?;
    let mut text = String::new();
    let mut blessed = 0;
    for trial in &mut trials {
        let answered = trial.outcome.as_ref().ok().cloned();
        if let (true, false, Some(answer)) =
            (arguments.bless, trial.differences.is_empty(), answered)
        {
            bless::bless(&trial.path, &answer)?;
            trial.differences.clear();
            blessed += 1;
            text.push_str(&format!("blessed  {}\n", trial.name()));
            continue;
        }
        text.push_str(&shown(trial));
    }
    let failed = trials
        .iter()
        .filter(|trial| !trial.differences.is_empty())
        .count();
    text.push_str(&format!(
        "\n{} passed, {failed} failed{}\n{}",
        trials.len() - failed,
        if blessed > 0 {
            format!(", {blessed} of them blessed: read what was written")
        } else {
            String::new()
        },
        // What a part of the cases does not reach says nothing.
        match arguments.only {
            None => covered(&trials),
            Some(_) => String::new(),
        }
    ));
    if let Some(file) = &arguments.junit {
        output::write(Some(file), &junit::junit(&project.manifest.id, &trials))?;
    }
    output::write(None, &text)?;
    Ok(if failed > 0 { FAILED } else { 0 })
}

fn shown(trial: &Trial) -> String {
    if trial.differences.is_empty() {
        return format!("ok       {}\n", trial.name());
    }
    let mut text = format!("FAILED   {}\n", trial.name());
    if !trial.case.proves.is_empty() {
        text.push_str(&format!("         proves: {}\n", trial.case.proves));
    }
    for difference in &trial.differences {
        for line in difference.lines() {
            text.push_str(&format!("         {line}\n"));
        }
    }
    if let Ok(answer) = &trial.outcome {
        text.push_str(&format!("         it says: {}\n", answer.summary));
        for finding in &answer.findings {
            text.push_str(&format!("         {}: {}\n", finding.id, finding.message));
        }
    }
    for line in &trial.log {
        text.push_str(&format!("         log {}: {}\n", line.level, line.message));
    }
    text
}

/// Which verdicts the cases reach.
fn covered(trials: &[Trial]) -> String {
    let coverage = trial::coverage(trials);
    let words = |verdicts: &[nodepol_model::Verdict]| {
        let words: Vec<_> = verdicts.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    let reached: Vec<_> = coverage.reached.into_iter().collect();
    let mut text = format!("verdicts reached: {}\n", words(&reached));
    if !coverage.missed.is_empty() {
        text.push_str(&format!("no case reaches: {}\n", words(&coverage.missed)));
    }
    text
}
