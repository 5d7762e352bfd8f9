//! Reads the components of this directory: see `hostile.rs` for their heads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A hostile component and what comes of it.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) wasm: Vec<u8>,
    pub(crate) settings: String,
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    Error { kind: String, message: String },
    Answer(String),
}

fn directory() -> PathBuf {
    nodepol_tests::workspace().join("tests/hostile")
}

pub(crate) fn all() -> Vec<Hostile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "wat"))
        .filter(|path| path.file_stem().is_some_and(|name| name != "base"))
        .collect();
    paths.sort();
    assert!(paths.len() > 60, "{}", paths.len());
    let only = std::env::var("NODEPOL_ONLY").unwrap_or_default();
    paths
        .iter()
        .enumerate()
        .map(|(number, path)| read(number, path))
        .filter(|hostile| only.is_empty() || only.split(',').any(|name| name == hostile.name))
        .collect()
}

fn read(number: usize, path: &Path) -> Hostile {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let directive = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(";; ")?.strip_prefix(name));
        line.map(|rest| rest.trim_start_matches(':').trim().to_owned())
    };
    let expected = match (directive("error:"), directive("answer:")) {
        (Some(error), None) => {
            let (kind, message) = error.split_once(':').expect("KIND: message");
            Expected::Error {
                kind: kind.to_owned(),
                message: message.trim().to_owned(),
            }
        }
        (None, Some(summary)) => Expected::Answer(summary),
        _ => panic!("{name}: one of `error` and `answer`"),
    };
    let mut settings = String::new();
    for setting in ["grants", "limits"] {
        if let Some(value) = directive(&format!("{setting}:")) {
            writeln!(settings, "    {setting}: {value}").unwrap();
        }
    }
    // All of them run beside each other, so each has an id of its own.
    let id = format!("h{number:04}");
    let wasm = if let Some(bytes) = directive("bytes") {
        unescape(&bytes)
    } else if directive("component").is_some() {
        wat::parse_str(expand(&text)).unwrap_or_else(|error| panic!("{name}: {error}"))
    } else {
        component(&name, &id, &expand(&text))
    };
    Hostile {
        name,
        id,
        wasm,
        settings,
        expected,
    }
}

/// The bytes that a text with `\n` and `\xNN` stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (byte, byte == b'\\') {
            (_, false) => bytes.push(byte),
            (_, true) => match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                }
                other => panic!("no escape: {other:?}"),
            },
        }
    }
    bytes
}

fn expand(text: &str) -> String {
    let mut expanded = String::new();
    for line in text.lines() {
        let Some(repeated) = line.trim().strip_prefix(";; repeat ") else {
            expanded.push_str(line);
            expanded.push('\n');
            continue;
        };
        let (times, text) = repeated.split_once(": ").expect("repeat N: TEXT");
        for time in 1..=times.parse::<usize>().unwrap() {
            let text = text.replace('#', &time.to_string());
            expanded.push_str(&text.replace('@', &(time - 1).to_string()));
            expanded.push('\n');
        }
    }
    expanded
}

/// The base with `fields` put into it, as a component.
fn component(name: &str, id: &str, fields: &str) -> Vec<u8> {
    let (imports, fields): (Vec<&str>, Vec<&str>) = fields
        .lines()
        .filter(|line| !line.starts_with(";;"))
        .partition(|line| line.starts_with("(import "));
    let (imports, mut fields) = (imports.join("\n"), fields.join("\n"));
    for function in ["$describe", "$evaluate", "$done"] {
        if !fields.contains(&format!("(func {function}")) {
            write!(fields, "\n(func {function})").unwrap();
        }
    }
    let memory = match fields.contains("(export \"memory\")") {
        true => "",
        false => "(memory (export \"memory\") 2)",
    };
    let realloc = match fields.contains("(export \"cabi_realloc\")") {
        true => "",
        false => {
            "(global $next (mut i32) (i32.const 8192))
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
               (local $at i32)
               (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
               (global.set $next (i32.add (local.get $at) (local.get 3)))
               (local.get $at))"
        }
    };
    let base = std::fs::read_to_string(directory().join("base.wat")).unwrap();
    let text = base
        .replace(";; IMPORTS", &imports)
        .replace(";; MEMORY", memory)
        .replace(";; REALLOC", realloc)
        .replace(";; FIELDS", &fields)
        .replace("\"probe\"", &format!("\"{id}\""));
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut resolve = Resolve::default();
    resolve
        .push_dir(nodepol_tests::workspace().join("wit"))
        .unwrap();
    let world = "package test:hostile;
        world hostile {
            include nodepol:policy/policy@0.1.0;
            import nodepol:policy/files@0.1.0;
        }";
    let package = resolve.push_str("hostile.wit", world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{name}: {error:#}"))
}
