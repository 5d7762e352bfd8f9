//! Puts the judgements of the horizons together into one answer.

use crate::bindings::exports::nodepol::policy::check;
use crate::{Answer, Horizon, Judgement, Verdict};

/// Graver verdicts are greater; the order is that of the host.
pub(crate) fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotApplicable => 0,
        Verdict::Pass => 1,
        Verdict::Waiting => 2,
        Verdict::Warn => 3,
        Verdict::Unknown => 4,
        Verdict::Fail => 5,
    }
}

pub(crate) fn answer(judged: Vec<(Horizon, Judgement)>) -> Answer {
    let mut answer = Answer {
        now: Verdict::NotApplicable,
        next_boot: Verdict::NotApplicable,
        summary: String::new(),
        findings: Vec::new(),
    };
    let mut gravest = None;
    for (horizon, judgement) in judged {
        match horizon {
            Horizon::Now => answer.now = judgement.verdict,
            Horizon::NextBoot => answer.next_boot = judgement.verdict,
        }
        if gravest.is_none_or(|known| gravity(judgement.verdict) > known) {
            gravest = Some(gravity(judgement.verdict));
            answer.summary = judgement.summary;
        }
        for finding in judgement.findings {
            add(&mut answer.findings, horizon, finding.0);
        }
    }
    answer
}

/// The same finding at both horizons is one finding.
fn add(findings: &mut Vec<check::Finding>, horizon: Horizon, mut finding: check::Finding) {
    let known = findings.iter_mut().find(|known| {
        known.id == finding.id
            && known.verdict == finding.verdict
            && known.message == finding.message
            && known.evidence == finding.evidence
            && known.fix == finding.fix
    });
    match known {
        Some(known) if !known.horizons.contains(&horizon) => known.horizons.push(horizon),
        Some(_) => {}
        None => {
            finding.horizons = vec![horizon];
            findings.push(finding);
        }
    }
}
