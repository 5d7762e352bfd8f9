//! Embeds the standard policies: their components, machine code, cards and pages.
//!
//! `cargo xtask` builds them into `components/` of the target directory. A build
//! without them succeeds, and the tool says what to do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where the components are, if not in the target directory.
const VARIABLE: &str = "NODEPOL_COMPONENTS";

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let workspace = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let directory = match std::env::var_os(VARIABLE) {
        Some(directory) => PathBuf::from(directory),
        None => target(&out, &workspace).join("components"),
    };
    // A directory is looked at with all that is in it; one that is missing is
    // looked for on every build, which costs nothing.
    println!("cargo::rerun-if-changed={}", directory.display());

    let mut ids = Vec::new();
    if let Ok(entries) = std::fs::read_dir(&directory) {
        for entry in entries {
            let path = entry?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str());
            if let (Some(id), Some("wasm")) = (id, path.extension().and_then(|it| it.to_str())) {
                ids.push(id.to_owned());
            }
        }
    }
    ids.sort();
    if ids.is_empty() {
        println!(
            "cargo::warning=no components in {}: this nodepol has no standard policies; \
             build it with `cargo xtask build`",
            directory.display()
        );
    }
    let mut artifacts = String::new();
    let mut table = String::from(
        "/// All of them, in order of their ids.\npub(crate) static COMPONENTS: &[Component] = &[\n",
    );
    for id in &ids {
        let wasm = directory.join(format!("{id}.wasm")).canonicalize()?;
        let built = |kind| {
            let path = directory.join(format!("{id}.{kind}"));
            path.canonicalize()
                .map_err(|error| format!("{}: {error}; run `cargo xtask build`", path.display()))
        };
        let (artifact, card) = (built("cwasm")?, built("json")?);
        let size = std::fs::metadata(&artifact)?.len();
        let name = id.to_uppercase().replace('-', "_");
        // Beside the program's own code: executable from the start, and never
        // writable. Where a linker puts it elsewhere, it is copied.
        writeln!(
            artifacts,
            "#[expect(unsafe_code, reason = \"it names a section: see artifact.rs of the sandbox\")]\n\
             #[unsafe(link_section = \".text.nodepol\")]\n\
             static {name}: Page<[u8; {size}]> = Page(*include_bytes!({artifact:?}));"
        )?;
        let readme = workspace.join("plugins").join(id).join("README.md");
        println!("cargo::rerun-if-changed={}", readme.display());
        let readme = match readme.canonicalize() {
            Ok(readme) => format!("include_str!({readme:?})"),
            Err(_) => "\"\"".to_owned(),
        };
        writeln!(
            table,
            "    Component {{ id: {id:?}, wasm: include_bytes!({wasm:?}), artifact: &{name}.0, \
             card: include_str!({card:?}), readme: {readme} }},"
        )?;
    }
    table.push_str("];\n");
    std::fs::write(out.join("components.rs"), artifacts + &table)?;
    Ok(())
}

/// Cargo's target directory: `OUT_DIR` is `TARGET/[TRIPLE/]PROFILE/build/NAME/out`,
/// and cargo marks the directory itself.
fn target(out: &Path, workspace: &Path) -> PathBuf {
    out.ancestors()
        .skip(4)
        .take(2)
        .find(|directory| directory.join("CACHEDIR.TAG").exists())
        .map_or_else(|| workspace.join("target"), Path::to_owned)
}
