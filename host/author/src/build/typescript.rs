//! TypeScript: its own compiler checks it and leaves the types out; what is left
//! is JavaScript.

use std::process::Command;

use nodepol_toolchain::{Qjs, Tsc};

use crate::build::{javascript, run};
use crate::error::AuthorError;
use crate::project::Project;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let directory =
        std::path::absolute(&project.directory).map_err(AuthorError::read(&project.directory))?;
    let Tsc(compiler) = Tsc::find(&directory)?;
    let engine = Qjs::find(&directory)?;
    javascript::write_types(&directory)?;
    let out = directory.join("build/js");
    // What an earlier build left would be taken along.
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(AuthorError::write(&out))?;
    }
    run(Command::new(compiler)
        .current_dir(&directory)
        .arg("--project")
        .arg(directory.join("tsconfig.json"))
        .arg("--outDir")
        .arg(&out))?;
    javascript::component(&directory, &engine, &out.join("policy.js"))
}
