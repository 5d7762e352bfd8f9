//! A project of a policy, as it lies in a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nodepol_model::Verdict;
use nodepol_sandbox::Grants;
use serde::Deserialize;

use crate::error::AuthorError;
use crate::language::Language;
use crate::world;

/// The file that makes a directory a project.
pub(crate) const MANIFEST: &str = "plugin.yaml";

/// `plugin.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The version of this document.
    pub api_version: String,
    /// Always `Plugin`.
    pub kind: String,
    /// The id of the policy, as `describe` says it.
    pub id: String,
    /// What it is written in.
    pub language: Language,
    /// The files of which its cases let it read the text, as a policy set would
    /// with `grants.files`.
    #[serde(default)]
    pub files: Vec<String>,
    /// Verdicts that the policy never gives, and why: a check asks for no case of
    /// them.
    #[serde(default)]
    pub unreached: BTreeMap<Verdict, String>,
}

/// A project and where it lies.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its directory.
    pub directory: PathBuf,
    /// Its `plugin.yaml`.
    pub manifest: Manifest,
    /// The interfaces that its world imports, sorted.
    pub interfaces: BTreeSet<String>,
}

impl Project {
    /// Opens the project in `directory`.
    ///
    /// # Errors
    /// If there is none, or its manifest or world makes no sense.
    pub fn open(directory: &Path) -> Result<Self, AuthorError> {
        let path = directory.join(MANIFEST);
        if !path.is_file() {
            return Err(AuthorError::NoProject(directory.to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(AuthorError::read(&path))?;
        let manifest: Manifest =
            serde_yaml::from_str(&text).map_err(|error| AuthorError::Manifest {
                path: path.clone(),
                message: error.to_string(),
            })?;
        let wrong = |message: String| AuthorError::Manifest {
            path: path.clone(),
            message,
        };
        if manifest.kind != "Plugin" {
            return Err(wrong(format!(
                "`kind` is `{}` and must be `Plugin`",
                manifest.kind
            )));
        }
        if manifest.api_version != nodepol_model::API_VERSION {
            return Err(wrong(format!(
                "`apiVersion` is `{}`; this nodepol reads `{}`",
                manifest.api_version,
                nodepol_model::API_VERSION
            )));
        }
        if !is_id(&manifest.id) {
            return Err(AuthorError::BadId(manifest.id));
        }
        if let Some(file) = manifest.files.iter().find(|file| !file.starts_with('/')) {
            return Err(wrong(format!(
                "`files` names `{file}`, which is no absolute path"
            )));
        }
        if let Some((verdict, _)) = manifest
            .unreached
            .iter()
            .find(|(_, why)| why.trim().is_empty())
        {
            return Err(wrong(format!(
                "`unreached` does not say why `{verdict}` is never reached"
            )));
        }
        Ok(Self {
            interfaces: world::interfaces(&directory.join("wit"))?,
            directory: directory.to_owned(),
            manifest,
        })
    }

    /// Where [`crate::build`] puts the component.
    pub fn component(&self) -> PathBuf {
        self.directory
            .join("build")
            .join(format!("{}.wasm", self.manifest.id))
    }

    /// What its cases are granted: what its world imports, and its files.
    pub fn grants(&self) -> Grants {
        Grants {
            interfaces: self
                .interfaces
                .iter()
                .filter_map(|name| nodepol_sandbox::Interface::from_name(name))
                .collect(),
            files: self.manifest.files.iter().cloned().collect(),
        }
    }
}

/// Whether a name is in kebab-case: `acme-proxy`.
pub(crate) fn is_id(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_are_in_kebab_case() {
        for good in ["a", "acme-proxy", "cgroup-v2"] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "Acme", "acme_proxy", "-a", "a-", "a--b", "2fast", "a/b"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
