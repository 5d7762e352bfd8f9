//! All facts of one node, each area once.

use std::sync::Arc;

use crate::configs::Configs;
use crate::evidence::Evidence;
use crate::files::Files;

/// The facts that policies read: one field for each interface.
#[derive(Debug)]
pub struct Facts {
    /// What all of it rests on.
    pub evidence: Arc<Evidence>,
    /// Structured files.
    pub configs: Arc<Configs>,
    /// Paths.
    pub files: Arc<Files>,
}

impl Facts {
    /// The facts that follow from `evidence`. Each is worked out when it is
    /// first asked for.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self {
            configs: Arc::new(Configs::new(Arc::clone(&evidence))),
            files: Arc::new(Files::new(Arc::clone(&evidence))),
            evidence,
        }
    }
}
