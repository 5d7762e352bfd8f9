//! What a store holds for the host: the facts, the budgets and the log.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use nodepol_facts::Facts;

use crate::clean::clean_text;
use crate::limits::{Exceeded, Limits, Meter};

/// A line that a policy logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: LogLevel,
    /// What it says, cleaned.
    pub message: String,
}

/// How grave a line of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the levels of every log")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// The host's side of one store.
pub(crate) struct HostState {
    /// None while the component describes itself.
    facts: Option<Arc<Facts>>,
    pub(crate) granted_files: Arc<BTreeSet<String>>,
    pub(crate) meter: Meter,
    limits: Limits,
    calls: u64,
    /// What was wanted before it ran.
    wanted: usize,
    logged_bytes: usize,
    log: Vec<LogLine>,
}

impl HostState {
    pub(crate) fn new(
        facts: Option<Arc<Facts>>,
        granted_files: Arc<BTreeSet<String>>,
        limits: Limits,
    ) -> Self {
        Self {
            wanted: wants(facts.as_deref()),
            facts,
            granted_files,
            meter: Meter::new(limits.clone()),
            limits,
            calls: 0,
            logged_bytes: 0,
            log: Vec::new(),
        }
    }

    /// Makes it ready for another policy in the same store: nothing of the last one
    /// counts, but for the memory that its instance holds.
    pub(crate) fn renew(&mut self, granted_files: Arc<BTreeSet<String>>) {
        self.granted_files = granted_files;
        self.wanted = wants(self.facts.as_deref());
        (self.calls, self.logged_bytes) = (0, 0);
        self.log.clear();
    }

    /// Counts a call of the host and gives it the facts. Every host function
    /// begins with it.
    pub(crate) fn facts(&mut self) -> wasmtime::Result<Arc<Facts>> {
        self.count_call()?;
        match &self.facts {
            Some(facts) => {
                let wants = facts.evidence.count_wants().saturating_sub(self.wanted);
                if wants > self.limits.wants {
                    return Err(Exceeded::Wants(self.limits.wants).into());
                }
                Ok(Arc::clone(facts))
            }
            None => Err(Exceeded::FactsInDescribe.into()),
        }
    }

    fn count_call(&mut self) -> Result<(), Exceeded> {
        self.calls += 1;
        if self.calls > self.limits.host_calls {
            return Err(Exceeded::HostCalls(self.limits.host_calls));
        }
        Ok(())
    }

    /// Takes a line of the log.
    pub(crate) fn write_log(&mut self, level: LogLevel, message: &str) -> wasmtime::Result<()> {
        self.count_call()?;
        if self.log.len() >= self.limits.log_lines {
            return Err(Exceeded::LogLines(self.limits.log_lines).into());
        }
        self.logged_bytes = self.logged_bytes.saturating_add(message.len());
        if self.logged_bytes > self.limits.log_bytes {
            return Err(Exceeded::LogBytes(self.limits.log_bytes).into());
        }
        self.log.push(LogLine {
            level,
            message: clean_text(message),
        });
        Ok(())
    }

    /// The last line of the level `error`: what a panic said.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.log
            .iter()
            .rfind(|line| line.level == LogLevel::Error)
            .map(|line| line.message.as_str())
    }

    /// What was logged since it was made or renewed.
    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }
}

fn wants(facts: Option<&Facts>) -> usize {
    facts.map_or(0, |facts| facts.evidence.count_wants())
}
