//! Builds the standard policies: core modules, components, and the machine code
//! that the host carries.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wit_component::ComponentEncoder;

use crate::run::{check, step};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// A component that was built.
pub(crate) struct Built {
    id: String,
    bytes: usize,
}

/// Builds every policy in `plugins/` into `components/` of the target directory.
pub(crate) fn build(workspace: &Workspace) -> Result<Vec<Built>> {
    let ids = workspace.policy_ids()?;
    let directory = workspace.target.join("components");
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let toolchain = Toolchain::find()?;
    step(&format!("building {} components", ids.len()));
    let mut cargo = toolchain.cargo_build(workspace);
    for id in &ids {
        cargo.args(["--package", id]);
    }
    check(&mut cargo)?;

    let mut built = Vec::new();
    for id in ids {
        let module = Toolchain::output(workspace).join(format!("{}.wasm", id.replace('-', "_")));
        let component = encode(&module).with_context(|| format!("cannot encode {id}"))?;
        let bytes = component.len();
        write_component(&directory, &id, &component)?;
        built.push(Built { id, bytes });
    }
    remove_others(&directory, &built)?;
    Ok(built)
}

/// Makes a component of a core module; imports that its code never calls are
/// dropped, so that what is left is its list of permissions.
fn encode(module: &Path) -> Result<Vec<u8>> {
    let module =
        std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .encode()
}

/// Writes the component and its machine code, unless they are there already:
/// what embeds them is then not built again.
fn write_component(directory: &Path, id: &str, component: &[u8]) -> Result<()> {
    let wasm = directory.join(format!("{id}.wasm"));
    let machine_code = directory.join(format!("{id}.cwasm"));
    let artifact = nodepol_sandbox::engine::compile_trusted(component)
        .map_err(|error| anyhow!("cannot compile {id}: {error}"))?;
    write_if_changed(&wasm, component)?;
    write_if_changed(&machine_code, &artifact)
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A policy that is gone must not be embedded any more.
fn remove_others(directory: &Path, built: &[Built]) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path: PathBuf = entry?.path();
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        if !built
            .iter()
            .any(|component| Some(&component.id) == stem.as_ref())
        {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Prints each component's size and their sum.
pub(crate) fn print_sizes(components: &[Built]) {
    for component in components {
        println!("{:>8}  {}", component.bytes, component.id);
    }
    let sum: usize = components.iter().map(|component| component.bytes).sum();
    println!("{sum:>8}  sum of {}", components.len());
}
