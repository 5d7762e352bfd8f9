//! JavaScript: QuickJS with the policy in it, and nothing of WASI.

use std::path::Path;
use std::process::Command;

use nodepol_toolchain::Qjs;

use crate::build::{run_quietly, types};
use crate::component::only_check;
use crate::error::AuthorError;
use crate::project::Project;
use crate::world::WORLD;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let directory =
        std::path::absolute(&project.directory).map_err(AuthorError::read(&project.directory))?;
    let engine = Qjs::find(&directory)?;
    write_types(&directory)?;
    component(&directory, &engine, &directory.join("src/policy.js"))
}

/// Writes the types of the interfaces to where editors and TypeScript find them.
pub(super) fn write_types(project: &Path) -> Result<(), AuthorError> {
    let directory = project.join("build/types");
    std::fs::create_dir_all(&directory).map_err(AuthorError::write(&directory))?;
    let file = directory.join("nodepol-policy.d.ts");
    let text = types::declarations(&project.join("wit"))?;
    std::fs::write(&file, text).map_err(AuthorError::write(&file))
}

/// The component of a policy in JavaScript.
pub(super) fn component(
    project: &Path,
    Qjs(compiler): &Qjs,
    policy: &Path,
) -> Result<Vec<u8>, AuthorError> {
    let component = project.join("build/engine.wasm");
    run_quietly(
        Command::new(compiler)
            .current_dir(project)
            .arg("--js")
            .arg(policy)
            .arg("--wit")
            .arg(project.join("wit"))
            .args(["--world", WORLD, "--sync", "--stub-wasi", "--output"])
            .arg(&component),
    )?;
    // The engine is started when the component is built; what is left of that
    // is an export, which a policy must not have.
    only_check(&std::fs::read(&component).map_err(AuthorError::read(&component))?)
}
