//! Puts the sources of the policies into one crate.

mod policies;

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let plugins = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("../../plugins")
        .canonicalize()?;
    println!("cargo::rerun-if-changed={}", plugins.display());
    println!("cargo::rerun-if-changed=build");
    // For anything else the crate is empty.
    if std::env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32" {
        return Ok(());
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let modules =
        policies::as_modules(&plugins, &out, "EVALUATE", "POLICIES: &[(&str, Evaluate)]")?;
    std::fs::write(out.join("policies.rs"), modules)?;
    Ok(())
}
