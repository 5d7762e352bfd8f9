//! The compiler's process: see [`crate::Compiler::Child`].

use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::compile::{INTERPRETER, REFUSED};
use crate::engine::Machine;
use crate::inspect::MAX_SIZE;

/// Reads a component from standard input, compiles it, and writes the machine
/// code to standard output. `arguments` are those behind
/// [`crate::COMPILE_COMMAND`]: seconds of CPU time, bytes of address space, and
/// the word that asks for code of the interpreter.
///
/// It fails with a line on standard error; a limit ends it by a signal.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    match compile(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // There is nobody else to tell.
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::from(u8::try_from(REFUSED).unwrap_or(1))
        }
    }
}

fn compile(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut number = |what: &str| {
        arguments
            .next()
            .and_then(|argument| argument.parse::<u64>().ok())
            .ok_or_else(|| format!("{what} is missing; this command is nodepol's own"))
    };
    let seconds = number("the CPU time")?;
    let address_space = number("the address space")?;
    let machine = match arguments.next().as_deref() {
        Some(INTERPRETER) => Machine::Interpreter,
        _ => Machine::Native,
    };
    confine(seconds, address_space).map_err(|error| format!("cannot set its limits: {error}"))?;
    let mut wasm = Vec::new();
    let limit = u64::try_from(MAX_SIZE).unwrap_or(u64::MAX);
    std::io::stdin()
        .lock()
        .take(limit.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(|error| format!("cannot read the component: {error}"))?;
    // The parent has inspected it; whoever else starts this gets the same checks.
    crate::inspect::inspect(&wasm).map_err(|error| error.to_string())?;
    let artifact = crate::engine::compile_untrusted(&wasm, machine)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&artifact)
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write the machine code: {error}"))
}

/// Gives up what a compiler does not need.
fn confine(seconds: u64, address_space: u64) -> rustix::io::Result<()> {
    // The parent is gone: so is the need for a result.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    for (resource, most) in [
        (Resource::Cpu, seconds),
        (Resource::As, address_space),
        (Resource::Core, 0),
        // It writes to pipes only.
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
    ] {
        lower(resource, most)?;
    }
    Ok(())
}

/// Lowers a limit, and never raises it.
fn lower(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let current = rustix::process::getrlimit(resource);
    let value = current.maximum.map_or(most, |maximum| maximum.min(most));
    let value = current.current.map_or(value, |current| current.min(value));
    setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum: Some(value),
        },
    )
}
