//! The text for people, as people see it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod reports;

use nodepol_model::{Fix, Horizon, Severity, Verdict};
use nodepol_report::{Explanation, FailOn, Format, Options, render};
use reports::{command, finding, policy, report, step};

fn text(report: &nodepol_model::Report) -> String {
    render(Format::Text, report, &Options::default()).unwrap()
}

#[test]
fn a_cause_comes_before_its_symptom() {
    insta::assert_snapshot!(text(&reports::swap()));
}

#[test]
fn what_is_explained_and_narrow() {
    let options = Options {
        width: 60,
        explanations: [(
            "swap-active".to_owned(),
            Explanation {
                title: "Swap is off, or allowed".to_owned(),
                rule: "no active swap while the effective failSwapOn is true".to_owned(),
                documentation: Some("https://kubernetes.io/docs/concepts/cluster-administration/swap-memory-management/".to_owned()),
            },
        )]
        .into(),
        ..Options::default()
    };
    insta::assert_snapshot!(render(Format::Text, &reports::swap(), &options).unwrap());
}

#[test]
fn all_is_well() {
    insta::assert_snapshot!(text(&reports::all_pass()));
}

#[test]
fn down_and_rightly_so() {
    insta::assert_snapshot!(text(&reports::waiting()));
}

#[test]
fn missing_evidence_is_told_once() {
    insta::assert_snapshot!(text(&reports::unknown()));
}

#[test]
fn a_policy_that_failed_itself() {
    insta::assert_snapshot!(text(&reports::error()));
}

#[test]
fn waived_and_expired() {
    insta::assert_snapshot!(text(&reports::waived()));
}

#[test]
fn nothing_applied() {
    insta::assert_snapshot!(text(&reports::nothing()));
}

#[test]
fn colour_wraps_the_same_words() {
    let options = Options {
        color: true,
        ..Options::default()
    };
    let colored = render(Format::Text, &reports::swap(), &options).unwrap();
    assert!(colored.contains('\u{1b}'));
    assert!(!text(&reports::swap()).contains('\u{1b}'));
}

#[test]
fn the_headline_agrees_with_the_exit_code() {
    let warns = report(vec![policy(
        "a",
        Severity::Degraded,
        Verdict::Warn,
        Verdict::Pass,
    )]);
    assert!(text(&warns).starts_with("READY"));
    let options = Options {
        fail_on: FailOn::Warn,
        ..Options::default()
    };
    let strict = render(Format::Text, &warns, &options).unwrap();
    assert!(strict.starts_with("NOT READY"), "{strict}");
}

#[test]
fn findings_that_blame_each_other_are_both_told() {
    let mut first = policy("a", Severity::Blocker, Verdict::Fail, Verdict::Fail);
    first.findings = vec![finding("x", Verdict::Fail, &[Horizon::Now], "the first")];
    first.findings[0].symptom_of = vec!["b".to_owned()];
    let mut second = policy("b", Severity::Blocker, Verdict::Fail, Verdict::Fail);
    second.findings = vec![finding("y", Verdict::Fail, &[Horizon::Now], "the second")];
    second.findings[0].symptom_of = vec!["c/z".to_owned(), "a/x".to_owned(), "b/y".to_owned()];
    let text = text(&report(vec![first, second]));
    assert!(text.contains("the first"), "{text}");
    assert!(text.contains("the second"), "{text}");
}

#[test]
fn a_way_out_of_what_stops_the_kubelet_is_told_after_a_lesser_cause() {
    let fixed = |id: &str, severity| {
        let mut fixed = policy(id, severity, Verdict::Fail, Verdict::Fail);
        let mut finding = finding("x", Verdict::Fail, &[Horizon::Now], "it is so");
        finding.fix = Some(Fix {
            summary: format!("mend {id}"),
            steps: vec![step(id, command(&["mend", id]))],
        });
        fixed.findings = vec![finding];
        fixed
    };
    let cause = fixed("z", Severity::Degraded);
    let mut effect = fixed("a", Severity::Blocker);
    effect.findings[0].symptom_of = vec!["z/x".to_owned()];
    let both = text(&report(vec![effect.clone(), cause.clone()]));
    let at = |both: &str, what| both.find(what);
    assert!(at(&both, "FAIL  z") < at(&both, "FAIL  a"), "{both}");
    assert!(at(&both, "FAIL  z").is_some(), "{both}");
    // The same way out need not be told twice.
    effect.findings[0].fix.clone_from(&cause.findings[0].fix);
    let folded = text(&report(vec![effect, cause]));
    assert!(at(&folded, "FAIL  a").is_none(), "{folded}");
}

#[test]
fn a_waived_cause_explains_nothing() {
    let mut swap = reports::swap();
    for policy in &mut swap.policies {
        if policy.id == "swap-active" {
            policy.findings[0].waived = Some(nodepol_model::report::Waived {
                reason: "a test".to_owned(),
                expires: None,
            });
        }
    }
    assert!(text(&swap).contains("FAIL  kubelet-crashloop-triage"));
}
