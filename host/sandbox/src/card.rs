//! What a standard component shows and says, worked out when it is built.
//!
//! To inspect a component and to ask it who it is takes longer than to evaluate
//! it. Those of this repository are always the same, so the program carries the
//! answers beside their machine code.

use serde::{Deserialize, Serialize};

use crate::description::Description;
use crate::inspect::Inspection;

/// A component's card. It is as trusted as the machine code that it stands beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What its bytes show.
    pub inspection: Inspection,
    /// Who it says it is.
    pub description: Description,
}

/// Asks a component of this repository who it is.
///
/// # Errors
/// If it is no policy: why, in one line.
#[cfg(feature = "compiler")]
pub fn card(wasm: &[u8]) -> Result<Card, String> {
    let sandbox =
        crate::Sandbox::new(crate::Compiler::InProcess, None).map_err(|e| e.to_string())?;
    let policy = sandbox
        .load(wasm, &crate::Grants::standard())
        .map_err(|error| error.to_string())?;
    let description = sandbox
        .describe(&policy, &crate::Limits::default())
        .map_err(|error| error.message)?;
    Ok(Card {
        inspection: policy.inspection().clone(),
        description,
    })
}
