//! What the facts about node and runtimes ask of the units and of the kubelet.

use std::collections::BTreeMap;
use std::fmt::Debug;

use nodepol_model::{Horizon, Unavailable};

use crate::sourced::Sourced;

/// How systemd starts a service.
pub trait Launch: Debug + Send + Sync {
    /// The words of `ExecStart`, the program first, variables expanded. Empty
    /// if there is no such unit or it starts nothing.
    ///
    /// # Errors
    /// [`Unavailable`] if the unit's files could not be read.
    fn argv(&self, at: Horizon, unit: &str) -> Result<Vec<Sourced<String>>, Unavailable>;

    /// The environment that the unit gives its processes.
    ///
    /// # Errors
    /// [`Unavailable`] if the unit's files could not be read.
    fn environment(
        &self,
        at: Horizon,
        unit: &str,
    ) -> Result<BTreeMap<String, Sourced<String>>, Unavailable>;

    /// What the files assign to a key, as in `wit/units.wit`.
    ///
    /// # Errors
    /// [`Unavailable`] if the unit's files could not be read.
    fn assignments(
        &self,
        unit: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable>;
}

/// What the kubelet is told.
pub trait KubeletSettings: Debug + Send + Sync {
    /// A flag by its long name, as in `wit/kubelet.wit`.
    ///
    /// # Errors
    /// [`Unavailable`] if its arguments are not known.
    fn flag(&self, at: Horizon, name: &str) -> Result<Option<Sourced<String>>, Unavailable>;

    /// The effective value of a text field of KubeletConfiguration, defaults,
    /// file, drop-ins and flags; none if it is unset.
    ///
    /// # Errors
    /// [`Unavailable`] if its configuration could not be read.
    fn text(&self, at: Horizon, pointer: &str) -> Result<Option<Sourced<String>>, Unavailable>;
}
