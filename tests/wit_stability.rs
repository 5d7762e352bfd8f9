//! The interface changes only as `docs/stability.md` allows: `wit/` still has
//! everything that each frozen copy in `wit/frozen/` has, just as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wit_parser::{
    Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
    UnresolvedPackageGroup, WorldId, WorldItem, WorldKey,
};

/// What an interface promises: each item by its name, written out in full.
type Promise = BTreeMap<String, String>;

/// Everything that a package promises.
fn promise(resolve: &Resolve) -> Promise {
    let mut promise = Promise::new();
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.as_deref().unwrap_or_default();
        promise.insert(name.to_owned(), "interface".to_owned());
        for (function, item) in &interface.functions {
            promise.insert(format!("{name}.{function}"), signature(resolve, item));
        }
        for (ty, id) in own_types(resolve, interface) {
            promise.insert(format!("{name}.{ty}"), definition(resolve, id));
        }
    }
    for (id, world) in &resolve.worlds {
        promise.insert(format!("world {}", world.name), world_items(resolve, id));
    }
    promise
}

/// The types that an interface defines; what it `use`s belongs to another.
fn own_types<'a>(
    resolve: &'a Resolve,
    interface: &'a wit_parser::Interface,
) -> impl Iterator<Item = (&'a str, TypeId)> {
    interface
        .types
        .iter()
        .map(|(name, id)| (name.as_str(), *id))
        .filter(|(_, id)| !matches!(resolve.types[*id].kind, TypeDefKind::Type(_)))
}

/// A world's imports and exports. The world of tools has every interface, so
/// only what each has must stay.
fn world_items(resolve: &Resolve, id: WorldId) -> String {
    let world = &resolve.worlds[id];
    let name = |key: &WorldKey, item: &WorldItem| match (key, item) {
        (WorldKey::Interface(id), _) => interface_name(resolve, *id),
        (WorldKey::Name(name), _) => name.clone(),
    };
    let mut items: Vec<_> = world
        .imports
        .iter()
        .map(|(key, item)| format!("import {}", name(key, item)))
        .chain(
            world
                .exports
                .iter()
                .map(|(key, item)| format!("export {}", name(key, item))),
        )
        .collect();
    items.sort();
    items.join("; ")
}

fn interface_name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.interfaces[id].name.clone().unwrap_or_default()
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, written(resolve, &parameter.ty)))
        .collect();
    let result = function
        .result
        .map_or(String::new(), |ty| format!(" -> {}", written(resolve, &ty)));
    format!("func({}){result}", parameters.join(", "))
}

/// A type where it is used: a named one by its name.
fn written(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => {
            let def = &resolve.types[*id];
            match (&def.name, def.owner) {
                (Some(name), TypeOwner::Interface(owner)) => {
                    // `use` makes an alias: what counts is where it leads.
                    if let TypeDefKind::Type(aliased) = &def.kind {
                        return written(resolve, aliased);
                    }
                    format!("{}.{name}", interface_name(resolve, owner))
                }
                _ => definition(resolve, *id),
            }
        }
        plain => format!("{plain:?}").to_lowercase(),
    }
}

/// A type where it is defined, in full.
fn definition(resolve: &Resolve, id: TypeId) -> String {
    let w = |ty: &Type| written(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), w);
    let list = |items: Vec<String>| items.join(", ");
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            format!(
                "record {{{}}}",
                list(
                    fields
                        .map(|f| format!("{}: {}", f.name, w(&f.ty)))
                        .collect()
                )
            )
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            format!(
                "variant {{{}}}",
                list(
                    cases
                        .map(|c| format!("{}({})", c.name, optional(&c.ty)))
                        .collect()
                )
            )
        }
        TypeDefKind::Enum(all) => format!(
            "enum {{{}}}",
            list(all.cases.iter().map(|case| case.name.clone()).collect())
        ),
        TypeDefKind::Flags(all) => format!(
            "flags {{{}}}",
            list(all.flags.iter().map(|flag| flag.name.clone()).collect())
        ),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", list(tuple.types.iter().map(w).collect()))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", w(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", w(ty)),
        TypeDefKind::Result(result) => {
            format!(
                "result<{}, {}>",
                optional(&result.ok),
                optional(&result.err)
            )
        }
        TypeDefKind::Type(ty) => w(ty),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
            panic!("a resource: {:?}", resolve.types[*id].name)
        }
        other => panic!("{other:?} is no part of what policies use"),
    }
}

/// How `new` breaks what `old` promised; empty if it does not.
fn breaks(old: &Promise, new: &Promise) -> Vec<String> {
    old.iter()
        .filter_map(|(name, was)| match new.get(name) {
            None => Some(format!("`{name}` is gone")),
            Some(is) if is == was => None,
            // The world of tools may gain interfaces.
            Some(is) if name == "world policy-full" => {
                let is: Vec<_> = is.split("; ").collect();
                let lost: Vec<_> = was.split("; ").filter(|item| !is.contains(item)).collect();
                (!lost.is_empty()).then(|| format!("`{name}` lost {lost:?}"))
            }
            Some(is) => Some(format!("`{name}` was `{was}` and is `{is}`")),
        })
        .collect()
}

fn read(directory: &Path) -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_dir(directory).unwrap();
    resolve
}

fn wit() -> PathBuf {
    nodepol_tests::workspace().join("wit")
}

/// The frozen copies, by version.
fn frozen() -> Vec<PathBuf> {
    let mut copies: Vec<_> = std::fs::read_dir(wit().join("frozen"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    copies.sort();
    if copies.is_empty() {
        println!("SKIPPED: no version is frozen yet; `cargo xtask freeze-wit` does it");
    }
    copies
}

#[test]
fn nothing_that_was_frozen_has_changed() {
    let now = promise(&read(&wit()));
    for copy in frozen() {
        let broken = breaks(&promise(&read(&copy)), &now);
        assert!(
            broken.is_empty(),
            "wit/ breaks {}:\n{}\nSee docs/stability.md.",
            copy.display(),
            broken.join("\n")
        );
    }
}

/// The package with one file's text changed.
fn changed(file: &str, from: &str, to: &str) -> Promise {
    let mut texts: Vec<(PathBuf, String)> = std::fs::read_dir(wit())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "wit"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect();
    let (_, text) = texts
        .iter_mut()
        .find(|(path, _)| path.ends_with(file))
        .unwrap();
    assert!(text.contains(from), "{file} has no {from:?} to change");
    *text = text.replacen(from, to, 1);
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in &texts {
        std::fs::write(directory.path().join(path.file_name().unwrap()), text).unwrap();
    }
    let group = UnresolvedPackageGroup::parse_dir(directory.path()).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_group(group).unwrap();
    promise(&resolve)
}

#[test]
fn every_kind_of_break_is_noticed() {
    let old = promise(&read(&wit()));
    assert!(breaks(&old, &old).is_empty());
    for (file, from, to, what) in [
        (
            "swap.wit",
            "  active: func",
            "  enabled: func",
            "`swap.active` is gone",
        ),
        ("swap.wit", "priority: s32", "priority: s64", "swap.device"),
        ("swap.wit", "    priority: s32,\n", "", "swap.device"),
        (
            "swap.wit",
            "    priority: s32,\n",
            "    priority: s32,\n    label: string,\n",
            "swap.device",
        ),
        ("check.wit", "    warn,\n", "", "check.verdict"),
        (
            "check.wit",
            "    warn,\n",
            "    warn,\n    never,\n",
            "check.verdict",
        ),
        ("check.wit", "    note(string),\n", "", "check.action"),
        (
            "files.wit",
            "text: func(path: string)",
            "text: func(path: string, max: u32)",
            "files.text",
        ),
        (
            "files.wit",
            "result<list<mount>, unavailable>",
            "list<mount>",
            "files.mounts",
        ),
        ("world.wit", "  import log;\n", "", "world policy"),
        ("world.wit", "  import swap;\n", "", "world policy-full"),
    ] {
        let broken = breaks(&old, &changed(file, from, to));
        assert!(
            broken.iter().any(|line| line.contains(what)),
            "{file}: {from:?} to {to:?}: {broken:?}"
        );
    }
}

#[test]
fn what_only_adds_is_allowed() {
    let old = promise(&read(&wit()));
    for (file, from, to) in [
        (
            "swap.wit",
            "  /// Empty if no swap",
            "  @since(version = 0.1.0)\n  total: func() -> u64;\n\n  /// Empty if no swap",
        ),
        (
            "swap.wit",
            "  /// Empty if no swap",
            "  @since(version = 0.1.0)\n  record more { label: string }\n\n  /// Empty if no swap",
        ),
        (
            "swap.wit",
            "/// A row of /proc/swaps.",
            "/// One row of /proc/swaps.",
        ),
    ] {
        let broken = breaks(&old, &changed(file, from, to));
        assert!(broken.is_empty(), "{broken:?}");
    }
}

/// `@since` is on everything, so that tools can aim at an older version.
#[test]
fn every_item_says_since_when_it_is_there() {
    let resolve = read(&wit());
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.as_deref().unwrap_or_default();
        assert!(!interface.stability.is_unknown(), "{name}");
        for (function, item) in &interface.functions {
            assert!(!item.stability.is_unknown(), "{name}.{function}");
        }
        for (ty, id) in own_types(&resolve, interface) {
            assert!(!resolve.types[id].stability.is_unknown(), "{name}.{ty}");
        }
    }
}
