//! `xtask-components MODULES COMPONENTS ID...`: makes of each core module a
//! component, its machine code, and its card: what it says and shows of itself.
//!
//! It is a program of its own so that `cargo xtask` can be built in seconds and
//! say what it does while this one's compiler is built.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(modules), Some(components)) = (arguments.next(), arguments.next()) else {
        bail!("usage: xtask-components MODULES COMPONENTS ID...");
    };
    let (modules, components) = (PathBuf::from(modules), PathBuf::from(components));
    let ids = arguments
        .map(|id| id.to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    std::fs::create_dir_all(&components)
        .with_context(|| format!("cannot create {}", components.display()))?;
    for id in &ids {
        let module = modules.join(format!("{}.wasm", id.replace('-', "_")));
        let component = encode(&module).with_context(|| format!("cannot encode {id}"))?;
        let built = nodepol_sandbox::build(&component)
            .map_err(|error| anyhow!("cannot compile {id}: {error}"))?;
        let card = serde_json::to_vec(&built.card)?;
        write_if_changed(&components.join(format!("{id}.wasm")), &component)?;
        write_if_changed(&components.join(format!("{id}.cwasm")), &built.artifact)?;
        write_if_changed(&components.join(format!("{id}.json")), &card)?;
    }
    remove_others(&components, &ids)
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

/// What embeds a component is not built again if it did not change.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A policy that is gone must not be embedded any more.
fn remove_others(directory: &Path, ids: &[String]) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        if !ids.iter().any(|id| Some(id) == stem.as_ref()) {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
