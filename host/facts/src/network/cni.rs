//! The CNI plugins of the network that the runtime gives to pods.

use nodepol_model::{Location, Part, Unavailable};

use crate::document::{Node, json};
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// Where containerd and CRI-O look if nobody tells them otherwise.
const DIRECTORY: &str = "/etc/cni/net.d";

/// The `type` of each plugin of the first network in the order of file names:
/// containerd and CRI-O use no other. Empty before a network is installed.
pub(super) fn plugins(evidence: &Evidence) -> Result<Vec<Sourced<String>>, Unavailable> {
    let names = match evidence.names(DIRECTORY) {
        Part::Present(names) => names,
        Part::Absent => return Ok(Vec::new()),
        Part::Unreadable(why) => return Err(Unavailable::new(DIRECTORY, why)),
    };
    let is_network = |name: &&String| {
        [".conf", ".conflist", ".json"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let Some(name) = names.iter().find(is_network) else {
        return Ok(Vec::new());
    };
    let path = format!("{DIRECTORY}/{name}");
    let Some(text) = evidence.text(&path).known(&path)?.copied() else {
        return Ok(Vec::new());
    };
    let document = json::parse(text).map_err(|error| Unavailable::new(&path, error.to_string()))?;
    let of = |node: &Node, pointer: String| {
        let kind = node.get("type")?;
        let mut at = Location::position(&path, kind.line, kind.column);
        at.pointer = Some(pointer);
        Some(Sourced::new(kind.as_str()?.to_owned(), at))
    };
    let root = &document.root;
    let Some(plugins) = root.get("plugins") else {
        return Ok(of(root, "/type".to_owned()).into_iter().collect());
    };
    let items = plugins.items().iter().enumerate();
    Ok(items
        .filter_map(|(index, node)| of(node, format!("/plugins/{index}/type")))
        .collect())
}
