//! Lets every policy judge a node, and puts what they say into a report.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::Facts;
use nodepol_model::report::{Cost, NodeSummary, PhaseChoice, PolicyError, PolicyErrorKind};
use nodepol_model::{API_VERSION, Horizon, Part, Phase, PolicyReport, Report, Verdict, Verdicts};
use nodepol_sandbox::{Hearing, LogLevel, Sandbox};

use crate::policy::{Policy, Ready};
use crate::policy_set::{PolicySet, waive};
use crate::summary;

/// An excerpt is a line for people, not a whole file in one line.
const MAX_EXCERPT: usize = 400;

/// What is judged, apart from the node itself.
pub(crate) struct Court<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) policies: &'a [Policy],
    /// The phase that is asked for; what the node's files say if there is none.
    pub(crate) phase: Option<Phase>,
    /// Whether to tell wall times: not where the report must be reproducible.
    pub(crate) timed: bool,
    /// What policies say without being asked, by their ids: it is known already.
    pub(crate) known: BTreeMap<String, Arc<PolicyReport>>,
    /// What is not asked again where more of the node is read; none where it is
    /// judged once.
    pub(crate) said: Option<RefCell<BTreeMap<String, PolicyReport>>>,
}

/// Whether a policy says nothing else where more of the node is known. One that
/// ran into a limit does not get it a second time. One that saw all that it asked
/// for asks the same again, and is answered the same: what nobody missed does not
/// change, and that nobody has missed anything yet includes what facts looked at
/// for the policies before it.
fn is_final(report: &PolicyReport, facts: &Facts) -> bool {
    report.error.as_ref().is_some_and(is_limit) || facts.evidence.count_wants() == 0
}

/// Whether a policy ran into one of its limits.
const fn is_limit(error: &PolicyError) -> bool {
    matches!(
        error.kind,
        PolicyErrorKind::Fuel
            | PolicyErrorKind::Timeout
            | PolicyErrorKind::Memory
            | PolicyErrorKind::Budget
    )
}

impl Court<'_> {
    /// What every policy says of a node. Waivers are not heeded yet.
    pub(crate) fn judge(&self, facts: &Arc<Facts>, phase: Phase) -> Vec<PolicyReport> {
        let mut hearing = Hearing::new(Arc::clone(facts));
        self.policies
            .iter()
            .map(|policy| {
                if let Some(report) = self.known.get(&policy.id) {
                    return PolicyReport::clone(report);
                }
                let Some(said) = &self.said else {
                    return self.judge_one(policy, phase, facts, &mut hearing);
                };
                let mut said = said.borrow_mut();
                if let Some(report) = said.get(&policy.id) {
                    return report.clone();
                }
                let report = self.judge_one(policy, phase, facts, &mut hearing);
                if is_final(&report, facts) {
                    said.insert(policy.id.clone(), report.clone());
                }
                report
            })
            .collect()
    }

    /// The phase that a node is judged in.
    pub(crate) fn phase(&self, facts: &Facts) -> PhaseChoice {
        match self.phase {
            Some(name) => PhaseChoice {
                name,
                reason: "as `--phase` says".to_owned(),
            },
            None => summary::phase(facts),
        }
    }

    /// What one policy says of a node that nobody else judges.
    pub(crate) fn judge_alone(
        &self,
        policy: &Policy,
        phase: Phase,
        facts: &Arc<Facts>,
    ) -> PolicyReport {
        self.judge_one(policy, phase, facts, &mut Hearing::new(Arc::clone(facts)))
    }

    fn judge_one(
        &self,
        policy: &Policy,
        phase: Phase,
        facts: &Facts,
        hearing: &mut Hearing,
    ) -> PolicyReport {
        let mut report = PolicyReport {
            id: policy.id.clone(),
            plugin: policy.identity.clone(),
            severity: policy.severity,
            verdict: None,
            summary: String::new(),
            findings: Vec::new(),
            cost: Cost::default(),
            error: None,
        };
        let ready = match &policy.ready {
            Ok(ready) => ready,
            Err(error) => {
                report.error = Some(error.clone());
                return report;
            }
        };
        let horizons = horizons(phase, &policy.phases);
        if horizons.is_empty() {
            report.verdict = Some(Verdicts {
                now: Verdict::NotApplicable,
                next_boot: Verdict::NotApplicable,
            });
            report.summary = format!("it is not judged in the phase {phase}");
            return report;
        }
        self.evaluate(ready, &horizons, facts, hearing, &mut report);
        report
    }

    fn evaluate(
        &self,
        ready: &Ready,
        horizons: &[Horizon],
        facts: &Facts,
        hearing: &mut Hearing,
        report: &mut PolicyReport,
    ) {
        let prepared = match ready.prepared(self.sandbox) {
            Ok(prepared) => prepared,
            Err(error) => {
                report.error = Some(error);
                return;
            }
        };
        let evaluation = hearing.evaluate(prepared, horizons, &ready.arguments, &ready.limits);
        for line in &evaluation.log {
            let message = &line.message;
            match line.level {
                // The report says why it failed, with what it said last.
                LogLevel::Error if evaluation.outcome.is_err() => {
                    tracing::info!("{}: {message}", report.id);
                }
                LogLevel::Error => tracing::error!("{}: {message}", report.id),
                LogLevel::Warn => tracing::warn!("{}: {message}", report.id),
                LogLevel::Info => tracing::info!("{}: {message}", report.id),
                LogLevel::Debug => tracing::debug!("{}: {message}", report.id),
            }
        }
        report.cost = evaluation.cost;
        if !self.timed {
            report.cost.micros = None;
        }
        match evaluation.outcome {
            Ok(answer) => {
                report.verdict = Some(answer.verdicts);
                report.summary = answer.summary;
                report.findings = answer.findings;
                for finding in &mut report.findings {
                    for evidence in &mut finding.evidence {
                        if let (None, Some(line)) = (&evidence.excerpt, evidence.at.line) {
                            evidence.excerpt = excerpt(facts, &evidence.at.source, line);
                        }
                    }
                }
            }
            Err(error) => report.error = Some(error),
        }
    }
}

/// The horizons at which a policy that is meant for `declared` is judged in
/// `phase`: none if it is not. A tree that nothing runs from, and a node that is
/// about to boot, have a next boot only; so does a policy that is meant for the
/// boot of a node that runs.
fn horizons(phase: Phase, declared: &[Phase]) -> Vec<Horizon> {
    if !declared.iter().any(|declared| phase.includes(*declared)) {
        return Vec::new();
    }
    match phase {
        Phase::Image | Phase::Boot => vec![Horizon::NextBoot],
        Phase::Running if !declared.contains(&Phase::Running) => vec![Horizon::NextBoot],
        Phase::PreJoin | Phase::Running => vec![Horizon::Now, Horizon::NextBoot],
    }
}

/// One line of a file of the node.
fn excerpt(facts: &Facts, path: &str, line: u32) -> Option<String> {
    let Part::Present(text) = facts.evidence.text(path) else {
        return None;
    };
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let mut excerpt = nodepol_sandbox::clean_text(text.lines().nth(line)?);
    if excerpt.len() > MAX_EXCERPT {
        excerpt.truncate(excerpt.floor_char_boundary(MAX_EXCERPT));
        excerpt.push('…');
    }
    Some(excerpt)
}

/// The report of a node that was looked at at `taken_at`.
pub(crate) fn report(
    node: NodeSummary,
    taken_at: Timestamp,
    phase: PhaseChoice,
    mut policies: Vec<PolicyReport>,
    set: &PolicySet,
) -> Report {
    let mut waivers = waive(&mut policies, &set.waivers, taken_at);
    // What was left out by `--only` or `--skip` may well be waived.
    waivers.retain(|note| {
        let named = note.names.split('/').next().unwrap_or_default();
        note.problem.starts_with("expired") || policies.iter().any(|policy| policy.id == named)
    });
    Report {
        api_version: API_VERSION.to_owned(),
        kind: "Report".to_owned(),
        node,
        phase,
        taken_at,
        verdict: nodepol_report::overall(&policies),
        policies,
        waivers,
    }
}

#[cfg(test)]
mod tests {
    use super::horizons;
    use nodepol_model::{Horizon, Phase};

    #[test]
    fn horizons_follow_the_phase() {
        let both = vec![Horizon::Now, Horizon::NextBoot];
        let boot = vec![Horizon::NextBoot];
        assert_eq!(horizons(Phase::Running, &[Phase::Running]), both);
        assert_eq!(horizons(Phase::Running, &[Phase::Image, Phase::Boot]), boot);
        assert_eq!(horizons(Phase::Boot, &[Phase::Boot, Phase::Running]), boot);
        assert_eq!(horizons(Phase::Image, &[Phase::Image]), boot);
        assert_eq!(horizons(Phase::PreJoin, &[Phase::PreJoin]), both);
        assert!(horizons(Phase::Image, &[Phase::Running]).is_empty());
    }
}
