//! How a service is started: its commands, its environment, the words that its
//! program gets.
//!
//! Source: `man systemd.exec` (environment variables in spawned processes),
//! `man systemd.service` (command lines); `exec_child` in `src/core/execute.c`.

use nodepol_model::{Horizon, Location, Part, Unavailable};

use super::exec::ExecCommand;
use super::record::{Command, EnvironmentFile};
use super::search::View;
use super::unit::Loaded;
use super::{Units, expand, live, name, specifier};
use crate::sourced::Sourced;

/// A variable that a service is started with.
pub type Variable = (String, Sourced<String>);

/// What the manager itself sets and nobody can know beforehand.
const UNKNOWABLE: [&str; 12] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MAINPID",
    "MANAGERPID",
    "NOTIFY_SOCKET",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LANG",
];

/// The search path of services (`DEFAULT_PATH`).
pub(super) const PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

impl Units {
    /// The command lines of `ExecStart`, `ExecStartPre`, …, variables not
    /// expanded.
    ///
    /// # Errors
    /// [`Unavailable`] if the manager (now) or the files (next boot) could not
    /// be read, or if a word depends on what is not known, such as `%b`.
    pub fn commands(
        &self,
        at: Horizon,
        name: &str,
        key: &str,
    ) -> Result<Vec<Command>, Unavailable> {
        let commands = self.exec_commands(at, name, key)?;
        Ok(commands
            .into_iter()
            .map(|command| Command {
                path: command.path,
                argv: command.argv.into_iter().map(|word| word.value).collect(),
                ignore_failure: command.ignore_failure,
                at: command.at,
            })
            .collect())
    }

    /// The environment files of a service, in order.
    ///
    /// # Errors
    /// [`Unavailable`] as [`Units::commands`].
    pub fn environment_files(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Vec<EnvironmentFile>, Unavailable> {
        let named = match at {
            Horizon::Now => {
                let unit = self.evidence.loaded_unit(name)?;
                let on_disk = self
                    .load(View::Disk, name)
                    .map(|unit| self.named_environment_files(&unit))
                    .unwrap_or_default();
                live::environment_files(unit, name)?
                    .into_iter()
                    .map(|(path, optional)| {
                        let place = on_disk
                            .iter()
                            .find(|(known, same, _)| *known == path && *same == optional)
                            .map_or_else(live::origin, |(_, _, at)| at.clone());
                        (path, optional, place)
                    })
                    .collect()
            }
            Horizon::NextBoot => {
                let unit = self.load(View::NextBoot, name)?;
                self.named_environment_files(&unit)
            }
        };
        named
            .into_iter()
            .map(|(path, optional, at)| {
                let present = !self.matches_of(&path)?.is_empty();
                Ok(EnvironmentFile {
                    path,
                    optional,
                    present,
                    at,
                })
            })
            .collect()
    }

    /// The variables that files and the manager's settings give a service, by
    /// name, sorted. What the manager adds on its own (`INVOCATION_ID`, …) is
    /// not among them.
    ///
    /// # Errors
    /// [`Unavailable`] as [`Units::commands`], or if an environment file that
    /// exists could not be read.
    pub fn environment(&self, at: Horizon, name: &str) -> Result<Vec<Variable>, Unavailable> {
        Ok(self.variables(at, name)?.into_iter().collect())
    }

    /// What `Environment=` gives a service at the next boot, by name, sorted.
    ///
    /// # Errors
    /// [`Unavailable`] if its files could not be read.
    pub fn own_environment(&self, name: &str) -> Result<Vec<Variable>, Unavailable> {
        let unit = self.load(View::NextBoot, name)?;
        Ok(self.assigned(&unit).into_iter().collect())
    }

    /// The words that the program of a service is started with: those of its
    /// first `ExecStart=`, variables expanded. A word that comes from a variable,
    /// whole or in part, has the origin of that variable. Empty if the service
    /// starts no program.
    ///
    /// An environment file that is missing counts as empty, although systemd
    /// does not start a service without one that it requires: see
    /// [`Units::environment_files`].
    ///
    /// # Errors
    /// [`Unavailable`] as [`Units::environment`], or if a word depends on a
    /// variable that only the manager knows.
    pub fn started_argv(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        let commands = self.exec_commands(at, name, "ExecStart");
        let variables = self.variables(at, name);
        let Some(command) = commands?.into_iter().next() else {
            return Ok(Vec::new());
        };
        if command.literal {
            return Ok(command.argv);
        }
        let variables = variables?;
        for word in &command.argv {
            for reference in expand::references(&word.value) {
                if UNKNOWABLE.contains(&reference) && !variables.contains_key(reference) {
                    return Err(Unavailable::new(
                        word.origin.to_string(),
                        format!("${reference} is set by the manager when it starts the service"),
                    ));
                }
            }
        }
        Ok(expand::expand(&command.argv, &variables))
    }

    pub(super) fn exec_commands(
        &self,
        at: Horizon,
        name: &str,
        key: &str,
    ) -> Result<Vec<ExecCommand>, Unavailable> {
        let commands = match at {
            Horizon::Now => {
                let unit = self.evidence.loaded_unit(name)?;
                let mut commands = live::commands(unit, name, key)?;
                // Where the files say the same, they say where.
                if let Ok(unit) = self.load(View::Disk, name) {
                    let on_disk = self.file_commands(&unit, key);
                    for (command, same) in commands.iter_mut().zip(on_disk) {
                        let words = |c: &ExecCommand| -> Vec<String> {
                            c.argv.iter().map(|word| word.value.clone()).collect()
                        };
                        if command.path == same.path && words(command) == words(&same) {
                            *command = same;
                        }
                    }
                }
                commands
            }
            Horizon::NextBoot => {
                let unit = self.load(View::NextBoot, name)?;
                self.file_commands(&unit, key)
            }
        };
        match commands
            .iter()
            .find_map(|c| c.undetermined.map(|letter| (c, letter)))
        {
            Some((command, letter)) => Err(Unavailable::new(
                command.at.to_string(),
                format!("what the specifier %{letter} stands for is not known"),
            )),
            None => Ok(commands),
        }
    }

    fn file_commands(&self, unit: &Loaded, key: &str) -> Vec<ExecCommand> {
        let section = match name::suffix(&unit.id) {
            "socket" => "Socket",
            _ => "Service",
        };
        unit.commands(section, key, &self.evidence)
    }

    /// Path, whether it may be missing, and where it is named.
    fn named_environment_files(&self, unit: &Loaded) -> Vec<(String, bool, Location)> {
        unit.list("Service", "EnvironmentFile")
            .into_iter()
            .filter_map(|placed| {
                let value =
                    specifier::expand(&placed.assignment.value, &unit.id, &self.evidence).ok()?;
                let (optional, path) = match value.strip_prefix('-') {
                    Some(path) => (true, path),
                    None => (false, value.as_str()),
                };
                // A path that is not absolute is ignored.
                path.starts_with('/').then(|| {
                    let at = placed.assignment.location(placed.path);
                    (simplify(path), optional, at)
                })
            })
            .collect()
    }

    /// The files that a path or pattern of an environment file leads to.
    pub(super) fn matches_of(&self, pattern: &str) -> Result<Vec<String>, Unavailable> {
        let is_pattern = |text: &str| text.contains(['*', '?', '[']);
        let (directory, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        if is_pattern(directory) {
            return Err(Unavailable::new(
                pattern,
                "a pattern in the name of a directory is not followed",
            ));
        }
        if !is_pattern(last) {
            return match self.evidence.stat(pattern) {
                Part::Present(_) => Ok(vec![pattern.to_owned()]),
                Part::Absent => Ok(Vec::new()),
                Part::Unreadable(why) => Err(Unavailable::new(pattern, why)),
            };
        }
        match self.evidence.names(directory) {
            Part::Present(names) => Ok(names
                .iter()
                .filter(|name| crate::systemd::glob::matches(last, name))
                .map(|name| format!("{directory}/{name}"))
                .collect()),
            Part::Absent => Ok(Vec::new()),
            Part::Unreadable(why) => Err(Unavailable::new(directory, why)),
        }
    }
}

/// A path without doubled slashes and `.`; `..` stays, as systemd keeps it.
fn simplify(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("/{}", parts.join("/"))
}
