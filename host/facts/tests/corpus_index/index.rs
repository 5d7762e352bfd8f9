//! The index of the corpus, and what agrees with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::tree;

/// A file of the corpus and what is known of it.
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) file: PathBuf,
    pub(crate) truth: Json,
}

impl Row {
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap_or_else(|e| panic!("{}: {e}", self.path))
    }
}

/// The rows that are no template and of which something is known; `None` (said
/// aloud) where the corpus or its index is not at hand.
pub(crate) fn rows(is_wanted: impl Fn(&str) -> bool) -> Option<Vec<Row>> {
    let corpus = tree::corpus()?;
    let index = std::env::var_os("NODEPOL_CORPUS_INDEX")
        .map(PathBuf::from)
        .into_iter()
        .chain([
            corpus.join("INDEX.tsv"),
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/INDEX.tsv"),
        ])
        .find(|path| path.is_file());
    let Some(index) = index else {
        println!("skipped: the corpus has no INDEX.tsv (set NODEPOL_CORPUS_INDEX)");
        return None;
    };
    let text = fs::read_to_string(index).expect("the index");
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [path, _, _, _, _, kind, template, _, truth] = columns[..] else {
            panic!("a row of another shape: {line}");
        };
        if template != "n" || truth.is_empty() || !is_wanted(kind) {
            continue;
        }
        rows.push(Row {
            path: path.to_owned(),
            kind: kind.to_owned(),
            file: corpus.join(path),
            truth: serde_json::from_str(truth).expect("JSON"),
        });
    }
    assert!(!rows.is_empty(), "the index has no such row");
    Some(rows)
}

/// What was compared, and what differs.
#[derive(Default)]
pub(crate) struct Tally {
    agree: usize,
    differ: Vec<(String, String)>,
}

impl Tally {
    pub(crate) fn compare(&mut self, what: &str, ours: &Json, theirs: &Json) {
        if ours == theirs {
            self.agree += 1;
        } else {
            let difference = format!("ours {ours}, known {theirs}");
            self.differ.push((what.to_owned(), difference));
        }
    }

    /// Prints the count. Fails if something differs without a reason, or if a
    /// reason is out of date.
    pub(crate) fn finish(self, area: &str, explained: &[(&str, &str)]) {
        let compared = self.agree + self.differ.len();
        println!("{area}: agree {} / compared {compared}", self.agree);
        let mut wrong = Vec::new();
        let mut used = BTreeSet::new();
        for (what, difference) in &self.differ {
            match explained.iter().find(|(name, _)| name == what) {
                Some((name, why)) => {
                    used.insert(*name);
                    println!("  explained ({why}): {what}: {difference}");
                }
                None => wrong.push(format!("{what}: {difference}")),
            }
        }
        assert!(wrong.is_empty(), "{area}:\n{}", wrong.join("\n"));
        for (name, _) in explained {
            assert!(used.contains(name), "nothing differs any more: {name}");
        }
        assert!(compared > 0, "{area}: nothing was compared");
    }
}
