//! Mistakes in policy sets, and what a set does to the report.

#![allow(clippy::unwrap_used, reason = "a test")]

mod nodepol;

use nodepol::{broken_set, code, empty_snapshot, refused, run, run_with_input, stdout};

fn mistakes(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.yaml");
    std::fs::write(&file, text).unwrap();
    let said = refused(&run(&["eval", "--policies", &file.display().to_string()]));
    said.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let said = mistakes(
        "apiVersion: nodepol.dev/v2
kind: PolicySet
policies:
  - path: mine.wasm
    severty: hygiene
    phases: [running, bot]
    grants:
      interfaces: [unit]
      files: [etc/passwd]
    limits: {fuel: 0, wall: 5, memory: 64MB}
  - path: mine.wasm
  - {id: a, path: b}
  - parameters: 7
waivers:
  - policy: swap-active
    expires: tomorrow
  - finding: swap-active
    reason: it is known
polices: []
",
    );
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_no_set_at_all() {
    assert!(mistakes("").contains("must be a mapping"));
    assert!(mistakes("- a\n").contains("not a list"));
    assert!(mistakes("kind: [\n").contains("it is no YAML"));
    assert!(
        mistakes("apiVersion: nodepol.dev/v1\nkind: PolicySet\n")
            .contains("it names no `policies`")
    );
    assert!(
        mistakes("kind: PolicySet\nkind: PolicySet\n")
            .contains("site.yaml:2:1: the key `kind` stands twice")
    );
    let said = refused(&run(&["eval", "--policies", "standrd"]));
    assert!(said.contains("did you mean `standard`?"), "{said}");
    let said = refused(&run(&["eval", "--policies", "/nowhere.yaml"]));
    assert!(said.contains("there is no such file"), "{said}");
    let said = refused(&run(&["eval", "--policies", "/dev/null"]));
    assert!(said.contains("is no file"), "{said}");
}

#[test]
fn files_that_are_missing_are_mistakes_of_the_set() {
    let said = mistakes(
        "apiVersion: nodepol.dev/v1
kind: PolicySet
policies:
  - path: mine.wasm
  - path: yours.wasm
waivers:
  - {policy: mien, reason: it is known}
",
    );
    assert!(said.contains("3 mistakes"), "{said}");
    assert!(
        said.contains("site.yaml:4:11: mine.wasm: there is no such file"),
        "{said}"
    );
    assert!(
        said.contains("site.yaml:5:11: yours.wasm: there is no such file"),
        "{said}"
    );
    assert!(
        said.contains("site.yaml:7:5: it waives the unknown policy `mien`"),
        "{said}"
    );
}

#[test]
fn a_policy_that_cannot_be_loaded_is_an_error_in_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let set = broken_set(directory.path());
    let arguments = ["eval", "--snapshot", "-", "--policies", &set];
    let output = run_with_input(&arguments, empty_snapshot().as_bytes());
    assert_eq!(code(&output), 3, "{}", nodepol::stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("UNDECIDED"), "{text}");
    assert!(text.contains("ERROR  broken  not loadable"), "{text}");

    let json = [&arguments[..], &["--format", "json"]].concat();
    let output = run_with_input(&json, empty_snapshot().as_bytes());
    assert_eq!(code(&output), 3);
    let report: nodepol_model::Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.policies[0].id, "broken");
    assert!(report.policies[0].verdict.is_none());
}

#[test]
fn only_and_skip_know_the_ids() {
    let directory = tempfile::tempdir().unwrap();
    let set = broken_set(directory.path());
    let said = refused(&run(&[
        "eval",
        "--policies",
        &set,
        "--only",
        "brokn",
        "--skip",
        "zzz",
    ]));
    assert!(
        said.contains("--only: there is no policy `brokn`; did you mean `broken`?"),
        "{said}"
    );
    assert!(said.contains("--skip: there is no policy `zzz`"), "{said}");
    let said = refused(&run(&["eval", "--policies", &set, "--skip", "broken"]));
    assert!(said.contains("no policy is left"), "{said}");
}
