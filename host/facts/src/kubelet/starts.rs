//! How a service is started next time, as the kubelet's facts ask for it.

use std::fmt::Debug;

use nodepol_model::{Horizon, Unavailable};

use crate::sourced::Sourced;
use crate::systemd::Units;

/// What the kubelet's facts ask of systemd: how a service is started next time.
pub trait Starts: Debug + Send + Sync {
    /// The command lines of `ExecStart`, `ExecStartPre`, … of a service with
    /// specifiers and variables expanded, the program first. None if the
    /// service has no unit file.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that decides it could not be read.
    fn started(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Vec<Vec<Sourced<String>>>>, Unavailable>;

    /// A variable of the environment that the service is started with.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that decides it could not be read.
    fn variable(&self, unit: &str, name: &str) -> Result<Option<Sourced<String>>, Unavailable>;

    /// What the files of a service set `key` of `[Service]` to, the last time.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that decides it could not be read.
    fn service_setting(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Sourced<String>>, Unavailable>;
}

impl Starts for Units {
    fn started(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Vec<Vec<Sourced<String>>>>, Unavailable> {
        let at = Horizon::NextBoot;
        let found = self.get(at, unit)?;
        if found.load_state == "masked" {
            return Err(Unavailable::new(
                unit,
                "the unit is masked: nothing starts it",
            ));
        }
        if found.load_state == "not-found" {
            return Ok(None);
        }
        if key == "ExecStart" {
            let mut argv = self.started_argv(at, unit)?;
            let program = self.commands(at, unit, key)?.into_iter().next();
            // With the prefix `@` the zeroth word is no program but a name.
            if let (Some(zeroth), Some(program)) = (argv.first_mut(), program)
                && zeroth.value != program.path
            {
                *zeroth = Sourced::new(program.path, program.at);
            }
            let commands = if argv.is_empty() {
                Vec::new()
            } else {
                vec![argv]
            };
            return Ok(Some(commands));
        }
        let variables = self.environment(at, unit)?;
        let value = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.value.as_str())
        };
        let commands = self.commands(at, unit, key)?;
        Ok(Some(
            commands
                .into_iter()
                .map(|command| {
                    command
                        .argv
                        .iter()
                        .flat_map(|word| expand(word, &value))
                        .map(|word| Sourced::new(word, command.at.clone()))
                        .collect()
                })
                .collect(),
        ))
    }

    fn variable(&self, unit: &str, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let variables = self.environment(Horizon::NextBoot, unit)?;
        Ok(variables
            .into_iter()
            .find_map(|(known, value)| (known == name).then_some(value)))
    }

    fn service_setting(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(self.assignments(unit, "Service", key)?.pop())
    }
}

/// Replaces variables in a word: `$NAME` alone is split at blanks, `${NAME}` is
/// replaced in place (`man systemd.service`, "Command lines").
fn expand<'v>(word: &str, value: &impl Fn(&str) -> Option<&'v str>) -> Vec<String> {
    if let Some(name) = word
        .strip_prefix('$')
        .filter(|name| !name.starts_with(['{', '$']))
    {
        return value(name)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
    }
    let mut expanded = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        expanded.push_str(value(name).unwrap_or_default());
        rest = after;
    }
    expanded.push_str(rest);
    vec![expanded]
}
