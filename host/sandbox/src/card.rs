//! What a standard component shows and says, worked out when it is built.
//!
//! To inspect a component and to ask it who it is takes longer than to evaluate
//! it. Those of this repository are always the same, so the program carries the
//! answers beside their machine code.

use serde::{Deserialize, Serialize};

use crate::description::Description;
use crate::inspect::Inspection;

/// A component's card. It is as trusted as the artifact that it stands beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What its bytes show.
    pub inspection: Inspection,
    /// Who it says it is.
    pub description: Description,
}

/// A component that was made ready to be embedded.
#[cfg(feature = "compiler")]
#[derive(Debug, Clone)]
pub struct Built {
    /// Its machine code.
    pub artifact: Vec<u8>,
    /// Its card.
    pub card: Card,
}

/// Compiles a component of this repository into what [`crate::Source::Standard`]
/// takes, and asks it who it is.
///
/// # Errors
/// If it is no policy, or does not compile: why, in one line.
#[cfg(feature = "compiler")]
pub fn build(wasm: &[u8]) -> Result<Built, String> {
    let artifact = crate::engine::compile_trusted(wasm)?;
    let sandbox = crate::Sandbox::new(crate::Compiler::None, None).map_err(|e| e.to_string())?;
    let card = sandbox.card(wasm, &artifact)?;
    Ok(Built { artifact, card })
}
