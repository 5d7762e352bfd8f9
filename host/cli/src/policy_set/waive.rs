//! Waivers, put on what the policies found.

use jiff::Timestamp;
use nodepol_model::report::{Waived, WaiverNote};
use nodepol_model::{Finding, Horizon, PolicyReport, Verdict, Verdicts};

use super::Waiver;

/// Marks what is waived at the instant `at`, takes it out of the verdicts, and
/// tells of every waiver that did nothing.
pub(crate) fn waive(
    policies: &mut [PolicyReport],
    waivers: &[Waiver],
    at: Timestamp,
) -> Vec<WaiverNote> {
    let mut notes = Vec::new();
    for waiver in waivers {
        let note = |problem: String| WaiverNote {
            names: waiver.names(),
            at: waiver.at.clone(),
            problem,
        };
        match waiver.expires {
            Some(expires) if expires <= at => {
                notes.push(note(format!(
                    "expired on {}, so it counts again",
                    expires.strftime("%Y-%m-%d")
                )));
            }
            _ if apply(policies, waiver) => {}
            _ => notes.push(note(
                "matches nothing that was found, so it waives nothing".to_owned(),
            )),
        }
    }
    for policy in policies {
        if policy.findings.iter().any(|finding| finding.waived.is_some()) {
            policy.verdict = policy.verdict.map(|said| without_waived(said, &policy.findings));
        }
    }
    notes
}

/// Whether there was something to waive.
fn apply(policies: &mut [PolicyReport], waiver: &Waiver) -> bool {
    let mut found = false;
    let named = policies
        .iter_mut()
        .filter(|policy| policy.id == waiver.policy)
        .flat_map(|policy| &mut policy.findings)
        .filter(|finding| waiver.finding.as_ref().is_none_or(|id| *id == finding.id))
        // There is nothing to waive about a note.
        .filter(|finding| finding.verdict > Verdict::Pass);
    for finding in named {
        found = true;
        finding.waived.get_or_insert_with(|| Waived {
            reason: waiver.reason.clone(),
            expires: waiver.expires,
        });
    }
    found
}

/// The verdicts of what still counts.
fn without_waived(said: Verdicts, findings: &[Finding]) -> Verdicts {
    let at = |horizon: Horizon| {
        let said = said.at(horizon);
        if said <= Verdict::Pass {
            return said;
        }
        let waived = findings
            .iter()
            .any(|finding| finding.waived.is_some() && finding.horizons.contains(&horizon));
        if !waived {
            return said;
        }
        findings
            .iter()
            .filter(|finding| finding.waived.is_none() && finding.horizons.contains(&horizon))
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Pass)
    };
    Verdicts {
        now: at(Horizon::Now),
        next_boot: at(Horizon::NextBoot),
    }
}

#[cfg(test)]
mod tests {
    use nodepol_model::report::{Cost, PluginIdentity};
    use nodepol_model::{Location, Severity};

    use super::*;

    fn finding(id: &str, verdict: Verdict, horizon: Horizon) -> Finding {
        Finding {
            id: id.to_owned(),
            verdict,
            horizons: vec![horizon],
            message: String::new(),
            evidence: Vec::new(),
            fix: None,
            symptom_of: Vec::new(),
            waived: None,
        }
    }

    fn policies() -> Vec<PolicyReport> {
        vec![PolicyReport {
            id: "p".to_owned(),
            plugin: PluginIdentity {
                origin: "standard".to_owned(),
                digest: String::new(),
            },
            severity: Severity::Blocker,
            verdict: Some(Verdicts {
                now: Verdict::Fail,
                next_boot: Verdict::Warn,
            }),
            summary: String::new(),
            findings: vec![
                finding("a", Verdict::Fail, Horizon::Now),
                finding("b", Verdict::Warn, Horizon::Now),
                finding("c", Verdict::Warn, Horizon::NextBoot),
            ],
            cost: Cost::default(),
            error: None,
        }]
    }

    fn waiver(finding: Option<&str>, expires: Option<&str>) -> Waiver {
        Waiver {
            policy: "p".to_owned(),
            finding: finding.map(str::to_owned),
            reason: "a reason".to_owned(),
            expires: expires.map(|it| it.parse().unwrap()),
            at: Location::position("set.yaml", 9, 5),
        }
    }

    fn now() -> Timestamp {
        "2026-08-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_is_waived_does_not_count() {
        let mut found = policies();
        let notes = waive(&mut found, &[waiver(Some("a"), None)], now());
        assert!(notes.is_empty());
        let verdict = found[0].verdict.unwrap();
        assert_eq!((verdict.now, verdict.next_boot), (Verdict::Warn, Verdict::Warn));
        assert!(found[0].findings[0].waived.is_some());

        let notes = waive(&mut found, &[waiver(None, Some("2027-01-01T00:00:00Z"))], now());
        assert!(notes.is_empty());
        assert_eq!(found[0].verdict.unwrap().worst(), Verdict::Pass);
    }

    #[test]
    fn a_waiver_that_does_nothing_is_told() {
        let mut found = policies();
        let waivers = [
            waiver(Some("z"), None),
            waiver(Some("a"), Some("2026-08-01T00:00:00Z")),
        ];
        let notes = waive(&mut found, &waivers, now());
        assert_eq!(found, policies());
        assert_eq!(notes[0].names, "p/z");
        assert!(notes[0].problem.starts_with("matches nothing"));
        assert_eq!(notes[1].problem, "expired on 2026-08-01, so it counts again");
    }
}
