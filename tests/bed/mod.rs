//! Real systems that a test starts, asks and throws away.

pub mod boot;
pub mod layer;
