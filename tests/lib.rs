//! What the end-to-end tests share: real systems to run against.

pub mod bed;
