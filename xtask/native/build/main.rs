//! Puts the sources of the SDK, of the policies and of the host's side of their
//! imports into one program: the same lines as in a component and in nodepol,
//! with plain calls in between.

#[path = "../../../host/cli/build.rs"]
mod embed;
mod imports;
#[path = "../../standard/build/policies.rs"]
mod policies;

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
    let modules = policies::as_modules(
        &root.join("plugins"),
        &out,
        "native",
        "NATIVE: &[(&str, Made)]",
    )?;
    std::fs::write(out.join("policies.rs"), modules)?;
    for directory in [
        "wit",
        "plugins",
        "host/cli/build.rs",
        "xtask/standard/build",
    ] {
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
