//! The output formats, by name.

use std::fmt;
use std::str::FromStr;

use nodepol_model::Report;

use crate::nearest::nearest;
use crate::options::Options;
use crate::{json, text};

/// An output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: the published document.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownFormat {
                name: name.to_owned(),
                nearest: nearest(name, Self::ALL.map(Self::as_str)),
            })
    }
}

/// A name that no format has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat {
    /// The name.
    pub name: String,
    /// The nearest name that a format has.
    pub nearest: Option<&'static str>,
}

impl std::error::Error for UnknownFormat {}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no format `{}`", self.name)?;
        match self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(
                f,
                "; the formats are {}",
                Format::ALL.map(Format::as_str).join(", ")
            ),
        }
    }
}

/// The report in a format, as the bytes to write.
///
/// # Errors
/// Only what `serde_json` reports for JSON; the text for people has none.
pub fn render(
    format: Format,
    report: &Report,
    options: &Options,
) -> Result<String, serde_json::Error> {
    match format {
        Format::Text => Ok(text::render(report, options)),
        Format::Json => json::render(report),
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn a_wrong_name_is_told_the_nearest() {
        assert_eq!("json".parse(), Ok(Format::Json));
        let error = "jsn".parse::<Format>().unwrap_err().to_string();
        assert_eq!(error, "there is no format `jsn`; did you mean `json`?");
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no format `xml`; the formats are text, json"
        );
    }
}
