//! What of a snapshot facts looked at.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod memory;

use std::collections::BTreeSet;
use std::sync::Arc;

use memory::Files;
use nodepol_facts::evidence::Evidence;
use nodepol_facts::{Facts, Question};
use nodepol_model::Piece;
use nodepol_model::snapshot::Source;

fn evidence() -> Evidence {
    let files = Files::default().text("/etc/fstab", "# nothing\n");
    Evidence::watched(Arc::new(files.snapshot(Source::Tree)))
}

#[test]
fn what_is_looked_at_is_remembered_also_if_it_is_not_there() {
    let evidence = evidence();
    evidence.text("/etc/fstab").present().unwrap();
    assert!(evidence.text("/etc/crypttab").present().is_none());
    let seen = evidence.take_seen().unwrap();
    for path in ["/etc", "/etc/fstab", "/etc/crypttab"] {
        assert!(seen.contains(&Piece::File(path.to_owned())), "{seen:?}");
    }
    assert!(!seen.contains(&Piece::TakenAt));
    let _ = evidence.taken_at();
    let _ = evidence.manager("Version");
    let _ = evidence.program("kubelet --version");
    assert!(evidence.take_seen().is_none(), "it was taken");
}

#[test]
fn each_part_is_a_piece_of_its_own() {
    let evidence = evidence();
    let _ = evidence.taken_at();
    let _ = evidence.is_live();
    let _ = evidence.manager("Version");
    let _ = evidence.default_target();
    let _ = evidence.known_unit("kubelet.service");
    let _ = evidence.journal();
    let _ = evidence.program("kubelet --version");
    let _ = evidence.filesystem("/");
    let _ = evidence.cri("unix:///run/c.sock");
    let _ = evidence.paths().count();
    let name = str::to_owned;
    assert_eq!(
        evidence.take_seen().unwrap(),
        BTreeSet::from([
            Piece::TakenAt,
            Piece::Source,
            Piece::Paths,
            Piece::Bus,
            Piece::DefaultTarget,
            Piece::Manager(name("Version")),
            Piece::Unit(name("kubelet.service")),
            Piece::Journal,
            Piece::Program(name("kubelet --version")),
            Piece::Filesystem(name("/")),
            Piece::Cri(name("unix:///run/c.sock")),
        ])
    );
}

#[test]
fn what_nobody_watches_is_not_remembered() {
    let files = Files::default().text("/etc/fstab", "");
    let evidence = Evidence::new(Arc::new(files.snapshot(Source::Tree)));
    evidence.text("/etc/fstab").present().unwrap();
    assert!(evidence.take_seen().is_none());
}

#[test]
fn as_many_names_as_a_policy_likes_take_no_memory() {
    let evidence = evidence();
    for number in 0..3000 {
        let _ = evidence.lstat(&format!("/etc/{number:04000}"));
    }
    assert!(evidence.take_seen().is_none());
    // One that no path can have is not even looked for.
    let files = Files::default().text("/etc/fstab", "");
    let snapshot = Arc::new(files.snapshot(Source::Tree));
    let facts = Facts::watched(snapshot, Question::default());
    let long = format!("/etc/{}.yaml", "x".repeat(3_000_000));
    assert!(facts.configs.get(&long, "").is_err());
    let _ = facts.evidence.filesystem(&long);
    let _ = facts.evidence.cri(&long);
    let seen = facts.evidence.take_seen().unwrap();
    assert!(!format!("{seen:?}").contains("xxx"), "{}", seen.len());
    assert!(facts.take_wants().is_empty());
}
