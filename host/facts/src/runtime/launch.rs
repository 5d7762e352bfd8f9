//! What the runtimes' facts ask of systemd.

use nodepol_model::Unavailable;

use crate::kubelet::Starts;
use crate::sourced::Sourced;
use crate::systemd::Units;

/// How the services of the runtimes are started, and what their sockets say.
pub trait Launch: Starts {
    /// What the files assign to a key, as in `wit/units.wit`; empty if there is
    /// no such unit.
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

impl Launch for Units {
    fn assignments(
        &self,
        unit: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        Self::assignments(self, unit, section, key)
    }
}
