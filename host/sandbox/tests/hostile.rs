//! Components that do what they can to harm the host. Each ends in an error
//! with a name, within its limits, and the next policy works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod support;

use std::time::{Duration, Instant};

use nodepol_model::Horizon;
use nodepol_model::report::{PolicyError, PolicyErrorKind};
use nodepol_sandbox::{Compiler, Evaluation, Grants, Limits, Sandbox};
use support::{FAIL, FINDING, NOT_APPLICABLE, Policy, no_facts};

const BOTH: [Horizon; 2] = [Horizon::Now, Horizon::NextBoot];

const LOG: &str = r#"(import "nodepol:policy/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

const LSTAT: &str =
    r#"(import "nodepol:policy/files@0.1.0" "lstat" (func $lstat (param i32 i32 i32)))"#;

fn sandbox() -> Sandbox {
    Sandbox::new(Compiler::InProcess, None).unwrap()
}

fn evaluate(sandbox: &Sandbox, wasm: &[u8], limits: &Limits) -> Evaluation {
    let policy = sandbox.load(wasm, &Grants::standard()).unwrap();
    sandbox.evaluate(&policy, &no_facts(), &BOTH, &[], limits)
}

/// The error of a hostile policy; a good one works before and after it.
#[track_caller]
fn error_within(policy: &Policy, limits: &Limits) -> PolicyError {
    let sandbox = sandbox();
    let started = Instant::now();
    let evaluation = evaluate(&sandbox, &policy.build(), limits);
    assert!(started.elapsed() < Duration::from_secs(30));
    let good = evaluate(&sandbox, &Policy::default().build(), &Limits::default());
    assert!(good.outcome.is_ok(), "{good:?}");
    let error = evaluation.outcome.unwrap_err();
    assert!(!error.message.contains("backtrace"), "{}", error.message);
    assert!(!error.message.contains('\n'), "{}", error.message);
    error
}

#[track_caller]
fn expect(policy: &Policy, kind: PolicyErrorKind, text: &str) {
    let error = error_within(policy, &Limits::default());
    assert_eq!(error.kind, kind, "{}", error.message);
    assert!(error.message.contains(text), "{}", error.message);
}

fn evaluating(evaluate: &str) -> Policy {
    Policy {
        evaluate: evaluate.to_owned(),
        ..Policy::default()
    }
}

#[test]
fn a_good_policy_answers_and_its_cost_is_always_the_same() {
    let sandbox = sandbox();
    let wasm = Policy::default().build();
    let policy = sandbox.load(&wasm, &Grants::none()).unwrap();
    let description = sandbox.describe(&policy, &Limits::default()).unwrap();
    assert_eq!(description.id, "probe");
    assert_eq!(description.rule, "Nothing is.");
    let run = || sandbox.evaluate(&policy, &no_facts(), &BOTH, &[], &Limits::default());
    let first = run();
    assert_eq!(first.outcome.unwrap().summary, "all is well");
    assert!(first.cost.fuel > 0);
    assert_eq!(first.cost.fuel, run().cost.fuel);
}

#[test]
fn a_finding_arrives() {
    let wasm = Policy {
        verdicts: [FAIL, FAIL],
        findings: (FINDING, 1),
        ..Policy::default()
    }
    .build();
    let answer = evaluate(&sandbox(), &wasm, &Limits::default())
        .outcome
        .unwrap();
    assert_eq!(answer.findings[0].id, "swap-on");
    assert_eq!(answer.findings[0].message, "it is");
    assert_eq!(answer.findings[0].horizons, BOTH);
}

#[test]
fn an_endless_loop_runs_out_of_fuel_wherever_it_is() {
    let endless = "(loop $again (br $again))";
    expect(&evaluating(endless), PolicyErrorKind::Fuel, "in `evaluate`");
    expect(
        &Policy {
            fields: format!("(func $start {endless}) (start $start)"),
            ..Policy::default()
        },
        PolicyErrorKind::Fuel,
        "while it started",
    );
    let sandbox = sandbox();
    let wasm = Policy {
        describe: endless.to_owned(),
        ..Policy::default()
    }
    .build();
    let policy = sandbox.load(&wasm, &Grants::none()).unwrap();
    let error = sandbox.describe(&policy, &Limits::default()).unwrap_err();
    assert_eq!(error.kind, PolicyErrorKind::Fuel, "{}", error.message);
    assert!(error.message.contains("in `describe`"), "{}", error.message);
}

#[test]
fn an_endless_loop_with_endless_fuel_runs_out_of_time() {
    let limits = Limits {
        fuel: u64::MAX >> 2,
        wall: Duration::from_millis(100),
        ..Limits::default()
    };
    let error = error_within(&evaluating("(loop $again (br $again))"), &limits);
    assert_eq!(error.kind, PolicyErrorKind::Timeout, "{}", error.message);
    assert!(error.message.contains("100 ms"), "{}", error.message);
}

#[test]
fn memory_is_bounded_when_it_grows_and_when_it_starts() {
    expect(
        &evaluating("(loop $again (drop (memory.grow (i32.const 16))) (br $again))"),
        PolicyErrorKind::Memory,
        "may have 64 MiB",
    );
    expect(
        &Policy {
            pages: 2000,
            ..Policy::default()
        },
        PolicyErrorKind::Memory,
        "it wanted 125 MiB of memory",
    );
}

#[test]
fn tables_memories_and_instances_are_bounded() {
    expect(
        &Policy {
            fields: "(table 1000000 funcref)".to_owned(),
            ..Policy::default()
        },
        PolicyErrorKind::Memory,
        "tables of 1000000 elements",
    );
    for limits in [
        Limits {
            memories: 0,
            ..Limits::default()
        },
        Limits {
            instances: 0,
            ..Limits::default()
        },
    ] {
        let error = error_within(&Policy::default(), &limits);
        assert_eq!(error.kind, PolicyErrorKind::Memory, "{}", error.message);
        assert!(error.message.contains("than it may"), "{}", error.message);
    }
}

#[test]
fn recursion_is_bounded() {
    expect(
        &Policy {
            fields: "(func $deeper (call $deeper) (drop (i32.const 0)))".to_owned(),
            evaluate: "(call $deeper)".to_owned(),
            ..Policy::default()
        },
        PolicyErrorKind::Trap,
        "too deep",
    );
}

#[test]
fn lists_are_bounded() {
    let many = |count| Policy {
        findings: (65536, count),
        pages: 200,
        ..Policy::default()
    };
    expect(&many(300), PolicyErrorKind::Budget, "300 findings");
    expect(&many(150_000), PolicyErrorKind::Budget, "more than 4 MiB");
    expect(&many(0x0400_0000), PolicyErrorKind::BadAnswer, "malformed");
}

#[test]
fn texts_are_bounded_and_utf_8() {
    let summary = |text: &str, length| Policy {
        summary: (text.to_owned(), length),
        pages: 40,
        ..Policy::default()
    };
    expect(
        &summary("\\ff\\fe", 2),
        PolicyErrorKind::BadAnswer,
        "malformed",
    );
    expect(&summary("x", 70_000), PolicyErrorKind::Budget, "64 KiB");
    expect(
        &summary("x", 0x7fff_ffff),
        PolicyErrorKind::BadAnswer,
        "malformed",
    );
}

#[test]
fn escapes_do_not_reach_the_terminal() {
    let text = "\\1b[31mred\\1b]0;title\\07 \\e2\\80\\aeflipped";
    let wasm = Policy {
        summary: (text.to_owned(), 30),
        ..Policy::default()
    }
    .build();
    let answer = evaluate(&sandbox(), &wasm, &Limits::default())
        .outcome
        .unwrap();
    assert_eq!(answer.summary, "red flipped");
}

#[test]
fn the_log_is_bounded_in_lines_and_bytes() {
    let logging = |length: u32| Policy {
        imports: LOG.to_owned(),
        evaluate: format!(
            "(loop $again
               (call $log (i32.const 1) (i32.const 20000) (i32.const {length})) (br $again))"
        ),
        ..Policy::default()
    };
    expect(&logging(5), PolicyErrorKind::Budget, "more than 256 lines");
    expect(
        &logging(60_000),
        PolicyErrorKind::Budget,
        "more than 64 KiB",
    );
}

#[test]
fn calls_of_the_host_are_bounded() {
    let policy = Policy {
        interfaces: vec!["files"],
        imports: LSTAT.to_owned(),
        evaluate: "(loop $again
            (call $lstat (i32.const 1024) (i32.const 5) (i32.const 5000)) (br $again))"
            .to_owned(),
        pages: 900,
        ..Policy::default()
    };
    let limits = Limits {
        host_calls: 100,
        ..Limits::default()
    };
    let error = error_within(&policy, &limits);
    assert_eq!(error.kind, PolicyErrorKind::Budget, "{}", error.message);
    assert!(error.message.contains("100 times"), "{}", error.message);
}

#[test]
fn describe_reads_no_facts() {
    let sandbox = sandbox();
    let wasm = Policy {
        interfaces: vec!["files"],
        imports: LSTAT.to_owned(),
        describe: "(call $lstat (i32.const 1024) (i32.const 5) (i32.const 5000))".to_owned(),
        ..Policy::default()
    }
    .build();
    let policy = sandbox.load(&wasm, &Grants::standard()).unwrap();
    let error = sandbox.describe(&policy, &Limits::default()).unwrap_err();
    assert_eq!(error.kind, PolicyErrorKind::BadAnswer);
    assert!(error.message.contains("must not"), "{}", error.message);
}

#[test]
fn a_panic_is_told_in_its_own_words() {
    let policy = Policy {
        imports: LOG.to_owned(),
        fields: r#"(data (i32.const 6000) "index 3\1b[1m is out of range")"#.to_owned(),
        evaluate: "(call $log (i32.const 3) (i32.const 6000) (i32.const 28)) (unreachable)"
            .to_owned(),
        ..Policy::default()
    };
    expect(
        &policy,
        PolicyErrorKind::Trap,
        "it panicked in `evaluate`: index 3 is out of range",
    );
    let evaluation = evaluate(&sandbox(), &policy.build(), &Limits::default());
    assert_eq!(evaluation.log.len(), 1);
    expect(
        &evaluating("(unreachable)"),
        PolicyErrorKind::Trap,
        "without a message",
    );
    expect(
        &evaluating("(drop (i32.load (i32.const -8)))"),
        PolicyErrorKind::Trap,
        "out of bounds memory access",
    );
    expect(
        &evaluating("(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
        PolicyErrorKind::Trap,
        "divide by zero",
    );
}

#[test]
fn an_answer_must_not_contradict_itself() {
    let saying = |verdicts, findings| Policy {
        verdicts,
        findings,
        ..Policy::default()
    };
    let bad = PolicyErrorKind::BadAnswer;
    expect(&saying([FAIL, 0], (0, 0)), bad, "no finding that says why");
    expect(
        &saying([0, 0], (FINDING, 1)),
        bad,
        "the gravest of its findings",
    );
    expect(&saying([9, 0], (0, 0)), bad, "malformed");
    let sandbox = sandbox();
    let now = |policy: &Policy| {
        let wasm = policy.build();
        let policy = sandbox.load(&wasm, &Grants::none()).unwrap();
        sandbox
            .evaluate(
                &policy,
                &no_facts(),
                &[Horizon::Now],
                &[],
                &Limits::default(),
            )
            .outcome
    };
    let error = now(&saying([0, 0], (0, 0))).unwrap_err();
    assert!(error.message.contains("not asked"), "{}", error.message);
    let error = now(&saying([FAIL, NOT_APPLICABLE], (FINDING, 1))).unwrap_err();
    assert!(error.message.contains("not asked"), "{}", error.message);
    assert!(now(&saying([0, NOT_APPLICABLE], (0, 0))).is_ok());
}

#[test]
fn what_a_policy_says_of_itself_is_its_own_error() {
    expect(
        &Policy {
            failed: 1,
            ..Policy::default()
        },
        PolicyErrorKind::Plugin,
        "it could not work: all is well",
    );
}

#[test]
fn everything_works_in_256_mib_of_address_space() {
    let test = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 262144 && exec \"$@\"", "sh"])
        .arg(test)
        .args([
            "--ignored",
            "--exact",
            "small::a_policy_runs",
            "--test-threads=1",
        ])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "{out}\n{err}");
}

mod small {
    use super::*;

    /// Run by the test above, under its limit.
    #[test]
    #[ignore = "a part of everything_works_in_256_mib_of_address_space"]
    fn a_policy_runs() {
        let sandbox = sandbox();
        let good = evaluate(&sandbox, &Policy::default().build(), &Limits::default());
        assert!(good.outcome.is_ok(), "{good:?}");
        let bomb = evaluating("(loop $again (drop (memory.grow (i32.const 16))) (br $again))");
        let error = evaluate(&sandbox, &bomb.build(), &Limits::default())
            .outcome
            .unwrap_err();
        assert_eq!(error.kind, PolicyErrorKind::Memory, "{}", error.message);
    }
}
