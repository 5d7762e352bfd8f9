//! Snapshots that are given, whole and broken, and where results go.

mod nodepol;

use nodepol::{code, empty_snapshot, refused, run, run_with_input, stderr, stdout};

#[test]
fn what_is_no_snapshot_is_2_and_told() {
    let whole = empty_snapshot();
    let report = whole.replace("\"Snapshot\"", "\"Report\"");
    for (input, hint) in [
        (&b""[..], "it is empty"),
        (b"\x1f\x8b\x08rest", "it is compressed"),
        (b"\x7fELF\xff\xfe", "it is binary"),
        (b"hello", "not a snapshot"),
        (&whole.as_bytes()[..whole.len() / 2], "it was cut off"),
        (report.as_bytes(), "\"Report\""),
    ] {
        let said = refused(&run_with_input(&["facts", "--snapshot", "-"], input));
        assert!(said.contains(hint), "{said}");
        assert!(said.contains("standard input"), "{said}");
    }
    let said = refused(&run(&["facts", "--snapshot", "/nowhere.json"]));
    assert!(
        said.contains("/nowhere.json: there is no such file"),
        "{said}"
    );
    let said = refused(&run(&["facts", "--snapshot", "/"]));
    assert!(said.contains("--root"), "{said}");
    let said = refused(&run(&["facts", "--root", "/nowhere"]));
    assert!(said.contains("/nowhere"), "{said}");
}

#[test]
fn a_result_is_there_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("facts.json");
    let name = file.display().to_string();
    let arguments = ["facts", "--snapshot", "-", "--format", "json", "-o", &name];
    let output = run_with_input(&arguments, empty_snapshot().as_bytes());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(facts["kind"], "Facts");
    // What is refused leaves what was there.
    let before = std::fs::read(&file).unwrap();
    refused(&run_with_input(&arguments, b"{"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let said = refused(&run_with_input(
        &["facts", "--snapshot", "-", "-o", "/nowhere/facts.json"],
        empty_snapshot().as_bytes(),
    ));
    assert!(said.contains("/nowhere/facts.json"), "{said}");
}
