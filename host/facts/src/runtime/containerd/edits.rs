//! Where a release reads SystemdCgroup, for each handler that lacks it.

use super::cri::{self, CriHandler};
use super::files::{PLUGIN_V1, PLUGIN_V2, PLUGIN_V3, Parsed};
use super::load::Loaded;
use crate::document::escape_token;
use crate::runtime::Edit;

/// What to set so that every handler of runc uses systemd.
pub(crate) fn systemd(path: &str, loaded: &Loaded, handlers: &[CriHandler]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let wanting = handlers
        .iter()
        .filter(|found| found.handler.cgroup_driver.as_deref() != Some("systemd"));
    for found in wanting {
        if let Some(place) = &found.place {
            edits.push(Edit {
                path: place.source.clone(),
                pointer: place.pointer.clone().unwrap_or_default(),
                json: "true".to_owned(),
            });
        } else if found.handler.cgroup_driver.is_some() {
            built_in(path, loaded, &found.handler.name, &mut edits);
        }
    }
    edits
}

/// A handler that no file has.
fn built_in(path: &str, loaded: &Loaded, handler: &str, edits: &mut Vec<Edit>) {
    let mut set = |path: &str, pointer: String, json: &str| {
        edits.push(Edit {
            path: path.to_owned(),
            pointer,
            json: json.to_owned(),
        });
    };
    // Beside the handlers that are read already: a table of the new name would
    // hide those of the old one.
    let beside = cri::section(loaded)
        .and_then(cri::has_runtimes)
        .and_then(|runtimes| Some((runtimes.at.source.clone(), runtimes.at.pointer.clone()?)));
    if let Some((path, runtimes)) = beside {
        let pointer = format!("{runtimes}/{}", escape_token(handler));
        if !loaded.release.is_2() {
            set(
                &path,
                format!("{pointer}/runtime_type"),
                "\"io.containerd.runc.v2\"",
            );
        }
        set(&path, format!("{pointer}/options/SystemdCgroup"), "true");
        return;
    }
    // A file of version 2 is read by every release that takes these names.
    let is_version_2 = loaded.files.iter().all(|file| file.version == 2);
    if loaded.release.is_2() && (loaded.files.is_empty() || !is_version_2) {
        if loaded.files.is_empty() {
            set(path, "/version".to_owned(), "3");
        }
        set(path, cri::pointer(PLUGIN_V3, handler), "true");
        return;
    }
    // The file whose table of the plugin counts, or else the first one. A new
    // file gets a version, and with it the long name.
    let plugin = if loaded.cri == PLUGIN_V1 && !loaded.files.is_empty() {
        PLUGIN_V1
    } else {
        PLUGIN_V2
    };
    let mut files = loaded.files.iter().rev();
    let file = files
        .find(|file| has_plugin(file, plugin))
        .or(loaded.files.first());
    if file.is_none() {
        set(path, "/version".to_owned(), "2");
    }
    let path = file.map_or(path, |file| file.path.as_str());
    let pointer = cri::pointer(plugin, handler);
    // What a file says of a handler replaces the built-in entry.
    let table = pointer.trim_end_matches("/options/SystemdCgroup");
    set(
        path,
        format!("{table}/runtime_type"),
        "\"io.containerd.runc.v2\"",
    );
    set(path, pointer.clone(), "true");
}

fn has_plugin(file: &Parsed, plugin: &str) -> bool {
    file.tree.path(&["plugins", plugin]).is_some()
}
