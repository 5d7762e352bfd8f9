//! Runs a project's cases through the real sandbox.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nodepol_cases::{Case, CaseError, differences};
use nodepol_facts::{Facts, Question};
use nodepol_model::report::PolicyError;
use nodepol_model::snapshot::Source;
use nodepol_model::{Horizon, Snapshot, Verdict};
use nodepol_sandbox::{Answer, Evaluation, Limits, LogLevel, LogLine, Sandbox, parameters};

use crate::build::Built;
use crate::error::AuthorError;
use crate::project::Project;

/// A case and what came of it.
#[derive(Debug)]
pub struct Trial {
    /// The file.
    pub path: PathBuf,
    /// The case.
    pub case: Case,
    /// What the policy said, or how it failed.
    pub outcome: Result<Answer, PolicyError>,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// Fuel that it used.
    pub fuel: u64,
    /// Wall time in microseconds.
    pub micros: u64,
    /// How it differs from what is expected; empty if the case holds.
    pub differences: Vec<String>,
}

impl Trial {
    /// The file's name without its extension.
    pub fn name(&self) -> String {
        stem(&self.path)
    }
}

/// The cases of a project, sorted: `cases/*.yaml`, those with `only` in their
/// names if it is given.
///
/// # Errors
/// If there are none, or a file looks like a case and would never be run.
pub fn cases(project: &Project, only: Option<&str>) -> Result<Vec<PathBuf>, AuthorError> {
    let directory = project.directory.join("cases");
    let mut paths = Vec::new();
    if directory.is_dir() {
        for entry in std::fs::read_dir(&directory).map_err(AuthorError::read(&directory))? {
            let path = entry.map_err(AuthorError::read(&directory))?.path();
            if path.extension().is_some_and(|it| it == "yml") {
                return Err(AuthorError::NamedYml(path));
            }
            if path.extension().is_some_and(|it| it == "yaml") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(AuthorError::NoCases(directory));
    }
    if let Some(only) = only {
        let all: Vec<_> = paths.iter().map(|path| stem(path)).collect();
        paths.retain(|path| stem(path).contains(only));
        if paths.is_empty() {
            return Err(AuthorError::NoneNamed {
                text: only.to_owned(),
                all: all.join(", "),
            });
        }
    }
    Ok(paths)
}

/// The name of a case: that of its file, without the extension.
fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Runs cases.
///
/// # Errors
/// If cases cannot be used: all of them are told.
pub fn run_all(
    sandbox: &Sandbox,
    built: &Built,
    paths: &[PathBuf],
) -> Result<Vec<Trial>, AuthorError> {
    let mut trials = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match run(sandbox, built, path) {
            Ok(trial) => trials.push(trial),
            Err(AuthorError::Case(problem)) => problems.push(problem.to_string()),
            Err(error) => return Err(error),
        }
    }
    if problems.is_empty() {
        Ok(trials)
    } else {
        Err(AuthorError::Cases(problems.join("\n       ")))
    }
}

/// The directories that running `cases` reads from: the project's, those of the
/// cases and of the snapshots that they name, links followed.
pub fn directories(project: &Project, cases: &[PathBuf]) -> Vec<PathBuf> {
    let mut directories = BTreeSet::from([project.directory.clone()]);
    for path in cases {
        let snapshot = Case::read(path).ok().and_then(|case| case.snapshot);
        let snapshot = snapshot.map(|file| path.with_file_name("").join(file));
        for file in [Some(path.clone()), snapshot].into_iter().flatten() {
            // What is not there fails with a better message where it is read.
            let file = file.canonicalize().ok();
            directories.extend(file.and_then(|file| Some(file.parent()?.to_owned())));
        }
    }
    directories.into_iter().collect()
}

/// Runs one case.
///
/// # Errors
/// If the case itself cannot be used.
pub fn run(sandbox: &Sandbox, built: &Built, path: &Path) -> Result<Trial, AuthorError> {
    let case = Case::read(path)?;
    let snapshot = Arc::new(nodepol_cases::snapshot(&case, path)?);
    let horizons = horizons(&snapshot);
    let evaluation = evaluate(sandbox, built, &case, path, snapshot, horizons)?;
    let mut differences = match (&evaluation.outcome, &case.expect) {
        (Ok(answer), Some(expected)) => differences(expected, answer.verdicts, &answer.findings),
        (Ok(_), None) => {
            vec!["it has no `expect:`; `nodepol plugin test --bless` writes the answer".to_owned()]
        }
        (Err(error), _) => vec![format!("the policy itself failed: {}", error.message)],
    };
    differences.extend(
        evaluation
            .log
            .iter()
            .filter(|line| line.level == LogLevel::Error && evaluation.outcome.is_ok())
            .map(|line| format!("it logged an error: {}", line.message)),
    );
    Ok(Trial {
        path: path.to_owned(),
        case,
        outcome: evaluation.outcome,
        log: evaluation.log,
        fuel: evaluation.cost.fuel,
        micros: evaluation.cost.micros.unwrap_or_default(),
        differences,
    })
}

/// What a policy says of a snapshot, as a case asks it.
pub(crate) fn evaluate(
    sandbox: &Sandbox,
    built: &Built,
    case: &Case,
    path: &Path,
    snapshot: Arc<Snapshot>,
    horizons: &[Horizon],
) -> Result<Evaluation, AuthorError> {
    let arguments =
        parameters::check(&built.description.parameters, &case.parameters).map_err(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            CaseError::Content {
                path: path.to_owned(),
                message: problems.join("; "),
            }
        })?;
    let at = match case.at {
        None => None,
        Some(at) => Some(at.instant(snapshot.taken_at).ok_or(CaseError::Content {
            path: path.to_owned(),
            message: "`at` is further away than time goes".to_owned(),
        })?),
    };
    let question = Question {
        at,
        ..Question::default()
    };
    let facts = Arc::new(Facts::new(snapshot, question));
    Ok(sandbox.evaluate(
        &built.prepared,
        &facts,
        horizons,
        &arguments,
        &Limits::default(),
    ))
}

/// A tree that nothing runs from has a next boot only.
pub(crate) fn horizons(snapshot: &Snapshot) -> &'static [Horizon] {
    match snapshot.source {
        Source::Live => &[Horizon::Now, Horizon::NextBoot],
        Source::Tree => &[Horizon::NextBoot],
    }
}

/// The verdicts that cases reached, and those that they never did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Some case reaches it.
    pub reached: BTreeSet<Verdict>,
    /// No case does.
    pub missed: Vec<Verdict>,
}

/// What the cases cover.
pub fn coverage(trials: &[Trial]) -> Coverage {
    const ALL: [Verdict; 6] = [
        Verdict::Pass,
        Verdict::Warn,
        Verdict::Fail,
        Verdict::Waiting,
        Verdict::Unknown,
        Verdict::NotApplicable,
    ];
    let reached: BTreeSet<Verdict> = trials
        .iter()
        .filter_map(|trial| trial.outcome.as_ref().ok())
        .flat_map(|answer| [answer.verdicts.now, answer.verdicts.next_boot])
        .collect();
    Coverage {
        missed: ALL
            .into_iter()
            .filter(|verdict| !reached.contains(verdict))
            .collect(),
        reached,
    }
}
