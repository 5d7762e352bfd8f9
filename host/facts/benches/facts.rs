//! What all facts of the largest tree of the corpus cost, beside reading the
//! same files and doing nothing with them. Both are measured in turn, so that
//! the ratio means something on a busy machine: `cargo bench -p nodepol-facts`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark"
)]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a crate of its own for cargo fuzz"
)]
mod targets;
#[path = "../tests/tree/mod.rs"]
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nodepol_facts::{Facts, Question};

const RUNS: usize = 15;

fn files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut pending) = (Vec::new(), vec![root.to_owned()]);
    while let Some(path) = pending.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let Some(corpus) = tree::corpus() else { return };
    let (name, root) = tree::nodes(&corpus)
        .into_iter()
        .max_by_key(|(_, root)| files(root).len())
        .expect("the corpus has nodes");
    let files = files(&root);
    let snapshot = Arc::new(tree::snapshot(&root));
    let (mut reading, mut facts) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        reading.push(timed(|| {
            for file in &files {
                std::hint::black_box(std::fs::read(file).unwrap());
            }
        }));
        let snapshot = Arc::clone(&snapshot);
        facts.push(timed(|| {
            targets::ask_facts(&Facts::new(snapshot, Question::default()));
        }));
    }
    let (reading, facts) = (median(reading), median(facts));
    println!("{name}: {} files, median of {RUNS} runs", files.len());
    println!("  reading its files  {reading:>12.3?}");
    println!("  all facts          {facts:>12.3?}");
    println!(
        "  facts / reading    {:>11.1}x",
        facts.as_secs_f64() / reading.as_secs_f64()
    );
}
