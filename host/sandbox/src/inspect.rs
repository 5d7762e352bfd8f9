//! Reads what a component wants and offers, without compiling or running it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::clean::clean_line;
use crate::limits::Bytes;
use crate::names::hex;

/// The package that policies import from and export to.
pub(crate) const PACKAGE: &str = "nodepol:policy";

/// The version of that package that this nodepol serves.
pub const WIT_VERSION: &str = "0.1.0";

/// The largest component: a JavaScript engine with a policy in it is 10 MB, so
/// such a policy has to be made smaller; a Rust one is 20 KB.
pub const MAX_SIZE: usize = 8 << 20;

/// What is counted before a compiler sees a component, and the most of it.
const MAX_FUNCTIONS: usize = 50_000;
const MAX_FUNCTION_SIZE: usize = 1 << 20;
const MAX_MODULES: usize = 32;
const MAX_INSTANCES: usize = 256;
const MAX_TYPES: usize = 10_000;
const MAX_SECTIONS: usize = 10_000;

/// The features that the engine runs, see [`crate::engine::engine_config`].
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// A component as its bytes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: usize,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
    /// What it exports, in its own order.
    pub exports: Vec<Export>,
}

/// An import of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The whole name, such as `nodepol:policy/units@0.1.0`.
    pub name: String,
    /// The interface's name alone, such as `units`; none if it is foreign.
    pub interface: Option<String>,
    /// The version behind the `@`.
    pub version: Option<String>,
    /// The functions that it may call: tooling drops those that it does not,
    /// so this is the exact permission.
    pub functions: Vec<String>,
    /// What it means as a permission.
    pub class: ImportClass,
}

/// What an import means as a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportClass {
    /// Functions of an interface: a permission.
    Capability,
    /// Types only: permits nothing.
    Types,
    /// Nothing at all: permits nothing.
    Empty,
    /// Not an interface of `nodepol:policy`: never granted.
    Foreign,
}

/// An export of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The whole name, such as `nodepol:policy/check@0.1.0`.
    pub name: String,
    /// The functions in it, if it is an interface.
    pub functions: Vec<String>,
}

/// Why bytes cannot be a policy, told without running them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Not WebAssembly.
    #[error("it is not WebAssembly at all; a policy is a component, `*.wasm`")]
    NotWasm,
    /// A core module.
    #[error(
        "it is a core WebAssembly module and not a component; \
         `nodepol plugin build` encodes it, or `wasm-tools component new`"
    )]
    CoreModule,
    /// Too large.
    #[error(
        "it has {size} bytes and may have {limit}",
        limit = Bytes(MAX_SIZE)
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Broken, or built with features that policies may not use.
    #[error("it is no valid component: {message} (at byte {offset}); is the file whole?")]
    Malformed {
        /// What is wrong.
        message: String,
        /// Where.
        offset: usize,
    },
    /// More of something than a compiler should be asked for.
    #[error("it has more than {limit} {what}, which would take too long to compile")]
    TooComplex {
        /// What it has too many of.
        what: &'static str,
        /// The most it may have.
        limit: usize,
    },
}

impl From<wasmparser::BinaryReaderError> for InspectError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed {
            message: clean_line(error.message()),
            offset: error.offset(),
        }
    }
}

/// SHA-256 of a component's bytes, in hexadecimal: what identifies it.
pub fn digest(wasm: &[u8]) -> String {
    hex(&Sha256::digest(wasm))
}

/// Reads a component. Nothing is compiled, nothing runs.
///
/// # Errors
/// [`InspectError`] if it is no component, is broken, or is too large to be
/// compiled within reason.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    if wasm.len() > MAX_SIZE {
        return Err(InspectError::TooLarge { size: wasm.len() });
    }
    if Parser::is_core_wasm(wasm) {
        return Err(InspectError::CoreModule);
    }
    if !Parser::is_component(wasm) {
        return Err(InspectError::NotWasm);
    }
    let outline = outline(wasm)?;
    let types = Validator::new_with_features(FEATURES).validate_all(wasm)?;
    let functions_of = |entity: Option<ComponentEntityType>| match entity {
        Some(ComponentEntityType::Instance(id)) => {
            let mut functions = Vec::new();
            let mut capability = false;
            let exports = types.as_ref().get(id).map(|instance| &instance.exports);
            for (name, item) in exports.into_iter().flatten() {
                match &item.ty {
                    ComponentEntityType::Type { created, .. } => {
                        capability |= matches!(created, ComponentAnyTypeId::Resource(_));
                    }
                    ComponentEntityType::Func(_) => {
                        capability = true;
                        functions.push(clean_line(name));
                    }
                    _ => capability = true,
                }
            }
            let class = match (capability, exports.is_none_or(|exports| exports.is_empty())) {
                (true, _) => ImportClass::Capability,
                (false, true) => ImportClass::Empty,
                (false, false) => ImportClass::Types,
            };
            (functions, class)
        }
        _ => (Vec::new(), ImportClass::Foreign),
    };
    let imports = outline.imports.iter().map(|name| {
        let (functions, class) =
            functions_of(types.component_item_for_import(name).map(|item| item.ty));
        let (interface, version) = interface_of(name);
        Import {
            name: clean_line(name),
            class: if interface.is_some() {
                class
            } else {
                ImportClass::Foreign
            },
            interface,
            version,
            functions,
        }
    });
    let exports = outline.exports.iter().map(|name| Export {
        name: clean_line(name),
        functions: functions_of(types.component_item_for_export(name).map(|item| item.ty)).0,
    });
    Ok(Inspection {
        digest: digest(wasm),
        size: wasm.len(),
        imports: imports.collect(),
        exports: exports.collect(),
    })
}

/// `units` and `0.1.0` of `nodepol:policy/units@0.1.0`.
fn interface_of(name: &str) -> (Option<String>, Option<String>) {
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => (path, Some(clean_line(version))),
        None => (name, None),
    };
    let interface = path
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .map(clean_line);
    (interface, version)
}

/// Whether a component that was built for `version` can run here: the same
/// track (`0.1.x`) and no pre-release.
pub(crate) fn is_served(version: Option<&str>) -> bool {
    let track = WIT_VERSION.rsplit_once('.').map_or("", |(track, _)| track);
    version
        .and_then(|version| version.strip_prefix(track))
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// The names of a component, and counts that were within bounds.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Walks the sections once, cheaply, and stops at the first thing that is too
/// much.
fn outline(wasm: &[u8]) -> Result<Outline, InspectError> {
    let mut outline = Outline::default();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut count = |what, n: usize, limit| {
        let counted = counts.entry(what).or_default();
        *counted = counted.saturating_add(n);
        if *counted > limit {
            return Err(InspectError::TooComplex { what, limit });
        }
        Ok(())
    };
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        count("sections", 1, MAX_SECTIONS + MAX_FUNCTIONS)?;
        match payload? {
            Payload::ModuleSection { .. } => {
                depth += 1;
                count("core modules", 1, MAX_MODULES)?;
            }
            Payload::ComponentSection { .. } => {
                depth += 1;
                count("nested components", 1, MAX_MODULES)?;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CodeSectionStart { count: n, .. } => {
                count("functions", number(n), MAX_FUNCTIONS)?;
            }
            Payload::CodeSectionEntry(body) if body.range().len() > MAX_FUNCTION_SIZE => {
                return Err(InspectError::TooComplex {
                    what: "bytes in one function",
                    limit: MAX_FUNCTION_SIZE,
                });
            }
            Payload::TypeSection(types) => count("types", number(types.count()), MAX_TYPES)?,
            Payload::CoreTypeSection(types) => count("types", number(types.count()), MAX_TYPES)?,
            Payload::ComponentTypeSection(types) => {
                count("types", number(types.count()), MAX_TYPES)?;
            }
            Payload::InstanceSection(all) => {
                count("instances", number(all.count()), MAX_INSTANCES)?;
            }
            Payload::ComponentInstanceSection(all) => {
                count("instances", number(all.count()), MAX_INSTANCES)?;
            }
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    outline.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    outline.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}
