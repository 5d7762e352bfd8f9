//! A project's world: which interfaces it may import.

use std::collections::BTreeSet;
use std::path::Path;

use wit_parser::{Resolve, WorldId, WorldItem};

use crate::error::AuthorError;

/// The name of the world that a project builds.
pub(crate) const WORLD: &str = "plugin";

/// The WIT in `directory`, and the project's world in it.
///
/// # Errors
/// If it makes no sense, with the line.
pub(crate) fn open(directory: &Path) -> Result<(Resolve, WorldId), AuthorError> {
    let wrong = |message: String| AuthorError::Wit {
        path: directory.to_owned(),
        message,
    };
    let mut resolve = Resolve::default();
    let (package, _) = match resolve.push_dir(directory) {
        Ok(pushed) => pushed,
        Err(error) => return Err(wrong(resolve.render_error(&error))),
    };
    let world = resolve
        .select_world(&[package], Some(WORLD))
        .map_err(|error| wrong(format!("there is no `world {WORLD}` in it: {error:#}")))?;
    Ok((resolve, world))
}

/// The interfaces of nodepol that the world in `directory` imports, `log` and
/// those without functions left out.
pub(crate) fn interfaces(directory: &Path) -> Result<BTreeSet<String>, AuthorError> {
    let (resolve, world) = open(directory)?;
    let mut interfaces = BTreeSet::new();
    for item in resolve.worlds[world].imports.values() {
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
