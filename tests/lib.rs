//! What the end-to-end tests share: real systems to run against.

#![allow(
    clippy::expect_used,
    reason = "this is part of tests: what is missing ends the test"
)]

pub mod bed;
pub mod project;

use std::path::{Path, PathBuf};

/// The target directory that this test was built in.
///
/// # Panics
/// If the test was moved out of it.
pub fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its file");
    // target/debug/deps/NAME-HASH
    test.ancestors()
        .nth(3)
        .expect("tests are in target/debug/deps")
        .to_owned()
}

/// The `nodepol` that was built with this test.
///
/// # Panics
/// If it was not built.
pub fn binary() -> PathBuf {
    let binary = target_directory().join("debug/nodepol");
    assert!(
        binary.exists(),
        "nodepol is not built: run `cargo xtask test`"
    );
    binary
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
}

/// A document holds to its published schema, `docs/schema/NAME.json`.
///
/// # Panics
/// If it does not, with every place where it does not.
pub fn assert_valid(name: &str, document: &serde_json::Value) {
    let path = workspace().join("docs/schema").join(format!("{name}.json"));
    let schema = std::fs::read(&path).expect("a published schema");
    let schema = serde_json::from_slice(&schema).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a JSON schema");
    let errors: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(
        errors.is_empty(),
        "not a valid {name}:\n{}",
        errors.join("\n")
    );
}
