//! Puts the sources of the SDK, of the policies and of the host's side of their
//! imports into one program: the same lines as in a component and in nodepol,
//! with plain calls in between.

#[path = "../../../host/cli/build.rs"]
mod embed;
mod imports;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // The components, for the other side of the comparison.
    embed::main()?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("../..")
        .canonicalize()?;
    std::fs::write(out.join("imports.rs"), imports::forward(&root.join("wit"))?)?;
    std::fs::write(out.join("sdk.rs"), sdk(&root.join("plugins/sdk/src"))?)?;
    std::fs::write(
        out.join("policies.rs"),
        policies(&root.join("plugins"), &out)?,
    )?;
    for directory in ["wit", "plugins", "host/cli/build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(directory).display());
    }
    Ok(())
}

/// The modules and names of the SDK, but for its bindings: those of this program
/// are others.
fn sdk(sources: &Path) -> Result<String, Box<dyn Error>> {
    let text = std::fs::read_to_string(sources.join("lib.rs"))?;
    let (_, names) = text
        .split_once("\nmod ")
        .ok_or("plugins/sdk/src/lib.rs declares no module")?;
    let mut modules = String::new();
    for line in format!("mod {names}").lines() {
        let module = line.strip_prefix("pub ").unwrap_or(line);
        let name = module
            .strip_prefix("mod ")
            .and_then(|it| it.strip_suffix(';'));
        if let Some(name) = name {
            // The policies use its macro by its name alone: a path to one that a
            // macro brings in, as `include!` does, is to become an error.
            writeln!(
                modules,
                "#[macro_use]\n#[path = {:?}]",
                file_of(sources, name)
            )?;
        }
        writeln!(modules, "{line}")?;
    }
    Ok(modules)
}

/// Where a module stands: in a file, or in a directory with others.
fn file_of(sources: &Path, module: &str) -> PathBuf {
    let file = sources.join(format!("{module}.rs"));
    if file.exists() {
        file
    } else {
        sources.join(module).join("mod.rs")
    }
}

/// Each policy as a module, and a table of them.
fn policies(plugins: &Path, out: &Path) -> Result<String, Box<dyn Error>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(plugins)? {
        let id = entry?.file_name().to_string_lossy().into_owned();
        if id != "sdk" && plugins.join(&id).join("src/lib.rs").is_file() {
            ids.push(id);
        }
    }
    ids.sort();
    let (mut modules, mut table) = (String::new(), String::new());
    for id in ids {
        let name = id.replace('-', "_");
        let copy = out.join("policies").join(&name);
        copy_as_module(&plugins.join(&id).join("src"), &copy, &name)?;
        let path = copy.join("lib.rs");
        writeln!(modules, "#[path = {path:?}]\nmod {name};")?;
        writeln!(table, "    ({id:?}, {name}::native),")?;
    }
    Ok(format!(
        "{modules}\n/// Every policy, in order of their ids.\n\
         static NATIVE: &[(&str, Made)] = &[\n{table}];\n"
    ))
}

/// Copies the sources of a crate, in which its root is a module of that name.
fn copy_as_module(from: &Path, to: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_as_module(&source, &target, name)?;
        } else {
            let text = std::fs::read_to_string(&source)?;
            let text = text
                .replace("crate::", &format!("crate::{name}::"))
                .replace("nodepol_plugin::policy!", "policy!");
            std::fs::write(target, text)?;
        }
    }
    Ok(())
}
