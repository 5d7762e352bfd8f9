//! What a person or a program reads of a [`nodepol_model::Report`]: one module
//! per output format, and the outcome that all formats share.

pub mod format;
pub mod json;
pub mod nearest;
pub mod options;
pub mod outcome;
pub mod text;

pub use format::{Format, render};
pub use nearest::nearest;
pub use options::{Explanation, Options};
pub use outcome::{FailOn, Outcome, overall};
