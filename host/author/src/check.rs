//! Looks at a project as a publisher would.

use std::collections::BTreeSet;
use std::sync::Arc;

use nodepol_model::inspection::{Remark, Weight};
use nodepol_model::snapshot::FileNode;
use nodepol_model::{Horizon, Part, Snapshot, Verdict};
use nodepol_sandbox::inspect::MAX_SIZE;
use nodepol_sandbox::{Answer, Limits, Sandbox};

use crate::build::{Built, imports};
use crate::error::AuthorError;
use crate::project::Project;
use crate::trial::{self, Trial};

/// Above this part of the limit, an evaluation has too little room.
const FUEL_PARTS: u64 = 4;

/// Larger than this, a component is said to be large.
const LARGE: usize = 4 << 20;

/// What a publisher would say of a project, with the results of its cases.
///
/// # Errors
/// If a case cannot be used.
pub fn check(
    project: &Project,
    sandbox: &Sandbox,
    built: &Built,
    trials: &[Trial],
) -> Result<Vec<Remark>, AuthorError> {
    let mut remarks = Vec::new();
    let mut say = |weight, code: &str, message: String| {
        remarks.push(Remark {
            weight,
            code: code.to_owned(),
            message,
        });
    };
    for trial in trials.iter().filter(|trial| !trial.differences.is_empty()) {
        say(
            Weight::Error,
            "case-fails",
            format!(
                "the case `{}` does not hold; see `nodepol plugin test`",
                trial.name()
            ),
        );
    }
    imports_and_code(project, built, &mut say);
    documentation(project, built, &mut say);
    verdicts(project, trials, &mut say);
    parameters(built, trials, &mut say);
    cost(built, trials, &mut say);
    for trial in trials {
        if let Some(message) = differs(sandbox, built, trial)? {
            say(Weight::Error, "nondeterministic", message);
        }
    }
    remarks.sort_by(|one, other| {
        (one.weight, &one.code, &one.message).cmp(&(other.weight, &other.code, &other.message))
    });
    Ok(remarks)
}

type Say<'a> = dyn FnMut(Weight, &str, String) + 'a;

fn imports_and_code(project: &Project, built: &Built, say: &mut Say<'_>) {
    let used: BTreeSet<&str> = imports(&built.inspection).collect();
    for unused in project
        .interfaces
        .iter()
        .filter(|it| !used.contains(it.as_str()))
    {
        say(
            Weight::Warning,
            "unused-import",
            format!(
                "wit/world.wit imports `{unused}` and the code never calls it; remove the import"
            ),
        );
    }
    if !project.manifest.files.is_empty() && !used.contains("files") {
        say(
            Weight::Warning,
            "unused-files",
            "plugin.yaml names `files` and the code reads none; remove them".to_owned(),
        );
    }
}

fn documentation(project: &Project, built: &Built, say: &mut Say<'_>) {
    if built.description.documentation.is_none() {
        say(
            Weight::Warning,
            "no-documentation",
            "`describe` names no documentation; give the URL of a page that explains the policy"
                .to_owned(),
        );
    }
    let readme = std::fs::read_to_string(project.directory.join("README.md")).unwrap_or_default();
    if readme.trim().is_empty() {
        say(
            Weight::Error,
            "no-readme",
            "there is no README.md; say what the policy checks, why, and how it is fixed"
                .to_owned(),
        );
    }
    if readme.contains("TODO") {
        say(
            Weight::Warning,
            "unfinished-readme",
            "README.md still says TODO".to_owned(),
        );
    }
    for parameter in &built.description.parameters {
        if !readme.is_empty() && !readme.contains(&parameter.name) {
            say(
                Weight::Warning,
                "undocumented-parameter",
                format!(
                    "README.md says nothing of the parameter `{}`",
                    parameter.name
                ),
            );
        }
    }
}

fn verdicts(project: &Project, trials: &[Trial], say: &mut Say<'_>) {
    const CODE: &str = "verdict-not-reached";
    let reached = trial::coverage(trials).reached;
    let unreached = &project.manifest.unreached;
    for verdict in [Verdict::Pass, Verdict::Unknown, Verdict::NotApplicable] {
        if !reached.contains(&verdict) && !unreached.contains_key(&verdict) {
            say(
                Weight::Warning,
                CODE,
                format!(
                    "no case reaches `{verdict}`: add one; or, if the policy never gives it, say \
                     why in plugin.yaml: `unreached: {{{verdict}: …}}`"
                ),
            );
        }
    }
    for verdict in unreached.keys().filter(|verdict| reached.contains(verdict)) {
        say(
            Weight::Warning,
            CODE,
            format!(
                "plugin.yaml says that `{verdict}` is never reached, and a case reaches it; remove \
                 it from `unreached`"
            ),
        );
    }
    if !reached.contains(&Verdict::Fail) && !reached.contains(&Verdict::Warn) {
        say(
            Weight::Error,
            CODE,
            "no case reaches `fail` or `warn`: nothing shows that the policy finds anything"
                .to_owned(),
        );
    }
}

fn parameters(built: &Built, trials: &[Trial], say: &mut Say<'_>) {
    for parameter in &built.description.parameters {
        if !trials
            .iter()
            .any(|trial| trial.case.parameters.contains_key(&parameter.name))
        {
            say(
                Weight::Warning,
                "untested-parameter",
                format!("no case sets the parameter `{}`", parameter.name),
            );
        }
    }
    // The SDK logs the name of a parameter that is read and not declared.
    let undeclared: BTreeSet<&str> = trials
        .iter()
        .flat_map(|trial| &trial.log)
        .filter(|line| line.message.contains("is not declared"))
        .map(|line| line.message.as_str())
        .collect();
    for message in undeclared {
        say(Weight::Error, "undeclared-parameter", message.to_owned());
    }
}

fn cost(built: &Built, trials: &[Trial], say: &mut Say<'_>) {
    let limit = Limits::default().fuel;
    if let Some(worst) = trials.iter().max_by_key(|trial| trial.fuel)
        && worst.fuel > limit / FUEL_PARTS
    {
        say(
            Weight::Warning,
            "fuel",
            format!(
                "the case `{}` uses {} units of fuel of {limit}: a larger node may need more than \
                 there is",
                worst.name(),
                worst.fuel
            ),
        );
    }
    if built.inspection.size > LARGE {
        say(
            Weight::Warning,
            "size",
            format!(
                "the component has {} bytes of at most {MAX_SIZE}: it takes long to compile on a \
                 node that sees it first",
                built.inspection.size
            ),
        );
    }
}

/// Evaluates a case once more as it is, once with everything that has no order
/// turned around, and once for each horizon alone; says what differs.
fn differs(sandbox: &Sandbox, built: &Built, trial: &Trial) -> Result<Option<String>, AuthorError> {
    let Ok(first) = &trial.outcome else {
        return Ok(None);
    };
    let name = trial.name();
    let evaluated = |snapshot: &Arc<Snapshot>, horizons: &[Horizon]| {
        let (case, path) = (&trial.case, &trial.path);
        let evaluation =
            trial::evaluate(sandbox, built, case, path, Arc::clone(snapshot), horizons)?;
        Ok::<_, AuthorError>((evaluation.outcome.ok(), evaluation.cost.fuel))
    };
    let snapshot = nodepol_cases::snapshot(&trial.case, &trial.path)?;
    let horizons = trial::horizons(&snapshot);
    // Keys that are made for a case are new each time, and evidence may name
    // them: such a case is compared with itself only.
    let same = Arc::new(snapshot);
    let once = evaluated(&same, horizons)?;
    let again = evaluated(&same, horizons)?;
    if once != again {
        return Ok(Some(format!(
            "evaluated twice on the same snapshot, the case `{name}` gets two answers"
        )));
    }
    let other = evaluated(&Arc::new(turned(&same)), horizons)?;
    if once.0 != other.0 || (trial.case.certificates.is_empty() && once.0.as_ref() != Some(first)) {
        return Ok(Some(format!(
            "the answer to the case `{name}` depends on an order that means nothing: sort what has \
             none"
        )));
    }
    for horizon in horizons {
        let (alone, _) = evaluated(&same, &[*horizon])?;
        if alone.map(|answer| of_horizon(&answer, *horizon)) != Some(of_horizon(first, *horizon)) {
            return Ok(Some(format!(
                "asked about `{horizon}` alone, the case `{name}` gets another answer than asked \
                 about both horizons: keep nothing from one judgement to the next"
            )));
        }
    }
    Ok(None)
}

/// The verdict and the findings of one horizon.
fn of_horizon(answer: &Answer, horizon: Horizon) -> (Verdict, Vec<(String, String)>) {
    let verdict = match horizon {
        Horizon::Now => answer.verdicts.now,
        Horizon::NextBoot => answer.verdicts.next_boot,
    };
    let findings = answer
        .findings
        .iter()
        .filter(|finding| finding.horizons.contains(&horizon))
        .map(|finding| (finding.id.clone(), finding.message.clone()))
        .collect();
    (verdict, findings)
}

/// Properties of units that are sets: systemd gives them in no order.
const SETS: [&str; 18] = [
    "After",
    "Before",
    "BindsTo",
    "BoundBy",
    "ConflictedBy",
    "Conflicts",
    "ConsistsOf",
    "Names",
    "PartOf",
    "RequiredBy",
    "Requires",
    "Requisite",
    "RequisiteOf",
    "TriggeredBy",
    "Triggers",
    "UpheldBy",
    "WantedBy",
    "Wants",
];

/// The snapshot with everything changed that means nothing: the order of
/// systemd's properties and sets, and when directories were changed.
fn turned(snapshot: &Snapshot) -> Snapshot {
    let mut turned = snapshot.clone();
    if let Part::Present(systemd) = &mut turned.systemd {
        for unit in systemd.units.values_mut() {
            if let Part::Present(unit) = unit {
                for (name, value) in &mut unit.properties {
                    if let serde_json::Value::Array(items) = value
                        && SETS.contains(&name.as_str())
                    {
                        items.reverse();
                    }
                    reverse_keys(value);
                }
            }
        }
        for value in systemd.manager.values_mut() {
            reverse_keys(value);
        }
    }
    // A tree that was copied has other times of directories.
    for file in turned.files.values_mut() {
        if let Part::Present(file) = file
            && matches!(file.node, FileNode::Directory(_))
        {
            file.modified = turned.taken_at;
        }
    }
    turned
}

fn reverse_keys(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            let entries: Vec<_> = std::mem::take(map).into_iter().rev().collect();
            for (key, mut value) in entries {
                reverse_keys(&mut value);
                map.insert(key, value);
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(reverse_keys),
        _ => {}
    }
}
