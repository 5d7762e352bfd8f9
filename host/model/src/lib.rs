//! The two documents of nodepol: the [`Snapshot`] that is gathered from a node
//! and the [`Report`] that is given about it.
//!
//! A snapshot holds what was read, never what it means: an old snapshot gets
//! the better facts of a newer nodepol. Both documents are JSON, versioned by
//! [`API_VERSION`], with schemas that [`schema`] prints.

pub mod cri;
pub mod fix;
pub mod inspection;
pub mod part;
pub mod piece;
pub mod report;
pub mod schema;
pub mod snapshot;
pub mod verdict;
pub mod want;

pub use fix::{Action, Disruption, Fix, Place, Step, UnitVerb};
pub use part::{Part, Unavailable};
pub use piece::Piece;
pub use report::{Finding, PolicyReport, Report};
pub use snapshot::Snapshot;
pub use verdict::{Horizon, Location, Phase, Severity, Verdict, Verdicts};
pub use want::Want;

/// The version of the documents, as `apiVersion` carries it.
pub const API_VERSION: &str = "nodepol.dev/v1";
