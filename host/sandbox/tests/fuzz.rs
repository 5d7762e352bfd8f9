//! Components that were changed at random: whatever the bytes are, they are
//! refused or run, and nothing panics, hangs or takes much memory.
//!
//! The changes are the same in every run. `NODEPOL_FUZZ=SECONDS` goes on for
//! longer, with changes that are new each time; a failure names its seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod support;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use nodepol_model::Horizon;
use nodepol_sandbox::{Compiler, Grants, Limits, Sandbox};
use support::{FAIL, FINDING, Policy, no_facts};

/// How many changed components are tried where nothing is said.
const TRIES: u64 = 3000;

/// xorshift64*: as much chance as is needed here.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Numbers that readers stumble over.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x40, 0x0d, 0x3f];

fn change(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        let end = (at + 1 + chance.below(16)).min(bytes.len());
        match chance.below(14) {
            // Mostly what leaves the lengths right, so that more than the first
            // reader sees it.
            0..=4 => bytes[at] ^= 1 << chance.below(8),
            5..=8 => bytes[at] = EDGES[chance.below(EDGES.len())],
            9 => bytes.truncate(at.max(9)),
            10 => drop(bytes.drain(at..end)),
            11 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            12 => {
                let from = chance.below(other.len());
                let to = (from + 1 + chance.below(64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => bytes[at..end].fill(0xff),
        }
        if bytes.is_empty() {
            return;
        }
    }
}

#[test]
fn a_component_that_was_changed_at_random_harms_nobody() {
    let good = [
        Policy::default(),
        Policy {
            interfaces: vec!["files", "units", "swap"],
            imports: r#"
                (import "nodepol:policy/files@0.1.0" "lstat" (func (param i32 i32 i32)))
                (import "nodepol:policy/files@0.1.0" "mounts" (func (param i32)))"#
                .to_owned(),
            verdicts: [FAIL, FAIL],
            findings: (FINDING, 1),
            ..Policy::default()
        },
    ]
    .map(|policy| policy.build());
    let long = std::env::var("NODEPOL_FUZZ").ok();
    let long = long.map(|seconds| Duration::from_secs(seconds.parse().expect("seconds")));
    let started = Instant::now();
    let first = match long {
        Some(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() << 20,
        None => 1,
    };
    let sandbox = Sandbox::new(Compiler::InProcess, None).unwrap();
    let limits = Limits {
        fuel: 1_000_000,
        wall: Duration::from_millis(500),
        ..Limits::default()
    };
    let (mut loaded, mut answered) = (0, 0);
    for seed in first.. {
        match long {
            Some(long) if started.elapsed() > long => break,
            None if seed > TRIES => break,
            _ => {}
        }
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let which = chance.below(2);
        let mut wasm = good[which].clone();
        change(&mut wasm, &good[1 - which], &mut chance);
        let tried = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let policy = sandbox.load(&wasm, &Grants::standard()).ok()?;
            let described = sandbox.describe(&policy, &limits);
            let both = [Horizon::Now, Horizon::NextBoot];
            let evaluation = sandbox.evaluate(&policy, &no_facts(), &both, &[], &limits);
            Some(described.is_ok() && evaluation.outcome.is_ok())
        }));
        match tried {
            Ok(None) => {}
            Ok(Some(answer)) => {
                loaded += 1;
                answered += u64::from(answer);
            }
            Err(_) => panic!("it panics with the seed {seed}"),
        }
    }
    // The changes are neither all harmless nor all fatal.
    assert!(loaded > 100, "{loaded}");
    assert!(answered > 10 && answered < loaded, "{answered} of {loaded}");
}
