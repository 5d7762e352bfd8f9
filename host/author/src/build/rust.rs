//! Rust: cargo, for WebAssembly and nothing else.

use std::path::PathBuf;

use nodepol_toolchain::{Rust, TARGET};

use crate::build::run;
use crate::component::encode;
use crate::error::AuthorError;
use crate::project::Project;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let rust = Rust::find()?;
    let directory =
        std::path::absolute(&project.directory).map_err(AuthorError::read(&project.directory))?;
    // Apart from what `cargo test` builds for this machine.
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| directory.join("target"), PathBuf::from)
        .join("guest");
    let mut cargo = rust.cargo_build(&target);
    run(cargo.current_dir(&directory).args(["--quiet", "--release"]))?;
    let module = target
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", project.manifest.id.replace('-', "_")));
    encode(&std::fs::read(&module).map_err(AuthorError::read(&module))?)
}
