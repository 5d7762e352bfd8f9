//! Embeds the bases that cases stand on by name: `tests/bases/*.yaml`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bases = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../tests/bases");
    println!("cargo::rerun-if-changed={}", bases.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&bases)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "yaml") {
            files.push(path.canonicalize()?);
        }
    }
    files.sort();
    let mut table = String::from("const BASES: &[(&str, &str)] = &[\n");
    for path in &files {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .ok_or("a base's name is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_str!({path:?})),")?;
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("bases.rs"), table)?;
    Ok(())
}
