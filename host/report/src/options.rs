//! What a reader may choose of the text for people.

use std::collections::BTreeMap;

use crate::outcome::FailOn;

/// How a report is written. Only the text for people heeds these; the other
/// formats always carry everything.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether to colour. Default: no.
    pub color: bool,
    /// The width to wrap at, in columns. Default: 100.
    pub width: usize,
    /// What counts as a failure, so that the headline agrees with the exit code.
    pub fail_on: FailOn,
    /// The rule and documentation of each policy, by id: `--explain`. Default: none.
    pub explanations: BTreeMap<String, Explanation>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            fail_on: FailOn::default(),
            explanations: BTreeMap::new(),
        }
    }
}

/// What a policy checks, for `--explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Its name for people.
    pub title: String,
    /// What must hold, in one line.
    pub rule: String,
    /// Where its documentation is.
    pub documentation: Option<String>,
}
