//! What differs between the releases of containerd
//! (`services/server/config/config.go` of 1.x,
//! `cmd/containerd/server/config/config.go` of 2.x).

use crate::sourced::Version;

/// A release of containerd, as far as it matters to its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// The newest of each line that reads configuration in its own way.
    pub(crate) const LINES: [Self; 3] = [Self::new(1, 7), Self::new(2, 2), Self::new(2, 3)];

    const fn new(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            patch: u32::MAX,
        }
    }

    /// The release with a version. One without a patch is the newest of its line.
    pub(crate) fn of(version: &Version) -> Self {
        Self {
            major: version.major,
            minor: version.minor,
            patch: if version.text.split('.').count() > 2 {
                version.patch
            } else {
                u32::MAX
            },
        }
    }

    /// The name of its line, for people.
    pub(crate) fn line(self) -> &'static str {
        if !self.is_2() {
            "1.x"
        } else if self.migrates_each_file() {
            "2.3+"
        } else {
            "2.0 to 2.2"
        }
    }

    /// Imports merge leaf by leaf, and RuntimeConfig is answered.
    pub(crate) fn is_2(self) -> bool {
        self.major >= 2
    }

    /// Each file is brought to version 4 before it is merged.
    pub(crate) fn migrates_each_file(self) -> bool {
        (self.major, self.minor) >= (2, 3)
    }

    /// A file may not have a higher version than the first. Removed on the way
    /// to 2.4.
    pub(crate) fn refuses_higher_imports(self) -> bool {
        (self.major, self.minor) == (2, 3)
    }

    /// The highest `version` that it accepts; none for those that do not check.
    pub(crate) fn highest_version(self) -> Option<u32> {
        match (self.major, self.minor) {
            (2, 0..=2) => Some(3),
            (2.., _) => Some(4),
            (1, 7) => (self.patch >= 17).then_some(2),
            (1, 6) => (self.patch >= 32).then_some(2),
            _ => None,
        }
    }

    /// A relative import with `*` is relative to the importing file. Before, it
    /// was relative to the working directory of the process, which is `/`.
    pub(crate) fn joins_globs(self) -> bool {
        match (self.major, self.minor) {
            (1, 7) => self.patch >= 16,
            (1, 6) => self.patch >= 29,
            (1, _) => false,
            _ => true,
        }
    }

    /// Whether a name is a plugin URI to this release.
    pub(crate) fn is_plugin_uri(self, name: &str) -> bool {
        match (self.major, self.minor) {
            (1, 7..) => name.starts_with("io.containerd.") && name.split('.').count() >= 4,
            (1, _) => name.split('.').count() >= 4,
            _ => name.contains('.'),
        }
    }
}
