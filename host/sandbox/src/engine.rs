//! The one configuration of wasmtime that everything which compiles or runs a
//! component shares.
//!
//! An artifact that was compiled ahead of time loads only into an engine with
//! the same configuration (`wasmtime::Engine::precompile_compatibility_hash`),
//! so there is no second place that configures one.

use wasmtime::{Config, Engine};

use crate::in_place::InPlace;

/// What an engine is for. Only the compiler's settings differ, and none of
/// them decides whether an artifact loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Loads artifacts and runs them. Has no compiler.
    Run,
    /// Compiles components of this repository: slowly, for speed.
    #[cfg(feature = "compiler")]
    CompileTrusted,
    /// Compiles anything else: fast, so that code which is made to be slow to
    /// optimise is not (5.8 s against 0.17 s for one function of 292 KB).
    #[cfg(feature = "compiler")]
    CompileUntrusted,
}

/// What runs the components of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// The CPU; the machine code lies in the program itself.
    InPlace,
    /// The CPU; the machine code is copied into memory that is made executable.
    Native,
    /// The Pulley interpreter: where no memory may be made executable
    /// (`MemoryDenyWriteExecute=yes` of systemd, SELinux without `execmem`).
    /// Same answers, same fuel, about ten times slower.
    Interpreter,
}

/// How deep the calls of a component may go, in bytes of stack. The guests'
/// own data stack is in their memory; this is the stack of return addresses.
const WASM_STACK: usize = 256 << 10;

/// The configuration.
///
/// - **Time**: fuel (deterministic) and epochs (wall clock) are both counted.
/// - **Memory**: nothing is reserved beyond what a memory holds, so that
///   `ulimit -v 262144` and small containers suffice; a memory may move as it
///   grows.
/// - **Determinism**: NaNs are canonical; there are no threads and no relaxed
///   SIMD.
/// - **Features**: what Rust, C, Go, JavaScript and Python guests emit, and no
///   more. GC support is compiled in (a build without it is exposed to
///   RUSTSEC-2026-0570) and switched off here.
/// - **Target**: the baseline CPU of the architecture, never what the machine
///   that compiles happens to have, so that artifacts run everywhere; or the
///   interpreter.
///
/// # Errors
/// If wasmtime does not know the target.
pub fn engine_config(purpose: Purpose, machine: Machine) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(true)
        .memory_reservation(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(64 << 10)
        .guard_before_linear_memory(false)
        .memory_init_cow(false)
        .max_wasm_stack(WASM_STACK)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        // The adapters that wasmtime puts between the parts of a component see two
        // memories. Modules may still have one: `inspect` refuses others.
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .wasm_exceptions(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .gc_support(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        // Frames of a stripped component are numbers: they help nobody.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false);
    match (machine, std::env::consts::ARCH, std::env::consts::OS) {
        (Machine::Interpreter, ..) => {
            config.target(if cfg!(target_endian = "big") {
                "pulley64be"
            } else {
                "pulley64"
            })?;
        }
        (_, "x86_64", "linux") => {
            config.target("x86_64-unknown-linux-gnu")?;
        }
        (_, "aarch64", "linux") => {
            config.target("aarch64-unknown-linux-gnu")?;
        }
        // Elsewhere the compiler asks the machine itself.
        _ => {}
    }
    if machine == Machine::InPlace {
        config.with_custom_code_memory(Some(InPlace::of_this_process()));
    }
    compiler_config(&mut config, purpose);
    Ok(config)
}

#[cfg(feature = "compiler")]
fn compiler_config(config: &mut Config, purpose: Purpose) {
    let level = match purpose {
        Purpose::Run => {
            config.enable_compiler(false);
            return;
        }
        Purpose::CompileTrusted => wasmtime::OptLevel::Speed,
        Purpose::CompileUntrusted => wasmtime::OptLevel::None,
    };
    config
        .cranelift_opt_level(level)
        .cranelift_nan_canonicalization(true);
}

#[cfg(not(feature = "compiler"))]
fn compiler_config(_: &mut Config, purpose: Purpose) {
    match purpose {
        Purpose::Run => {}
    }
}

/// An engine with that configuration.
///
/// # Errors
/// If this build or this machine cannot run wasmtime with it.
pub fn engine(purpose: Purpose, machine: Machine) -> wasmtime::Result<Engine> {
    Engine::new(&engine_config(purpose, machine)?)
}

/// Compiles a component of this repository into the artifact that
/// [`crate::Embedded`] takes.
///
/// # Errors
/// What the compiler says, in one line.
#[cfg(feature = "compiler")]
pub fn compile_trusted(wasm: &[u8]) -> Result<Vec<u8>, String> {
    engine(Purpose::CompileTrusted, Machine::Native)
        .and_then(|engine| engine.precompile_component(wasm))
        .map_err(|error| format!("{error:#}"))
}

/// Compiles a component that nobody vouches for: in a child process wherever
/// possible, see [`crate::Compiler`].
#[cfg(feature = "compiler")]
pub(crate) fn compile_untrusted(wasm: &[u8], machine: Machine) -> Result<Vec<u8>, String> {
    engine(Purpose::CompileUntrusted, machine)
        .and_then(|engine| engine.precompile_component(wasm))
        .map_err(|error| crate::clean_line(&format!("{error:#}")))
}

/// What identifies the artifacts that an engine of this build loads.
pub(crate) fn compatibility(engine: &Engine) -> String {
    use std::hash::Hash;
    let mut hasher = Digest::default();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    crate::names::hex(&sha2::Digest::finalize(hasher.0)[..8])
}

/// SHA-256 as a hasher: the standard library's own promises no stable value.
#[derive(Default)]
struct Digest(sha2::Sha256);

impl std::hash::Hasher for Digest {
    fn finish(&self) -> u64 {
        let digest = sha2::Digest::finalize(self.0.clone());
        digest
            .iter()
            .take(8)
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn write(&mut self, bytes: &[u8]) {
        sha2::Digest::update(&mut self.0, bytes);
    }
}
