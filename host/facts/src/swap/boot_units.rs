//! What the facts about swap ask of the units at the next boot.

use nodepol_model::{Location, Unavailable};

use crate::sourced::Sourced;

/// A command line of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootCommand {
    /// Split as systemd splits it.
    pub argv: Vec<String>,
    /// Where it stands.
    pub at: Location,
}

/// The units as systemd will load them from the files at the next boot.
pub trait BootUnits {
    /// Every unit that has a file, sorted.
    fn names(&self) -> Vec<String>;

    /// Whether a link to `/dev/null` masks the unit.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn is_masked(&self, name: &str) -> Result<bool, Unavailable>;

    /// The unit's file.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn fragment(&self, name: &str) -> Result<Option<String>, Unavailable>;

    /// Whether something leads from `default.target` to the unit.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn is_pulled_in(&self, name: &str) -> Result<bool, Unavailable>;

    /// What the files assign to `key` in `[section]`.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn assignments(
        &self,
        name: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable>;

    /// The command lines of `ExecStart`, `ExecStartPre`, …
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn commands(&self, name: &str, key: &str) -> Result<Vec<BootCommand>, Unavailable>;

    /// The units that the unit names by `After=`, and those that name it by
    /// `Before=`, defaults included.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn after(&self, name: &str) -> Result<Vec<String>, Unavailable>;

    /// Whether the boot starts `other` before the unit, by an order of their own or
    /// through units between them.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn waits_for(&self, name: &str, other: &str) -> Result<bool, Unavailable>;

    /// `Type=` of a service; none if it does not load.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn kind(&self, name: &str) -> Result<Option<String>, Unavailable>;

    /// Whether the unit's conditions are met at the next boot; none where that
    /// cannot be told.
    ///
    /// # Errors
    /// [`Unavailable`] if the files that tell could not be read.
    fn conditions_met(&self, name: &str) -> Result<Option<bool>, Unavailable>;
}
