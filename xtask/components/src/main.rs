//! `xtask-components MODULES COMPONENTS ID...`: makes of each policy's core module
//! a component and its card: what it says and shows of itself; and of the module
//! that holds all of them a component and its machine code.
//!
//! It is a program of its own so that `cargo xtask` can be built in seconds and
//! say what it does while this one's compiler is built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use wit_component::ComponentEncoder;

/// The name of the package with all policies.
const ALL: &str = "nodepol-standard";

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
    let mut made = BTreeMap::new();
    for id in &ids {
        let component = encode(&modules, id)?;
        let card = nodepol_sandbox::card(&component)
            .map_err(|error| anyhow!("{id} does not say who it is: {error}"))?;
        let named = &card.description.id;
        ensure!(
            named == id,
            "the policy in plugins/{id} calls itself {named}"
        );
        made.insert(format!("{id}.wasm"), component);
        made.insert(format!("{id}.json"), serde_json::to_vec(&card)?);
    }
    let all = encode(&modules, ALL)?;
    let artifact = nodepol_sandbox::engine::compile_trusted(&all)
        .map_err(|error| anyhow!("cannot compile {ALL}: {error}"))?;
    made.insert(format!("{ALL}.wasm"), all);
    let code = components.join(format!("{ALL}.cwasm"));
    // Machine code beside the cards of others is worse than none, which a build of
    // nodepol refuses: it is the last that is written.
    if code.exists() && std::fs::read(&code)? != artifact {
        std::fs::remove_file(&code).with_context(|| format!("cannot remove {}", code.display()))?;
    }
    for (name, bytes) in &made {
        write_if_changed(&components.join(name), bytes)?;
    }
    write_if_changed(&code, &artifact)?;
    let known = made.into_keys().chain([format!("{ALL}.cwasm")]);
    remove_others(&components, &known.map(OsString::from).collect())
}

/// Makes a component of a core module; imports that its code never calls are
/// dropped, so that what is left is its list of permissions.
fn encode(modules: &Path, name: &str) -> Result<Vec<u8>> {
    let path = modules.join(format!("{}.wasm", name.replace('-', "_")));
    let module = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .with_context(|| format!("cannot make a component of {}", path.display()))
}

/// What embeds a component is not built again if it did not change.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// What is gone must not be embedded any more.
fn remove_others(directory: &Path, known: &BTreeSet<OsString>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !known.contains(&entry.file_name()) {
            let path = entry.path();
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
