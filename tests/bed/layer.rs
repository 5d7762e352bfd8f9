//! The files that a test lays over a machine.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory of fixtures; removed when dropped (a machine that was booted
/// from it has copied it).
#[derive(Debug)]
pub struct Layer(TempDir);

impl Layer {
    /// A layer with nothing in it.
    ///
    /// # Errors
    /// If no temporary directory can be made.
    pub fn new() -> io::Result<Self> {
        Ok(Self(
            tempfile::Builder::new()
                .prefix("nodepol-layer-")
                .tempdir()?,
        ))
    }

    /// Its root.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file at the absolute path `path` of the machine.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn file(&self, path: &str, text: &str) -> io::Result<()> {
        fs::write(self.place(path)?, text)
    }

    /// Writes a program: a file with mode 0755.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn program(&self, path: &str, text: &str) -> io::Result<()> {
        self.file(path, text)?;
        fs::set_permissions(self.place(path)?, fs::Permissions::from_mode(0o755))
    }

    /// Makes a symbolic link to `target`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn link(&self, path: &str, target: &str) -> io::Result<()> {
        std::os::unix::fs::symlink(target, self.place(path)?)
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.0.path().join(path.trim_start_matches('/'));
        if let Some(directory) = place.parent() {
            fs::create_dir_all(directory)?;
        }
        Ok(place)
    }
}
