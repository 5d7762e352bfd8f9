//! The published JSON schemas.

use schemars::{Schema, schema_for};

use crate::{Report, Snapshot};

/// The schema of [`Snapshot`].
pub fn snapshot() -> Schema {
    schema_for!(Snapshot)
}

/// The schema of [`Report`].
pub fn report() -> Schema {
    schema_for!(Report)
}
