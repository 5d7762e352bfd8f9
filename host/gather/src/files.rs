//! Files and directories, read into the map of a snapshot within its limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;

use nodepol_model::Part;
use nodepol_model::snapshot::{Content, File, FileNode, Filesystem};
use rustix::fs::FileType;

use crate::metadata::{file, filesystem, refusal, special, unresolved};
use crate::options::Limits;
use crate::redact;
use crate::root::{End, Found, Root};

/// The start of every ELF file.
const ELF: &[u8] = b"\x7fELF";
/// Bytes of an ELF file that are kept: its header.
const ELF_HEADER: usize = 64;
/// Bytes that are kept of another file that is not text.
const MAGIC: usize = 4;

/// How much of a path is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its metadata and, if it is a program, its first bytes.
    Metadata,
    /// Its content or its names.
    Content,
    /// Its content, and whatever is below it.
    Tree,
}

/// Reads paths below a root.
#[derive(Debug)]
pub(crate) struct Reader {
    root: Root,
    limits: Limits,
    bytes_left: u64,
}

type Files = BTreeMap<String, Part<File>>;

impl Reader {
    /// A reader with all of its limits left.
    pub(crate) fn new(root: Root, limits: Limits) -> Self {
        let bytes_left = limits.total_bytes;
        Self {
            root,
            limits,
            bytes_left,
        }
    }

    /// The root that paths are below.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Records `path`, every link on the way and what it leads to. Returns
    /// whether anything was added.
    pub(crate) fn read(&mut self, files: &mut Files, path: &str, depth: Depth) -> bool {
        let before = files.len();
        let mut read = false;
        if !path.starts_with('/') || path.contains('\0') {
            files
                .entry(path.to_owned())
                .or_insert_with(|| Part::Unreadable("it is not an absolute path".to_owned()));
        } else {
            let levels = if depth == Depth::Tree {
                self.limits.depth
            } else {
                0
            };
            read = self.visit(files, path, depth, levels);
        }
        read || before != files.len()
    }

    /// Records `path` by lstat(2) alone: a link is not followed, a file not read.
    pub(crate) fn read_link(&mut self, files: &mut Files, path: &str) {
        let walk = self.root.walk(path.as_bytes(), false);
        self.record_links(files, &walk.links);
        if let End::Found(found) = walk.end
            && found.file_type() == FileType::Symlink
            && let Ok(target) = found.target()
            && self.has_room(files, &found.path)
        {
            let entry = Part::Present(file(&found.stat, FileNode::Symlink(target)));
            files.entry(found.path).or_insert(entry);
        }
    }

    /// statfs(2) of `path`, links followed.
    pub(crate) fn filesystem(&self, path: &str) -> Part<Filesystem> {
        if !self.root.is_live() {
            return Part::Unreadable(
                "a tree shows the file systems of the machine it lies on: run nodepol on the node"
                    .to_owned(),
            );
        }
        match self.root.walk(path.as_bytes(), true).end {
            End::Found(found) => match rustix::fs::fstatfs(&found.fd) {
                Ok(fs) => Part::Present(filesystem(&fs)),
                Err(errno) => Part::Unreadable(refusal(errno)),
            },
            End::Absent(_) => Part::Absent,
            End::Failed(_, reason) => unresolved(reason),
        }
    }

    fn record_links(&self, files: &mut Files, links: &[crate::root::Link]) {
        for link in links {
            if self.has_room(files, &link.path) {
                files.entry(link.path.clone()).or_insert_with(|| {
                    Part::Present(file(&link.stat, FileNode::Symlink(link.target.clone())))
                });
            }
        }
    }

    /// Returns whether the content or the names of anything were read.
    fn visit(&mut self, files: &mut Files, asked: &str, depth: Depth, levels: usize) -> bool {
        let walk = self.root.walk(asked.as_bytes(), true);
        self.record_links(files, &walk.links);
        let found = match walk.end {
            End::Found(found) => found,
            // Such a name stands for bytes that are not UTF-8; the file may well be there.
            End::Absent(path) if path.contains('\u{fffd}') => {
                let why = "its name is not UTF-8: rename it".to_owned();
                files.entry(path).or_insert(Part::Unreadable(why));
                return false;
            }
            End::Absent(path) => {
                files.entry(path).or_insert(Part::Absent);
                return false;
            }
            End::Failed(path, reason) => {
                files.entry(path).or_insert_with(|| unresolved(reason));
                files
                    .entry(asked.to_owned())
                    .or_insert_with(|| unresolved(reason));
                return false;
            }
        };
        if !self.has_room(files, &found.path) {
            let why = format!("the limit of {} paths is used up", self.limits.paths);
            files.entry(found.path).or_insert(Part::Unreadable(why));
            return false;
        }
        let known = files.contains_key(&found.path);
        let read = !known || (depth != Depth::Metadata && unread(files, &found.path));
        if read {
            let node = self.node(&found, depth);
            files.insert(found.path.clone(), Part::Present(file(&found.stat, node)));
        }
        if depth == Depth::Tree && levels > 0 && found.file_type() == FileType::Directory {
            self.visit_children(files, &found, levels);
        }
        read
    }

    fn visit_children(&mut self, files: &mut Files, parent: &Found, levels: usize) {
        let Some(Part::Present(entry)) = files.get(&parent.path) else {
            return;
        };
        let FileNode::Directory(Part::Present(names)) = &entry.node else {
            return;
        };
        let prefix = parent.path.trim_end_matches('/').to_owned();
        for name in names.clone() {
            let path = format!("{prefix}/{name}");
            // What a link leads to is recorded, but not all that is below it:
            // it may lead to the root.
            let depth = match parent.child(name.as_bytes()) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
                    Depth::Content
                }
                _ => Depth::Tree,
            };
            self.visit(files, &path, depth, levels - 1);
        }
    }

    /// Whether one more path may be recorded.
    fn has_room(&self, files: &Files, path: &str) -> bool {
        files.len() < self.limits.paths || files.contains_key(path)
    }

    fn node(&mut self, found: &Found, depth: Depth) -> FileNode {
        match found.file_type() {
            FileType::RegularFile if depth == Depth::Metadata => {
                FileNode::Regular(first_bytes(found))
            }
            FileType::RegularFile => FileNode::Regular(self.content(found)),
            FileType::Directory if depth == Depth::Metadata => {
                FileNode::Directory(Part::Unreadable("its names were not asked for".to_owned()))
            }
            FileType::Directory => FileNode::Directory(self.names(found)),
            other => FileNode::Special(special(other)),
        }
    }

    fn names(&mut self, found: &Found) -> Part<Vec<String>> {
        let directory = match found.open().and_then(rustix::fs::Dir::new) {
            Ok(directory) => directory,
            Err(errno) => return Part::Unreadable(refusal(errno)),
        };
        let mut names = Vec::new();
        for entry in directory {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => return Part::Unreadable(refusal(errno)),
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == self.limits.directory_entries {
                return Part::Unreadable(format!(
                    "it has more than {} names",
                    self.limits.directory_entries
                ));
            }
            names.push(String::from_utf8_lossy(name).into_owned());
        }
        let bytes = names.iter().map(|name| name.len() as u64).sum();
        if let Err(why) = self.spend(bytes) {
            return Part::Unreadable(why);
        }
        names.sort_unstable();
        Part::Present(names)
    }

    fn content(&mut self, found: &Found) -> Content {
        let limit = self.limits.file_bytes;
        let too_large =
            || Content::Unreadable(format!("it is larger than the limit of {limit} bytes"));
        if u64::try_from(found.stat.st_size).unwrap_or(0) > limit {
            return too_large();
        }
        let bytes = match read_bounded(found, limit.saturating_add(1)) {
            Ok(bytes) => bytes,
            Err(why) => return Content::Unreadable(why),
        };
        if bytes.len() as u64 > limit {
            return too_large();
        }
        if bytes.starts_with(ELF) {
            return Content::Binary(hex(&bytes, ELF_HEADER));
        }
        match String::from_utf8(bytes) {
            Ok(text) => match self.spend(text.len() as u64) {
                Ok(()) => Content::Text(redact::text(&text).into_owned()),
                Err(why) => Content::Unreadable(why),
            },
            Err(error) => Content::Binary(hex(error.as_bytes(), MAGIC)),
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), String> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(format!(
                "the snapshot's limit of {} bytes is used up",
                self.limits.total_bytes
            )),
        }
    }
}

/// Whether `path` is known, but neither its content nor its names.
fn unread(files: &Files, path: &str) -> bool {
    let Some(Part::Present(entry)) = files.get(path) else {
        return false;
    };
    match &entry.node {
        FileNode::Regular(Content::NotRead) => true,
        FileNode::Directory(Part::Unreadable(why)) => why == "its names were not asked for",
        _ => false,
    }
}

fn first_bytes(found: &Found) -> Content {
    match read_bounded(found, ELF_HEADER as u64) {
        Ok(bytes) if bytes.starts_with(ELF) => Content::Binary(hex(&bytes, ELF_HEADER)),
        Ok(_) => Content::NotRead,
        Err(why) => Content::Unreadable(why),
    }
}

fn read_bounded(found: &Found, limit: u64) -> Result<Vec<u8>, String> {
    let fd = found.open().map_err(refusal)?;
    let mut bytes = Vec::new();
    let read = fs::File::from(fd).take(limit).read_to_end(&mut bytes);
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(match error.raw_os_error() {
            Some(code) => refusal(rustix::io::Errno::from_raw_os_error(code)),
            None => error.to_string(),
        }),
    }
}

fn hex(bytes: &[u8], limit: usize) -> String {
    bytes
        .iter()
        .take(limit)
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
