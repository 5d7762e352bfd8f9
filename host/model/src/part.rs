//! Evidence that is there, that is not there, or that could not be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One part of the evidence.
///
/// `Absent` is knowledge (the file does not exist); `Unreadable` is the lack of
/// it. A policy may judge the first and must answer `unknown` on the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Part<T> {
    /// It was read.
    Present(T),
    /// It was looked for and does not exist.
    Absent,
    /// It could not be read: permission, size, time, or a fault of the device.
    Unreadable(String),
}

impl<T> Part<T> {
    /// The value, if it was read.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// Applies `f` to a value that was read.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Part<U> {
        match self {
            Self::Present(value) => Part::Present(f(value)),
            Self::Absent => Part::Absent,
            Self::Unreadable(why) => Part::Unreadable(why),
        }
    }

    /// The same part by reference.
    pub fn as_ref(&self) -> Part<&T> {
        match self {
            Self::Present(value) => Part::Present(value),
            Self::Absent => Part::Absent,
            Self::Unreadable(why) => Part::Unreadable(why.clone()),
        }
    }

    /// `Some` if present, `None` if absent.
    ///
    /// # Errors
    /// [`Unavailable`], naming `source`, if the part could not be read.
    pub fn known(&self, source: &str) -> Result<Option<&T>, Unavailable> {
        match self {
            Self::Present(value) => Ok(Some(value)),
            Self::Absent => Ok(None),
            Self::Unreadable(why) => Err(Unavailable::new(source, why)),
        }
    }
}

/// Evidence that is missing, and why. Whatever depends on it is unknown.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    thiserror::Error,
)]
#[error("{source_name}: {reason}")]
pub struct Unavailable {
    /// The file, bus or program that should have said it.
    #[serde(rename = "source")]
    pub source_name: String,
    /// Why it could not be read.
    pub reason: String,
}

impl Unavailable {
    /// Evidence from `source` is missing because of `reason`.
    pub fn new(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            source_name: source.into(),
            reason: reason.into(),
        }
    }
}
