//! The published JSON schemas.

use schemars::{Schema, schema_for};

use crate::inspection::{Check, Inspection};
use crate::{Report, Snapshot};

/// The schema of [`Snapshot`].
pub fn snapshot() -> Schema {
    schema_for!(Snapshot)
}

/// The schema of [`Report`].
pub fn report() -> Schema {
    schema_for!(Report)
}

/// The schema of [`Inspection`].
pub fn inspection() -> Schema {
    schema_for!(Inspection)
}

/// The schema of [`Check`].
pub fn check() -> Schema {
    schema_for!(Check)
}
