//! A project's world: which interfaces it may import.

use std::collections::BTreeSet;
use std::path::Path;

use wit_parser::{Resolve, WorldItem};

use crate::error::AuthorError;

/// The name of the world that a project builds.
pub(crate) const WORLD: &str = "plugin";

/// The interfaces of nodepol that the world in `directory` imports, `log` and
/// those without functions left out.
pub(crate) fn interfaces(directory: &Path) -> Result<BTreeSet<String>, AuthorError> {
    let wrong = |message: String| AuthorError::Wit {
        path: directory.to_owned(),
        message,
    };
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(directory)
        .map_err(|error| wrong(format!("{error:#}")))?;
    let world = resolve
        .packages
        .get(package)
        .and_then(|package| package.worlds.get(WORLD))
        .ok_or_else(|| wrong(format!("there is no `world {WORLD}` in it")))?;
    let mut interfaces = BTreeSet::new();
    for item in resolve.worlds[*world].imports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = &resolve.interfaces[*id];
        if interface.functions.is_empty() {
            continue;
        }
        match &interface.name {
            Some(name) if name == "log" => {}
            Some(name) => {
                interfaces.insert(name.clone());
            }
            None => {}
        }
    }
    Ok(interfaces)
}
