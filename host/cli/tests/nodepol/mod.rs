//! Runs the built `nodepol`.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test uses a part of it"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodepol"));
    for variable in [
        "COLUMNS",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may refuse what it reads before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Exit code 2, nothing on standard output; gives what standard error says.
pub fn refused(output: &Output) -> String {
    let said = stderr(output);
    assert_eq!(code(output), 2, "{said}");
    assert_eq!(stdout(output), "");
    assert!(said.starts_with("error: "), "{said}");
    said
}

/// A snapshot of a tree in which nothing was found.
pub fn empty_snapshot() -> String {
    nodepol_model::Snapshot::empty(
        nodepol_model::snapshot::Source::Tree,
        "2026-08-01T00:00:00Z".parse().unwrap(),
    )
    .to_json()
    .unwrap()
}

/// A policy set beside a file that is no component.
pub fn broken_set(directory: &Path) -> String {
    std::fs::write(directory.join("broken.wasm"), b"not WebAssembly").unwrap();
    let set = directory.join("set.yaml");
    let text = "apiVersion: nodepol.dev/v1\nkind: PolicySet\npolicies:\n  - path: broken.wasm\n";
    std::fs::write(&set, text).unwrap();
    set.display().to_string()
}
