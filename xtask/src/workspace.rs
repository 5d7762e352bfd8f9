//! Where things are in this checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout and its build directory.
pub(crate) struct Workspace {
    /// The directory of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the checkout that this program is run from: cargo says where it is.
    /// (What was known when it was built is wrong in a checkout that was copied
    /// together with its target directory.)
    pub(crate) fn locate() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
        let root = Path::new(
            manifest
                .as_deref()
                .unwrap_or(env!("CARGO_MANIFEST_DIR").as_ref()),
        )
        .parent()
        .context("xtask is not inside a workspace")?
        .to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || root.join("target"),
            // Cargo takes a relative one from the current directory, which
            // under `cargo xtask` is the user's.
            |target| std::path::absolute(target).unwrap_or_else(|_| root.join("target")),
        );
        Ok(Self { root, target })
    }

    /// Where the components are put, and where the host looks for them.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    /// The ids of the standard policies: the directories in `plugins/`, but for
    /// the SDK.
    pub(crate) fn policy_ids(&self) -> Result<Vec<String>> {
        let plugins = self.root.join("plugins");
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&plugins).context("cannot read plugins/")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "sdk" && plugins.join(&name).join("Cargo.toml").is_file() {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }
}
