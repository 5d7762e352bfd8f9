//! A node made of a few texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::kubelet::{Assumptions, Kubelet, Starts};
use nodepol_facts::sourced::{Sourced, Version};
use nodepol_model::snapshot::{Content, File, FileNode, Source};
use nodepol_model::{Location, Part, Snapshot, Unavailable};

/// Starts that are simply given.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) commands: BTreeMap<String, Vec<Vec<Sourced<String>>>>,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Given {
    pub(crate) fn start(line: &str) -> Self {
        let words = line
            .split(' ')
            .map(|word| Sourced::new(word.to_owned(), Location::line("/unit", 1)))
            .collect();
        Self {
            commands: BTreeMap::from([("ExecStart".to_owned(), vec![words])]),
            variables: BTreeMap::new(),
        }
    }
}

impl Starts for Given {
    fn started(
        &self,
        _: &str,
        key: &str,
    ) -> Result<Option<Vec<Vec<Sourced<String>>>>, Unavailable> {
        if self.commands.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.commands.get(key).cloned().unwrap_or_default()))
    }

    fn variable(&self, _: &str, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(self
            .variables
            .get(name)
            .map(|value| Sourced::new(value.clone(), Location::line("/unit", 2))))
    }

    fn service_setting(&self, _: &str, _: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(None)
    }
}

/// A snapshot of a tree that holds these texts and nothing else. A value that
/// starts with `->` is a link.
pub(crate) fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::empty(
        Source::Tree,
        "2026-06-01T00:00:00Z".parse().expect("a time"),
    );
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::from([("/".to_owned(), Vec::new())]);
    for (path, text) in files {
        let node = match text.strip_prefix("->") {
            Some(target) => FileNode::Symlink(target.to_owned()),
            None => FileNode::Regular(Content::Text((*text).to_owned())),
        };
        snapshot.files.insert((*path).to_owned(), file(node));
        let mut path = *path;
        while let Some((parent, name)) = path.rsplit_once('/') {
            let parent = if parent.is_empty() { "/" } else { parent };
            let known = names.entry(parent.to_owned()).or_default();
            if !known.contains(&name.to_owned()) {
                known.push(name.to_owned());
            }
            if parent == "/" {
                break;
            }
            path = parent;
        }
    }
    for (path, mut names) in names {
        names.sort();
        let node = FileNode::Directory(Part::Present(names));
        snapshot.files.insert(path, file(node));
    }
    snapshot
}

fn file(node: FileNode) -> Part<File> {
    Part::Present(File {
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        modified: "2026-06-01T00:00:00Z".parse().expect("a time"),
        node,
    })
}

/// The kubelet of such a node. A version such as `1.36`, or none.
pub(crate) fn kubelet(files: &[(&str, &str)], start: &str, version: &str) -> Kubelet {
    of(snapshot(files), Given::start(start), version)
}

pub(crate) fn of(snapshot: Snapshot, starts: Given, version: &str) -> Kubelet {
    Kubelet::new(
        Arc::new(Evidence::new(Arc::new(snapshot))),
        Arc::new(starts),
        Assumptions {
            kubelet: Version::parse(version, Location::source("assumed")),
            containerd: None,
        },
    )
}
