//! Machine code that was compiled here before.
//!
//! What is in the cache is run as it is, so a file counts only if nobody but
//! the effective user can have written it: the directory belongs to that user
//! and nobody else may enter it, the file is a regular one with one name, belongs
//! to that user and is writable by nobody else, and no link is followed on the
//! way. A digest in front shows that it is whole. Anything else is refused, and
//! the component is compiled again.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use sha2::{Digest, Sha256};

/// The first bytes of a file of the cache; what follows is the SHA-256 of the
/// rest, then the rest.
const MAGIC: &[u8; 16] = b"nodepol-cwasm-1\n";
const DIGEST: usize = 32;

/// The largest file that is read.
const MAX_SIZE: u64 = 256 << 20;

/// How many files are kept; the oldest go.
const MAX_FILES: usize = 128;

/// A directory of compiled components.
#[derive(Debug)]
pub struct Cache {
    directory: OwnedFd,
    path: PathBuf,
}

/// Why the cache, or a file of it, is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The system says no.
    #[error("the cache {path}: cannot {action}: {source}")]
    System {
        /// The file or directory.
        path: String,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody else could have written it.
    #[error("the cache {path} is not trusted: {reason}; remove it")]
    Untrusted {
        /// The file or directory.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file is not whole.
    #[error("the cache {path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// Why.
        reason: &'static str,
    },
}

impl Cache {
    /// Opens the cache at `path` (`/var/cache/nodepol` for root, a directory
    /// in the user's cache for anyone else), and makes it if it is not there.
    ///
    /// # Errors
    /// [`CacheError`] if it cannot be made, or anyone but the effective user
    /// could write there.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        let system = |action| {
            move |error: rustix::io::Errno| CacheError::System {
                path: path.display().to_string(),
                action,
                source: error.into(),
            }
        };
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(system("make it")(error)),
        }
        let directory = rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(system("open it"))?;
        let stat = rustix::fs::fstat(&directory).map_err(system("look at it"))?;
        let mode = stat.st_mode & 0o7777;
        let untrusted = |reason: String| CacheError::Untrusted {
            path: path.display().to_string(),
            reason,
        };
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(untrusted(format!("it belongs to user {}", stat.st_uid)));
        }
        if mode & 0o077 != 0 {
            return Err(untrusted(format!("its mode is {mode:04o}, not 0700")));
        }
        Ok(Self {
            directory,
            path: path.to_owned(),
        })
    }

    fn name(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    fn system<E: Into<std::io::Error>>(
        &self,
        name: &str,
        action: &'static str,
    ) -> impl FnOnce(E) -> CacheError + use<E> {
        let path = self.name(name);
        move |error| CacheError::System {
            path,
            action,
            source: error.into(),
        }
    }

    /// The machine code under `name`; none if there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let opened = rustix::fs::openat(
            &self.directory,
            name,
            // NONBLOCK: a FIFO in its place must not hang.
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        );
        let untrusted = |reason: String| CacheError::Untrusted {
            path: self.name(name),
            reason,
        };
        let file = match opened {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(untrusted("it is a link".to_owned())),
            Err(error) => return Err(self.system(name, "open it")(error)),
        };
        let stat = rustix::fs::fstat(&file).map_err(self.system(name, "look at it"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(untrusted("it is no regular file".to_owned()));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(untrusted(format!("it belongs to user {}", stat.st_uid)));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(untrusted(format!(
                "others may write it (mode {:04o})",
                stat.st_mode & 0o7777
            )));
        }
        if stat.st_nlink != 1 {
            return Err(untrusted("it has a second name".to_owned()));
        }
        let damaged = |reason| CacheError::Damaged {
            path: self.name(name),
            reason,
        };
        let mut bytes = Vec::new();
        File::from(file)
            .take(MAX_SIZE)
            .read_to_end(&mut bytes)
            .map_err(self.system(name, "read it"))?;
        let content = bytes
            .strip_prefix(MAGIC.as_slice())
            .and_then(|rest| rest.split_at_checked(DIGEST))
            .ok_or_else(|| damaged("it does not begin as it must"))?;
        let (digest, artifact) = content;
        if Sha256::digest(artifact).as_slice() != digest {
            return Err(damaged("it is not whole"));
        }
        bytes.drain(..MAGIC.len() + DIGEST);
        Ok(Some(bytes))
    }

    /// Puts machine code under `name`, in one step: a reader sees all of it or
    /// nothing.
    pub(crate) fn write(&self, name: &str, artifact: &[u8]) -> Result<(), CacheError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        self.prune()?;
        let temporary = format!(
            ".{}-{}.tmp",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let written = self.write_whole(&temporary, artifact).and_then(|()| {
            rustix::fs::renameat(&self.directory, &temporary, &self.directory, name)
                .map_err(self.system(name, "rename to it"))
        });
        if written.is_err() {
            // What is left of it is in nobody's way.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        written?;
        rustix::fs::fsync(&self.directory).map_err(self.system(name, "sync it"))
    }

    fn write_whole(&self, temporary: &str, artifact: &[u8]) -> Result<(), CacheError> {
        let file = rustix::fs::openat(
            &self.directory,
            temporary,
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(self.system(temporary, "create it"))?;
        let mut file = File::from(file);
        file.write_all(MAGIC)
            .and_then(|()| file.write_all(&Sha256::digest(artifact)))
            .and_then(|()| file.write_all(artifact))
            .and_then(|()| file.sync_all())
            .map_err(self.system(temporary, "write it"))
    }

    /// Removes the oldest files, so that the cache does not grow for ever.
    fn prune(&self) -> Result<(), CacheError> {
        let list =
            rustix::fs::Dir::read_from(&self.directory).map_err(self.system("", "list it"))?;
        let mut files: Vec<(i64, std::ffi::CString)> = Vec::new();
        for entry in list {
            let entry = entry.map_err(self.system("", "list it"))?;
            let name = entry.file_name();
            if let Ok(stat) = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
                && FileType::from_raw_mode(stat.st_mode) != FileType::Directory
            {
                files.push((stat.st_mtime, name.to_owned()));
            }
        }
        let surplus = (files.len() + 1).saturating_sub(MAX_FILES);
        files.sort_unstable();
        for (_, name) in files.into_iter().take(surplus) {
            // Another nodepol may have been faster.
            let _ = rustix::fs::unlinkat(&self.directory, &name, AtFlags::empty());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const NAME: &str = "aa-bb.cwasm";

    fn cache() -> (tempfile::TempDir, PathBuf, Cache) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("nodepol");
        let cache = Cache::open(&path).unwrap();
        (root, path, cache)
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_left() {
        let (_root, path, cache) = cache();
        assert!(cache.read(NAME).unwrap().is_none());
        cache.write(NAME, b"code").unwrap();
        assert_eq!(cache.read(NAME).unwrap().unwrap(), b"code");
        cache.write(NAME, b"newer").unwrap();
        assert_eq!(cache.read(NAME).unwrap().unwrap(), b"newer");
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(NAME)), 0o600);
    }

    #[test]
    fn a_truncated_or_changed_file_is_refused() {
        let (_root, path, cache) = cache();
        cache.write(NAME, b"machine code").unwrap();
        let file = path.join(NAME);
        let whole = std::fs::read(&file).unwrap();
        for length in [0, 5, 16, 40, whole.len() - 1] {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert!(
                matches!(cache.read(NAME), Err(CacheError::Damaged { .. })),
                "{length}"
            );
        }
        let mut changed = whole;
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&file, changed).unwrap();
        assert!(matches!(cache.read(NAME), Err(CacheError::Damaged { .. })));
        cache.write(NAME, b"machine code").unwrap();
        assert_eq!(cache.read(NAME).unwrap().unwrap(), b"machine code");
    }

    #[test]
    fn a_planted_file_is_refused() {
        let (root, path, cache) = cache();
        cache.write(NAME, b"code").unwrap();
        let file = path.join(NAME);
        let reason = || match cache.read(NAME) {
            Err(CacheError::Untrusted { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };

        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o620)).unwrap();
        assert!(reason().contains("0620"));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();

        let other = root.path().join("other");
        std::fs::hard_link(&file, &other).unwrap();
        assert!(reason().contains("second name"));

        std::fs::remove_file(&file).unwrap();
        symlink(&other, &file).unwrap();
        assert!(reason().contains("link"));

        std::fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(reason().contains("regular"));

        // Writing replaces whatever is there, and follows nothing.
        cache.write(NAME, b"code").unwrap();
        assert_eq!(cache.read(NAME).unwrap().unwrap(), b"code");
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can give files away");
            return;
        }
        let (_root, path, cache) = cache();
        cache.write(NAME, b"code").unwrap();
        std::os::unix::fs::chown(path.join(NAME), Some(12345), None).unwrap();
        assert!(matches!(
            cache.read(NAME),
            Err(CacheError::Untrusted { reason, .. }) if reason.contains("12345")
        ));
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert!(matches!(
            Cache::open(&path),
            Err(CacheError::Untrusted { reason, .. }) if reason.contains("12345")
        ));
    }

    #[test]
    fn a_directory_that_others_may_enter_or_a_link_is_refused() {
        let (root, path, _cache) = cache();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(matches!(
            Cache::open(&path),
            Err(CacheError::Untrusted { reason, .. }) if reason.contains("0755")
        ));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        let link = root.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(Cache::open(&link), Err(CacheError::System { .. })));
        assert!(Cache::open(&root.path().join("no/such")).is_err());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let (_root, path, cache) = cache();
        for n in 0..MAX_FILES + 3 {
            cache.write(&format!("{n}.cwasm"), b"x").unwrap();
        }
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), MAX_FILES);
    }
}
