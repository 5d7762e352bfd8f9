//! Types of the interfaces for TypeScript, and for editors of JavaScript.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{
    Docs, Function, InterfaceId, Resolve, Type, TypeDef, TypeDefKind, TypeId, TypeOwner, WorldItem,
};

use crate::error::AuthorError;
use crate::world;

/// Every interface that the project's world imports, and what it exports, as
/// modules of TypeScript.
///
/// # Errors
/// If the WIT makes no sense.
pub(super) fn declarations(wit: &Path) -> Result<String, AuthorError> {
    let (resolve, world) = world::open(wit)?;
    let world = &resolve.worlds[world];
    let mut text = String::from("// Written by `nodepol plugin build` from wit/.\n");
    for (items, exported) in [(&world.imports, false), (&world.exports, true)] {
        for item in items.values() {
            if let WorldItem::Interface { id, .. } = item {
                module(&mut text, &resolve, *id, exported);
            }
        }
    }
    Ok(text)
}

fn module(text: &mut String, resolve: &Resolve, id: InterfaceId, exported: bool) {
    let interface = &resolve.interfaces[id];
    let _ = write!(text, "\ndeclare module '{}' {{\n", module_name(resolve, id));
    for (name, ty) in &interface.types {
        definition(text, resolve, id, name, &resolve.types[*ty]);
    }
    // An export is what the policy itself has: an object with these functions.
    let (lead, indent) = if exported {
        let name = upper(interface.name.as_deref().unwrap_or_default());
        comment(text, "  ", &interface.docs);
        let _ = writeln!(text, "  export interface {name} {{");
        ("", "    ")
    } else {
        ("export function ", "  ")
    };
    for (name, item) in &interface.functions {
        comment(text, indent, &item.docs);
        let signature = signature(resolve, item);
        let _ = writeln!(text, "{indent}{lead}{}{signature};", lower(name));
    }
    if exported {
        text.push_str("  }\n");
    }
    text.push_str("}\n");
}

fn module_name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.id_of(id).unwrap_or_default()
}

fn definition(text: &mut String, resolve: &Resolve, within: InterfaceId, name: &str, ty: &TypeDef) {
    let own = upper(name);
    // `use`: the same type under the same or another name.
    if let TypeDefKind::Type(Type::Id(of)) = &ty.kind
        && let TypeDef {
            owner: TypeOwner::Interface(owner),
            name: Some(there),
            ..
        } = &resolve.types[*of]
        && *owner != within
    {
        let _ = writeln!(
            text,
            "  import type {{ {} as {own} }} from '{}';\n  export type {{ {own} }};",
            upper(there),
            module_name(resolve, *owner)
        );
        return;
    }
    comment(text, "  ", &ty.docs);
    match &ty.kind {
        TypeDefKind::Record(record) => {
            let _ = writeln!(text, "  export interface {own} {{");
            for field in &record.fields {
                comment(text, "    ", &field.docs);
                let optional = option_of(resolve, &field.ty);
                let (mark, ty) = match &optional {
                    Some(inner) => ("?", format!("{} | null", written(resolve, inner))),
                    None => ("", written(resolve, &field.ty)),
                };
                let _ = writeln!(text, "    {}{mark}: {ty};", lower(&field.name));
            }
            text.push_str("  }\n");
        }
        TypeDefKind::Enum(all) => {
            let cases: Vec<_> = all
                .cases
                .iter()
                .map(|case| format!("'{}'", case.name))
                .collect();
            let _ = writeln!(text, "  export type {own} = {};", cases.join(" | "));
        }
        TypeDefKind::Flags(all) => {
            let _ = writeln!(text, "  export interface {own} {{");
            for flag in &all.flags {
                let _ = writeln!(text, "    {}?: boolean;", lower(&flag.name));
            }
            text.push_str("  }\n");
        }
        TypeDefKind::Variant(variant) => {
            let _ = write!(text, "  export type {own} =");
            for case in &variant.cases {
                let val = case
                    .ty
                    .as_ref()
                    .map_or_else(String::new, |ty| format!("; val: {}", written(resolve, ty)));
                let _ = write!(text, "\n    | {{ tag: '{}'{val} }}", case.name);
            }
            text.push_str(";\n");
        }
        other => {
            let _ = writeln!(text, "  export type {own} = {};", kind(resolve, other));
        }
    }
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| {
            format!(
                "{}: {}",
                lower(&parameter.name),
                written(resolve, &parameter.ty)
            )
        })
        .collect();
    let result = match function.result {
        None => "void".to_owned(),
        // An error is thrown.
        Some(ty) => match result_of(resolve, &ty) {
            Some(ok) => ok.map_or_else(|| "void".to_owned(), |ok| written(resolve, &ok)),
            None => written(resolve, &ty),
        },
    };
    format!("({}): {result}", parameters.join(", "))
}

fn result_of(resolve: &Resolve, ty: &Type) -> Option<Option<Type>> {
    match ty {
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Result(result) => Some(result.ok),
            _ => None,
        },
        _ => None,
    }
}

fn option_of(resolve: &Resolve, ty: &Type) -> Option<Type> {
    match ty {
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Option(inner) => Some(*inner),
            _ => None,
        },
        _ => None,
    }
}

/// A type where it is used.
fn written(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Bool => "boolean".to_owned(),
        Type::Char | Type::String => "string".to_owned(),
        Type::Id(id) => named(resolve, *id),
        // 64 bits as well: exact up to 2^53.
        _ => "number".to_owned(),
    }
}

fn named(resolve: &Resolve, id: TypeId) -> String {
    let ty = &resolve.types[id];
    match &ty.name {
        Some(name) => upper(name),
        None => kind(resolve, &ty.kind),
    }
}

fn kind(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let w = |ty: &Type| written(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "undefined".to_owned(), w);
    match kind {
        TypeDefKind::Type(ty) => w(ty),
        TypeDefKind::Option(ty) => format!("{} | null", w(ty)),
        TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
        TypeDefKind::List(ty) => format!("Array<{}>", w(ty)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<_> = tuple.types.iter().map(w).collect();
            format!("[{}]", types.join(", "))
        }
        TypeDefKind::Result(result) => format!(
            "{{ tag: 'ok'; val: {} }} | {{ tag: 'err'; val: {} }}",
            optional(&result.ok),
            optional(&result.err)
        ),
        // Nothing else is in `nodepol:policy`.
        _ => "unknown".to_owned(),
    }
}

fn comment(text: &mut String, indent: &str, docs: &Docs) {
    let Some(docs) = &docs.contents else {
        return;
    };
    let lines: Vec<_> = docs.trim().lines().map(str::trim_end).collect();
    let _ = match lines.as_slice() {
        [line] => writeln!(text, "{indent}/** {line} */"),
        lines => writeln!(
            text,
            "{indent}/**\n{indent} * {}\n{indent} */",
            lines.join(&format!("\n{indent} * "))
        ),
    };
}

/// `getUsage` of `get-usage`.
fn lower(name: &str) -> String {
    let name = upper(name);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + letters.as_str()
    })
}

/// `BootMount` of `boot-mount`.
fn upper(name: &str) -> String {
    crate::create::type_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_a_module_with_its_types_and_functions() {
        let directory = std::env::temp_dir().join(format!("nodepol-types-{}", std::process::id()));
        let deps = directory.join("deps/nodepol-policy");
        std::fs::create_dir_all(&deps).unwrap();
        for (name, content) in crate::wit_files() {
            std::fs::write(deps.join(name), content).unwrap();
        }
        std::fs::write(
            directory.join("world.wit"),
            "package local:acme;\nworld plugin {\n  include nodepol:policy/policy@0.1.0;\n  \
             import nodepol:policy/files@0.1.0;\n}\n",
        )
        .unwrap();
        let text = declarations(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        let text = text.unwrap();
        for expected in [
            "declare module 'nodepol:policy/files@0.1.0' {\n",
            "  import type { Location as Location } from 'nodepol:policy/types@0.1.0';\n",
            "  export type Kind = 'regular' | 'directory' | ",
            "  export interface Stat {\n    kind: Kind;\n    /** Permission bits. */\n    mode: number;\n",
            "    target?: string | null;\n",
            "  /** lstat(2); none if there is nothing. */\n  export function lstat(path: string): Stat | null;\n",
            "  export function getUsage(path: string): Usage | null;\n",
            "  export function mounts(): Array<Mount>;\n",
            "    | { tag: 'text-list'; val: Array<string> }\n",
            "  export interface Check {\n",
            "    evaluate(horizons: Array<Horizon>, parameters: Array<Argument>): Answer;\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains("policy/swap@"), "it is not imported");
    }
}
