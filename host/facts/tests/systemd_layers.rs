//! The modules that read units lie in layers: none imports itself by a detour.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of a directory, each with those that it imports.
fn imports(directory: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeMap<String, String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .filter(|(name, _)| name != "mod")
        .collect();
    files
        .iter()
        .map(|(name, text)| {
            let imported = files
                .keys()
                .filter(|other| *other != name && names(text, other))
                .cloned()
                .collect();
            (name.clone(), imported)
        })
        .collect()
}

/// Whether a module names its sibling, alone or in a list.
fn names(text: &str, sibling: &str) -> bool {
    let is_word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let alone = format!("super::{sibling}");
    if text
        .match_indices(&alone)
        .any(|(at, found)| is_word(&text[at + found.len()..]))
    {
        return true;
    }
    text.split("use super::{").skip(1).any(|list| {
        let list = list.split('}').next().unwrap_or_default();
        list.split(',').any(|item| item.trim() == sibling)
    })
}

#[test]
fn no_module_of_systemd_imports_itself_by_a_detour() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systemd");
    let imports = imports(&directory);
    assert!(imports["load"].contains("unit"), "imports are not found");
    // What imports nothing that is left is a layer; what never becomes one is
    // in a circle or above one.
    let mut left = imports.clone();
    while !left.is_empty() {
        let lowest: Vec<String> = left
            .iter()
            .filter(|(_, imported)| imported.iter().all(|name| !left.contains_key(name)))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(!lowest.is_empty(), "a circle among {:?}", left.keys());
        println!("{}", lowest.join(" "));
        for name in lowest {
            left.remove(&name);
        }
    }
}
