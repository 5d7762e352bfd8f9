//! The pieces of a snapshot, and which of them differ between two.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::part::Part;
use crate::snapshot::{Snapshot, Systemd};

/// Something of a snapshot that can be looked at by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// When it was taken.
    TakenAt,
    /// What it was taken from.
    Source,
    /// At which paths something was looked for.
    Paths,
    /// What was found at a path, or that nobody looked.
    File(String),
    /// Whether systemd answered.
    Bus,
    /// The target of a boot, as systemd says it.
    DefaultTarget,
    /// A property of systemd's manager.
    Manager(String),
    /// A unit, as the manager has it loaded.
    Unit(String),
    /// The kubelet's log.
    Journal,
    /// What a program printed.
    Program(String),
    /// A file system, by its mount point.
    Filesystem(String),
    /// A container runtime, by the URL of its socket.
    Cri(String),
}

impl Snapshot {
    /// The pieces in which this snapshot and another differ.
    pub fn differences(&self, other: &Self) -> BTreeSet<Piece> {
        // A new field is a piece, or says nothing of the node.
        let Self {
            api_version: _,
            kind: _,
            taken_at,
            taken_by: _,
            source,
            files,
            systemd,
            journal,
            programs,
            filesystems,
            cri,
        } = self;
        let mut found = BTreeSet::new();
        let mut single = |same: bool, piece| {
            if !same {
                found.insert(piece);
            }
        };
        single(*taken_at == other.taken_at, Piece::TakenAt);
        single(*source == other.source, Piece::Source);
        single(files.keys().eq(other.files.keys()), Piece::Paths);
        single(*journal == other.journal, Piece::Journal);
        let (one, another) = (systemd.present(), other.systemd.present());
        single(same_answer(systemd, &other.systemd), Piece::Bus);
        single(
            one.map(|it| &it.default_target) == another.map(|it| &it.default_target),
            Piece::DefaultTarget,
        );
        let (ours, theirs) = (one.map(|it| &it.manager), another.map(|it| &it.manager));
        compare(&mut found, ours, theirs, Piece::Manager);
        let (ours, theirs) = (one.map(|it| &it.units), another.map(|it| &it.units));
        compare(&mut found, ours, theirs, Piece::Unit);
        compare(&mut found, Some(files), Some(&other.files), Piece::File);
        let theirs = Some(&other.programs);
        compare(&mut found, Some(programs), theirs, Piece::Program);
        let theirs = Some(&other.filesystems);
        compare(&mut found, Some(filesystems), theirs, Piece::Filesystem);
        compare(&mut found, Some(cri), Some(&other.cri), Piece::Cri);
        found
    }
}

/// Whether both answered, or neither for the same reason.
fn same_answer(one: &Part<Systemd>, another: &Part<Systemd>) -> bool {
    match (one, another) {
        // What it answered are pieces of their own, all of them.
        (
            Part::Present(Systemd {
                manager: _,
                default_target: _,
                units: _,
            }),
            Part::Present(_),
        )
        | (Part::Absent, Part::Absent) => true,
        (Part::Unreadable(one), Part::Unreadable(another)) => one == another,
        _ => false,
    }
}

/// The keys that only one of two maps has, or of which they have other values.
fn compare<T: PartialEq>(
    found: &mut BTreeSet<Piece>,
    one: Option<&BTreeMap<String, T>>,
    another: Option<&BTreeMap<String, T>>,
    piece: fn(String) -> Piece,
) {
    let mut one = one.into_iter().flatten().peekable();
    let mut another = another.into_iter().flatten().peekable();
    // Both are sorted.
    loop {
        let order = match (one.peek(), another.peek()) {
            (Some((key, _)), Some((other, _))) => key.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let entry = one.next_if(|_| order.is_le());
        let other = another.next_if(|_| order.is_ge());
        if entry != other
            && let Some((key, _)) = entry.or(other)
        {
            found.insert(piece(key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::snapshot::{LoadedUnit, ProgramOutput, Source};

    fn differ(change: impl Fn(&mut Snapshot)) -> Vec<Piece> {
        let one = Snapshot::empty(Source::Live, Timestamp::UNIX_EPOCH);
        let mut other = one.clone();
        change(&mut other);
        let pieces = one.differences(&other);
        assert_eq!(pieces, other.differences(&one));
        pieces.into_iter().collect()
    }

    #[test]
    fn a_piece_differs_by_itself() {
        assert_eq!(differ(|_| {}), []);
        assert_eq!(differ(|it| it.taken_at = Timestamp::MAX), [Piece::TakenAt]);
        assert_eq!(differ(|it| it.source = Source::Tree), [Piece::Source]);
        assert_eq!(differ(|it| it.journal = Part::Absent), [Piece::Journal]);
        assert_eq!(
            differ(|it| {
                it.files.insert("/etc/fstab".to_owned(), Part::Absent);
            }),
            [Piece::Paths, Piece::File("/etc/fstab".to_owned())]
        );
        assert_eq!(
            differ(|it| {
                let output = ProgramOutput {
                    path: "/usr/bin/kubelet".to_owned(),
                    status: Some(0),
                    stdout: String::new(),
                    stderr: String::new(),
                };
                let name = "kubelet --version".to_owned();
                it.programs.insert(name, Part::Present(output));
            }),
            [Piece::Program("kubelet --version".to_owned())]
        );
        assert_eq!(
            differ(|it| {
                it.cri.insert("unix:///run/c.sock".to_owned(), Part::Absent);
            }),
            [Piece::Cri("unix:///run/c.sock".to_owned())]
        );
        assert_eq!(
            differ(|it| {
                it.filesystems.insert("/var".to_owned(), Part::Absent);
            }),
            [Piece::Filesystem("/var".to_owned())]
        );
    }

    #[test]
    fn what_systemd_says_is_many_pieces() {
        let answer = |it: &mut Snapshot| {
            let mut systemd = Systemd {
                default_target: Some("multi-user.target".to_owned()),
                ..Systemd::default()
            };
            let version = serde_json::Value::from("257");
            systemd.manager.insert("Version".to_owned(), version);
            let unit = Part::Present(LoadedUnit::default());
            systemd.units.insert("kubelet.service".to_owned(), unit);
            it.systemd = Part::Present(systemd);
        };
        assert_eq!(
            differ(answer),
            [
                Piece::Bus,
                Piece::DefaultTarget,
                Piece::Manager("Version".to_owned()),
                Piece::Unit("kubelet.service".to_owned())
            ]
        );
        let why = |it: &mut Snapshot| it.systemd = Part::Unreadable("no bus".to_owned());
        assert_eq!(differ(why), [Piece::Bus]);
    }
}
