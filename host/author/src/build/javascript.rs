//! JavaScript: jco, with the small engine and nothing of WASI.

use std::process::Command;

use nodepol_toolchain::Jco;

use crate::build::run;
use crate::error::AuthorError;
use crate::project::Project;
use crate::world::WORLD;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let directory =
        std::path::absolute(&project.directory).map_err(AuthorError::read(&project.directory))?;
    let Jco(jco) = Jco::find(&directory)?;
    let out = directory.join("build");
    std::fs::create_dir_all(&out).map_err(AuthorError::write(&out))?;
    let component = out.join("engine.wasm");
    run(Command::new(jco)
        .current_dir(&directory)
        .args(["componentize", "src/policy.js", "--wit", "wit"])
        .args(["--world-name", WORLD, "--backend", "qjs"])
        .args(["--backend-qjs-disable-async", "--backend-qjs-stub-wasi"])
        .arg("-o")
        .arg(&component))?;
    std::fs::read(&component).map_err(AuthorError::read(&component))
}
