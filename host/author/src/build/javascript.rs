//! JavaScript: QuickJS with the policy in it, and nothing of WASI.

use std::process::Command;

use nodepol_toolchain::Qjs;

use crate::build::run;
use crate::component::only_check;
use crate::error::AuthorError;
use crate::project::Project;
use crate::world::WORLD;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let directory =
        std::path::absolute(&project.directory).map_err(AuthorError::read(&project.directory))?;
    let Qjs(compiler) = Qjs::find(&directory)?;
    let out = directory.join("build");
    std::fs::create_dir_all(&out).map_err(AuthorError::write(&out))?;
    let component = out.join("engine.wasm");
    run(Command::new(compiler)
        .current_dir(&directory)
        .arg("--js")
        .arg(directory.join("src/policy.js"))
        .arg("--wit")
        .arg(directory.join("wit"))
        .args(["--world", WORLD, "--sync", "--stub-wasi", "--output"])
        .arg(&component))?;
    // The engine is started when the component is built; what is left of that
    // is an export, which a policy must not have.
    only_check(&std::fs::read(&component).map_err(AuthorError::read(&component))?)
}
