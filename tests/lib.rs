//! What the end-to-end tests share: real systems to run against.

pub mod bed;

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
