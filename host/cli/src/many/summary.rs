//! What all nodes come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use nodepol_model::{Report, Verdict};
use nodepol_report::Outcome;

use super::{UNREADABLE, line};

/// How many policies are named as the slowest.
const SLOWEST: usize = 3;

/// What is counted of one node.
pub(super) struct Score {
    name: String,
    outcome: Outcome,
    policies: Vec<(String, Said)>,
    times: BTreeMap<String, u64>,
    took: Duration,
}

/// What a policy said of one node, as far as it is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Fail,
    Warn,
    Error,
}

impl Score {
    pub(super) fn new(
        source: &str,
        report: &Report,
        outcome: Outcome,
        times: BTreeMap<String, u64>,
        took: Duration,
    ) -> Self {
        let policies = report.policies.iter().filter_map(|policy| {
            let is = |verdict| {
                policy
                    .verdict
                    .is_some_and(|said| said.now == verdict || said.next_boot == verdict)
            };
            let said = if policy.error.is_some() {
                Said::Error
            } else if is(Verdict::Fail) {
                Said::Fail
            } else if is(Verdict::Warn) {
                Said::Warn
            } else {
                return None;
            };
            Some((policy.id.clone(), said))
        });
        Self {
            name: line::name(source, report),
            outcome,
            policies: policies.collect(),
            times,
            took,
        }
    }
}

/// Counts over all nodes: it grows with the policies, not with the nodes.
#[derive(Default)]
pub(super) struct Summary {
    ready: u64,
    failed: u64,
    undecided: u64,
    unreadable: u64,
    policies: BTreeMap<String, Counts>,
    slowest: Option<(Duration, String)>,
}

#[derive(Default)]
struct Counts {
    fail: u64,
    warn: u64,
    error: u64,
    micros: u64,
    runs: u64,
}

impl Summary {
    /// Counts a node; a snapshot that could not be read, if there is no score.
    pub(super) fn add(&mut self, score: Option<Score>) {
        let Some(score) = score else {
            self.unreadable += 1;
            return;
        };
        match score.outcome {
            Outcome::Ready => self.ready += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Undecided => self.undecided += 1,
        }
        for (id, said) in score.policies {
            let counts = self.policies.entry(id).or_default();
            match said {
                Said::Fail => counts.fail += 1,
                Said::Warn => counts.warn += 1,
                Said::Error => counts.error += 1,
            }
        }
        for (id, micros) in score.times {
            let counts = self.policies.entry(id).or_default();
            counts.micros = counts.micros.saturating_add(micros);
            counts.runs += 1;
        }
        if self
            .slowest
            .as_ref()
            .is_none_or(|(took, _)| *took < score.took)
        {
            self.slowest = Some((score.took, score.name));
        }
    }

    pub(super) fn nodes(&self) -> u64 {
        self.ready + self.failed + self.undecided + self.unreadable
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// 3 if a snapshot could not be read; else as one node would have it.
    pub(super) fn exit_code(&self) -> u8 {
        if self.unreadable > 0 || self.nodes() == 0 {
            UNREADABLE
        } else if self.failed > 0 {
            Outcome::Failed.exit_code()
        } else if self.undecided > 0 {
            Outcome::Undecided.exit_code()
        } else {
            Outcome::Ready.exit_code()
        }
    }

    /// The summary, for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "\n{} nodes: {} ready, {} not ready, {} undecided, {} unreadable\n",
            self.nodes(),
            self.ready,
            self.failed,
            self.undecided,
            self.unreadable
        );
        let mut speak: Vec<_> = self
            .policies
            .iter()
            .filter(|(_, counts)| counts.fail + counts.warn + counts.error > 0)
            .collect();
        // What fails on most nodes first; those that are alike by their ids.
        speak
            .sort_by_key(|(_, counts)| std::cmp::Reverse((counts.fail, counts.error, counts.warn)));
        // A string takes all that is written.
        for (id, counts) in speak {
            let parts = [
                ("fail", counts.fail),
                ("error", counts.error),
                ("warn", counts.warn),
            ];
            let parts = parts.iter().filter(|(_, count)| *count > 0);
            let parts: Vec<_> = parts
                .map(|(word, count)| format!("{count} {word}"))
                .collect();
            let _ = writeln!(text, "  {id}: {}", parts.join(", "));
        }
        let mut slow: Vec<_> = self
            .policies
            .iter()
            .filter_map(|(id, counts)| Some((counts.micros.checked_div(counts.runs)?, id)))
            .collect();
        slow.sort_by(|a, b| b.cmp(a));
        let slow = slow.iter().take(SLOWEST);
        let slow: Vec<_> = slow
            .map(|(micros, id)| format!("{id} ({micros} µs)"))
            .collect();
        if !slow.is_empty() {
            let _ = writeln!(text, "slowest policies: {}", slow.join(", "));
        }
        if let Some((took, name)) = &self.slowest {
            let name = nodepol_sandbox::clean_line(name);
            let _ = writeln!(text, "slowest node: {name} ({} ms)", took.as_millis());
        }
        text
    }
}
