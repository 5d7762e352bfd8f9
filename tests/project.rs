//! Projects of policies: `nodepol plugin` in a directory.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use nodepol_toolchain::{Clang, Go, Qjs, Rust, Tsc};

/// `nodepol` in a directory; cargo's output shared by all projects.
///
/// # Panics
/// If it cannot be started.
pub fn nodepol(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(crate::binary())
        .args(arguments)
        .current_dir(directory)
        .env(
            "CARGO_TARGET_DIR",
            crate::target_directory().join("authoring"),
        )
        .env("NO_COLOR", "1")
        .output()
        .expect("nodepol starts")
}

/// All that it said.
pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What must succeed; its standard output.
///
/// # Panics
/// If it does not.
#[track_caller]
pub fn done(directory: &Path, arguments: &[&str]) -> String {
    let output = nodepol(directory, arguments);
    assert!(
        output.status.success(),
        "nodepol {}: {}\n{}",
        arguments.join(" "),
        output.status,
        text(&output)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What must be refused with an exit code; all that it said.
///
/// # Panics
/// If it ends in another way.
#[track_caller]
pub fn refused(directory: &Path, code: i32, arguments: &[&str]) -> String {
    let output = nodepol(directory, arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "nodepol {}\n{}",
        arguments.join(" "),
        text(&output)
    );
    text(&output)
}

/// Says that a test did nothing, also where the output of those that pass is
/// not shown.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {why}");
}

/// Whether the compiler of a language is at hand for a project in `directory`.
///
/// # Panics
/// If it is no language.
pub fn at_hand(language: &str, directory: &Path) -> bool {
    let missing = match language {
        "rust" => Rust::find().err(),
        "c" => Clang::find().err(),
        "go" => Go::find().err(),
        "javascript" => Qjs::find(directory).err(),
        "typescript" => Tsc::find(directory).err().or(Qjs::find(directory).err()),
        other => unreachable!("{other} is no language"),
    };
    if let Some(missing) = &missing {
        skipped(&format!("{language}: {missing}"));
    }
    missing.is_none()
}

/// Copies what is in a directory over another.
///
/// # Panics
/// If a file cannot be read or written.
pub fn lay_over(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for entry in std::fs::read_dir(from).expect("a directory can be listed") {
        let path = entry.expect("a directory can be listed").path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            lay_over(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a file can be copied");
        }
    }
}
