//! From the types of facts to those of `wit/`, one to one.

use nodepol_facts::sourced::{Problem, Sourced, Version};
use nodepol_model::{Horizon, Location, Unavailable};

use crate::bindings::nodepol::policy::types;

/// A type of facts that has its counterpart in `wit/`.
pub(crate) trait IntoWit {
    /// The counterpart.
    type Wit;

    /// The same value.
    fn into_wit(self) -> Self::Wit;
}

/// The same value as `wit/` has it.
pub(crate) fn wit<T: IntoWit>(value: T) -> T::Wit {
    value.into_wit()
}

/// A horizon that a policy asks about.
pub(crate) const fn horizon(at: types::Horizon) -> Horizon {
    match at {
        types::Horizon::Now => Horizon::Now,
        types::Horizon::NextBoot => Horizon::NextBoot,
    }
}

/// Types that are the same on both sides.
macro_rules! same {
    ($($type:ty),*) => {$(
        impl IntoWit for $type {
            type Wit = Self;

            fn into_wit(self) -> Self {
                self
            }
        }
    )*};
}
same!(bool, u32, u64, i64, String);

impl<T: IntoWit> IntoWit for Option<T> {
    type Wit = Option<T::Wit>;

    fn into_wit(self) -> Self::Wit {
        self.map(wit)
    }
}

impl<T: IntoWit> IntoWit for Vec<T> {
    type Wit = Vec<T::Wit>;

    fn into_wit(self) -> Self::Wit {
        self.into_iter().map(wit).collect()
    }
}

impl<T: IntoWit> IntoWit for Result<T, Unavailable> {
    type Wit = Result<T::Wit, types::Unavailable>;

    fn into_wit(self) -> Self::Wit {
        self.map(wit).map_err(|unavailable| types::Unavailable {
            source: unavailable.source_name,
            reason: unavailable.reason,
        })
    }
}

impl IntoWit for Location {
    type Wit = types::Location;

    fn into_wit(self) -> types::Location {
        types::Location {
            source: self.source,
            line: self.line,
            column: self.column,
            pointer: self.pointer,
        }
    }
}

impl IntoWit for Sourced<String> {
    type Wit = types::Sourced;

    fn into_wit(self) -> types::Sourced {
        types::Sourced {
            value: self.value,
            at: wit(self.origin),
        }
    }
}

impl IntoWit for Version {
    type Wit = types::Version;

    fn into_wit(self) -> types::Version {
        types::Version {
            major: self.major,
            minor: self.minor,
            patch: self.patch,
            text: self.text,
            at: wit(self.origin),
        }
    }
}

impl IntoWit for Problem {
    type Wit = types::Problem;

    fn into_wit(self) -> types::Problem {
        types::Problem {
            kind: self.kind.to_owned(),
            message: self.message,
            at: wit(self.at),
            fatal: self.fatal,
            nearest: self.nearest,
        }
    }
}
