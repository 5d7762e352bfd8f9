//! Rust: cargo, for WebAssembly and nothing else.

use std::fs::File;
use std::path::Path;

use nodepol_toolchain::{Missing, Rust, TARGET, which};

use crate::build::run;
use crate::component::encode;
use crate::error::AuthorError;
use crate::project::Project;

pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let rust = Rust::find()?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(AuthorError::read(path));
    let directory = absolute(&project.directory)?;
    // Apart from what `cargo test` builds for this machine.
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        None => directory.join("target"),
        Some(target) => absolute(Path::new(&target))?,
    }
    .join("guest");
    let module = target
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", project.manifest.id.replace('-', "_")));
    // A target directory may be shared, and with projects of the same name: nobody
    // else takes this module away, or puts another there, until it is read. Where
    // files cannot be locked it is as with cargo: nobody is waited for.
    let path = target.join("nodepol.lock");
    std::fs::create_dir_all(&target).map_err(AuthorError::write(&target))?;
    let lock = File::create(&path).map_err(AuthorError::write(&path))?;
    let _ = lock.lock();
    // Were it not built now, an older one would be taken for it.
    if module.exists() {
        std::fs::remove_file(&module).map_err(AuthorError::write(&module))?;
    }
    let mut cargo = rust.cargo_build(&target);
    let ran = run(cargo.current_dir(&directory).args(["--quiet", "--release"]));
    if ran.is_err() && which("cc").is_none() {
        return Err(linker().into());
    }
    ran?;
    if !module.exists() {
        return Err(AuthorError::OtherCrate {
            manifest: directory.join("Cargo.toml"),
            id: project.manifest.id.clone(),
        });
    }
    encode(&std::fs::read(&module).map_err(AuthorError::read(&module))?)
}

/// What the build scripts and macros of crates are linked with.
fn linker() -> Missing {
    Missing {
        what: "cc, with which Rust links programs for this machine,".to_owned(),
        install: vec![nodepol_toolchain::command_for("gcc libc6-dev", "gcc")],
    }
}
