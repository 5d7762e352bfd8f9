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
}
