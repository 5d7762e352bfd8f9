//! The compiler in a process of its own. This program is that process as well:
//! started with `__compile` it compiles, otherwise it tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nodepol_sandbox::{
    COMPILE_COMMAND, CompileError, CompileLimits, Compiler, Grants, LoadError, Sandbox,
    compile_child,
};
use support::Policy;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(COMPILE_COMMAND) {
        return compile_child::main(arguments);
    }
    for (name, test) in [
        ("a_component_is_compiled", a_component_is_compiled as fn()),
        ("limits_end_the_child", limits_end_the_child),
        ("a_bad_child_is_an_error", a_bad_child_is_an_error),
    ] {
        test();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

fn load(exe: PathBuf, limits: CompileLimits) -> Result<(), LoadError> {
    let wasm = Policy::default().build();
    Sandbox::new(Compiler::Child { exe, limits }, None)
        .unwrap()
        .load(&wasm, &Grants::none())
        .map(|_| ())
}

fn refusal(exe: PathBuf, limits: CompileLimits) -> CompileError {
    match load(exe, limits) {
        Err(LoadError::Compile(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn own() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn a_component_is_compiled() {
    load(own(), CompileLimits::default()).unwrap();
}

fn limits_end_the_child() {
    let output = CompileLimits {
        output: 1000,
        ..CompileLimits::default()
    };
    assert_eq!(refusal(own(), output), CompileError::Output(1000));
    let memory = CompileLimits {
        address_space: 1 << 20,
        ..CompileLimits::default()
    };
    let error = refusal(own(), memory);
    assert!(
        matches!(error, CompileError::Died(_) | CompileError::Refused(_)),
        "{error:?}"
    );
}

fn a_bad_child_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let script = |text: &str| {
        let path = directory.path().join("child");
        let mut file = std::fs::File::create(&path).unwrap();
        write!(file, "#!/bin/sh\n{text}\n").unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o755))
            .unwrap();
        path
    };
    let limits = CompileLimits {
        time: Duration::from_millis(300),
        ..CompileLimits::default()
    };
    let started = Instant::now();
    for hangs in ["exec sleep 60", "exec >&-; exec sleep 60"] {
        assert_eq!(
            refusal(script(hangs), limits),
            CompileError::Deadline(limits.time)
        );
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    let slow = CompileLimits::default();
    assert!(matches!(
        refusal(script("exit 0"), slow),
        CompileError::Rejected(_)
    ));
    assert!(matches!(
        refusal(script("kill -9 $$"), slow),
        CompileError::Died(_)
    ));
    assert_eq!(
        refusal(script("printf 'too \\033[1mbad' >&2; exit 1"), slow),
        CompileError::Refused("too bad".to_owned())
    );
    let missing = Path::new("/no/such/program").to_owned();
    assert!(matches!(refusal(missing, slow), CompileError::Start { .. }));
}
