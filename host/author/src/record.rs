//! Makes a case of a real node: what a policy looked at, and what it said.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::{Facts, Question};
use nodepol_model::report::PolicyError;
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
    /// What the policy says of the node.
    pub answer: Answer,
    /// Parts (files, units, programs, …) of the whole snapshot.
    pub whole: usize,
    /// Parts that are left.
    pub kept: usize,
}

/// Where the case of that name is written. Its directory is there then.
///
/// # Errors
/// If that is no name, or the directory cannot be made.
pub fn case_file(project: &Project, name: &str) -> Result<PathBuf, AuthorError> {
    if !crate::project::is_id(name) {
        return Err(AuthorError::BadCaseName(name.to_owned()));
    }
    let directory = project.directory.join("cases");
    std::fs::create_dir_all(&directory).map_err(AuthorError::write(&directory))?;
    Ok(directory.join(format!("{name}.yaml")))
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
    let case_file = case_file(project, name)?;
    let snapshot_file = case_file.with_extension("json");
    for path in [&case_file, &snapshot_file] {
        if path.exists() {
            return Err(AuthorError::CaseExists(path.clone()));
        }
    }
    let arguments =
        parameters::check(&built.description.parameters, &Default::default()).unwrap_or_default();
    let whole = Arc::new(snapshot);
    let asked = Asked {
        sandbox,
        built,
        arguments: &arguments,
    };
    let wanted = asked.say(&whole)?;
    let mut kept = asked.cut(&whole);
    if asked.say(&Arc::new(kept.clone()))? != wanted {
        // It looks at what nobody asks for by name: all that it may see is kept.
        kept.files.clone_from(&whole.files);
        kept.filesystems.clone_from(&whole.filesystems);
        if let (Part::Present(kept), Part::Present(whole)) = (&mut kept.systemd, &whole.systemd) {
            kept.units.clone_from(&whole.units);
        }
    }
    if asked.say(&Arc::new(kept.clone()))? != wanted {
        return Err(AuthorError::NotRecorded);
    }
    asked.leave_out_what_is_not_missed(&mut kept, &wanted)?;
    let text = format!(
        "proves: what a real node of {} gets; say here what it shows\nsnapshot: {name}.json\n{}",
        whole.taken_at,
        bless::block(&wanted)
    );
    std::fs::write(&snapshot_file, kept.to_json()?).map_err(AuthorError::write(&snapshot_file))?;
    std::fs::write(&case_file, text).map_err(AuthorError::write(&case_file))?;
    Ok(Recorded {
        answer: wanted,
        whole: parts(&whole),
        kept: parts(&kept),
    })
}

/// A policy that is asked again and again.
struct Asked<'a> {
    sandbox: &'a Sandbox,
    built: &'a Built,
    arguments: &'a [Argument],
}

impl Asked<'_> {
    fn evaluate(&self, snapshot: &Arc<Snapshot>) -> (Result<Answer, PolicyError>, BTreeSet<Want>) {
        let facts = Arc::new(Facts::new(Arc::clone(snapshot), Question::default()));
        let evaluation = self.sandbox.evaluate(
            &self.built.prepared,
            &facts,
            horizons(snapshot),
            self.arguments,
            &Limits::default(),
        );
        (evaluation.outcome, facts.take_wants())
    }

    fn say(&self, snapshot: &Arc<Snapshot>) -> Result<Answer, AuthorError> {
        self.evaluate(snapshot).0.map_err(AuthorError::Describe)
    }

    /// Grows a snapshot from nothing, by what the policy misses in it: the way in
    /// which a node is gathered, with the whole snapshot as the node.
    fn cut(&self, whole: &Arc<Snapshot>) -> Snapshot {
        let reads: BTreeSet<&str> = imports(&self.built.inspection).collect();
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
            let (_, wants) = self.evaluate(&Arc::new(kept.clone()));
            if !extend(&mut kept, whole, &evidence, &wants) {
                break;
            }
        }
        kept
    }

    /// Takes out what nobody asks for by its name and what the answer does not
    /// need: outputs of programs, what systemd says of itself.
    fn leave_out_what_is_not_missed(
        &self,
        kept: &mut Snapshot,
        wanted: &Answer,
    ) -> Result<(), AuthorError> {
        for name in kept.programs.keys().cloned().collect::<Vec<_>>() {
            let mut without = kept.clone();
            without.programs.remove(&name);
            self.take_if_same(kept, without, wanted)?;
        }
        let properties: Vec<_> = match &kept.systemd {
            Part::Present(systemd) => systemd.manager.keys().cloned().collect(),
            Part::Absent | Part::Unreadable(_) => Vec::new(),
        };
        let mut none = kept.clone();
        if let Part::Present(systemd) = &mut none.systemd {
            systemd.manager.clear();
        }
        if self.take_if_same(kept, none, wanted)? {
            return Ok(());
        }
        for name in properties {
            let mut without = kept.clone();
            if let Part::Present(systemd) = &mut without.systemd {
                systemd.manager.remove(&name);
            }
            self.take_if_same(kept, without, wanted)?;
        }
        Ok(())
    }

    /// Takes `other` for `kept` if it gets the same answer; whether it does.
    fn take_if_same(
        &self,
        kept: &mut Snapshot,
        other: Snapshot,
        wanted: &Answer,
    ) -> Result<bool, AuthorError> {
        let other = Arc::new(other);
        let same = self.say(&other)? == *wanted;
        if same {
            *kept = Arc::unwrap_or_clone(other);
        }
        Ok(same)
    }
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
