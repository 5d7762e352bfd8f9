//! Policy sets that were changed at random: the reader says what is wrong with
//! them, with a place, and never panics.

use std::time::{Duration, Instant};

use super::parse::parse;

const SET: &str = include_str!("../../../../policies/standard.yaml");

const WHOLE: &str = "apiVersion: nodepol.dev/v1
kind: PolicySet
policies:
  - id: swap-active
    severity: hygiene
    phases: [boot, running]
    parameters: {a: 1, b: [x, 'y'], c: true, d: 30d}
    grants:
      interfaces: [files, units]
      files: [/etc/site.conf]
    limits: {fuel: 1000, wall: 2s, memory: 8MiB}
  - path: ./mine.wasm
waivers:
  - finding: swap-active/swap-on
    reason: \"known\"
    expires: 2027-01-31
";

/// Pieces that mean something in YAML, or to this reader.
const PIECES: [&str; 24] = [
    ":",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!int ",
    "|",
    ">",
    "\"",
    "'",
    "#",
    "? ",
    "~",
    "\t",
    "<<: *a",
    "\u{0}",
    "1e999",
    "99999999999999999999",
    "policies:",
];

/// How many changed sets are tried where `NODEPOL_FUZZ=SECONDS` says nothing.
const TRIES: u64 = 5000;

/// xorshift64*.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let next = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        usize::try_from(next % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// A place in `text` where it can be cut.
    fn cut(&mut self, text: &str) -> usize {
        text.floor_char_boundary(self.below(text.len() + 1))
    }
}

fn changed(chance: &mut Chance) -> String {
    let mut text = if chance.below(3) == 0 { SET } else { WHOLE }.to_owned();
    for _ in 0..=chance.below(5) {
        let at = chance.cut(&text);
        let end = text.ceil_char_boundary((at + chance.below(24)).min(text.len()));
        match chance.below(4) {
            0 => text.replace_range(at..end, ""),
            1 => text.insert_str(at, PIECES[chance.below(PIECES.len())]),
            2 => {
                let piece = text[at..end].repeat(1 + chance.below(3));
                let to = chance.cut(&text);
                text.insert_str(to, &piece);
            }
            _ => text.replace_range(at..end, PIECES[chance.below(PIECES.len())]),
        }
    }
    text
}

#[test]
fn a_set_that_was_changed_at_random_is_read_or_told() {
    let long = std::env::var("NODEPOL_FUZZ").ok();
    let long = long.map(|seconds| Duration::from_secs(seconds.parse().expect("seconds")));
    let started = Instant::now();
    let first = match long {
        Some(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() << 20,
        None => 1,
    };
    let (mut good, mut bad) = (0, 0);
    for seed in first.. {
        match long {
            Some(long) if started.elapsed() > long => break,
            None if seed > TRIES => break,
            _ => {}
        }
        let text = changed(&mut Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        let known = ["swap-active", "swap-returns-on-reboot"];
        let tried = std::panic::catch_unwind(|| parse("set.yaml", &text, &known));
        let Ok((_, mistakes)) = tried else {
            panic!("it panics with the seed {seed}:\n{text}");
        };
        if mistakes.is_empty() {
            good += 1;
        } else {
            bad += 1;
            let said = mistakes.to_string();
            assert!(said.contains("set.yaml"), "{said}\n{text}");
        }
    }
    assert!(good > 50 && bad > 1000, "{good} good, {bad} bad");
}
