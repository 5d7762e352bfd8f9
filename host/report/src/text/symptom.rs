//! Which findings are only symptoms of others: those are told in one line under
//! their cause.

use std::collections::BTreeMap;

use nodepol_model::{Finding, PolicyReport, Report, Severity, Verdict};

/// A finding: the index of its policy and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(pub(super) usize, pub(super) usize);

/// The findings that are told under another one.
#[derive(Debug, Default)]
pub(super) struct Folded {
    cause: BTreeMap<Place, Place>,
    symptoms: BTreeMap<Place, Vec<Place>>,
    /// Policies that are told after another one, not under it.
    after: BTreeMap<usize, usize>,
}

impl Folded {
    /// Folds every finding whose cause speaks. Where findings name each other
    /// as causes, the first of them stays. A way out of what stops the kubelet
    /// is not folded away under something lesser: it is told after its cause.
    pub(super) fn of(report: &Report) -> Self {
        let index = index(report);
        let mut folded = Self::default();
        for (policy, said) in report.policies.iter().enumerate() {
            for (at, finding) in said.findings.iter().enumerate() {
                let place = Place(policy, at);
                let cause = finding
                    .symptom_of
                    .iter()
                    .filter_map(|name| index.get(name))
                    .filter(|(cause, _)| *cause != place)
                    .filter(|(_, verdict)| explains(*verdict, finding))
                    .find(|(cause, _)| folded.root(*cause) != place);
                match cause {
                    Some((cause, _)) if stands_alone(report, said, finding, *cause) => {
                        folded.after.entry(policy).or_insert(cause.0);
                    }
                    Some((cause, _)) => {
                        folded.cause.insert(place, *cause);
                    }
                    None => {}
                }
            }
        }
        let symptoms: Vec<Place> = folded.cause.keys().copied().collect();
        for symptom in symptoms {
            let root = folded.root(symptom);
            folded.symptoms.entry(root).or_default().push(symptom);
        }
        folded
    }

    /// Whether the finding is told under another one.
    pub(super) fn is_folded(&self, place: Place) -> bool {
        self.cause.contains_key(&place)
    }

    /// The symptoms to tell under a finding.
    pub(super) fn under(&self, place: Place) -> &[Place] {
        self.symptoms.get(&place).map_or(&[], Vec::as_slice)
    }

    /// The policy that has to be told before this one.
    pub(super) fn before(&self, policy: usize) -> Option<usize> {
        self.after.get(&policy).copied()
    }

    /// The finding that stays. Ends, for a cause is taken only if its own root
    /// is another one: there is no circle.
    fn root(&self, mut place: Place) -> Place {
        while let Some(cause) = self.cause.get(&place) {
            place = *cause;
        }
        place
    }
}

/// Whether a finding with `verdict` accounts for `symptom`. Evidence that is
/// missing explains nothing but other evidence that is missing.
fn explains(verdict: Verdict, symptom: &Finding) -> bool {
    symptom.waived.is_none()
        && verdict >= symptom.verdict
        && (verdict == symptom.verdict || matches!(verdict, Verdict::Fail | Verdict::Warn))
}

/// Whether a finding of a blocker brings a way out that its cause, which leaves
/// the kubelet running, does not.
fn stands_alone(
    report: &Report,
    policy: &PolicyReport,
    finding: &Finding,
    Place(cause, at): Place,
) -> bool {
    let Some(cause) = report.policies.get(cause) else {
        return false;
    };
    finding.verdict == Verdict::Fail
        && policy.severity == Severity::Blocker
        && cause.severity <= Severity::Degraded
        && finding.fix.is_some()
        && cause
            .findings
            .get(at)
            .is_some_and(|known| known.fix != finding.fix)
}

type Index = BTreeMap<String, (Place, Verdict)>;

/// The gravest finding that speaks, by `policy` and by `policy/finding`.
fn index(report: &Report) -> Index {
    let mut index = Index::new();
    for (policy, said) in report.policies.iter().enumerate() {
        for (at, finding) in said.findings.iter().enumerate() {
            if finding.waived.is_some() || finding.verdict <= Verdict::Pass {
                continue;
            }
            let names = [said.id.clone(), format!("{}/{}", said.id, finding.id)];
            for name in names {
                let here = (Place(policy, at), finding.verdict);
                let known = index.entry(name).or_insert(here);
                if finding.verdict > known.1 {
                    *known = here;
                }
            }
        }
    }
    index
}
