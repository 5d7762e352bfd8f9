//! What lstat(2) and statfs(2) say, and why something cannot be read.

use jiff::Timestamp;
use nodepol_model::Part;
use nodepol_model::snapshot::{File, FileNode, Filesystem, SpecialKind};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::root::Reason;

/// The record of `stat`, for what it holds.
pub(crate) fn file(stat: &Stat, node: FileNode) -> File {
    File {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: modified(stat),
        node,
    }
}

#[expect(
    clippy::useless_conversion,
    reason = "the types of `Stat` differ between architectures"
)]
fn modified(stat: &Stat) -> Timestamp {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    i64::try_from(stat.st_mtime)
        .ok()
        .and_then(|seconds| Timestamp::new(seconds, nanoseconds).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The kind of a FIFO, socket or device.
pub(crate) fn special(kind: FileType) -> SpecialKind {
    match kind {
        FileType::Fifo => SpecialKind::Fifo,
        FileType::Socket => SpecialKind::Socket,
        FileType::BlockDevice => SpecialKind::BlockDevice,
        _ => SpecialKind::CharacterDevice,
    }
}

/// statfs(2) as a snapshot holds it.
#[expect(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the types of `StatFs` differ between architectures"
)]
pub(crate) fn filesystem(fs: &rustix::fs::StatFs) -> Filesystem {
    let block = u64::try_from(fs.f_bsize).unwrap_or(0);
    Filesystem {
        // The magic numbers of statfs(2) have 32 bits.
        magic: format!("{:#x}", fs.f_type as u64 & 0xffff_ffff),
        bytes: block.saturating_mul(fs.f_blocks as u64),
        bytes_available: block.saturating_mul(fs.f_bfree as u64),
        inodes: fs.f_files as u64,
        inodes_free: fs.f_ffree as u64,
    }
}

/// Why the kernel did not let something be read, and what to do about it.
pub(crate) fn refusal(errno: Errno) -> String {
    match errno {
        Errno::ACCESS | Errno::PERM => "permission denied: run nodepol as root".to_owned(),
        Errno::AGAIN => "it changed while it was read: take another snapshot".to_owned(),
        Errno::MFILE | Errno::NFILE => {
            "no file descriptors are left: raise the limit (`ulimit -n`)".to_owned()
        }
        Errno::IO => "input/output error: check the disk".to_owned(),
        other => other.to_string(),
    }
}

/// Why a path could not be resolved.
pub(crate) fn unresolved<T>(reason: Reason) -> Part<T> {
    Part::Unreadable(match reason {
        Reason::Links => "too many levels of symbolic links".to_owned(),
        Reason::Depth => "too many directories".to_owned(),
        Reason::Kernel(errno) => refusal(errno),
    })
}
