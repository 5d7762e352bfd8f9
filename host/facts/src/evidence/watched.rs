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

/// Bytes of names that are remembered: a policy may ask for as many as it likes.
const MAX_SEEN: usize = 4 << 20;

/// What a piece takes besides its name.
const PIECE: usize = 64;

/// A snapshot, of which every access is known if that is wanted.
#[derive(Debug)]
pub(super) struct Watched {
    snapshot: Arc<Snapshot>,
    seen: Option<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// None once there were too many.
    pieces: Option<BTreeSet<Piece>>,
    bytes: usize,
}

impl Watched {
    pub(super) fn new(snapshot: Arc<Snapshot>, watch: bool) -> Self {
        let seen = || {
            Mutex::new(Seen {
                pieces: Some(BTreeSet::new()),
                bytes: 0,
            })
        };
        Self {
            snapshot,
            seen: watch.then(seen),
        }
    }

    /// What was looked at so far; none if it is not watched, or was too much.
    pub(super) fn take_seen(&self) -> Option<BTreeSet<Piece>> {
        let seen = self.seen.as_ref()?;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.pieces.take()
    }

    fn see(&self, piece: Piece) {
        if let Some(seen) = &self.seen {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(pieces) = &mut seen.pieces {
                pieces.insert(piece);
            }
        }
    }

    fn see_named(&self, piece: fn(String) -> Piece, name: &str) {
        let Some(seen) = &self.seen else { return };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = seen.bytes.saturating_add(name.len() + PIECE);
        if bytes > MAX_SEEN {
            seen.pieces = None;
        } else if let Some(pieces) = &mut seen.pieces
            && pieces.insert(piece(name.to_owned()))
        {
            seen.bytes = bytes;
        }
    }

    pub(super) fn taken_at(&self) -> Timestamp {
        self.see(Piece::TakenAt);
        self.snapshot.taken_at
    }

    pub(super) fn source(&self) -> Source {
        self.see(Piece::Source);
        self.snapshot.source
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.see(Piece::Paths);
        self.snapshot.files.keys().map(String::as_str)
    }

    pub(super) fn file(&self, path: &str) -> Option<&Part<File>> {
        self.see_named(Piece::File, path);
        self.snapshot.files.get(path)
    }

    /// What systemd said, of which the caller says what it takes.
    fn systemd(&self) -> Result<&Systemd, Unavailable> {
        self.see(Piece::Bus);
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
        self.see(Piece::DefaultTarget);
        Ok(self.systemd()?.default_target.as_deref())
    }

    pub(super) fn manager(&self, property: &str) -> Result<Option<&Json>, Unavailable> {
        self.see_named(Piece::Manager, property);
        Ok(self.systemd()?.manager.get(property))
    }

    pub(super) fn unit(&self, name: &str) -> Result<Option<&Part<LoadedUnit>>, Unavailable> {
        self.see_named(Piece::Unit, name);
        Ok(self.systemd()?.units.get(name))
    }

    pub(super) fn journal(&self) -> &Part<Journal> {
        self.see(Piece::Journal);
        &self.snapshot.journal
    }

    pub(super) fn program(&self, name: &str) -> Option<&Part<ProgramOutput>> {
        self.see_named(Piece::Program, name);
        self.snapshot.programs.get(name)
    }

    pub(super) fn filesystem(&self, path: &str) -> Option<&Part<Filesystem>> {
        self.see_named(Piece::Filesystem, path);
        self.snapshot.filesystems.get(path)
    }

    pub(super) fn cri(&self, url: &str) -> Option<&Part<Cri>> {
        self.see_named(Piece::Cri, url);
        self.snapshot.cri.get(url)
    }
}
