//! `nodepol inspect`: what a component wants, without running it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use nodepol_model::inspection as document;
use nodepol_report::Format;
use nodepol_sandbox::inspect::{ImportClass, MAX_SIZE};
use nodepol_sandbox::{Inspection, inspect};
use std::io::Read as _;

use crate::output;
use crate::policy_set::reason;

/// The arguments of `nodepol inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,

    /// How it is written: text or json
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,

    /// Write what it imports and exports as WIT
    #[arg(long, conflicts_with = "format")]
    wit: bool,
}

/// Prints what the component's bytes show. Its parameters are not among that:
/// only its own code could tell them, and nothing of it is run.
///
/// # Errors
/// If the file cannot be read or is no component.
pub(crate) fn run(arguments: &Inspect) -> Result<()> {
    let name = arguments.file.display();
    let wasm = read(&arguments.file)?;
    let inspection = inspect(&wasm).with_context(|| format!("{name}: cannot be inspected"))?;
    if arguments.wit {
        let wit = nodepol_author::wit_text(&wasm).with_context(|| format!("{name}"))?;
        return output::write(None, &wit);
    }
    let text = match arguments.format {
        Format::Text => text(&inspection),
        Format::Json => to_json(&document(&inspection))?,
    };
    output::write(None, &text)
}

/// A document as JSON, for people too.
///
/// # Errors
/// None that a document of plain values has.
pub(crate) fn to_json(document: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// The bytes of a component, as far as they are looked at.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let unreadable = |error: std::io::Error| anyhow!("{name}: {}", reason(&error));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let limit = u64::try_from(MAX_SIZE).unwrap_or(u64::MAX);
    let mut wasm = Vec::new();
    // One byte more, so that what is too large is seen to be.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(unreadable)?;
    Ok(wasm)
}

const fn class(class: ImportClass) -> document::ImportClass {
    match class {
        ImportClass::Capability => document::ImportClass::Permission,
        ImportClass::Types => document::ImportClass::Types,
        ImportClass::Empty => document::ImportClass::Empty,
        ImportClass::Foreign => document::ImportClass::Foreign,
    }
}

/// What a component wants, for people.
pub(crate) fn text(inspection: &Inspection) -> String {
    let mut text = format!(
        "sha256       {}\nsize         {} bytes\n",
        inspection.digest, inspection.size
    );
    let mut wanted: Vec<String> = Vec::new();
    text.push_str("permissions");
    let mut first = true;
    for import in &inspection.imports {
        if matches!(import.class, ImportClass::Types | ImportClass::Empty) {
            continue;
        }
        let lead = if first { "  " } else { "             " };
        first = false;
        let refused = match import.class {
            ImportClass::Foreign => "  (never granted: it is no part of nodepol:policy)",
            _ => "",
        };
        let functions = import.functions.join(", ");
        text.push_str(&format!("{lead}{}: {functions}{refused}\n", import.name));
        wanted.extend(import.interface.clone().filter(|it| it != "log"));
    }
    if first {
        text.push_str("  none\n");
    }
    for (at, export) in inspection.exports.iter().enumerate() {
        let lead = if at == 0 {
            "exports      "
        } else {
            "             "
        };
        let functions = export.functions.join(", ");
        text.push_str(&format!("{lead}{}: {functions}\n", export.name));
    }
    if !wanted.is_empty() {
        text.push_str(&format!(
            "to grant     grants: {{interfaces: [{}]}}\n",
            wanted.join(", ")
        ));
    }
    text
}

fn document(inspection: &Inspection) -> document::Inspection {
    let size = u64::try_from(inspection.size).unwrap_or(u64::MAX);
    let mut document = document::Inspection::new(inspection.digest.clone(), size);
    document.imports = inspection
        .imports
        .iter()
        .map(|import| document::Import {
            name: import.name.clone(),
            interface: import.interface.clone(),
            version: import.version.clone(),
            class: class(import.class),
            functions: import.functions.clone(),
        })
        .collect();
    document.exports = inspection
        .exports
        .iter()
        .map(|export| document::Export {
            name: export.name.clone(),
            functions: export.functions.clone(),
        })
        .collect();
    document
}
