//! A directory on this machine as the snapshot of a node: every file below it,
//! links as links. For tests only; what nodepol itself gathers is bounded and
//! redacted by `nodepol-gather`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this module"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use nodepol_facts::evidence::Evidence;
use nodepol_model::snapshot::{Content, File, FileNode, Source, SpecialKind};
use nodepol_model::{Part, Snapshot};

/// As many bytes of a file that is no text as a snapshot keeps.
const BINARY_PREFIX: usize = 4096;

/// The snapshot of a tree: `FILLS.md`, `TRUTH.json` and `ORACLE*.json` at its
/// top are about the node and not on it.
pub fn snapshot(root: &Path) -> Snapshot {
    let taken_at = "2026-06-01T00:00:00Z".parse().expect("a time");
    let mut snapshot = Snapshot::empty(Source::Tree, taken_at);
    snapshot.systemd = Part::Absent;
    read(root, "/", &mut snapshot.files);
    snapshot
}

/// The same as evidence.
pub fn evidence(root: &Path) -> Arc<Evidence> {
    Arc::new(Evidence::new(Arc::new(snapshot(root))))
}

fn read(host: &Path, at: &str, files: &mut BTreeMap<String, Part<File>>) {
    let meta = fs::symlink_metadata(host).unwrap_or_else(|e| panic!("{}: {e}", host.display()));
    let kind = meta.file_type();
    let node = if kind.is_symlink() {
        FileNode::Symlink(path_text(&fs::read_link(host).expect("a link")))
    } else if kind.is_dir() {
        let mut names: Vec<String> = fs::read_dir(host)
            .expect("a directory")
            .map(|entry| path_text(Path::new(&entry.expect("an entry").file_name())))
            .filter(|name| at != "/" || !about_the_node(name))
            .collect();
        names.sort();
        for name in &names {
            let below = format!("{}/{name}", at.trim_end_matches('/'));
            read(&host.join(name), &below, files);
        }
        FileNode::Directory(Part::Present(names))
    } else if kind.is_file() {
        let bytes = fs::read(host).expect("a file");
        FileNode::Regular(match String::from_utf8(bytes) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Binary(
                error
                    .as_bytes()
                    .iter()
                    .take(BINARY_PREFIX)
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            ),
        })
    } else {
        FileNode::Special(if kind.is_fifo() {
            SpecialKind::Fifo
        } else if kind.is_socket() {
            SpecialKind::Socket
        } else if kind.is_block_device() {
            SpecialKind::BlockDevice
        } else {
            SpecialKind::CharacterDevice
        })
    };
    let file = File {
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        size: meta.size(),
        modified: Timestamp::from_second(meta.mtime()).unwrap_or_default(),
        node,
    };
    files.insert(at.to_owned(), Part::Present(file));
}

fn about_the_node(name: &str) -> bool {
    matches!(name, "FILLS.md" | "TRUTH.json")
        || (name.starts_with("ORACLE") && name.ends_with(".json"))
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("a name in UTF-8").to_owned()
}

/// The unpacked corpus of real node files: `NODEPOL_CORPUS`, else
/// `../shared/corpus/files.tar.gz` beside the workspace, unpacked into the
/// tests' own directory. `None` (said aloud) where neither is there.
pub fn corpus() -> Option<PathBuf> {
    // Tests of one binary run side by side: one of them unpacks.
    static CORPUS: OnceLock<Option<PathBuf>> = OnceLock::new();
    CORPUS.get_or_init(unpacked_corpus).clone()
}

fn unpacked_corpus() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("NODEPOL_CORPUS") {
        return Some(PathBuf::from(given));
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let archive = workspace.join("../shared/corpus/files.tar.gz");
    if !archive.is_file() {
        println!("skipped: no corpus (set NODEPOL_CORPUS to where it is unpacked)");
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let complete = target.join(".complete");
    if complete.is_file() {
        return Some(target);
    }
    // Several test binaries may unpack at once: each into its own directory,
    // and the first to be done gives it the name.
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("corpus-{}", std::process::id()));
    fs::create_dir_all(&own).expect("a directory");
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&own)
        .status();
    if !status.is_ok_and(|status| status.success()) {
        println!("skipped: {} cannot be unpacked", archive.display());
        return None;
    }
    fs::write(own.join(".complete"), "").expect("a file");
    if fs::rename(&own, &target).is_err() {
        let _ = fs::remove_dir_all(&own);
    }
    complete.is_file().then_some(target)
}

/// The trees of the corpus with their names, sorted.
pub fn nodes(corpus: &Path) -> Vec<(String, PathBuf)> {
    let mut nodes: Vec<(String, PathBuf)> = fs::read_dir(corpus.join("nodes"))
        .expect("the corpus has nodes")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (path_text(Path::new(&entry.file_name())), entry.path()))
        .collect();
    nodes.sort();
    nodes
}

/// A JSON document beside or in a tree.
pub fn json(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A tree of these files: a text that starts with `-> ` is a link. Every
/// directory of the tree is listed.
pub fn node(files: &[(&str, &str)]) -> Snapshot {
    let taken_at = "2026-06-01T00:00:00Z".parse().expect("a time");
    let mut snapshot = Snapshot::empty(Source::Tree, taken_at);
    snapshot.systemd = Part::Absent;
    let mut directories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in files {
        let node = match text.strip_prefix("-> ") {
            Some(target) => FileNode::Symlink(target.to_owned()),
            None => FileNode::Regular(Content::Text((*text).to_owned())),
        };
        put(&mut snapshot, path, text.len(), 0o644, node);
        let mut below = *path;
        while let Some((parent, name)) = below.rsplit_once('/') {
            let key = if parent.is_empty() { "/" } else { parent };
            let names = directories.entry(key.to_owned()).or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            below = parent;
        }
    }
    for (path, mut names) in directories {
        names.sort();
        let node = FileNode::Directory(Part::Present(names));
        put(&mut snapshot, &path, 0, 0o755, node);
    }
    snapshot
}

fn put(snapshot: &mut Snapshot, path: &str, size: usize, mode: u32, node: FileNode) {
    let file = File {
        mode,
        uid: 0,
        gid: 0,
        size: size as u64,
        modified: Timestamp::default(),
        node,
    };
    snapshot.files.insert(path.to_owned(), Part::Present(file));
}
