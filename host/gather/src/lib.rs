//! Reads a live node, or a tree of its files, into a [`Snapshot`].
//!
//! Facts are pure: what they miss they name as a [`Want`], the gatherer reads
//! it, and they are worked out again. So a caller runs
//!
//! ```no_run
//! # fn facts(_: &nodepol_model::Snapshot) -> std::collections::BTreeSet<nodepol_model::Want> { Default::default() }
//! use nodepol_gather::{Gatherer, Options};
//! let mut gatherer = Gatherer::live(Options::default())?;
//! let mut snapshot = gatherer.start(nodepol_gather::Timestamp::UNIX_EPOCH);
//! loop {
//!     let wants = facts(&snapshot);
//!     if !gatherer.extend(&mut snapshot, &wants) {
//!         break;
//!     }
//! }
//! # Ok::<(), nodepol_gather::Error>(())
//! ```
//!
//! # How paths appear
//! - A key of `files` is a path without a link in its directories. Every link
//!   that was met on the way has an entry of its own (`/lib` → `usr/lib`), so a
//!   reader resolves a path component by component: a component that has an
//!   entry which is a link is followed; one without an entry is a directory.
//! - Whatever was wanted has an entry once it was gathered: at its resolved
//!   path, or, where links lead in a circle, at the path as it was asked for.
//! - What is not there is `Absent`, also below a directory that is not there
//!   and below something that is no directory.
//! - `/proc/self` is stored under that name, never under a process id. Texts of
//!   `/proc` and `/sys` are as the kernel prints them, with their last line
//!   break; `/proc/PID/cmdline` keeps its NUL bytes.
//! - Names and link targets that are not UTF-8 carry U+FFFD in place of what
//!   cannot be shown.
//! - A file that is not UTF-8 is [`Content::Binary`]: the first 64 bytes of an
//!   ELF file, the first 4 of any other, for a key may be binary as well.
//!
//! [`Snapshot`]: nodepol_model::Snapshot
//! [`Want`]: nodepol_model::Want
//! [`Content::Binary`]: nodepol_model::snapshot::Content::Binary

mod base;
mod cri;
mod files;
mod gatherer;
mod journal;
mod metadata;
mod options;
mod programs;
pub mod redact;
mod root;
pub mod systemd;

pub use gatherer::{Error, Gatherer};
pub use jiff::Timestamp;
pub use options::{Limits, Options};
