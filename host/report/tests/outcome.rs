//! The table of exit codes, row by row.

mod reports;

use nodepol_model::report::{PolicyError, PolicyErrorKind, WaiverNote};
use nodepol_model::{Location, PolicyReport, Report, Severity, Verdict};
use nodepol_report::{FailOn, Outcome};
use reports::{policy, report};

fn said(verdict: Verdict) -> PolicyReport {
    policy("p", Severity::Degraded, verdict, Verdict::Pass)
}

fn codes(report: &Report) -> [u8; 3] {
    FailOn::ALL.map(|fail_on| Outcome::of(report, fail_on).exit_code())
}

#[test]
fn ready_is_0() {
    assert_eq!(codes(&reports::all_pass()), [0, 0, 0]);
    assert_eq!(codes(&reports::waiting()), [0, 0, 0]);
}

#[test]
fn a_warning_is_0_or_1() {
    assert_eq!(codes(&report(vec![said(Verdict::Warn)])), [0, 1, 0]);
    let mut expired = reports::all_pass();
    expired.waivers = vec![WaiverNote {
        names: "p".to_owned(),
        at: Location::line("set.yaml", 1),
        problem: "matches nothing".to_owned(),
    }];
    assert_eq!(codes(&expired), [0, 1, 0]);
}

#[test]
fn what_is_unknown_is_undecided_unless_it_is_hygiene() {
    assert_eq!(codes(&report(vec![said(Verdict::Unknown)])), [3, 3, 1]);
    let hygiene = policy("h", Severity::Hygiene, Verdict::Unknown, Verdict::Unknown);
    let with_pass = report(vec![hygiene.clone(), said(Verdict::Pass)]);
    assert_eq!(codes(&with_pass), [0, 0, 1]);
    assert_eq!(codes(&report(vec![hygiene])), [3, 3, 1]);
}

#[test]
fn an_error_is_undecided() {
    let mut failed = said(Verdict::Pass);
    failed.verdict = None;
    failed.error = Some(PolicyError {
        kind: PolicyErrorKind::Trap,
        message: String::new(),
    });
    let errors = report(vec![failed.clone(), said(Verdict::Pass)]);
    assert_eq!(codes(&errors), [3, 3, 3]);
    let and_warns = report(vec![failed.clone(), said(Verdict::Warn)]);
    assert_eq!(codes(&and_warns), [3, 1, 3]);
    let and_fails = report(vec![failed, said(Verdict::Fail)]);
    assert_eq!(codes(&and_fails), [1, 1, 1]);
}

#[test]
fn a_run_that_judged_nothing_is_no_pass() {
    assert_eq!(codes(&reports::nothing()), [3, 3, 3]);
    assert_eq!(codes(&report(Vec::new())), [3, 3, 3]);
}

#[test]
fn a_failure_beats_everything() {
    let fails = report(vec![said(Verdict::Fail), said(Verdict::Unknown)]);
    assert_eq!(codes(&fails), [1, 1, 1]);
}
