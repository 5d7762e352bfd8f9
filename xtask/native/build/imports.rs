//! What a policy calls, generated from `wit/`: functions with the signatures of
//! the SDK's bindings that call the host's own implementation of them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, WorldItem};

/// A module for each interface that a policy can import.
pub(crate) fn forward(wit: &Path) -> Result<String, Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some("policy-full"))?;
    let mut text = String::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap_or_default();
        writeln!(text, "pub mod {} {{", snake(name))?;
        writeln!(
            text,
            "    pub use crate::generated::nodepol::policy::{}::*;",
            snake(name)
        )?;
        for function in interface.functions.values() {
            text.push_str(&forwarded(&resolve, function)?);
        }
        text.push_str("}\n");
    }
    Ok(text)
}

fn forwarded(resolve: &Resolve, function: &Function) -> Result<String, Box<dyn Error>> {
    let (mut parameters, mut arguments) = (Vec::new(), Vec::new());
    for parameter in &function.params {
        let name = snake(&parameter.name);
        // A guest lends its texts; the host gets its own.
        if parameter.ty == Type::String {
            parameters.push(format!("{name}: &str"));
            arguments.push(format!("{name}.to_owned()"));
        } else {
            parameters.push(format!("{name}: {}", rust(resolve, &parameter.ty)?));
            arguments.push(name);
        }
    }
    let name = snake(&function.name);
    let result = match &function.result {
        Some(result) => rust(resolve, result)?,
        None => "()".to_owned(),
    };
    Ok(format!(
        "    pub fn {name}({}) -> {result} {{\n        \
         crate::host::call(|host| Host::{name}(host, {}))\n    }}\n",
        parameters.join(", "),
        arguments.join(", ")
    ))
}

/// A type as the bindings spell it where it is owned.
fn rust(resolve: &Resolve, ty: &Type) -> Result<String, Box<dyn Error>> {
    Ok(match ty {
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::S8 => "i8".to_owned(),
        Type::S16 => "i16".to_owned(),
        Type::S32 => "i32".to_owned(),
        Type::S64 => "i64".to_owned(),
        Type::F32 => "f32".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "String".to_owned(),
        Type::Id(id) => named(resolve, *id)?,
        Type::ErrorContext => return Err("no policy has an error-context".into()),
    })
}

fn named(resolve: &Resolve, id: TypeId) -> Result<String, Box<dyn Error>> {
    let definition = &resolve.types[id];
    if let Some(name) = &definition.name {
        return Ok(camel(name));
    }
    Ok(match &definition.kind {
        TypeDefKind::List(item) => format!("Vec<{}>", rust(resolve, item)?),
        TypeDefKind::Option(item) => format!("Option<{}>", rust(resolve, item)?),
        TypeDefKind::Result(result) => {
            let part = |part: &Option<Type>| match part {
                Some(part) => rust(resolve, part),
                None => Ok("()".to_owned()),
            };
            format!("Result<{}, {}>", part(&result.ok)?, part(&result.err)?)
        }
        TypeDefKind::Tuple(tuple) => {
            let mut items = String::new();
            for item in &tuple.types {
                write!(items, "{},", rust(resolve, item)?)?;
            }
            format!("({items})")
        }
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => named(resolve, *id)?,
        other => return Err(format!("no import has a {other:?}").into()),
    })
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn camel(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}
