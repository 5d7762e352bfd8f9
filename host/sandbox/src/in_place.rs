//! Runs machine code where the program already has it.
//!
//! The standard policies' machine code lies in an executable section of the
//! program's own file. The kernel mapped it like the rest of the program: it is
//! executable and was never writable, so there is nothing to copy and no
//! protection to change, also where memory may not be made executable.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::CustomCodeMemory;

/// Machine code starts at a page: wasmtime aligns it so in its artifacts.
const PAGE: usize = 4096;

/// Allows what is executable already, and nothing else.
pub(crate) struct InPlace {
    executable: Vec<Range<usize>>,
}

impl InPlace {
    /// What of this process is executable and not writable, looked up once.
    /// Without `/proc` nothing is, and machine code is copied.
    pub(crate) fn of_this_process() -> Arc<Self> {
        static KNOWN: OnceLock<Arc<InPlace>> = OnceLock::new();
        Arc::clone(KNOWN.get_or_init(|| {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
            Arc::new(Self {
                executable: executable(&maps),
            })
        }))
    }

    /// Whether an artifact can run where it is.
    pub(crate) fn holds_artifact(&self, artifact: &'static [u8]) -> bool {
        let start = artifact.as_ptr().addr();
        start.is_multiple_of(PAGE) && self.holds(start, artifact.len())
    }

    fn holds(&self, start: usize, length: usize) -> bool {
        let end = start.saturating_add(length);
        let mut ranges = self.executable.iter();
        ranges.any(|range| range.start <= start && end <= range.end)
    }
}

/// The artifacts that run where they are. Wasmtime knows machine code by its
/// address, and panics if the same is there twice.
static CLAIMED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// That nobody else runs an artifact where it is. To be dropped after what was
/// loaded.
#[derive(Debug)]
pub(crate) struct Claim(usize);

impl Claim {
    /// Claims an artifact; none if somebody runs it there already.
    pub(crate) fn of(artifact: &'static [u8]) -> Option<Self> {
        let start = artifact.as_ptr().addr();
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only if it is kept: one that is dropped gives the claim up.
        claimed.insert(start).then(|| Self(start))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.0);
    }
}

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        PAGE
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        if self.holds(start.addr(), length) {
            return Ok(());
        }
        wasmtime::bail!("it does not lie in executable memory")
    }

    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// The ranges of proc_pid_maps(5) that can be executed and not written.
fn executable(maps: &str) -> Vec<Range<usize>> {
    maps.lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (start, end) = fields.next()?.split_once('-')?;
            if !fields.next()?.starts_with("r-x") {
                return None;
            }
            let address = |text| usize::from_str_radix(text, 16).ok();
            Some(address(start)?..address(end)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_claimed_once_at_a_time() {
        static ARTIFACT: [u8; 3] = *b"ELF";
        let claim = Claim::of(&ARTIFACT);
        assert!(claim.is_some());
        assert!(Claim::of(&ARTIFACT).is_none());
        drop(claim);
        assert!(Claim::of(&ARTIFACT).is_some());
    }

    #[test]
    fn only_what_is_executable_and_not_writable_counts() {
        let maps = "1000-2000 r--p 00000000 fe:00 1 /bin/nodepol\n\
                    2000-5000 r-xp 00001000 fe:00 1 /bin/nodepol\n\
                    5000-6000 rwxp 00000000 00:00 0 \n";
        let ranges = executable(maps);
        assert_eq!(ranges.len(), 1);
        assert_eq!(ranges.first(), Some(&(0x2000..0x5000)));
        let memory = InPlace {
            executable: executable(maps),
        };
        let publish = |start: usize, length| {
            memory.publish_executable(std::ptr::without_provenance(start), length)
        };
        assert!(publish(0x3000, 0x2000).is_ok());
        assert!(publish(0x3000, 0x2001).is_err());
        assert!(publish(0x5000, 0x1000).is_err());
        assert!(publish(0x1000, 0x2000).is_err());
    }
}
