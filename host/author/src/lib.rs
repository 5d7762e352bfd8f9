//! What an author of policies needs: new projects, builds, cases, checks.
//!
//! A project is a directory with `plugin.yaml` ([`Manifest`]), `wit/world.wit`
//! (the interfaces that the policy may read), its source, and `cases/`.
//! [`create`] writes one, [`build`] makes a component of it, [`trial`] runs its
//! cases through the real sandbox, [`check`] looks at it as a publisher would,
//! and [`record`] makes a case of a real node.

pub mod bless;
pub mod build;
pub mod check;
mod component;
mod create;
mod embedded;
mod error;
pub mod junit;
mod language;
mod project;
pub mod record;
pub mod trial;
mod world;

pub use component::wit_text;
pub use create::{NewProject, create};
pub use embedded::wit_files;
pub use error::AuthorError;
pub use language::Language;
pub use project::{Manifest, Project};

// For what is said of projects.
pub use nodepol_toolchain::word;
