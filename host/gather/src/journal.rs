//! The journal, read from its files: what the kubelet logged in one boot, and
//! what the manager says of it and of the runtimes.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use nodepol_model::Part;
use nodepol_model::snapshot::{Journal, JournalEntry};
use sdjournal::{EntryRef, JournalConfig, SdJournalError};

use crate::base;
use crate::options::Options;
use crate::redact;
use crate::root::{End, Root};

/// Where journald keeps its files, persistent and not.
const DIRECTORIES: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Bytes of one message; more is cut off.
const MESSAGE_BYTES: usize = 8192;
/// Journal files that are opened at most.
const FILES: usize = 4096;

/// The current boot's entries on the machine that this runs on.
pub(crate) fn of_machine(boot_id: Option<&str>, options: &Options) -> Part<Journal> {
    let boot = boot_id.map(|text| text.trim().replace('-', ""));
    read(&DIRECTORIES.map(PathBuf::from), boot, options)
}

/// The entries of the last boot that a tree's persistent journal holds.
pub(crate) fn of_tree(root: &Root, options: &Options) -> Part<Journal> {
    let mut opened: Vec<OwnedFd> = Vec::new();
    for directory in DIRECTORIES {
        match root.walk(directory.as_bytes(), true).end {
            End::Found(found) => opened.push(found.fd),
            End::Absent(_) => {}
            End::Failed(_, reason) => return crate::metadata::unresolved(reason),
        }
    }
    // The journal's reader wants paths and follows no link below them; these
    // name the very directories that were found inside the root.
    let paths: Vec<PathBuf> = opened
        .iter()
        .map(|fd| PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd())))
        .collect();
    read(&paths, None, options)
}

fn read(directories: &[PathBuf], boot: Option<String>, options: &Options) -> Part<Journal> {
    let there: Vec<PathBuf> = directories
        .iter()
        .filter(|path| path.exists())
        .cloned()
        .collect();
    if there.is_empty() {
        return Part::Absent;
    }
    if there.iter().any(|path| is_closed(path)) {
        return Part::Unreadable(CLOSED.to_owned());
    }
    let config = JournalConfig {
        max_journal_files: FILES,
        ..JournalConfig::default()
    };
    let journal = match sdjournal::Journal::open_dirs_with_config(&there, config) {
        Ok(journal) => journal,
        Err(error) => return failed(&error),
    };
    match entries(&journal, boot, options) {
        Ok(journal) => Part::Present(journal),
        Err(error) => failed(&error),
    }
}

const CLOSED: &str = "permission denied: run nodepol as root, or as a member of systemd-journal";

/// Whether the system's own journal is there and cannot be opened: without it
/// only a user's entries would be seen, and no line would look like no log.
fn is_closed(directory: &Path) -> bool {
    let denied = |error: &std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    match fs::read_dir(directory) {
        Err(error) => denied(&error),
        Ok(machines) => machines.flatten().take(FILES).any(|machine| {
            let system = machine.path().join("system.journal");
            let plain = fs::symlink_metadata(&system).is_ok_and(|metadata| metadata.is_file());
            match fs::read_dir(machine.path()) {
                Err(error) if denied(&error) => true,
                _ => plain && fs::File::open(&system).is_err_and(|error| denied(&error)),
            }
        }),
    }
}

fn failed(error: &SdJournalError) -> Part<Journal> {
    match error {
        SdJournalError::NotFound => Part::Absent,
        SdJournalError::Io { source, .. } if source.kind() == ErrorKind::NotFound => Part::Absent,
        SdJournalError::PermissionDenied { .. } => Part::Unreadable(CLOSED.to_owned()),
        // Without the path: in a tree it names a descriptor.
        SdJournalError::Io { source, .. } => Part::Unreadable(source.to_string()),
        SdJournalError::Corrupt { reason, .. } => Part::Unreadable(format!(
            "the journal is damaged: {reason}; try `journalctl --verify`"
        )),
        other => Part::Unreadable(other.to_string()),
    }
}

fn entries(
    journal: &sdjournal::Journal,
    boot: Option<String>,
    options: &Options,
) -> Result<Journal, SdJournalError> {
    let boot = match boot {
        Some(boot) => boot,
        None => match journal
            .query()
            .reverse(true)
            .limit(1)
            .iter()?
            .next()
            .transpose()?
        {
            Some(entry) => hex(&entry.boot_id()),
            None => return Ok(Journal::default()),
        },
    };
    let limits = &options.limits;
    let deadline = Instant::now() + options.deadline;
    let mut kubelet = Bounded::new(limits.journal_entries, limits.journal_bytes, deadline);
    let kubelets = [("_SYSTEMD_UNIT", base::KUBELET), ("UNIT", base::KUBELET)];
    let query = any_of(journal, &boot, &kubelets);
    kubelet.take(query.iter()?)?;

    let (count, bytes) = (limits.journal_entries / 4, limits.journal_bytes / 4);
    let mut runtimes = Bounded::new(count, bytes, deadline);
    let managers = base::RUNTIMES.iter().map(|unit| ("UNIT", *unit));
    let query = any_of(journal, &boot, &managers.collect::<Vec<_>>());
    runtimes.take(query.iter()?)?;

    let truncated = kubelet.truncated || runtimes.truncated;
    let mut entries = kubelet.entries;
    entries.append(&mut runtimes.entries);
    entries.reverse();
    entries.sort_by_key(|entry| entry.time);
    redact_messages(&mut entries);
    Ok(Journal {
        boot_id: Some(boot),
        truncated,
        entries,
    })
}

/// The entries of `boot` that have one of `fields`, newest first.
///
/// Each group has a single term: in sdjournal 0.1.15 it is the groups that are
/// alternatives, while the terms of one group must all hold.
fn any_of(
    journal: &sdjournal::Journal,
    boot: &str,
    fields: &[(&str, &str)],
) -> sdjournal::JournalQuery {
    let mut query = journal.query();
    query.match_exact("_BOOT_ID", boot.as_bytes());
    for (field, unit) in fields {
        query.or_group(|group| {
            group.match_exact(field, unit.as_bytes());
        });
    }
    query.reverse(true);
    query
}

/// The newest entries of a query, newest first, within limits.
struct Bounded {
    entries: Vec<JournalEntry>,
    count: usize,
    bytes: usize,
    deadline: Instant,
    truncated: bool,
}

impl Bounded {
    fn new(count: usize, bytes: usize, deadline: Instant) -> Self {
        Self {
            entries: Vec::new(),
            count,
            bytes,
            deadline,
            truncated: false,
        }
    }

    /// A damaged entry ends it: what is newer is kept, and said to be a part.
    fn take(
        &mut self,
        newest_first: impl Iterator<Item = Result<EntryRef, SdJournalError>>,
    ) -> Result<(), SdJournalError> {
        for entry in newest_first {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if self.entries.is_empty() => return Err(error),
                Err(_) => {
                    self.truncated = true;
                    break;
                }
            };
            let entry = record(&entry);
            let full = self.entries.len() >= self.count || entry.message.len() > self.bytes;
            if full || Instant::now() >= self.deadline {
                self.truncated = true;
                break;
            }
            self.bytes -= entry.message.len();
            self.entries.push(entry);
        }
        Ok(())
    }
}

fn record(entry: &EntryRef) -> JournalEntry {
    let field = |name: &str| {
        entry
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let message = entry.get("MESSAGE").unwrap_or_default();
    let message = message.get(..MESSAGE_BYTES).unwrap_or(message);
    let microseconds = i64::try_from(entry.realtime_usec()).unwrap_or(i64::MAX);
    JournalEntry {
        time: Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH),
        unit: field("UNIT")
            .or_else(|| field("_SYSTEMD_UNIT"))
            .unwrap_or_default(),
        identifier: field("SYSLOG_IDENTIFIER"),
        invocation_id: field("INVOCATION_ID").or_else(|| field("_SYSTEMD_INVOCATION_ID")),
        priority: field("PRIORITY")
            .and_then(|value| value.parse().ok())
            .filter(|level| *level < 8),
        message: String::from_utf8_lossy(message).into_owned(),
    }
}

/// Takes secrets out of all messages, and out of those that a writer spread
/// over several: what one unit and identifier wrote is read as one text, which
/// keeps its lines.
fn redact_messages(entries: &mut [JournalEntry]) {
    let mut writers: BTreeMap<(String, Option<String>), Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let writer = (entry.unit.clone(), entry.identifier.clone());
        writers.entry(writer).or_default().push(index);
    }
    for indices in writers.values() {
        let messages = indices.iter().filter_map(|index| entries.get(*index));
        let text = messages
            .map(|entry| entry.message.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let text = redact::text(&text);
        let mut lines = text.split('\n');
        for index in indices {
            if let Some(entry) = entries.get_mut(*index) {
                let count = entry.message.matches('\n').count() + 1;
                entry.message = lines.by_ref().take(count).collect::<Vec<_>>().join("\n");
            }
        }
    }
    for entry in entries {
        entry.identifier = entry
            .identifier
            .take()
            .map(|text| redact::text(&text).into_owned());
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
