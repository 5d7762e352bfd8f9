//! Compiles components that nobody vouches for.
//!
//! How long a compiler takes is in the hands of whoever writes the component
//! (wasmtime does not count that as a vulnerability), so it runs in a child
//! process that can be killed: within limits of CPU time and address space that
//! it sets for itself, and within a deadline and a cap on its output that are
//! kept here.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::clean::clean_line;
use crate::engine::Machine;
use crate::limits::Bytes;

/// The first argument with which this program is started as a compiler: the
/// command line calls [`crate::compile_child::main`] on it.
pub const COMPILE_COMMAND: &str = "__compile";

/// The last argument of a compiler that compiles for the interpreter.
pub(crate) const INTERPRETER: &str = "interpreter";

/// What of the compiler's complaint is kept.
const MAX_COMPLAINT: u64 = 4 << 10;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// This program, started once more with [`COMPILE_COMMAND`].
    Child {
        /// The program: `std::env::current_exe()`.
        exe: PathBuf,
        /// What it may use.
        limits: CompileLimits,
    },
    /// This process itself, without a limit on time: where there is no program
    /// to start, such as in tests.
    #[cfg(feature = "compiler")]
    InProcess,
    /// Nobody: only what is embedded or cached can run.
    None,
}

/// What one compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Wall-clock time, and CPU time in whole seconds. Default: 60 s (a
    /// JavaScript engine takes 25 s on a slow machine; a Rust policy, 0.1 s).
    pub time: Duration,
    /// Bytes of address space. Default: 2 GiB.
    pub address_space: u64,
    /// Bytes of machine code. Default: 128 MiB.
    pub output: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            address_space: 2 << 30,
            output: 128 << 20,
        }
    }
}

/// Why a component was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It takes too long.
    #[error("it was not compiled within {} s", .0.as_secs())]
    Deadline(Duration),
    /// It makes too much machine code.
    #[error("it compiles to more than {limit} of machine code", limit = Bytes(usize::try_from(*.0).unwrap_or(usize::MAX)))]
    Output(u64),
    /// The compiler said no.
    #[error("it does not compile: {0}")]
    Refused(String),
    /// The compiler died, by a limit or by a fault of its own.
    #[error("its compiler ended without a result ({0}): it needs too much time or memory")]
    Died(String),
    /// The compiler could not be started.
    #[error("the compiler {program} cannot be started: {reason}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// What it made cannot be loaded.
    #[error("what it compiles to cannot be loaded here: {0}")]
    Rejected(String),
    /// There is no compiler.
    #[error("this nodepol has no compiler, so it runs only the policies that are embedded in it")]
    NoCompiler,
}

impl Compiler {
    /// Compiles `wasm`.
    ///
    /// # Errors
    /// [`CompileError`].
    pub(crate) fn compile(&self, wasm: &[u8], machine: Machine) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::Child { exe, limits } => compile_in_child(exe, limits, wasm, machine),
            #[cfg(feature = "compiler")]
            Self::InProcess => {
                crate::engine::compile_untrusted(wasm, machine).map_err(CompileError::Refused)
            }
            Self::None => Err(CompileError::NoCompiler),
        }
    }
}

/// A child that is killed and reaped however this ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It fails if the child has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn compile_in_child(
    exe: &Path,
    limits: &CompileLimits,
    wasm: &[u8],
    machine: Machine,
) -> Result<Vec<u8>, CompileError> {
    let start = |reason: std::io::Error| CompileError::Start {
        program: clean_line(&exe.display().to_string()),
        reason: reason.to_string(),
    };
    let deadline = std::time::Instant::now() + limits.time;
    let child = Command::new(exe)
        .arg(COMPILE_COMMAND)
        .arg(limits.time.as_secs().max(1).to_string())
        .arg(limits.address_space.to_string())
        .args((machine == Machine::Interpreter).then_some(INTERPRETER))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let mut child = Killed(child);
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (
        child.0.stdin.take(),
        child.0.stdout.take(),
        child.0.stderr.take(),
    ) else {
        return Err(start(std::io::ErrorKind::BrokenPipe.into()));
    };
    // Three threads, each of which ends with its pipe: when the child ends or
    // is killed.
    let input = wasm.to_vec();
    std::thread::Builder::new()
        .spawn(move || {
            // A child that does not read to the end says why on stderr.
            let _ = stdin.write_all(&input);
        })
        .map_err(start)?;
    let output = reader(stdout, limits.output.saturating_add(1)).map_err(start)?;
    let complaint = reader(stderr, MAX_COMPLAINT).map_err(start)?;
    let left = || deadline.saturating_duration_since(std::time::Instant::now());
    let artifact = match output.recv_timeout(left()) {
        Ok(Ok(artifact)) => artifact,
        Ok(Err(error)) => return Err(CompileError::Died(error.to_string())),
        Err(RecvTimeoutError::Timeout) => return Err(CompileError::Deadline(limits.time)),
        Err(RecvTimeoutError::Disconnected) => {
            return Err(CompileError::Died("no output".to_owned()));
        }
    };
    if u64::try_from(artifact.len()).unwrap_or(u64::MAX) > limits.output {
        return Err(CompileError::Output(limits.output));
    }
    // Its output is at an end, but the child may still hang.
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if left().is_zero() => return Err(CompileError::Deadline(limits.time)),
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(CompileError::Died(error.to_string())),
        }
    };
    if status.success() {
        return Ok(artifact);
    }
    let complaint = match complaint.recv_timeout(left()) {
        Ok(Ok(text)) => clean_line(String::from_utf8_lossy(&text).trim()),
        _ => String::new(),
    };
    match status.code() {
        Some(crate::compile::REFUSED) => Err(CompileError::Refused(complaint)),
        _ => Err(CompileError::Died(status.to_string())),
    }
}

/// The exit status of a compiler that refuses a component.
pub(crate) const REFUSED: i32 = 1;

/// Reads at most `limit` bytes in a thread of its own.
fn reader(
    pipe: impl Read + Send + 'static,
    limit: u64,
) -> std::io::Result<mpsc::Receiver<std::io::Result<Vec<u8>>>> {
    let (send, receive) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let result = pipe.take(limit).read_to_end(&mut bytes);
        // Nobody listens once the deadline has passed.
        let _ = send.send(result.map(|_| bytes));
    })?;
    Ok(receive)
}
