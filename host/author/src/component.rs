//! Core modules become components; components become WIT again.

use std::path::Path;

use wasmparser::{BinaryReader, ComponentExportSectionReader};
use wit_component::{
    ComponentEncoder, DecodedWasm, StringEncoding, WitPrinter, embed_component_metadata,
};

use crate::embedded::NO_WASI;
use crate::error::AuthorError;
use crate::world;

/// Makes a component of a core module that says which world it is for. Imports
/// that its code never calls are dropped.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>, AuthorError> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| AuthorError::Encode(format!("{error:#}")))
}

/// Makes a component of a core module that says nothing of its world and asks
/// WASI (`wasi_snapshot_preview1`) for things: it gets them inside the component.
pub(crate) fn encode_without_wasi(module: &[u8], wit: &Path) -> Result<Vec<u8>, AuthorError> {
    let failed = |error| AuthorError::Encode(format!("{error:#}"));
    let (resolve, world) = world::open(wit)?;
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(failed)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", NO_WASI))
        .and_then(|mut encoder| encoder.encode())
        .map_err(failed)
}

/// The id of the section of a component that holds its exports.
const EXPORTS: u8 = 11;

/// The bytes before the first section: magic number, version, layer.
const HEADER: usize = 8;

/// The ids of sections that hold something whole: a core module, a component.
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// The id of custom sections, of modules and components alike.
const CUSTOM: u8 = 0;

/// What only debuggers read.
fn is_for_debuggers(section: &str) -> bool {
    section == "name" || section == "component-name" || section.starts_with(".debug")
}

/// A component without names of functions and other things that only debuggers
/// read: they are no part of what it does, and travel to every node.
pub(crate) fn stripped(wasm: &[u8]) -> Result<Vec<u8>, AuthorError> {
    let is_component = wasmparser::Parser::is_component(wasm);
    rewritten(wasm, &|id, content| match id {
        CUSTOM => {
            let name = BinaryReader::new(content, 0).read_string().ok()?;
            Some((!is_for_debuggers(name)).then(|| content.to_vec()))
        }
        MODULE | COMPONENT if is_component => Some(Some(stripped(content).ok()?)),
        _ => Some(Some(content.to_vec())),
    })
}

/// A component without the exports that are none of `nodepol:policy/check`.
pub(crate) fn only_check(wasm: &[u8]) -> Result<Vec<u8>, AuthorError> {
    rewritten(wasm, &|id, content| match id {
        EXPORTS => {
            let kept = kept_exports(content)?;
            Some((!kept.is_empty()).then_some(kept))
        }
        _ => Some(Some(content.to_vec())),
    })
}

/// What a section becomes: nothing (`None` outside: it is broken), or that.
type Rewrite<'a> = dyn Fn(u8, &[u8]) -> Option<Option<Vec<u8>>> + 'a;

/// A module or component with each of its own sections rewritten or left out.
fn rewritten(wasm: &[u8], rewrite: &Rewrite<'_>) -> Result<Vec<u8>, AuthorError> {
    let broken = || AuthorError::Encode("the compiler made a broken component".to_owned());
    let (header, mut rest) = wasm.split_at_checked(HEADER).ok_or_else(broken)?;
    let mut component = header.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let mut reader = BinaryReader::new(after, 0);
        let size = reader.read_var_u32().map_err(|_| broken())?;
        let start = reader.original_position();
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .ok_or_else(broken)?;
        let content = after.get(start..end).ok_or_else(broken)?;
        rest = after.get(end..).ok_or_else(broken)?;
        if let Some(content) = rewrite(*id, content).ok_or_else(broken)? {
            component.push(*id);
            leb128(&mut component, content.len());
            component.extend(content);
        }
    }
    Ok(component)
}

/// The content of a section of exports with those of `check` only; empty if it
/// has none.
fn kept_exports(content: &[u8]) -> Option<Vec<u8>> {
    let exports = ComponentExportSectionReader::new(BinaryReader::new(content, 0)).ok()?;
    let mut starts = Vec::new();
    for export in exports.into_iter_with_offsets() {
        let (at, export) = export.ok()?;
        let kept = export.name.name.starts_with("nodepol:policy/check@");
        starts.push((at, kept));
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at);
    let mut items: Vec<u8> = Vec::new();
    let mut count = 0;
    for ((start, kept), end) in starts.iter().zip(ends.chain([content.len()])) {
        if *kept {
            count += 1;
            items.extend(content.get(*start..end)?);
        }
    }
    if count == 0 {
        return Some(Vec::new());
    }
    let mut section = Vec::new();
    leb128(&mut section, count);
    section.extend(items);
    Some(section)
}

fn leb128(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// What a component imports and exports, written as WIT. Nothing of it is run.
///
/// # Errors
/// If it is no component.
pub fn wit_text(wasm: &[u8]) -> Result<String, AuthorError> {
    let failed = |message: String| AuthorError::Encode(message);
    let decoded = wit_component::decode(wasm).map_err(|error| failed(format!("{error:#}")))?;
    let package = decoded.package();
    let resolve = match &decoded {
        DecodedWasm::WitPackage(resolve, _) | DecodedWasm::Component(resolve, _) => resolve,
    };
    let others: Vec<_> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != package)
        .collect();
    let mut printer = WitPrinter::default();
    printer
        .print(resolve, package, &others)
        .map_err(|error| failed(format!("{error:#}")))?;
    Ok(printer.output.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An export of a section: its name, what kind of item, and which.
    fn export(name: &str, kind: u8) -> Vec<u8> {
        let mut bytes = vec![0];
        leb128(&mut bytes, name.len());
        bytes.extend(name.as_bytes());
        bytes.extend([kind, 0, 0]);
        bytes
    }

    #[test]
    fn only_the_export_of_a_policy_is_kept() {
        let check = export("nodepol:policy/check@0.1.0", 5);
        let init = export("init", 1);
        let both = [&[2][..], &init, &check].concat();
        assert_eq!(kept_exports(&both), Some([&[1][..], &check].concat()));
        let alone = [&[1][..], &init].concat();
        assert_eq!(kept_exports(&alone), Some(Vec::new()));

        let header = *b"\0asm\x0d\0\x01\0";
        let section = |content: &[u8]| {
            let mut bytes = vec![EXPORTS];
            leb128(&mut bytes, content.len());
            bytes.extend(content);
            bytes
        };
        let component = [&header[..], &section(&alone), &section(&both)].concat();
        let kept = only_check(&component).unwrap();
        let expected = [&header[..], &section(&[&[1][..], &check].concat())].concat();
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_debuggers_read_is_left_out() {
        let section = |id: u8, content: &[u8]| {
            let mut bytes = vec![id];
            leb128(&mut bytes, content.len());
            bytes.extend(content);
            bytes
        };
        let custom = |name: &str| {
            let mut content = vec![];
            leb128(&mut content, name.len());
            content.extend(name.as_bytes());
            content.extend([1, 2, 3]);
            section(CUSTOM, &content)
        };
        let module = |sections: &[Vec<u8>]| [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat();
        let kept = section(10, &[0]);
        let inner = module(&[custom("name"), kept.clone(), custom("producers")]);
        let component = |module: &[u8]| {
            let header = &b"\0asm\x0d\0\x01\0"[..];
            [header, &section(MODULE, module), &custom(".debug_info")].concat()
        };
        let expected_inner = module(&[kept, custom("producers")]);
        let expected = [&b"\0asm\x0d\0\x01\0"[..], &section(MODULE, &expected_inner)].concat();
        assert_eq!(stripped(&component(&inner)).unwrap(), expected);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for broken in [
            &b"\0asm"[..],
            b"\0asm\x0d\0\x01\0\x0b\x7f",
            b"\0asm\x0d\0\x01\0\x0b",
        ] {
            assert!(only_check(broken).is_err());
        }
    }

    #[test]
    fn numbers_are_written_in_as_few_bytes_as_they_need() {
        for (number, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[128, 1]),
            (300, &[172, 2]),
        ] {
            let mut written = Vec::new();
            leb128(&mut written, number);
            assert_eq!(written, bytes);
        }
    }
}
