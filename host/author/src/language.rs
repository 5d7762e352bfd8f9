//! The languages that policies can be written in.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A language that `nodepol plugin` writes projects in and builds. Which others
/// work, and which do not, is in `docs/languages.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, with the crate `nodepol-plugin`.
    Rust,
    /// C, freestanding: no C library, no WASI.
    C,
    /// Go, its runtime cut off from WASI.
    Go,
    /// JavaScript, in a small engine that becomes part of the component.
    JavaScript,
    /// TypeScript, checked and then taken as JavaScript.
    TypeScript,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Rust,
        Self::C,
        Self::Go,
        Self::JavaScript,
        Self::TypeScript,
    ];

    /// The name on the command line and in `plugin.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Go => "go",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| match text {
                "js" => "write `javascript`".to_owned(),
                "ts" => "write `typescript`".to_owned(),
                "python" | "zig" => format!(
                    "there is no template for {text}; docs/languages.md says why and what works \
                     instead"
                ),
                _ => format!("`{text}` is none of {}", names().join(", ")),
            })
    }
}

fn names() -> [&'static str; 5] {
    Language::ALL.map(Language::as_str)
}
