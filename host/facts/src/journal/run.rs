//! The runs of a service, told apart in its log.

use nodepol_model::snapshot::JournalEntry;

use super::klog;

/// What one start of a service logged, oldest first.
#[derive(Debug, Default)]
pub(super) struct Run<'a> {
    pub(super) entries: Vec<&'a JournalEntry>,
    invocation: Option<&'a str>,
    /// It began with `Starting …`, so that `Started …` belongs to it.
    announced: bool,
}

/// Splits entries, oldest first, by invocation id or, where there is none, at
/// what systemd says when it starts a unit.
pub(super) fn split<'a>(entries: impl Iterator<Item = &'a JournalEntry>) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for entry in entries {
        let id = entry.invocation_id.as_deref();
        let fresh = match runs.last_mut() {
            None => true,
            Some(run) => match (run.invocation, id) {
                (Some(known), Some(id)) => known != id,
                _ => run.is_left_by(entry),
            },
        };
        if fresh {
            runs.push(Run {
                announced: is_from_systemd(entry) && entry.message.starts_with("Starting "),
                ..Run::default()
            });
        }
        if let Some(run) = runs.last_mut() {
            run.invocation = run.invocation.or(id);
            run.entries.push(entry);
        }
    }
    runs
}

fn is_from_systemd(entry: &JournalEntry) -> bool {
    entry.identifier.as_deref() == Some("systemd")
}

impl<'a> Run<'a> {
    fn is_left_by(&mut self, entry: &JournalEntry) -> bool {
        if !is_from_systemd(entry) {
            return false;
        }
        if entry.message.starts_with("Starting ") {
            return true;
        }
        if !entry.message.starts_with("Started ") {
            return false;
        }
        // Of a `Type=notify` service it is the second word of the same start.
        !std::mem::take(&mut self.announced)
    }

    /// The program itself logged something.
    pub(super) fn says_something(&self) -> bool {
        self.entries.iter().any(|entry| !is_from_systemd(entry))
    }

    /// The last line with which the program exits.
    pub(super) fn fatal(&self) -> Option<&'a JournalEntry> {
        self.entries
            .iter()
            .rev()
            .find(|entry| !is_from_systemd(entry) && klog::is_fatal(&entry.message))
            .copied()
    }

    /// systemd says that it is over.
    pub(super) fn ended(&self) -> bool {
        self.entries.iter().any(|entry| {
            is_from_systemd(entry)
                && [
                    "Main process exited",
                    "Deactivated successfully",
                    ": Succeeded.",
                    "Failed with result",
                ]
                .iter()
                .any(|word| entry.message.contains(word))
                || entry.message.starts_with("Stopped ")
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn entry(identifier: &str, id: Option<&str>, message: &str) -> JournalEntry {
        JournalEntry {
            time: Timestamp::UNIX_EPOCH,
            unit: "kubelet.service".to_owned(),
            identifier: Some(identifier.to_owned()),
            invocation_id: id.map(str::to_owned),
            priority: None,
            message: message.to_owned(),
        }
    }

    fn sizes(entries: &[JournalEntry]) -> Vec<usize> {
        split(entries.iter())
            .iter()
            .map(|run| run.entries.len())
            .collect()
    }

    #[test]
    fn by_invocation() {
        let entries = [
            entry("systemd", Some("a"), "Started kubelet."),
            entry("kubelet", Some("a"), "one"),
            entry(
                "systemd",
                None,
                "kubelet.service: Main process exited, code=exited",
            ),
            entry("systemd", Some("b"), "Started kubelet."),
            entry("kubelet", Some("b"), "two"),
        ];
        assert_eq!(sizes(&entries), [3, 2]);
    }

    #[test]
    fn by_what_systemd_says() {
        let entries = [
            entry("kubelet", None, "the end of an earlier one"),
            entry("systemd", None, "Starting kubelet..."),
            entry("kubelet", None, "one"),
            entry("systemd", None, "Started kubelet."),
            entry("kubelet", None, "one"),
            entry("systemd", None, "Started kubelet."),
            entry("kubelet", None, "Started kubelet"),
        ];
        assert_eq!(sizes(&entries), [1, 4, 2]);
    }

    #[test]
    fn how_it_ended() {
        let entries = [
            entry("systemd", Some("a"), "Started kubelet."),
            entry(
                "kubelet",
                Some("a"),
                "F0102 03:04:05.000006 7 server.go:1] gone",
            ),
            entry(
                "systemd",
                Some("a"),
                "kubelet.service: Failed with result 'exit-code'.",
            ),
            entry("systemd", Some("b"), "Started kubelet."),
        ];
        let runs = split(entries.iter());
        assert_eq!(runs.len(), 2);
        assert!(runs[0].ended() && runs[0].fatal().is_some() && runs[0].says_something());
        assert!(!runs[1].ended() && runs[1].fatal().is_none() && !runs[1].says_something());
    }
}
