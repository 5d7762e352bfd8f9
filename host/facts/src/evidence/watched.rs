//! The only place where facts touch a snapshot: it can tell what they looked at.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use nodepol_model::cri::Cri;
use nodepol_model::snapshot::{
    File, Filesystem, Journal, LoadedUnit, ProgramOutput, Source, Systemd,
};
use nodepol_model::{Part, Piece, Snapshot, Unavailable};
use serde_json::Value as Json;

/// A snapshot, of which every access is known if that is wanted.
#[derive(Debug)]
pub(super) struct Watched {
    snapshot: Arc<Snapshot>,
    seen: Option<Mutex<BTreeSet<Piece>>>,
}

impl Watched {
    pub(super) fn new(snapshot: Arc<Snapshot>, watch: bool) -> Self {
        Self {
            snapshot,
            seen: watch.then(Mutex::default),
        }
    }

    /// What was looked at so far, if it is watched.
    pub(super) fn seen(&self) -> BTreeSet<Piece> {
        self.seen
            .as_ref()
            .map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    fn see(&self, piece: impl FnOnce() -> Piece) {
        if let Some(seen) = &self.seen {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(piece());
        }
    }

    pub(super) fn taken_at(&self) -> Timestamp {
        self.see(|| Piece::TakenAt);
        self.snapshot.taken_at
    }

    pub(super) fn source(&self) -> Source {
        self.see(|| Piece::Source);
        self.snapshot.source
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.see(|| Piece::Paths);
        self.snapshot.files.keys().map(String::as_str)
    }

    pub(super) fn file(&self, path: &str) -> Option<&Part<File>> {
        self.see(|| Piece::File(path.to_owned()));
        self.snapshot.files.get(path)
    }

    /// What systemd said, of which the caller says what it takes.
    fn systemd(&self) -> Result<&Systemd, Unavailable> {
        self.see(|| Piece::Bus);
        match &self.snapshot.systemd {
            Part::Present(systemd) => Ok(systemd),
            Part::Absent => Err(Unavailable::new("systemd", "no manager runs here")),
            Part::Unreadable(why) => Err(Unavailable::new("systemd", why)),
        }
    }

    pub(super) fn bus(&self) -> Result<(), Unavailable> {
        self.systemd().map(drop)
    }

    pub(super) fn default_target(&self) -> Result<Option<&str>, Unavailable> {
        self.see(|| Piece::DefaultTarget);
        Ok(self.systemd()?.default_target.as_deref())
    }

    pub(super) fn manager(&self, property: &str) -> Result<Option<&Json>, Unavailable> {
        self.see(|| Piece::Manager(property.to_owned()));
        Ok(self.systemd()?.manager.get(property))
    }

    pub(super) fn unit(&self, name: &str) -> Result<Option<&Part<LoadedUnit>>, Unavailable> {
        self.see(|| Piece::Unit(name.to_owned()));
        Ok(self.systemd()?.units.get(name))
    }

    pub(super) fn journal(&self) -> &Part<Journal> {
        self.see(|| Piece::Journal);
        &self.snapshot.journal
    }

    pub(super) fn program(&self, name: &str) -> Option<&Part<ProgramOutput>> {
        self.see(|| Piece::Program(name.to_owned()));
        self.snapshot.programs.get(name)
    }

    pub(super) fn filesystem(&self, path: &str) -> Option<&Part<Filesystem>> {
        self.see(|| Piece::Filesystem(path.to_owned()));
        self.snapshot.filesystems.get(path)
    }

    pub(super) fn cri(&self, url: &str) -> Option<&Part<Cri>> {
        self.see(|| Piece::Cri(url.to_owned()));
        self.snapshot.cri.get(url)
    }
}
