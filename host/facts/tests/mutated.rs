//! Every reader with files that were changed at random, and with every file of
//! the corpus: none panics, none hangs. The changes are the same in every run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own for cargo fuzz")]
mod targets;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::TARGETS;

/// How often each seed is changed.
const CHANGES: usize = 60;

/// No file may take longer, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(10);

/// xorshift64: as much chance as is needed here.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// What readers stumble over.
const PIECES: [&[u8]; 18] = [
    b"\n",
    b"\\",
    b"\"",
    b"'",
    b"%",
    b"$",
    b"${",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\0",
    b"\xff",
    b": ",
    b"&a *a",
    b"  - ",
    b"99999999999999999999",
];

fn change(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1).min(bytes.len());
        let end = (at + chance.below(12)).min(bytes.len());
        match chance.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            2 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            3 if chance.below(4) == 0 => bytes.truncate(at),
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// Runs a reader and says what it was given if it fails.
fn run(name: &str, read: fn(&[u8]), bytes: &[u8], what: &str) -> Duration {
    let start = Instant::now();
    let outcome = std::panic::catch_unwind(|| read(bytes));
    let took = start.elapsed();
    assert!(
        outcome.is_ok(),
        "{name} panics on {what}: {:?}",
        String::from_utf8_lossy(bytes)
    );
    assert!(took < LIMIT, "{name} takes {took:?} for {what}");
    took
}

fn seeds(name: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut seeds: Vec<PathBuf> = fs::read_dir(directory.join(name))
        .unwrap_or_else(|e| panic!("seeds of {name}: {e}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{name} has no seed");
    seeds
}

#[test]
fn no_change_of_a_seed_makes_a_reader_fail() {
    let mut chance = Chance(0x2545_F491_4F6C_DD1D);
    for (name, read) in TARGETS {
        let (mut runs, mut slowest) = (0, Duration::ZERO);
        for path in seeds(name) {
            let seed = fs::read(&path).unwrap();
            slowest = slowest.max(run(name, read, &seed, "its seed"));
            let mut bytes = seed.clone();
            for number in 0..CHANGES {
                // Mostly one step from the seed; some go on from the last one.
                if chance.below(3) != 0 {
                    bytes.clone_from(&seed);
                }
                change(&mut bytes, &mut chance);
                let what = format!("change {number} of {}", path.display());
                slowest = slowest.max(run(name, read, &bytes, &what));
                runs += 1;
            }
        }
        println!("{name}: {runs} changed files, the slowest in {slowest:?}");
    }
}

#[test]
fn no_file_of_the_corpus_makes_a_reader_fail() {
    let Some(corpus) = tree::corpus() else { return };
    let mut files = Vec::new();
    let mut pending = vec![corpus];
    while let Some(path) = pending.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            files.push(path);
        }
    }
    files.sort();
    assert!(files.len() > 500, "{} files", files.len());
    for (name, read) in TARGETS {
        let mut slowest = (Duration::ZERO, Path::new(""));
        for path in &files {
            let bytes = fs::read(path).unwrap();
            let took = run(name, read, &bytes, &path.to_string_lossy());
            if took > slowest.0 {
                slowest = (took, path);
            }
        }
        println!(
            "{name}: {} files, the slowest {} in {:?}",
            files.len(),
            slowest.1.display(),
            slowest.0
        );
    }
}
