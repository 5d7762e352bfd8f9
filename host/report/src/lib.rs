//! What a person or a program reads of a [`nodepol_model::Report`]: one module
//! per output format, and the outcome that all formats share.

pub mod format;
pub mod json;
pub mod nearest;
pub mod outcome;
pub mod text;

pub use format::{Explanation, Format, Options, render};
pub use nearest::nearest;
pub use outcome::{FailOn, Outcome, overall};
