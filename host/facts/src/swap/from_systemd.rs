//! The units as the facts about systemd know them.

use nodepol_model::{Horizon, Unavailable};

use super::boot_units::{BootCommand, BootUnits};
use crate::sourced::Sourced;
use crate::systemd::Units;

impl BootUnits for Units {
    fn names(&self) -> Vec<String> {
        Self::names(self)
    }

    fn is_masked(&self, name: &str) -> Result<bool, Unavailable> {
        Ok(self.get(Horizon::NextBoot, name)?.load_state == "masked")
    }

    fn fragment(&self, name: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.get(Horizon::NextBoot, name)?.fragment)
    }

    fn is_pulled_in(&self, name: &str) -> Result<bool, Unavailable> {
        Ok(!self.pulled_in_by(name)?.is_empty())
    }

    fn assignments(
        &self,
        name: &str,
        section: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        Self::assignments(self, name, section, key)
    }

    fn commands(&self, name: &str, key: &str) -> Result<Vec<BootCommand>, Unavailable> {
        let commands = Self::commands(self, Horizon::NextBoot, name, key)?;
        Ok(commands
            .into_iter()
            .map(|command| BootCommand {
                argv: command.argv,
                at: command.at,
            })
            .collect())
    }

    fn after(&self, name: &str) -> Result<Vec<String>, Unavailable> {
        self.dependencies(Horizon::NextBoot, name, "After")
    }

    fn waits_for(&self, name: &str, other: &str) -> Result<bool, Unavailable> {
        let other = self.get(Horizon::NextBoot, other)?.name;
        Ok(
            (self.after(name)?.contains(&other) && self.is_pulled_in(&other)?)
                || self.ordered_before(name)?.contains(&other),
        )
    }

    fn kind(&self, name: &str) -> Result<Option<String>, Unavailable> {
        Ok(self
            .service(Horizon::NextBoot, name)?
            .map(|service| service.kind))
    }

    fn conditions_met(&self, name: &str) -> Result<Option<bool>, Unavailable> {
        Self::conditions_met(self, name)
    }
}
