//! What the nodes of a fleet have in common is judged once.
//!
//! The nodes of a stream are often alike: one image, and a few files of each node's
//! own. One of them is the model of its kind. Of it each policy is asked alone, and
//! what of the snapshot its answer rests on is remembered ([`Facts::watched`]). Of
//! another node it says the same if all of that is the same there: a policy sees
//! nothing but its snapshot, its parameters and the horizons, so it is not asked
//! again, nor does it log anything. Whatever differs is judged as on any other node.
//!
//! Which node is the model hangs on the order of the stream alone, so that the same
//! snapshots give the same lines however the threads run.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use nodepol_facts::Facts;
use nodepol_facts::facts::Question;
use nodepol_model::report::{Cost, NodeSummary, PhaseChoice};
use nodepol_model::{Part, Piece, PolicyReport, Snapshot};

use crate::judge::Court;
use crate::summary;

/// How many nodes of a kind are judged before one becomes their model: to ask each
/// policy alone takes as long as some tens of nodes.
const BEFORE: usize = 16;

/// How many kinds are known at a time.
const MAX_KINDS: usize = 16;

/// The largest snapshot, in bytes of its document, that is kept as a model.
const MAX_MODEL: usize = 4 << 20;

/// The kinds of nodes in a stream.
#[derive(Default)]
pub(super) struct Fleet {
    kinds: Mutex<Kinds>,
    /// Told when it is the next node's turn.
    turn: Condvar,
}

#[derive(Default)]
struct Kinds {
    /// The number of the node whose turn it is.
    next: u64,
    /// The nodes after it that did not wait for their turn.
    gone: BTreeSet<u64>,
    known: Vec<Kind>,
}

/// Nodes that are alike enough to compare them.
struct Kind {
    key: u64,
    nodes: usize,
    /// The node that was counted last.
    last: u64,
    model: Option<Arc<Model>>,
}

/// A node with which the others of its kind are compared.
pub(super) struct Model {
    number: u64,
    snapshot: Arc<Snapshot>,
    /// Found out by whoever needs it first.
    answers: OnceLock<Answers>,
}

/// What was found out about a model.
struct Answers {
    phase: Seen<PhaseChoice>,
    /// But for its name.
    node: Seen<NodeSummary>,
    said: Vec<Seen<Arc<PolicyReport>>>,
}

/// Something that is known of a node, and the pieces of its snapshot that it rests on;
/// none if these are too many.
struct Seen<T> {
    value: T,
    pieces: Option<BTreeSet<Piece>>,
}

/// What is known of a node because it is known of its model.
pub(super) struct Known {
    pub(super) phase: PhaseChoice,
    /// But for its name.
    pub(super) node: Option<NodeSummary>,
    /// What policies say, by their ids.
    pub(super) said: BTreeMap<String, Arc<PolicyReport>>,
}

/// The turn of one node to be counted: nodes are in their order.
pub(super) struct Turn<'a> {
    fleet: &'a Fleet,
    number: u64,
}

impl Fleet {
    /// The turn of the node of that number; every number from 0 has one.
    pub(super) fn turn(&self, number: u64) -> Turn<'_> {
        Turn {
            fleet: self,
            number,
        }
    }
}

impl Turn<'_> {
    /// Counts a node of which the document has `size` bytes, after all that came before
    /// it. Gives the model of its kind, if it has one.
    pub(super) fn count(self, snapshot: &Arc<Snapshot>, size: usize) -> Option<Arc<Model>> {
        let key = key(snapshot);
        let mut kinds = self.lock();
        let model = kinds.model(self.number, key);
        if model.is_some() {
            return model;
        }
        while kinds.next != self.number {
            let turn = &self.fleet.turn;
            kinds = turn.wait(kinds).unwrap_or_else(PoisonError::into_inner);
        }
        kinds.count(self.number, key, snapshot, size)
    }

    fn lock(&self) -> MutexGuard<'_, Kinds> {
        let kinds = self.fleet.kinds.lock();
        kinds.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    /// Those after it need not wait for it any more, be it counted or not: a snapshot
    /// that cannot be read is not.
    fn drop(&mut self) {
        let mut kinds = self.lock();
        kinds.gone.insert(self.number);
        let before = kinds.next;
        loop {
            let next = kinds.next;
            if !kinds.gone.remove(&next) {
                break;
            }
            kinds.next += 1;
        }
        if kinds.next != before {
            self.fleet.turn.notify_all();
        }
    }
}

impl Kinds {
    /// The model of a node, if one that came before it is: then it makes no difference
    /// whether it is counted.
    fn model(&self, number: u64, key: u64) -> Option<Arc<Model>> {
        let kind = self.known.iter().find(|kind| kind.key == key)?;
        let model = kind.model.as_ref()?;
        (model.number < number).then(|| Arc::clone(model))
    }

    fn count(
        &mut self,
        number: u64,
        key: u64,
        snapshot: &Arc<Snapshot>,
        size: usize,
    ) -> Option<Arc<Model>> {
        let Some(kind) = self.known.iter_mut().find(|kind| kind.key == key) else {
            self.make_room();
            if self.known.len() < MAX_KINDS {
                self.known.push(Kind {
                    key,
                    nodes: 1,
                    last: number,
                    model: None,
                });
            }
            return None;
        };
        (kind.nodes, kind.last) = (kind.nodes + 1, number);
        if kind.nodes > BEFORE && kind.model.is_none() && size <= MAX_MODEL {
            kind.model = Some(Arc::new(Model {
                number,
                snapshot: Arc::clone(snapshot),
                answers: OnceLock::new(),
            }));
        }
        kind.model.clone()
    }

    /// Forgets the kind without a model that was not seen for longest.
    fn make_room(&mut self) {
        if self.known.len() < MAX_KINDS {
            return;
        }
        let kinds = self.known.iter().enumerate();
        let oldest = kinds
            .filter(|(_, kind)| kind.model.is_none())
            .min_by_key(|(_, kind)| kind.last);
        if let Some((at, _)) = oldest {
            self.known.swap_remove(at);
        }
    }
}

/// The same for nodes that run the same system and the same programs. Only where to
/// look for what nodes have in common hangs on it, not what that is.
fn key(snapshot: &Snapshot) -> u64 {
    let releases = ["/etc/os-release", "/usr/lib/os-release"].map(|path| {
        let file = snapshot.files.get(path).and_then(Part::present);
        file.map(|file| &file.node)
    });
    let alike = (snapshot.source, &snapshot.programs, releases);
    let mut hasher = DefaultHasher::new();
    // There is nothing in a snapshot that cannot be written.
    serde_json::to_string(&alike)
        .unwrap_or_default()
        .hash(&mut hasher);
    hasher.finish()
}

impl Model {
    /// Finds out about it what others have in common with it, if nobody did.
    pub(super) fn prepare(&self, court: &Court<'_>, question: &Question) {
        self.answers(court, question);
    }

    fn answers(&self, court: &Court<'_>, question: &Question) -> &Answers {
        self.answers
            .get_or_init(|| Answers::of(court, question, &self.snapshot))
    }

    /// What holds of a node of its kind as it does of the model.
    pub(super) fn known(
        &self,
        court: &Court<'_>,
        question: &Question,
        snapshot: &Snapshot,
        facts: &Facts,
    ) -> Known {
        let answers = self.answers(court, question);
        let differences = self.snapshot.differences(snapshot);
        let phase = answers.phase.unless(&differences).cloned();
        let phase = phase.unwrap_or_else(|| court.phase(facts));
        // The horizons at which policies are asked hang on it.
        let same = phase.name == answers.phase.value.name;
        let said = answers.said.iter().filter(|_| same);
        let said = said.filter_map(|report| report.unless(&differences));
        Known {
            phase,
            node: answers.node.unless(&differences).cloned(),
            said: said
                .map(|report| (report.id.clone(), Arc::clone(report)))
                .collect(),
        }
    }
}

impl<T> Seen<T> {
    /// It, unless something that it rests on is another.
    fn unless(&self, differences: &BTreeSet<Piece>) -> Option<&T> {
        let pieces = self.pieces.as_ref()?;
        pieces.is_disjoint(differences).then_some(&self.value)
    }
}

impl Answers {
    fn of(court: &Court<'_>, question: &Question, snapshot: &Arc<Snapshot>) -> Self {
        let phase = seen(snapshot, question, |facts| court.phase(facts));
        let said = court.policies.iter().map(|policy| {
            seen(snapshot, question, |facts| {
                let mut report = court.judge_alone(policy, phase.value.name, facts);
                // On another node it costs nothing.
                report.cost = Cost::default();
                Arc::new(report)
            })
        });
        Self {
            node: seen(snapshot, question, |facts| summary::without_name(facts)),
            // An error may be of this moment.
            said: said.filter(|said| said.value.error.is_none()).collect(),
            phase,
        }
    }
}

/// Finds something out about a node, with facts that nobody shares: what one asked
/// for would be known to the next without a look at the snapshot.
fn seen<T>(
    snapshot: &Arc<Snapshot>,
    question: &Question,
    find: impl FnOnce(&Arc<Facts>) -> T,
) -> Seen<T> {
    let facts = Arc::new(Facts::watched(Arc::clone(snapshot), question.clone()));
    Seen {
        value: find(&facts),
        pieces: facts.evidence.take_seen(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use nodepol_model::snapshot::Source;

    use super::*;

    fn node(kind: Source) -> Arc<Snapshot> {
        Arc::new(Snapshot::empty(kind, Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_kind_has_a_model_once_it_has_many_nodes() {
        let fleet = Fleet::default();
        let (live, tree) = (node(Source::Live), node(Source::Tree));
        let mut number = 0;
        let mut count = |node| {
            number += 1;
            fleet.turn(number - 1).count(node, 0)
        };
        for _ in 0..BEFORE {
            assert!(count(&live).is_none());
        }
        assert!(count(&tree).is_none());
        let model = count(&live).unwrap();
        assert!(Arc::ptr_eq(&count(&live).unwrap(), &model));
        assert!(count(&tree).is_none());
    }

    #[test]
    fn kinds_are_bounded_and_the_rare_ones_forgotten() {
        let mut kinds = Kinds::default();
        let live = node(Source::Live);
        for number in 0..3 * MAX_KINDS as u64 {
            assert!(kinds.count(number, number, &live, 0).is_none());
        }
        assert_eq!(kinds.known.len(), MAX_KINDS);
        // After all those a fleet.
        for number in 100..116 {
            assert!(kinds.count(number, 7, &live, 0).is_none());
        }
        assert!(kinds.count(116, 7, &live, 0).is_some());
        for number in 200..300 {
            kinds.count(number, number, &live, 0);
        }
        assert_eq!(kinds.known.len(), MAX_KINDS);
        assert!(kinds.model(300, 7).is_some());
    }

    #[test]
    fn a_large_snapshot_is_no_model() {
        let mut kinds = Kinds::default();
        let live = node(Source::Live);
        for number in 0..20 {
            assert!(kinds.count(number, 1, &live, MAX_MODEL + 1).is_none());
        }
        assert!(kinds.count(20, 1, &live, MAX_MODEL).is_some());
    }

    #[test]
    fn a_kind_is_a_system_and_its_programs() {
        let (live, tree) = (node(Source::Live), node(Source::Tree));
        assert_ne!(key(&live), key(&tree));
        let mut other = Snapshot::clone(&live);
        other.files.insert("/etc/hostname".to_owned(), Part::Absent);
        assert_eq!(key(&live), key(&other));
        let version = "kubelet --version".to_owned();
        other.programs.insert(version, Part::Absent);
        assert_ne!(key(&live), key(&other));
    }

    #[test]
    fn a_turn_waits_for_those_before_it_and_for_no_other() {
        let fleet = Fleet::default();
        let live = node(Source::Live);
        let models = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for number in (0..40).rev() {
                let (fleet, live, models) = (&fleet, &live, &models);
                scope.spawn(move || {
                    let turn = fleet.turn(number);
                    if number % 10 == 3 {
                        // Of a snapshot that cannot be read.
                        return;
                    }
                    let model = turn.count(live, 0).map(|model| model.number);
                    models.lock().unwrap().insert(number, model);
                });
            }
        });
        // Two of those before the seventeenth that is counted are not.
        for (number, model) in models.into_inner().unwrap() {
            assert_eq!(model, (number >= 18).then_some(18), "{number}");
        }
    }
}
