//! Makes a case of a real node: what a policy looked at, and what it said.

use std::collections::BTreeSet;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::{Facts, Question};
use nodepol_model::snapshot::Systemd;
use nodepol_model::{Part, Snapshot, Want};
use nodepol_sandbox::{Answer, Argument, Limits, Sandbox, parameters};

use crate::bless;
use crate::build::{Built, imports};
use crate::error::AuthorError;
use crate::project::Project;
use crate::trial::horizons;

/// What one round misses the next one has; no policy needs as many.
const MAX_ROUNDS: usize = 24;

/// A recorded case.
#[derive(Debug)]
pub struct Recorded {
    /// The case's YAML and the snapshot's JSON were written.
    pub answer: Answer,
    /// Parts (files, units, programs, …) of the whole snapshot.
    pub whole: usize,
    /// Parts that are left.
    pub kept: usize,
}

/// Writes `cases/NAME.yaml` and `cases/NAME.json` from a snapshot: only the
/// parts that the policy can see through its imports, and of the files and units
/// only those that it looks at.
///
/// # Errors
/// If the policy fails on the snapshot, or the case exists already.
pub fn record(
    project: &Project,
    sandbox: &Sandbox,
    built: &Built,
    snapshot: Snapshot,
    name: &str,
) -> Result<Recorded, AuthorError> {
    if !crate::project::is_id(name) {
        return Err(AuthorError::BadId(name.to_owned()));
    }
    let directory = project.directory.join("cases");
    let case_file = directory.join(format!("{name}.yaml"));
    let snapshot_file = directory.join(format!("{name}.json"));
    for path in [&case_file, &snapshot_file] {
        if path.exists() {
            return Err(AuthorError::Exists(path.clone()));
        }
    }
    let arguments =
        parameters::check(&built.description.parameters, &Default::default()).unwrap_or_default();
    let whole = Arc::new(snapshot);
    let wanted = say(sandbox, built, &arguments, &whole)?.0;
    let mut kept = cut(sandbox, built, &arguments, &whole);
    if say(sandbox, built, &arguments, &Arc::new(kept.clone()))?.0 != wanted {
        // It looks at what nobody asks for by name: all files are kept.
        kept.files.clone_from(&whole.files);
    }
    let answer = say(sandbox, built, &arguments, &Arc::new(kept.clone()))?.0;
    if answer != wanted {
        kept = Snapshot::clone(&whole);
    }
    let block = bless::block(&wanted)
        .map_err(|error| AuthorError::Bless(case_file.clone(), error.to_string()))?;
    let text = format!(
        "proves: what a real node of {} gets; say here what it shows\nsnapshot: {name}.json\n{block}",
        whole.taken_at
    );
    std::fs::create_dir_all(&directory).map_err(AuthorError::write(&directory))?;
    std::fs::write(&snapshot_file, kept.to_json()?).map_err(AuthorError::write(&snapshot_file))?;
    std::fs::write(&case_file, text).map_err(AuthorError::write(&case_file))?;
    Ok(Recorded {
        answer: wanted,
        whole: parts(&whole),
        kept: parts(&kept),
    })
}

fn say(
    sandbox: &Sandbox,
    built: &Built,
    arguments: &[Argument],
    snapshot: &Arc<Snapshot>,
) -> Result<(Answer, BTreeSet<Want>), AuthorError> {
    let facts = Arc::new(Facts::new(Arc::clone(snapshot), Question::default()));
    let evaluation = sandbox.evaluate(
        &built.prepared,
        &facts,
        horizons(snapshot),
        arguments,
        &Limits::default(),
    );
    let answer = evaluation.outcome.map_err(AuthorError::Describe)?;
    Ok((answer, facts.take_wants()))
}

/// Grows a snapshot from nothing, by what the policy misses in it: the way in
/// which a node is gathered, with the whole snapshot as the node.
fn cut(
    sandbox: &Sandbox,
    built: &Built,
    arguments: &[Argument],
    whole: &Arc<Snapshot>,
) -> Snapshot {
    let reads: BTreeSet<&str> = imports(&built.inspection).collect();
    let mut kept = Snapshot {
        taken_by: whole.taken_by.clone(),
        ..Snapshot::empty(whole.source, whole.taken_at)
    };
    // Interfaces that see no more than files and the clock.
    let beyond_files = reads
        .iter()
        .any(|name| !matches!(*name, "files" | "configs"));
    if beyond_files {
        kept.programs.clone_from(&whole.programs);
        kept.systemd = whole.systemd.as_ref().map(|systemd| Systemd {
            manager: systemd.manager.clone(),
            default_target: systemd.default_target.clone(),
            units: Default::default(),
        });
    }
    if reads.contains("journal") {
        kept.journal = whole.journal.clone();
    }
    let evidence = Evidence::new(Arc::clone(whole));
    if let Some(root) = whole.files.get("/") {
        kept.files.insert("/".to_owned(), root.clone());
    }
    for _ in 0..MAX_ROUNDS {
        let facts = Arc::new(Facts::new(Arc::new(kept.clone()), Question::default()));
        sandbox.evaluate(
            &built.prepared,
            &facts,
            horizons(whole),
            arguments,
            &Limits::default(),
        );
        let wants = facts.take_wants();
        if !extend(&mut kept, whole, &evidence, &wants) {
            break;
        }
    }
    kept
}

/// Takes what is wanted from the whole snapshot; whether there was anything.
fn extend(
    kept: &mut Snapshot,
    whole: &Snapshot,
    evidence: &Evidence,
    wants: &BTreeSet<Want>,
) -> bool {
    let mut grown = false;
    for want in wants {
        grown |= match want {
            Want::Path(path) | Want::Metadata(path) => take_path(kept, whole, evidence, path),
            Want::Unit(name) => match (&mut kept.systemd, &whole.systemd) {
                (Part::Present(kept), Part::Present(whole)) => whole
                    .units
                    .get(name)
                    .is_some_and(|unit| kept.units.insert(name.clone(), unit.clone()).is_none()),
                _ => false,
            },
            Want::Filesystem(path) => whole.filesystems.get(path).is_some_and(|part| {
                kept.filesystems
                    .insert(path.clone(), part.clone())
                    .is_none()
            }),
            Want::Cri(url) => whole
                .cri
                .get(url)
                .is_some_and(|part| kept.cri.insert(url.clone(), part.clone()).is_none()),
        };
    }
    grown
}

/// A path, and every link above it.
fn take_path(kept: &mut Snapshot, whole: &Snapshot, evidence: &Evidence, path: &str) -> bool {
    let mut grown = false;
    for (at, _) in path.match_indices('/').skip(1) {
        let above = &path[..at];
        if let Some(part) = whole.files.get(above)
            && !kept.files.contains_key(above)
            && evidence.lstat(above).present().is_some_and(|file| {
                matches!(file.node, nodepol_model::snapshot::FileNode::Symlink(_))
            })
        {
            kept.files.insert(above.to_owned(), part.clone());
            grown = true;
        }
    }
    if kept.files.contains_key(path) {
        return grown;
    }
    let part = match whole.files.get(path) {
        Some(part) => part.clone(),
        None => match evidence.lstat(path) {
            // Known to be absent by the names in its directory: said once, of the
            // highest directory that is.
            Part::Absent => {
                let missing = path
                    .match_indices('/')
                    .skip(1)
                    .map(|(at, _)| &path[..at])
                    .find(|above| matches!(evidence.lstat(above), Part::Absent))
                    .unwrap_or(path);
                return kept
                    .files
                    .insert(missing.to_owned(), Part::Absent)
                    .is_none()
                    || grown;
            }
            Part::Present(_) | Part::Unreadable(_) => return grown,
        },
    };
    kept.files.insert(path.to_owned(), part);
    true
}

/// What is there; that something is absent is no part of a node.
fn parts(snapshot: &Snapshot) -> usize {
    let files = snapshot
        .files
        .values()
        .filter(|file| !matches!(file, Part::Absent))
        .count();
    let units = snapshot
        .systemd
        .present()
        .map_or(0, |systemd| systemd.units.len());
    files + snapshot.programs.len() + snapshot.filesystems.len() + snapshot.cri.len() + units
}
