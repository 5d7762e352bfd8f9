//! Paths below a root, resolved without ever leaving it.
//!
//! Each component is opened by itself with `O_PATH | O_NOFOLLOW` and links are
//! followed by their text, from the root again where they are absolute. `..`
//! goes back to the directory that was passed on the way, never to what the
//! kernel calls the parent. So no link and no rename leads out, on any kernel,
//! and every link that is passed can be recorded, which `openat2(2)` with
//! `RESOLVE_IN_ROOT` would hide.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Links that one path may lead through: `MAXSYMLINKS` of the kernel.
const LINKS: usize = 40;
/// Directories that one path may lead through; each holds a descriptor.
const COMPONENTS: usize = 128;

/// A directory that is `/` for all paths below.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    live: bool,
}

/// A link that was passed.
#[derive(Debug)]
pub(crate) struct Link {
    /// Its own path, without a link in its directories.
    pub(crate) path: String,
    /// lstat(2) of it.
    pub(crate) stat: Stat,
    /// Its text.
    pub(crate) target: String,
}

/// The way along a path.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The links that were passed, in order.
    pub(crate) links: Vec<Link>,
    /// Where it ended.
    pub(crate) end: End,
}

/// The end of a way.
#[derive(Debug)]
pub(crate) enum End {
    /// Something is there; not a link, unless links were not to be followed.
    Found(Found),
    /// Nothing is at this path.
    Absent(String),
    /// What is at this path cannot be known.
    Failed(String, Reason),
}

/// Why a path cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Links lead in a circle, or through too many of them.
    Links,
    /// The path is deeper than any path of a node.
    Depth,
    /// The kernel refused.
    Kernel(Errno),
}

/// Something that is there.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path, without a link in its directories.
    pub(crate) path: String,
    /// lstat(2) of it.
    pub(crate) stat: Stat,
    /// Opened with `O_PATH`.
    pub(crate) fd: OwnedFd,
    /// The directory that holds it, and its name there; `None` for the root.
    place: Option<(OwnedFd, Vec<u8>)>,
}

impl Root {
    /// The root of the running system.
    pub(crate) fn live() -> Result<Self, Errno> {
        Self::open(Path::new("/"), true)
    }

    /// A directory that holds a node's files.
    pub(crate) fn tree(path: &Path) -> Result<Self, Errno> {
        Self::open(path, false)
    }

    fn open(path: &Path, live: bool) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { fd, live })
    }

    /// Whether this is the running system.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Follows `path` to its end; its last component too, if `follow`.
    pub(crate) fn walk(&self, path: &[u8], follow: bool) -> Walk {
        let mut way = Way {
            root: self,
            passed: Vec::new(),
            pending: Vec::new(),
            links: Vec::new(),
        };
        way.push(path);
        let end = way.run(follow);
        Walk {
            links: way.links,
            end,
        }
    }
}

struct Way<'a> {
    root: &'a Root,
    /// The directories from the root to here.
    passed: Vec<(OwnedFd, Vec<u8>)>,
    /// The components that are left, the next one last.
    pending: Vec<Vec<u8>>,
    links: Vec<Link>,
}

impl Way<'_> {
    fn push(&mut self, path: &[u8]) {
        let components = path.split(|byte| *byte == b'/');
        let real = components.filter(|part| !part.is_empty() && *part != b".");
        self.pending.extend(real.rev().map(<[u8]>::to_vec));
    }

    fn here(&self) -> BorrowedFd<'_> {
        match self.passed.last() {
            Some((fd, _)) => fd.as_fd(),
            None => self.root.fd.as_fd(),
        }
    }

    /// The path of `name` here, followed by what is left to resolve.
    fn path(&self, name: Option<&[u8]>, with_rest: bool) -> String {
        let mut path = Vec::new();
        let passed = self.passed.iter().map(|(_, part)| part.as_slice());
        let rest = self.pending.iter().rev().map(Vec::as_slice);
        let rest = rest.filter(|_| with_rest);
        for part in passed.chain(name).chain(rest) {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        String::from_utf8_lossy(&path).into_owned()
    }

    fn run(&mut self, follow: bool) -> End {
        while let Some(name) = self.pending.pop() {
            if name == b".." {
                self.passed.pop();
                continue;
            }
            if self.passed.len() >= COMPONENTS {
                return End::Failed(self.path(Some(&name), true), Reason::Depth);
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name_os = OsStr::from_bytes(&name);
            let opened = rustix::fs::openat(self.here(), name_os, flags, Mode::empty())
                .and_then(|fd| rustix::fs::fstat(&fd).map(|stat| (fd, stat)));
            let (fd, stat) = match opened {
                Ok(opened) => opened,
                Err(Errno::NOENT | Errno::NOTDIR) => {
                    return End::Absent(self.path(Some(&name), true));
                }
                Err(errno) => {
                    return End::Failed(self.path(Some(&name), true), Reason::Kernel(errno));
                }
            };
            let last = self.pending.is_empty();
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink if self.is_own_process(&name) => match self.own_process(&name) {
                    Ok(fd) => self.passed.push((fd, name)),
                    Err(errno) => {
                        return End::Failed(self.path(Some(&name), true), Reason::Kernel(errno));
                    }
                },
                FileType::Symlink if last && !follow => return self.found(fd, stat, name),
                FileType::Symlink => {
                    let target = match rustix::fs::readlinkat(&fd, c"", Vec::new()) {
                        Ok(target) => target.into_bytes(),
                        Err(errno) => {
                            let path = self.path(Some(&name), true);
                            return End::Failed(path, Reason::Kernel(errno));
                        }
                    };
                    if self.links.len() >= LINKS {
                        return End::Failed(self.path(Some(&name), true), Reason::Links);
                    }
                    self.links.push(Link {
                        path: self.path(Some(&name), false),
                        stat,
                        target: String::from_utf8_lossy(&target).into_owned(),
                    });
                    if target.starts_with(b"/") {
                        self.passed.clear();
                    }
                    self.push(&target);
                }
                FileType::Directory => self.passed.push((fd, name)),
                _ if last => return self.found(fd, stat, name),
                _ => return End::Absent(self.path(Some(&name), true)),
            }
        }
        self.found_directory()
    }

    /// `/proc/self` of the running system: a link to a number that differs in
    /// each run, kept under its name.
    fn is_own_process(&self, name: &[u8]) -> bool {
        self.root.live
            && matches!(name, b"self" | b"thread-self")
            && matches!(self.passed.as_slice(), [(_, proc)] if proc == b"proc")
    }

    fn own_process(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(self.here(), OsStr::from_bytes(name), flags, Mode::empty())
    }

    fn found(&self, fd: OwnedFd, stat: Stat, name: Vec<u8>) -> End {
        let path = self.path(Some(&name), false);
        match self.here().try_clone_to_owned() {
            Ok(parent) => End::Found(Found {
                path,
                stat,
                fd,
                place: Some((parent, name)),
            }),
            Err(_) => End::Failed(path, Reason::Kernel(Errno::MFILE)),
        }
    }

    fn found_directory(&mut self) -> End {
        if let Some((fd, name)) = self.passed.pop() {
            return match rustix::fs::fstat(&fd) {
                Ok(stat) => self.found(fd, stat, name),
                Err(errno) => End::Failed(self.path(Some(&name), false), Reason::Kernel(errno)),
            };
        }
        let opened = self.root.fd.try_clone().map_err(|_| Errno::MFILE);
        match opened.and_then(|fd| rustix::fs::fstat(&fd).map(|stat| (fd, stat))) {
            Ok((fd, stat)) => End::Found(Found {
                path: "/".to_owned(),
                stat,
                fd,
                place: None,
            }),
            Err(errno) => End::Failed("/".to_owned(), Reason::Kernel(errno)),
        }
    }
}

impl Found {
    /// The type of what is there.
    pub(crate) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Opens it for reading. It must be a regular file or a directory and still
    /// be the one that was found: a FIFO, socket or device is never opened.
    pub(crate) fn open(&self) -> Result<OwnedFd, Errno> {
        let mut flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match self.file_type() {
            FileType::RegularFile => {}
            FileType::Directory => flags |= OFlags::DIRECTORY,
            _ => return Err(Errno::INVAL),
        }
        let fd = match &self.place {
            Some((parent, name)) if self.file_type() == FileType::RegularFile => {
                rustix::fs::openat(parent, OsStr::from_bytes(name), flags, Mode::empty())?
            }
            // A directory is opened through its own descriptor, which also does
            // for `/proc/self` and for the root.
            _ => rustix::fs::openat(&self.fd, c".", flags, Mode::empty())?,
        };
        let stat = rustix::fs::fstat(&fd)?;
        let same = stat.st_dev == self.stat.st_dev && stat.st_ino == self.stat.st_ino;
        if same { Ok(fd) } else { Err(Errno::AGAIN) }
    }

    /// The text of a link that was not followed.
    pub(crate) fn target(&self) -> Result<String, Errno> {
        let target = rustix::fs::readlinkat(&self.fd, c"", Vec::new())?;
        Ok(String::from_utf8_lossy(target.as_bytes()).into_owned())
    }

    /// lstat(2) of `name` in this directory, without following it.
    pub(crate) fn child(&self, name: &[u8]) -> Result<Stat, Errno> {
        rustix::fs::statat(&self.fd, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)
    }
}
