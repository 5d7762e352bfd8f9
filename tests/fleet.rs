//! A stream of nodes that are alike: what they have in common is judged once, and
//! each is reported as it would be by itself, whatever of it is another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Span;
use nodepol_cases::Case;
use nodepol_model::snapshot::{Content, FileNode};
use nodepol_model::{Part, Snapshot};
use serde_json::Value as Json;

/// As many nodes of a kind are judged before one is their model.
const BEFORE: usize = 16;

/// Goes on for so many seconds, with other nodes: `NODEPOL_FUZZ=600`.
const LONG: &str = "NODEPOL_FUZZ";

/// How many nodes are made of each.
const VARIANTS: usize = 12;

/// xorshift64*: the same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit.max(1)
    }

    fn key<T>(&mut self, map: &BTreeMap<String, T>) -> Option<String> {
        map.keys().nth(self.below(map.len())).cloned()
    }
}

/// Makes another node of it: something of what was read is not as it was.
fn change(snapshot: &mut Snapshot, chance: &mut Chance) {
    let which = chance.below(18);
    if let (10..=13, Part::Present(systemd)) = (which, &mut snapshot.systemd) {
        if which == 10 {
            let property = chance.key(&systemd.manager).unwrap_or_default();
            systemd.manager.remove(&property);
        } else if let Some(name) = chance.key(&systemd.units) {
            match systemd.units.get_mut(&name) {
                Some(Part::Present(unit)) if which < 13 => {
                    let property = chance.key(&unit.properties).unwrap_or_default();
                    unit.properties.remove(&property);
                }
                _ => {
                    systemd.units.insert(name, Part::Absent);
                }
            }
        }
        return;
    }
    match which {
        16 => snapshot.systemd = Part::Unreadable("no bus".to_owned()),
        17 => {
            let path = ["/etc/fstab", "/etc/os-release", "/etc/hostname"][chance.below(3)];
            let why = Part::Unreadable("permission denied".to_owned());
            snapshot.files.insert(path.to_owned(), why);
            if let Part::Present(systemd) = &mut snapshot.systemd {
                systemd.default_target = Some("rescue.target".to_owned());
            }
        }
        14 => {
            let days = [3, 30, 400][chance.below(3)];
            let hours = Span::new().hours(24 * days);
            snapshot.taken_at = snapshot.taken_at.checked_add(hours).unwrap();
        }
        15 => {
            if let Part::Present(journal) = &mut snapshot.journal {
                journal.entries.pop();
            }
            if let Some(mount) = chance.key(&snapshot.filesystems) {
                snapshot.filesystems.insert(mount, Part::Absent);
            }
            if let Some(url) = chance.key(&snapshot.cri) {
                snapshot.cri.insert(url, Part::Absent);
            }
        }
        _ => change_file(snapshot, chance),
    }
}

fn change_file(snapshot: &mut Snapshot, chance: &mut Chance) {
    let Some(path) = chance.key(&snapshot.files) else {
        return;
    };
    let Some(Part::Present(file)) = snapshot.files.get_mut(&path) else {
        snapshot.files.remove(&path);
        return;
    };
    match &mut file.node {
        FileNode::Regular(Content::Text(text)) if chance.below(4) > 0 => {
            let mut lines: Vec<&str> = text.lines().collect();
            let line = chance.below(lines.len());
            match chance.below(3) {
                0 => lines.push("# nothing"),
                1 => lines.truncate(line),
                _ => drop((!lines.is_empty()).then(|| lines.remove(line))),
            }
            *text = lines.join("\n") + "\n";
        }
        FileNode::Directory(Part::Present(names)) if !names.is_empty() => {
            let name = names.remove(chance.below(names.len()));
            let below = format!("{}/{name}", path.trim_end_matches('/'));
            snapshot.files.remove(&below);
        }
        FileNode::Symlink(target) => "/dev/null".clone_into(target),
        FileNode::Regular(_) if chance.below(2) == 0 => {
            (file.mode, file.uid) = (file.mode ^ 0o111, 1000);
        }
        _ => {
            snapshot.files.insert(path, Part::Absent);
        }
    }
}

/// The reports about nodes, in one stream; without what they cost.
fn reports(nodes: &[Snapshot], options: &[&str]) -> (Vec<Json>, usize) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for node in nodes {
        writeln!(file, "{}", serde_json::to_string(node).unwrap()).unwrap();
    }
    let output = Command::new(nodepol_tests::binary())
        .args(["eval", "--format", "json", "--snapshots"])
        .arg(file.path())
        .args(options)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut free = 0;
    let lines = text.lines().map(|line| {
        let mut report: Json = serde_json::from_str(line).unwrap();
        for policy in report["policies"].as_array_mut().unwrap() {
            let cost = policy.as_object_mut().unwrap().remove("cost").unwrap();
            let summary = policy["summary"].as_str().unwrap();
            let judged = !summary.starts_with("it is not judged in the phase");
            free += usize::from(judged && cost["fuel"] == 0);
        }
        report
    });
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), nodes.len());
    (lines, free)
}

/// Compares a fleet of nodes like one with the same nodes by themselves. Gives how
/// often a policy was not asked again, of how many times.
fn compare(directory: &Path, seed: u64) -> (usize, usize) {
    let path = directory.join("node.yaml");
    let case = Case::read(&path).unwrap_or_else(|error| panic!("{error}"));
    let node = nodepol_cases::snapshot(&case, &path).unwrap_or_else(|error| panic!("{error}"));
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let variants: Vec<Snapshot> = (0..VARIANTS)
        .map(|_| {
            let mut variant = node.clone();
            for _ in 0..=chance.below(2) {
                change(&mut variant, &mut chance);
            }
            variant
        })
        .collect();
    // Every other one is asked about another time than its own.
    let options: &[&str] = match seed % 2 {
        0 => &["--at", "+30d"],
        _ => &[],
    };
    let (alone, asked) = reports(&variants, options);
    assert_eq!(asked, 0, "{}: too few for a model", path.display());
    let mut fleet = vec![node; BEFORE + 1];
    fleet.extend(variants);
    let (together, free) = reports(&fleet, options);
    for (number, (alone, together)) in alone.iter().zip(&together[BEFORE + 1..]).enumerate() {
        assert_eq!(
            alone,
            together,
            "{}: the variant {number} of the seed {seed}",
            path.display()
        );
    }
    let judged: usize = alone
        .iter()
        .map(|report| report["policies"].as_array().unwrap().len())
        .sum();
    (free, judged)
}

#[test]
fn a_node_of_a_fleet_is_reported_as_by_itself() {
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    let mut directories: Vec<_> = std::fs::read_dir(nodes)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("node.yaml").exists())
        .collect();
    directories.sort();
    assert!(directories.len() > 30);
    // Once with each node; for as long as is said with others like them.
    let seconds = std::env::var(LONG).map_or(0, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let next = AtomicUsize::new(0);
    let sum = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= directories.len() && Instant::now() > end {
                        return;
                    }
                    let directory = &directories[number % directories.len()];
                    let (free, judged) = compare(directory, number as u64 + 1);
                    let mut sum = sum.lock().unwrap();
                    *sum = (sum.0 + free, sum.1 + judged);
                }
            });
        }
    });
    let (free, judged) = *sum.lock().unwrap();
    println!("{free} of {judged} answers were those of a model");
    // The changes are neither all without a consequence nor all with one.
    assert!(free > judged / 4 && free < judged, "{free} of {judged}");
}
