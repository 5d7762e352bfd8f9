//! Loads machine code. The only place of this project with `unsafe`.

use std::ptr::NonNull;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes that wasmtime itself wrote on this machine or in this build, and that
/// nobody else could have changed. There are three sources of them:
///
/// - artifacts that are embedded in this program (whoever can change those can
///   change the program), or that the compiler of this process just made;
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

/// Why an artifact is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadArtifactError {
    /// It is for another version or configuration of wasmtime, or for a CPU
    /// with features that this one lacks. The caller compiles it anew then.
    #[error("{0:#}")]
    Incompatible(wasmtime::Error),
    /// This process may not make memory executable.
    #[error("this process may not make memory executable")]
    NotExecutable,
}

impl From<wasmtime::Error> for LoadArtifactError {
    fn from(error: wasmtime::Error) -> Self {
        // Wasmtime has no type for it; a test shows that the words are right.
        let denied = error
            .chain()
            .any(|cause| cause.to_string().contains("make memory executable"));
        if denied {
            Self::NotExecutable
        } else {
            Self::Incompatible(error)
        }
    }
}

/// Loads an artifact where it is: nothing is copied. Only an engine of
/// [`crate::engine::Machine::InPlace`] does that, and it refuses what does not
/// lie in executable memory.
///
/// # Errors
/// If it is for another engine, or does not lie in executable memory.
#[expect(
    unsafe_code,
    reason = "wasmtime runs what the artifact holds as native code, where it is"
)]
pub(crate) fn load_in_place(
    engine: &Engine,
    artifact: &'static [u8],
) -> Result<Component, LoadArtifactError> {
    // SAFETY: `Component::deserialize_raw` requires what `Component::deserialize`
    // requires, see below: `artifact` is embedded in this program. And it must
    // stay as it is for as long as the component lives: it is `'static` and
    // nobody can write it.
    Ok(unsafe { Component::deserialize_raw(engine, NonNull::from(artifact)) }?)
}

/// Loads an artifact.
///
/// # Errors
/// [`LoadArtifactError`].
#[expect(
    unsafe_code,
    reason = "wasmtime runs what the artifact holds as native code"
)]
pub(crate) fn load(
    engine: &Engine,
    artifact: &Trusted<'_>,
) -> Result<Component, LoadArtifactError> {
    // SAFETY: `Component::deserialize` requires bytes that some version of
    // wasmtime wrote (another version, configuration or CPU is an error, not
    // undefined behaviour). `Trusted` is what vouches for that.
    Ok(unsafe { Component::deserialize(engine, artifact.0) }?)
}
