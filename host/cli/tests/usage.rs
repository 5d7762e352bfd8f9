//! Help, usage errors, closed pipes: what every command has in common.

mod nodepol;

use std::process::Stdio;

use nodepol::{code, command, refused, run, stderr, stdout};

#[test]
fn the_reference() {
    let mut text = String::new();
    for command in [
        "",
        "eval",
        "snapshot",
        "facts",
        "explain",
        "list",
        "inspect",
        "plugin",
        "plugin new",
        "plugin build",
        "plugin test",
        "plugin check",
        "plugin record",
        "completions",
    ] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = run(&words);
        assert_eq!(code(&output), 0);
        text.push_str(&format!(
            "$ nodepol {}\n{}\n",
            words.join(" "),
            stdout(&output)
        ));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_wrong_command_line_is_2_and_told() {
    for (arguments, hint) in [
        (&["evl"][..], "'eval'"),
        (&["eval", "--format", "jsn"], "did you mean `json`?"),
        (&["eval", "--fail-on", "all"], "fail, warn, unknown"),
        (&["eval", "--at", "soon"], "`+30d`"),
        (
            &["eval", "--assume", "kublet=1.38"],
            "did you mean `kubelet`?",
        ),
        (&["eval", "--phase", "bot"], "'boot'"),
        (
            &["eval", "--root", "/", "--snapshot", "x"],
            "cannot be used with",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = command()
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = command()
        .args(["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("cannot write to standard output"));
}

#[test]
fn man_pages_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&["man", "--out", &directory.path().display().to_string()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = std::fs::read_to_string(directory.path().join("nodepol-eval.1")).unwrap();
    assert!(page.contains("fail\\-on"), "{page}");
}

#[test]
fn a_policy_that_is_not_there_is_told() {
    let said = refused(&run(&["explain", "swap-actve"]));
    assert!(
        said.contains("did you mean `swap-active`?") || said.contains("cargo xtask build"),
        "{said}"
    );
}

#[test]
fn what_is_no_component_is_not_inspected() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.wasm");
    std::fs::write(&file, b"\x7fELF").unwrap();
    let said = refused(&run(&["inspect", &file.display().to_string()]));
    assert!(said.contains("not WebAssembly"), "{said}");
    let said = refused(&run(&["inspect", "/nowhere.wasm"]));
    assert!(said.contains("there is no such file"), "{said}");
}
