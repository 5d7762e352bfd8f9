//! Values with their origin, and what is wrong with a file.

use nodepol_model::Location;
use schemars::JsonSchema;
use serde::Serialize;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub origin: Location,
}

impl<T> Sourced<T> {
    /// `value` from `origin`.
    pub fn new(value: T, origin: Location) -> Self {
        Self { value, origin }
    }

    /// Another value from the same origin.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: f(self.value),
            origin: self.origin,
        }
    }
}

/// Something wrong in a configuration file, by its reader's own rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable word in kebab-case, such as `unknown-field`.
    pub kind: &'static str,
    /// What is wrong, for a person.
    pub message: String,
    /// Where.
    pub at: Location,
    /// Whether the program that reads the file refuses to start because of it.
    pub fatal: bool,
    /// The nearest legal name, where a name is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl Problem {
    /// One for which the program that reads the file refuses to start.
    pub(crate) fn fatal(kind: &'static str, message: String, at: Location) -> Self {
        Self {
            kind,
            message,
            at,
            fatal: true,
            nearest: None,
        }
    }
}

/// A version of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// As in `MAJOR.minor.patch`.
    pub major: u32,
    /// As in `major.MINOR.patch`.
    pub minor: u32,
    /// As in `major.minor.PATCH`; 0 where it is not said.
    pub patch: u32,
    /// As printed, without a leading `v`.
    pub text: String,
    /// Who says it.
    pub origin: Location,
}

impl Version {
    /// Whether it is at least `major.minor`.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether it is at least `major.minor.patch`.
    pub fn at_least_patch(&self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }

    /// The first `X.Y` or `X.Y.Z` in what a program printed.
    pub fn find(printed: &str, origin: Location) -> Option<Self> {
        printed
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '(' | ')'))
            .find_map(|word| Self::parse(word, origin.clone()))
    }

    /// `v1.36.2`, `1.7`, `1.6.20~ds1`, `1.30.1-eks-1`.
    pub fn parse(word: &str, origin: Location) -> Option<Self> {
        let text = word.strip_prefix('v').unwrap_or(word);
        let mut parts = text.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let (minor, _) = leading_number(parts.next()?)?;
        let patch = parts
            .next()
            .and_then(leading_number)
            .map_or(0, |(number, _)| number);
        Some(Self {
            major,
            minor,
            patch,
            text: text.to_owned(),
            origin,
        })
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
