//! A snapshot of files that a test writes down. For tests only.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this module"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::evidence::Evidence;
use nodepol_model::snapshot::{Content, File, FileNode, Source};
use nodepol_model::{Part, Snapshot};

/// The files of a node; whatever is not written down does not exist.
#[derive(Default)]
pub struct Files(BTreeMap<String, (u32, FileNode)>);

impl Files {
    pub fn text(self, path: &str, text: &str) -> Self {
        self.node(
            path,
            0o644,
            FileNode::Regular(Content::Text(text.to_owned())),
        )
    }

    pub fn binary(self, path: &str) -> Self {
        self.node(
            path,
            0o644,
            FileNode::Regular(Content::Binary("7f454c46".to_owned())),
        )
    }

    pub fn program(self, path: &str, text: &str) -> Self {
        self.node(
            path,
            0o755,
            FileNode::Regular(Content::Text(text.to_owned())),
        )
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.node(path, 0o777, FileNode::Symlink(target.to_owned()))
    }

    pub fn unreadable(self, path: &str) -> Self {
        self.node(
            path,
            0o600,
            FileNode::Regular(Content::Unreadable("permission denied".to_owned())),
        )
    }

    fn node(mut self, path: &str, mode: u32, node: FileNode) -> Self {
        self.0.insert(path.to_owned(), (mode, node));
        self
    }

    pub fn snapshot(self, source: Source) -> Snapshot {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        names.insert("/".to_owned(), Vec::new());
        for path in self.0.keys() {
            let mut path = path.as_str();
            while let Some((parent, name)) =
                path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
            {
                let parent = if parent.is_empty() { "/" } else { parent };
                let below = names.entry(parent.to_owned()).or_default();
                if !below.iter().any(|known| known == name) {
                    below.push(name.to_owned());
                }
                path = parent;
            }
        }
        let mut snapshot = Snapshot::empty(source, Timestamp::UNIX_EPOCH);
        snapshot.systemd = Part::Absent;
        for (path, mut below) in names {
            below.sort();
            snapshot
                .files
                .insert(path, file(0o755, FileNode::Directory(Part::Present(below))));
        }
        for (path, (mode, node)) in self.0 {
            snapshot.files.insert(path, file(mode, node));
        }
        snapshot
    }

    pub fn evidence(self, source: Source) -> Arc<Evidence> {
        Arc::new(Evidence::new(Arc::new(self.snapshot(source))))
    }
}

fn file(mode: u32, node: FileNode) -> Part<File> {
    Part::Present(File {
        mode,
        uid: 0,
        gid: 0,
        size: 0,
        modified: Timestamp::UNIX_EPOCH,
        node,
    })
}
