//! What a component shows of itself, and what a publisher would say of a project:
//! the documents of `nodepol inspect` and `nodepol plugin check`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::API_VERSION;

/// A component as its bytes show it. Nothing of it was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inspection {
    /// [`crate::API_VERSION`].
    pub api_version: String,
    /// Always `Inspection`.
    pub kind: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
    /// What it exports, in its own order.
    pub exports: Vec<Export>,
}

impl Inspection {
    /// A document that holds nothing but what it is about.
    pub fn new(digest: String, size: u64) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Inspection".to_owned(),
            digest,
            size,
            imports: Vec::new(),
            exports: Vec::new(),
        }
    }
}

/// An import of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Import {
    /// The whole name, such as `nodepol:policy/units@0.1.0`.
    pub name: String,
    /// The interface alone, such as `units`: what a policy set grants. Null if it
    /// is foreign.
    pub interface: Option<String>,
    /// The version behind the `@`.
    pub version: Option<String>,
    /// What it means as a permission.
    pub class: ImportClass,
    /// The functions that it may call: the exact permission.
    pub functions: Vec<String>,
}

/// What an import means as a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportClass {
    /// Functions of an interface.
    Permission,
    /// Types only: permits nothing.
    Types,
    /// Nothing at all: permits nothing.
    Empty,
    /// Not an interface of `nodepol:policy`: never granted.
    Foreign,
}

/// An export of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Export {
    /// The whole name, such as `nodepol:policy/check@0.1.0`.
    pub name: String,
    /// Its functions.
    pub functions: Vec<String>,
}

/// What a publisher would say of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// [`crate::API_VERSION`].
    pub api_version: String,
    /// Always `Check`.
    pub kind: String,
    /// The id of the policy.
    pub id: String,
    /// SHA-256 of the component's bytes, in hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// How many cases were run.
    pub cases: u64,
    /// The fuel of the case that needs the most.
    pub fuel: u64,
    /// What should be better, what must be first.
    pub remarks: Vec<Remark>,
}

/// Something that a publisher would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remark {
    /// How much it weighs.
    pub weight: Weight,
    /// A stable name, in kebab-case; docs/vendors.md has all.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// How much a remark weighs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It must not be published so.
    Error,
    /// It should be better.
    Warning,
}

impl Weight {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
