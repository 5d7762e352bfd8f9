//! The kubelet's certificate store (client-go, util/certificate/
//! certificate_store.go): `kubelet-client-current.pem` and what stands in for it.

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Location, Part, Unavailable};

use super::key_pair::{self, KeyText, PairError, Place};
use super::read::{self, Read, join};
use super::{Credential, Store};
use crate::evidence::Evidence;

/// The store of a certificate directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileStore<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) directory: &'a str,
}

/// A pair of the store that can be loaded, or why it cannot.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// There is none.
    None,
    /// It can be loaded.
    Pair(Credential),
    /// It is there and cannot be loaded: the kubelet exits.
    Broken {
        error: PairError,
        message: String,
        path: String,
    },
}

impl FileStore<'_> {
    pub(super) fn current_path(&self) -> String {
        join(self.directory, "kubelet-client-current.pem")
    }

    /// `recover`: why the store cannot be opened at all.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know the files.
    pub(super) fn open_error(&self) -> Result<Option<String>, Unavailable> {
        if self.exists(&self.current_path())? {
            return Ok(None);
        }
        let updated = join(self.directory, "kubelet-client-updated.pem");
        match self.evidence.lstat(&updated) {
            Part::Absent => Ok(None),
            Part::Present(file) if matches!(file.node, FileNode::Symlink(_)) => Ok(None),
            Part::Present(_) => Ok(Some(updated)),
            Part::Unreadable(why) => Err(Unavailable::new(updated, why)),
        }
    }

    /// What `recover` has renamed once the store is open: a rotation that was
    /// interrupted. The link that becomes the current one, if it does.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know the files.
    pub(super) fn recovered(&self) -> Result<Option<String>, Unavailable> {
        if self.exists(&self.current_path())? {
            return Ok(None);
        }
        let updated = join(self.directory, "kubelet-client-updated.pem");
        match self.evidence.lstat(&updated) {
            Part::Present(file) => Ok(matches!(file.node, FileNode::Symlink(_)).then_some(updated)),
            Part::Absent => Ok(None),
            Part::Unreadable(why) => Err(Unavailable::new(updated, why)),
        }
    }

    /// `Current`: the first pair of the store, of the files that the kubeconfig
    /// names, or of `kubelet-client.crt` and `.key`.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know the files.
    pub(super) fn current(
        &self,
        certificate: Option<&str>,
        key: Option<&str>,
    ) -> Result<Loaded, Unavailable> {
        let mut current = self.current_path();
        if !self.exists(&current)? {
            // An interrupted rotation is finished at the start.
            let updated = join(self.directory, "kubelet-client-updated.pem");
            if self.exists(&updated)? {
                current = updated;
            }
        }
        if self.exists(&current)? {
            return self.load(&current, &current, |error| {
                format!("could not convert data from \"{current}\" into cert/key pair: {error}")
            });
        }
        let legacy = (
            join(self.directory, "kubelet-client.crt"),
            join(self.directory, "kubelet-client.key"),
        );
        for (certificate, key) in [
            certificate.zip(key),
            Some((legacy.0.as_str(), legacy.1.as_str())),
        ]
        .into_iter()
        .flatten()
        {
            if self.exists(certificate)? && self.exists(key)? {
                return self.load(certificate, key, ToString::to_string);
            }
        }
        Ok(Loaded::None)
    }

    /// `tls.LoadX509KeyPair`.
    fn load(
        &self,
        certificate: &str,
        key: &str,
        words: impl Fn(&PairError) -> String,
    ) -> Result<Loaded, Unavailable> {
        let (text, canonical) = match read::read(self.evidence, certificate)? {
            Read::Text(canonical, text) => (text, canonical),
            Read::Binary(canonical) => ("", canonical),
            Read::Absent | Read::Directory => ("", certificate.to_owned()),
        };
        let key_text = match read::read(self.evidence, key)? {
            Read::Text(_, text) => text,
            Read::Binary(_) | Read::Absent | Read::Directory => "",
        };
        match key_pair::check(text, &KeyText::Pem(key_text)) {
            Ok(key_matches) => Ok(Loaded::Pair(Credential {
                kind: "file",
                at: Location::source(certificate),
                certificates: key_pair::certificates(text, &Place::File(canonical.clone())),
                path: Some(canonical),
                key_matches,
            })),
            Err(error) => Ok(Loaded::Broken {
                message: words(&error),
                path: certificate.to_owned(),
                error,
            }),
        }
    }

    /// What `kubelet-client-current.pem` is.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know it.
    pub(super) fn state(&self) -> Result<Store, Unavailable> {
        let current = self.current_path();
        let target = match self.evidence.lstat(&current) {
            Part::Absent => return Ok(Store::Absent),
            Part::Unreadable(why) => return Err(Unavailable::new(current, why)),
            Part::Present(file) => match &file.node {
                FileNode::Symlink(target) => Some(target.clone()),
                _ => None,
            },
        };
        if let Some(target) = &target
            && !self.exists(&current)?
        {
            return Ok(Store::Dangling(target.clone()));
        }
        let credential = match self.load(&current, &current, ToString::to_string)? {
            Loaded::Pair(credential) => credential,
            Loaded::Broken {
                error: PairError::Mismatch,
                ..
            } => {
                let (text, canonical) = match read::read(self.evidence, &current)? {
                    Read::Text(canonical, text) => (text, canonical),
                    _ => return Ok(Store::Corrupt(PairError::Mismatch.to_string())),
                };
                Credential {
                    kind: "file",
                    at: Location::source(&current),
                    certificates: key_pair::certificates(text, &Place::File(canonical.clone())),
                    path: Some(canonical),
                    key_matches: Some(false),
                }
            }
            Loaded::Broken { message, .. } => return Ok(Store::Corrupt(message)),
            Loaded::None => return Ok(Store::Absent),
        };
        Ok(match target {
            Some(_) => Store::Link(credential),
            None => Store::Regular(credential),
        })
    }

    /// `os.Stat`: a link that leads nowhere does not exist.
    fn exists(&self, path: &str) -> Result<bool, Unavailable> {
        match self.evidence.stat(path) {
            Part::Present(_) => Ok(true),
            Part::Absent => Ok(false),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }
}
