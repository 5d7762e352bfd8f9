//! What is loaded and what is refused, before anything runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod support;

use nodepol_model::report::PolicyErrorKind;
use nodepol_sandbox::inspect::ImportClass;
use nodepol_sandbox::{Cache, Compiler, Grants, Interface, Limits, LoadError, Sandbox, inspect};
use support::Policy;

const CHECK: &str = r#"(instance $check) (export "nodepol:policy/check@0.1.0" (instance $check))"#;

fn reader() -> Vec<u8> {
    Policy {
        interfaces: vec!["files", "units", "swap"],
        imports: r#"
            (import "nodepol:policy/files@0.1.0" "lstat" (func (param i32 i32 i32)))
            (import "nodepol:policy/files@0.1.0" "text" (func (param i32 i32 i32)))"#
            .to_owned(),
        ..Policy::default()
    }
    .build()
}

fn component(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {fields})")).unwrap()
}

fn refusal(wasm: &[u8], grants: &Grants) -> LoadError {
    Sandbox::new(Compiler::InProcess, None)
        .unwrap()
        .load(wasm, grants)
        .unwrap_err()
}

#[test]
fn imports_are_the_permissions_that_are_used() {
    let inspection = inspect(&reader()).unwrap();
    let imports: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| (import.interface.as_deref().unwrap(), import.class))
        .collect();
    assert_eq!(
        imports,
        [
            ("types", ImportClass::Types),
            ("files", ImportClass::Capability),
        ]
    );
    assert_eq!(inspection.imports[1].functions, ["lstat", "text"]);
    assert_eq!(inspection.exports[0].name, "nodepol:policy/check@0.1.0");
    assert_eq!(inspection.exports[0].functions, ["describe", "evaluate"]);
    assert_eq!(inspection.digest.len(), 64);
}

#[test]
fn what_is_not_granted_is_refused_by_name() {
    let error = refusal(&reader(), &Grants::none());
    assert_eq!(error, LoadError::NotGranted(vec![Interface::Files]));
    assert_eq!(error.kind(), PolicyErrorKind::NotGranted);
    assert!(error.to_string().contains("`grants.interfaces`"), "{error}");
    let grants = Grants {
        interfaces: [Interface::Files].into_iter().collect(),
        ..Grants::none()
    };
    let sandbox = Sandbox::new(Compiler::InProcess, None).unwrap();
    let wasm = reader();
    assert!(sandbox.load(&wasm, &grants).is_ok());
}

#[test]
fn foreign_and_future_imports_are_refused() {
    let import = |name: &str| {
        component(&format!(
            r#"(import "{name}" (instance (export "get" (func)))) {CHECK}"#
        ))
    };
    let all = Grants::standard();
    let error = refusal(&import("wasi:cli/environment@0.2.3"), &all);
    assert!(matches!(error, LoadError::Foreign { .. }), "{error}");
    assert_eq!(error.kind(), PolicyErrorKind::NotGranted);
    let error = refusal(&import("units"), &all);
    assert!(matches!(error, LoadError::Foreign { .. }), "{error}");
    for future in ["units@0.2.0", "units@1.0.0", "units@0.1.0-rc.1", "units"] {
        let error = refusal(&import(&format!("nodepol:policy/{future}")), &all);
        assert!(
            matches!(error, LoadError::Version { .. }),
            "{future}: {error}"
        );
    }
    let error = refusal(&import("nodepol:policy/etcd@0.1.0"), &all);
    assert!(
        matches!(error, LoadError::UnknownInterface { .. }),
        "{error}"
    );
    // A function of a later 0.1.
    let error = refusal(&import("nodepol:policy/files@0.1.9"), &all);
    assert!(matches!(error, LoadError::Mismatch(_)), "{error}");
    // Types and empty imports permit nothing.
    let harmless = component(&format!(
        r#"(import "nodepol:policy/units@0.1.0" (instance)) {CHECK}"#
    ));
    assert!(matches!(
        refusal(&harmless, &Grants::none()),
        LoadError::Mismatch(_)
    ));
}

#[test]
fn exports_must_be_those_of_a_policy() {
    let all = Grants::standard();
    assert_eq!(refusal(&component(""), &all), LoadError::NoCheck);
    let error = refusal(&component(CHECK), &all);
    assert!(matches!(error, LoadError::Mismatch(_)), "{error}");
    let wrong = CHECK.replace("check@0.1.0", "check@0.2.0");
    let error = refusal(&component(&wrong), &all);
    assert!(matches!(error, LoadError::Version { .. }), "{error}");
    let other = component(r#"(instance $i) (export "acme:x/y@1.0.0" (instance $i))"#);
    let error = refusal(&other, &all);
    assert!(matches!(error, LoadError::ForeignExport { .. }), "{error}");
    // `describe` with another type.
    let typed = component(
        r#"(core module $m (func (export "f")))
           (core instance $m (instantiate $m))
           (func $f (canon lift (core func $m "f")))
           (instance $check (export "describe" (func $f)) (export "evaluate" (func $f)))
           (export "nodepol:policy/check@0.1.0" (instance $check))"#,
    );
    let sandbox = Sandbox::new(Compiler::InProcess, None).unwrap();
    let policy = sandbox.load(&typed, &all).unwrap();
    let error = sandbox.describe(&policy, &Limits::default()).unwrap_err();
    assert_eq!(error.kind, PolicyErrorKind::NotLoadable, "{error:?}");
    assert!(error.message.contains("does not fit"), "{error:?}");
}

#[test]
fn what_is_no_component_is_told_apart() {
    let all = Grants::standard();
    let message = |wasm: &[u8]| refusal(wasm, &all).to_string();
    assert!(message(b"").contains("not WebAssembly at all"));
    assert!(message(b"#!/bin/sh\n").contains("not WebAssembly at all"));
    assert!(message(&wat::parse_str("(module)").unwrap()).contains("core WebAssembly module"));
    let whole = reader();
    for length in [9, 100, whole.len() / 2, whole.len() - 1] {
        let said = message(&whole[..length]);
        assert!(
            said.contains("no valid component") || said.contains("does not export"),
            "{length}: {said}"
        );
    }
    let mut large = whole;
    large.resize(9 << 20, 0);
    assert!(message(&large).contains("may have 8 MiB"));
}

#[test]
fn a_broken_byte_anywhere_never_panics() {
    let whole = reader();
    let sandbox = Sandbox::new(Compiler::None, None).unwrap();
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        let loaded = sandbox.load(&broken, &Grants::standard());
        assert!(loaded.is_err(), "nothing can be loaded without a compiler");
    }
}

#[test]
fn what_takes_too_long_to_compile_is_refused_before() {
    let all = Grants::standard();
    let modules = "(core module)".repeat(40);
    assert!(matches!(
        refusal(&component(&modules), &all),
        LoadError::Inspect(inspect::InspectError::TooComplex {
            what: "core modules",
            ..
        })
    ));
    let functions = format!("(core module {})", "(func)".repeat(60_000));
    assert!(matches!(
        refusal(&component(&functions), &all),
        LoadError::Inspect(inspect::InspectError::TooComplex {
            what: "functions",
            ..
        })
    ));
    let long = format!("(core module (func {}))", "nop ".repeat(1_100_000));
    assert!(
        refusal(&component(&long), &all)
            .to_string()
            .contains("one function")
    );
}

#[test]
fn features_that_are_off_are_refused() {
    for module in [
        "(memory 1) (memory 1)",
        "(memory i64 1)",
        "(tag)",
        "(type (struct))",
        "(func (return_call 0))",
    ] {
        let wasm = component(&format!("(core module {module})"));
        let error = refusal(&wasm, &Grants::standard());
        assert!(
            error.to_string().contains("no valid component"),
            "{module}: {error}"
        );
    }
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nodepol");
    let cache = || Some(Cache::open(&path).unwrap());
    let wasm = reader();
    let load = |compiler, cache| {
        Sandbox::new(compiler, cache)
            .unwrap()
            .load(&wasm, &Grants::standard())
            .map(|_| ())
    };
    assert!(load(Compiler::None, cache()).is_err());
    assert!(load(Compiler::InProcess, cache()).is_ok());
    assert!(load(Compiler::None, cache()).is_ok());
    // Neither a damaged nor a planted file is run; it is replaced.
    let file = std::fs::read_dir(&path)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(
        file.to_string_lossy()
            .contains(&inspect(&wasm).unwrap().digest)
    );
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(load(Compiler::None, cache()).is_err());
    assert!(load(Compiler::InProcess, cache()).is_ok());
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    assert!(load(Compiler::None, cache()).is_err());
    assert!(load(Compiler::InProcess, cache()).is_ok());
    assert!(std::fs::symlink_metadata(&file).unwrap().is_file());
}
