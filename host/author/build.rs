//! Embeds what a new project is given: the WIT, the SDK's sources, and the
//! versions of its dependencies.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workspace = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("../..")
        .canonicalize()?;
    let mut table = String::new();
    for (name, directory, extension) in [
        ("WIT", "wit", "wit"),
        ("SDK", "plugins/sdk/src", "rs"),
        ("TEMPLATES", "host/author/templates", ""),
    ] {
        let directory = workspace.join(directory);
        println!("cargo::rerun-if-changed={}", directory.display());
        let mut files = Vec::new();
        // Frozen copies of the WIT lie in directories below it.
        collect(&directory, extension, name != "WIT", &mut files)?;
        files.sort();
        writeln!(table, "pub(crate) const {name}: &[(&str, &str)] = &[")?;
        for path in &files {
            let relative = path
                .strip_prefix(&directory)?
                .to_str()
                .ok_or("a file's name is not UTF-8")?;
            writeln!(table, "    ({relative:?}, include_str!({path:?})),")?;
        }
        table.push_str("];\n");
    }
    // What a language's runtime asks of WASI is answered inside the component.
    let adapter = wat::parse_file(workspace.join("host/author/src/build/no_wasi.wat"))?;
    println!(
        "cargo::rerun-if-changed={}",
        workspace
            .join("host/author/src/build/no_wasi.wat")
            .display()
    );
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("no_wasi.wasm"), adapter)?;
    table.push_str(
        "pub(crate) const NO_WASI: &[u8] = \
         include_bytes!(concat!(env!(\"OUT_DIR\"), \"/no_wasi.wasm\"));\n",
    );
    let lock = workspace.join("Cargo.lock");
    writeln!(
        table,
        "pub(crate) const CARGO_LOCK: &str = include_str!({lock:?});"
    )?;
    let manifest = workspace.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let manifest = std::fs::read_to_string(manifest)?;
    let wit_bindgen = manifest
        .lines()
        .find(|line| line.starts_with("wit-bindgen = "))
        .ok_or("the workspace has no wit-bindgen")?;
    writeln!(
        table,
        "pub(crate) const WIT_BINDGEN: &str = {wit_bindgen:?};"
    )?;
    std::fs::write(out.join("embedded.rs"), table)?;
    Ok(())
}

fn collect(
    directory: &Path,
    extension: &str,
    deep: bool,
    files: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if deep {
                collect(&path, extension, deep, files)?;
            }
        } else if extension.is_empty() || path.extension().is_some_and(|it| it == extension) {
            files.push(path);
        }
    }
    Ok(())
}
