//! Paths and mounts: the interface `files`.

use std::sync::Arc;

use nodepol_model::snapshot::{FileNode, SpecialKind};
use nodepol_model::{Part, Unavailable};
use serde::Serialize;

use crate::evidence::{Evidence, Resolved};

/// The mounts of the process that reads it, proc_pid_mountinfo(5).
const MOUNTINFO: &str = "/proc/self/mountinfo";

/// The type of a path, as in inode(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are the types of inode(7)")]
pub enum Kind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    BlockDevice,
    CharacterDevice,
}

/// What lstat(2) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stat {
    /// Its type.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// When its content last changed, in seconds since the epoch.
    pub modified: i64,
    /// Where a link leads, as written.
    pub target: Option<String>,
}

/// A mount of the running system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// Where it is mounted.
    pub mount_point: String,
    /// What is mounted.
    pub source: String,
    /// The type of the file system.
    pub filesystem: String,
    /// The options of the mount, then those of the file system that differ.
    pub options: Vec<String>,
}

/// What is left of a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// `f_type` of statfs(2), in hexadecimal.
    pub magic: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes that root can still write.
    pub bytes_available: u64,
    /// Inodes in all; 0 where it does not count them.
    pub inodes: u64,
    /// Inodes that are free.
    pub inodes_free: u64,
}

/// The paths of a node.
#[derive(Debug)]
pub struct Files {
    evidence: Arc<Evidence>,
}

impl Files {
    /// The paths in `evidence`.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self { evidence }
    }

    /// lstat(2); none if there is nothing.
    ///
    /// # Errors
    /// [`Unavailable`] if it was not or could not be looked at.
    pub fn lstat(&self, path: &str) -> Result<Option<Stat>, Unavailable> {
        let file = match self.evidence.lstat(path) {
            Part::Present(file) => file,
            Part::Absent => return Ok(None),
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        Ok(Some(Stat {
            kind: match &file.node {
                FileNode::Regular(_) => Kind::Regular,
                FileNode::Directory(_) => Kind::Directory,
                FileNode::Symlink(_) => Kind::Symlink,
                FileNode::Special(SpecialKind::Fifo) => Kind::Fifo,
                FileNode::Special(SpecialKind::Socket) => Kind::Socket,
                FileNode::Special(SpecialKind::BlockDevice) => Kind::BlockDevice,
                FileNode::Special(SpecialKind::CharacterDevice) => Kind::CharacterDevice,
            },
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            size: file.size,
            modified: file.modified.as_second(),
            target: match &file.node {
                FileNode::Symlink(target) => Some(target.clone()),
                _ => None,
            },
        }))
    }

    /// What is left of the file system that a path is on; none if the path does
    /// not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be asked, as of a tree.
    pub fn usage(&self, path: &str) -> Result<Option<Usage>, Unavailable> {
        match self.evidence.filesystem(path) {
            Part::Present(filesystem) => Ok(Some(Usage {
                magic: filesystem.magic.clone(),
                bytes: filesystem.bytes,
                bytes_available: filesystem.bytes_available,
                inodes: filesystem.inodes,
                inodes_free: filesystem.inodes_free,
            })),
            Part::Absent => Ok(None),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }

    /// The path that is left when every link is followed; none if it leads
    /// nowhere.
    ///
    /// # Errors
    /// [`Unavailable`] if a part of the way was not or could not be looked at.
    pub fn resolve(&self, path: &str) -> Result<Option<String>, Unavailable> {
        match self.evidence.resolve(path) {
            Resolved::At(canonical) => Ok(Some(canonical)),
            Resolved::Nowhere(_) => Ok(None),
            Resolved::Unknown(unavailable) => Err(unavailable),
        }
    }

    /// The text of a file, links followed; none if it does not exist. Whether a
    /// policy may read it is for the sandbox to say.
    ///
    /// # Errors
    /// [`Unavailable`] if it was not or could not be read, or is no text.
    pub fn text(&self, path: &str) -> Result<Option<String>, Unavailable> {
        match self.evidence.text(path) {
            Part::Present(text) => Ok(Some(text.to_owned())),
            Part::Absent => Ok(None),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }

    /// The mounts of the running system, in the order of /proc/self/mountinfo.
    ///
    /// # Errors
    /// [`Unavailable`] if no kernel runs here, or its list could not be read.
    pub fn mounts(&self) -> Result<Vec<Mount>, Unavailable> {
        match self.evidence.text(MOUNTINFO) {
            Part::Present(text) => Ok(text.lines().filter_map(mount).collect()),
            Part::Absent => Err(Unavailable::new(MOUNTINFO, "no kernel runs here")),
            Part::Unreadable(why) => Err(Unavailable::new(MOUNTINFO, why)),
        }
    }
}

/// `36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
fn mount(line: &str) -> Option<Mount> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(4);
    let mount_point = mount.next()?;
    let mut options: Vec<String> = mount.next()?.split(',').map(str::to_owned).collect();
    let mut filesystem = filesystem.split(' ');
    let kind = filesystem.next()?;
    let source = filesystem.next()?;
    for option in filesystem.next().unwrap_or_default().split(',') {
        // A file system that is `rw` may well be mounted `ro`.
        let known = options.iter().any(|known| known == option);
        if !known && !matches!(option, "" | "rw" | "ro") {
            options.push(option.to_owned());
        }
    }
    Some(Mount {
        mount_point: unescape(mount_point),
        source: unescape(source),
        filesystem: kind.to_owned(),
        options,
    })
}

/// Blanks, tabs, line breaks and backslashes stand there as `\040` and so on.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
            .filter(u8::is_ascii);
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push('\\');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo() {
        let mount = mount(
            r"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 - ext4 /dev/root rw,errors=continue",
        )
        .unwrap();
        assert_eq!(mount.mount_point, "/mnt 2");
        assert_eq!(mount.source, "/dev/root");
        assert_eq!(mount.filesystem, "ext4");
        assert_eq!(mount.options, ["rw", "noatime", "errors=continue"]);
        assert_eq!(super::mount("nonsense"), None);
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"a\134b\011c\9z\"), "a\\b\tc\\9z\\");
    }
}
