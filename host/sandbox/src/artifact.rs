//! Loads machine code. The only place of this project with `unsafe`.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes that wasmtime itself wrote on this machine or in this build, and that
/// nobody else could have changed. There are three sources of them:
///
/// - artifacts that are embedded in this program (whoever can change those can
///   change the program);
/// - what a child process of this very program wrote into a pipe;
/// - a file of the cache, see [`crate::Cache`]: owned by the effective user, not
///   writable by anyone else, in a directory of which the same is true, with
///   a digest that shows it to be whole.
pub(crate) struct Trusted<'a>(&'a [u8]);

impl<'a> Trusted<'a> {
    /// Vouches for `bytes`: see the type for what that means. Called at those
    /// three places and nowhere else.
    pub(crate) fn vouch(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

/// Loads an artifact.
///
/// # Errors
/// If it is for another version or configuration of wasmtime, or for a CPU
/// with features that this one lacks. The caller compiles it anew then.
#[expect(
    unsafe_code,
    reason = "wasmtime runs what the artifact holds as native code"
)]
pub(crate) fn load(engine: &Engine, artifact: &Trusted<'_>) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` requires bytes that some version of
    // wasmtime wrote (another version, configuration or CPU is an error, not
    // undefined behaviour). `Trusted` is what vouches for that.
    unsafe { Component::deserialize(engine, artifact.0) }
}
