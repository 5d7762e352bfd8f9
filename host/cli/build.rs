//! Embeds the standard policies: the component that holds all of them, its machine
//! code, and the card and the page of each.
//!
//! `cargo xtask` builds them into `components/` of the target directory. A build
//! without them succeeds, and the tool says what to do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The component with all policies; those of each are beside it.
const ALL: &str = "nodepol-standard";

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
            if let (Some(id), Some("json")) = (id, path.extension().and_then(|it| it.to_str())) {
                ids.push(id.to_owned());
            }
        }
    }
    ids.sort();
    let mut table = String::new();
    if ids.is_empty() {
        println!(
            "cargo::warning=no components in {}: this nodepol has no standard policies; \
             build it with `cargo xtask build`",
            directory.display()
        );
        table.push_str(
            "/// There are none.\npub(crate) static EMBEDDED: Option<Embedded> = None;\n",
        );
    } else {
        let (wasm, artifact) = (
            built(&directory, ALL, "wasm")?,
            built(&directory, ALL, "cwasm")?,
        );
        let size = std::fs::metadata(&artifact)?.len();
        // Beside the program's own code: executable from the start, and never
        // writable. Where a linker puts it elsewhere, it is copied.
        writeln!(
            table,
            "#[expect(unsafe_code, reason = \"it names a section: see artifact.rs of the sandbox\")]\n\
             #[unsafe(link_section = \".text.nodepol\")]\n\
             static ARTIFACT: Page<[u8; {size}]> = Page(*include_bytes!({artifact:?}));\n\
             /// All of them.\n\
             pub(crate) static EMBEDDED: Option<Embedded> = \
             Some(Embedded {{ wasm: include_bytes!({wasm:?}), artifact: &ARTIFACT.0 }});"
        )?;
    }
    table.push_str(
        "/// Each of them, in order of their ids.\npub(crate) static COMPONENTS: &[Component] = &[\n",
    );
    for id in &ids {
        let card = built(&directory, id, "json")?;
        let readme = workspace.join("plugins").join(id).join("README.md");
        println!("cargo::rerun-if-changed={}", readme.display());
        let readme = match readme.canonicalize() {
            Ok(readme) => format!("include_str!({readme:?})"),
            Err(_) => "\"\"".to_owned(),
        };
        writeln!(
            table,
            "    Component {{ id: {id:?}, card: include_str!({card:?}), readme: {readme} }},"
        )?;
    }
    table.push_str("];\n");
    std::fs::write(out.join("components.rs"), table)?;
    Ok(())
}

/// A file that `cargo xtask` made.
fn built(directory: &Path, name: &str, kind: &str) -> Result<PathBuf, String> {
    let path = directory.join(format!("{name}.{kind}"));
    path.canonicalize()
        .map_err(|error| format!("{}: {error}; run `cargo xtask build`", path.display()))
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
