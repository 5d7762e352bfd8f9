//! The one way in which facts look at a snapshot.
//!
//! Paths are resolved component by component through the links that were
//! recorded, as the kernel would inside that root. A lookup of something that
//! was never gathered is remembered as a [`Want`]: the caller gathers it and
//! works the facts out again.

mod watched;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use nodepol_model::cri::Cri;
use nodepol_model::snapshot::{
    Content, File, FileNode, Filesystem, Journal, LoadedUnit, ProgramOutput, Source,
};
use nodepol_model::{Part, Piece, Snapshot, Unavailable, Want};
use serde_json::Value as Json;

use watched::Watched;

/// As many links as the kernel follows in one lookup (`ELOOP` in path_resolution(7)).
const MAX_LINKS: usize = 40;

/// `PATH_MAX` of the kernel, with its NUL.
const MAX_PATH: usize = 4096;

/// How many paths are remembered, and how long one may be: a policy may ask for as
/// many as it likes.
const MAX_WALKED: usize = 4096;
const MAX_WALKED_PATH: usize = 256;

/// `UNIT_NAME_MAX` of systemd, with its NUL.
const MAX_UNIT_NAME: usize = 256;

/// A snapshot, and what facts missed in it.
#[derive(Debug)]
pub struct Evidence {
    snapshot: Watched,
    wants: Mutex<BTreeSet<Want>>,
    /// Recorded directories with no link on the way to them: most lookups begin
    /// with one that was walked to before.
    plain: Mutex<HashSet<String>>,
    /// Where paths led: their own links not followed, and followed.
    walked: [Mutex<HashMap<String, Resolved>>; 2],
}

/// Where a path leads once every link is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// To a path that exists (its own canonical path).
    At(String),
    /// Nowhere: this canonical path does not exist.
    Nowhere(String),
    /// It cannot be told.
    Unknown(Unavailable),
}

impl Evidence {
    /// Evidence from `snapshot`.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self::of(Watched::new(snapshot, false))
    }

    /// Evidence from `snapshot` that remembers what was looked at.
    pub fn watched(snapshot: Arc<Snapshot>) -> Self {
        Self::of(Watched::new(snapshot, true))
    }

    fn of(snapshot: Watched) -> Self {
        Self {
            snapshot,
            wants: Mutex::default(),
            plain: Mutex::default(),
            walked: Default::default(),
        }
    }

    /// What was looked at so far: with another snapshot in which all of this is the
    /// same, nothing would come out different. None if it was not made to remember
    /// that, or was asked for more than it remembers. Empties the list.
    pub fn take_seen(&self) -> Option<BTreeSet<Piece>> {
        self.snapshot.take_seen()
    }

    /// When the snapshot was taken.
    pub fn taken_at(&self) -> Timestamp {
        self.snapshot.taken_at()
    }

    /// Whether it was taken from a running machine.
    pub fn is_live(&self) -> bool {
        self.snapshot.source() == Source::Live
    }

    /// Every path at which something was looked for, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.snapshot.paths()
    }

    /// What was found at a path itself, with no link followed on the way to it.
    /// None if nobody looked.
    pub fn gathered(&self, path: &str) -> Option<&Part<File>> {
        // No path is longer.
        (path.len() < MAX_PATH).then(|| self.snapshot.file(path))?
    }

    /// The kubelet's log.
    pub fn journal(&self) -> &Part<Journal> {
        self.snapshot.journal()
    }

    /// What was looked for and never gathered. Empties the list.
    pub fn take_wants(&self) -> BTreeSet<Want> {
        std::mem::take(&mut *self.wants.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much was looked for so far and never gathered.
    pub fn count_wants(&self) -> usize {
        self.wants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn want(&self, want: Want) {
        self.wants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(want);
    }

    /// lstat(2): the file at `path`, its ancestors' links followed, its own not.
    pub fn lstat(&self, path: &str) -> Part<&File> {
        self.lstat_as(path, Want::Path)
    }

    fn lstat_as(&self, path: &str, want: fn(String) -> Want) -> Part<&File> {
        match self.walk(path, false, want) {
            Resolved::At(canonical) => self.recorded(&canonical, want),
            Resolved::Nowhere(_) => Part::Absent,
            Resolved::Unknown(unavailable) => Part::Unreadable(unavailable.reason),
        }
    }

    /// stat(2): the file that `path` leads to, with its canonical path.
    pub fn stat(&self, path: &str) -> Part<(String, &File)> {
        self.stat_as(path, Want::Path)
    }

    /// stat(2) of a file of which the content does not matter, such as a program.
    pub fn stat_metadata(&self, path: &str) -> Part<(String, &File)> {
        self.stat_as(path, Want::Metadata)
    }

    fn stat_as(&self, path: &str, want: fn(String) -> Want) -> Part<(String, &File)> {
        match self.walk(path, true, want) {
            Resolved::At(canonical) => self
                .recorded(&canonical, want)
                .map(|file| (canonical, file)),
            Resolved::Nowhere(_) => Part::Absent,
            Resolved::Unknown(unavailable) => Part::Unreadable(unavailable.reason),
        }
    }

    /// realpath(3), told apart from a path that leads nowhere.
    pub fn resolve(&self, path: &str) -> Resolved {
        self.walk(path, true, Want::Path)
    }

    /// The text of a regular file, links followed.
    pub fn text(&self, path: &str) -> Part<&str> {
        match self.stat(path) {
            Part::Present((_, file)) => match &file.node {
                FileNode::Regular(Content::Text(text)) => Part::Present(text),
                FileNode::Regular(Content::Binary(_)) => {
                    Part::Unreadable("it is not UTF-8 text".to_owned())
                }
                FileNode::Regular(Content::NotRead) => {
                    self.want(Want::Path(path.to_owned()));
                    Part::Unreadable("its content was not gathered".to_owned())
                }
                FileNode::Regular(Content::Unreadable(why)) => Part::Unreadable(why.clone()),
                FileNode::Directory(_) => Part::Unreadable("it is a directory".to_owned()),
                FileNode::Symlink(_) | FileNode::Special(_) => {
                    Part::Unreadable("it is not a regular file".to_owned())
                }
            },
            Part::Absent => Part::Absent,
            Part::Unreadable(why) => Part::Unreadable(why),
        }
    }

    /// The names in a directory, sorted, links to it followed.
    pub fn names(&self, path: &str) -> Part<&[String]> {
        match self.stat(path) {
            Part::Present((_, file)) => match &file.node {
                FileNode::Directory(names) => names.as_ref().map(Vec::as_slice),
                _ => Part::Unreadable("it is not a directory".to_owned()),
            },
            Part::Absent => Part::Absent,
            Part::Unreadable(why) => Part::Unreadable(why),
        }
    }

    /// Whether systemd answered over D-Bus.
    ///
    /// # Errors
    /// [`Unavailable`] if there was no bus or no answer.
    pub fn bus(&self) -> Result<(), Unavailable> {
        self.snapshot.bus()
    }

    /// `GetDefaultTarget` of systemd's manager.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager could not be asked.
    pub fn default_target(&self) -> Result<Option<&str>, Unavailable> {
        self.snapshot.default_target()
    }

    /// A property of systemd's manager; none if it has none of that name, or could
    /// not be asked.
    pub fn manager(&self, property: &str) -> Option<&Json> {
        self.snapshot.manager(property).ok().flatten()
    }

    /// A unit as the manager has it loaded; none if it knows none of that name.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager could not be asked for it.
    pub fn known_unit(&self, name: &str) -> Result<Option<&LoadedUnit>, Unavailable> {
        if name.len() >= MAX_UNIT_NAME {
            self.bus()?;
            let start: String = name.chars().take(64).collect();
            return Err(Unavailable::new(start, "no unit has so long a name"));
        }
        match self.snapshot.unit(name)? {
            Some(Part::Present(unit)) => Ok(Some(unit)),
            Some(Part::Absent) => Ok(None),
            Some(Part::Unreadable(why)) => Err(Unavailable::new(name, why)),
            None => {
                self.want(Want::Unit(name.to_owned()));
                Err(Unavailable::new(name, "systemd was not asked for it"))
            }
        }
    }

    /// The same of a unit that there is.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager could not be asked for it, or knows none of
    /// that name.
    pub fn loaded_unit(&self, name: &str) -> Result<&LoadedUnit, Unavailable> {
        self.known_unit(name)?
            .ok_or_else(|| Unavailable::new(name, "systemd does not know it"))
    }

    /// What a program printed, by its stable name such as `kubelet --version`.
    pub fn program(&self, name: &str) -> Part<&ProgramOutput> {
        match self.snapshot.program(name) {
            Some(part) => part.as_ref(),
            None => Part::Unreadable("it was not run".to_owned()),
        }
    }

    /// statfs(2) of a path.
    pub fn filesystem(&self, path: &str) -> Part<&Filesystem> {
        if path.len() >= MAX_PATH {
            return Part::Unreadable("its name is too long".to_owned());
        }
        match self.snapshot.filesystem(path) {
            Some(part) => part.as_ref(),
            None => {
                self.want(Want::Filesystem(path.to_owned()));
                Part::Unreadable("it was not gathered".to_owned())
            }
        }
    }

    /// What answers over CRI at a URL, `unix://` with `/run` for `/var/run`.
    pub fn cri(&self, url: &str) -> Part<&Cri> {
        if url.len() >= MAX_PATH {
            return Part::Unreadable("no socket has so long a name".to_owned());
        }
        match self.snapshot.cri(url) {
            Some(part) => part.as_ref(),
            None if !self.is_live() => {
                Part::Unreadable("in a tree nothing runs that could be asked".to_owned())
            }
            None => {
                self.want(Want::Cri(url.to_owned()));
                Part::Unreadable("it was not asked".to_owned())
            }
        }
    }

    /// What the snapshot records at a canonical path.
    fn recorded(&self, canonical: &str, want: fn(String) -> Want) -> Part<&File> {
        match self.snapshot.file(canonical) {
            Some(part) => part.as_ref(),
            None if canonical == "/" => {
                Part::Unreadable("the root itself is not recorded".to_owned())
            }
            None if self.listed_without(canonical) => Part::Absent,
            None => {
                self.want(want(canonical.to_owned()));
                Part::Unreadable("it was not gathered".to_owned())
            }
        }
    }

    /// Whether the parent's names are known and this is none of them, or the
    /// parent does not exist.
    fn listed_without(&self, canonical: &str) -> bool {
        let mut path = canonical;
        while let Some((parent, name)) = path.rsplit_once('/') {
            let parent = if parent.is_empty() { "/" } else { parent };
            match self.snapshot.file(parent) {
                Some(Part::Absent) => return true,
                Some(Part::Present(File {
                    node: FileNode::Directory(Part::Present(names)),
                    ..
                })) => {
                    return names
                        .binary_search_by(|known| known.as_str().cmp(name))
                        .is_err();
                }
                Some(
                    Part::Present(File {
                        node: FileNode::Directory(_),
                        ..
                    })
                    | Part::Unreadable(_),
                ) => {
                    return false;
                }
                // Below something that is no directory there is nothing.
                Some(Part::Present(_)) => return true,
                None if parent == "/" => return false,
                None => path = parent,
            }
        }
        false
    }

    fn plain(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the links of every ancestor and, if `follow`, of the path itself. What
    /// was found once is found again: the snapshot does not change.
    fn walk(&self, path: &str, follow: bool, want: fn(String) -> Want) -> Resolved {
        let [own_link, led_to] = &self.walked;
        let walked = if follow { led_to } else { own_link };
        let remembered = || walked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().get(path) {
            return known.clone();
        }
        let found = self.walk_anew(path, follow, want);
        if !matches!(found, Resolved::Unknown(_)) && path.len() <= MAX_WALKED_PATH {
            let mut remembered = remembered();
            if remembered.len() < MAX_WALKED {
                remembered.insert(path.to_owned(), found.clone());
            }
        }
        found
    }

    fn walk_anew(&self, path: &str, follow: bool, want: fn(String) -> Want) -> Resolved {
        if path.len() >= MAX_PATH {
            // As the kernel says (`ENAMETOOLONG`); and nobody is to remember it.
            let start: String = path.chars().take(64).collect();
            return Resolved::Unknown(Unavailable::new(start, "its name is too long"));
        }
        let parts = |path| str::split(path, '/').rev().filter(|part| !part.is_empty());
        let mut at = String::with_capacity(path.len());
        let known = path.rsplit_once('/').filter(|(parent, name)| {
            !matches!(*name, "" | "." | "..") && self.plain().contains(*parent)
        });
        let mut pending: Vec<&str> = match known {
            Some((parent, name)) => {
                at.push_str(parent);
                vec![name]
            }
            None => parts(path).collect(),
        };
        let mut links = 0;
        while let Some(part) = pending.pop() {
            match part {
                "." => continue,
                ".." => {
                    at.truncate(at.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let parent = at.len();
            at.push('/');
            at.push_str(part);
            let last = pending.is_empty();
            // Nothing was left out on the way, so it was that way. Only what is
            // recorded is remembered: whoever asks, there is no more of it.
            if last
                && known.is_none()
                && links == 0
                && at == path
                && let Some(parent) = at.get(..parent)
                && self.snapshot.file(parent).is_some()
            {
                self.plain().insert(parent.to_owned());
            }
            match self.snapshot.file(&at) {
                Some(Part::Present(File {
                    node: FileNode::Symlink(target),
                    ..
                })) if !last || follow => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Resolved::Unknown(Unavailable::new(path, "too many links"));
                    }
                    at.truncate(if target.starts_with('/') { 0 } else { parent });
                    pending.extend(parts(target));
                }
                Some(Part::Present(_)) => {}
                Some(Part::Absent) => return Resolved::Nowhere(join(at, &pending)),
                Some(Part::Unreadable(why)) => {
                    return Resolved::Unknown(Unavailable::new(at, why));
                }
                None if self.listed_without(&at) => return Resolved::Nowhere(join(at, &pending)),
                None if last => {
                    self.want(want(at.clone()));
                    return Resolved::Unknown(Unavailable::new(path, "it was not gathered"));
                }
                None => {}
            }
        }
        Resolved::At(if at.is_empty() { "/".to_owned() } else { at })
    }
}

fn join(mut at: String, pending: &[&str]) -> String {
    for part in pending.iter().rev() {
        at.push('/');
        at.push_str(part);
    }
    at
}
