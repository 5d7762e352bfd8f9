//! What the environment files of a service set, and what in them has no effect.

use nodepol_model::{Horizon, Part, Unavailable};

use super::start::Variable;
use super::{Units, environment, name};
use crate::evidence::Resolved;
use crate::sourced::{Problem, Sourced};

/// Where packages keep the environment of a service: Debian and its kin, Red Hat
/// and its kin.
const USUAL: [&str; 2] = ["/etc/default", "/etc/sysconfig"];

impl Units {
    /// The variables that each environment file of a service sets, in the order
    /// in which systemd reads them.
    ///
    /// # Errors
    /// [`Unavailable`] if the unit or a file that exists could not be read.
    pub fn file_environment(&self, at: Horizon, name: &str) -> Result<Vec<Variable>, Unavailable> {
        let mut found = Vec::new();
        for (path, text, _) in self.environment_texts(at, name)? {
            let variables = environment::parse(&path, text).into_iter();
            found.extend(variables.map(|set| (set.name, Sourced::new(set.value, set.at))));
        }
        Ok(found)
    }

    /// What of these files systemd passes over, or takes otherwise than a shell
    /// would, or that it does not read a file at all; fatal where the service then
    /// does not start.
    ///
    /// # Errors
    /// As [`Units::file_environment`].
    pub fn environment_problems(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Vec<Problem>, Unavailable> {
        let mut found = Vec::new();
        for (path, text, optional) in self.environment_texts(at, name)? {
            let problems = environment::problems(&path, text);
            // The prefix `-` lets it be unreadable as well as absent.
            found.extend(problems.into_iter().map(|problem| Problem {
                fatal: problem.fatal && !optional,
                ..problem
            }));
        }
        Ok(found)
    }

    /// The variables of the files in which packages keep the environment of a
    /// service (`/etc/default/NAME`, `/etc/sysconfig/NAME`), where the unit reads
    /// no such file.
    ///
    /// # Errors
    /// As [`Units::file_environment`].
    pub fn unread_environment(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Vec<Variable>, Unavailable> {
        let mut read = Vec::new();
        for file in self.environment_files(at, name)? {
            for path in self.matches_of(&file.path)? {
                read.push(self.canonical(&path));
            }
        }
        let mut found = Vec::new();
        for directory in USUAL {
            let path = format!("{directory}/{}", name::stem(name));
            if read.contains(&self.canonical(&path)) {
                continue;
            }
            match self.evidence.text(&path) {
                Part::Present(text) => {
                    let variables = environment::parse(&path, text).into_iter();
                    found.extend(variables.map(|set| (set.name, Sourced::new(set.value, set.at))));
                }
                Part::Absent => {}
                Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
            }
        }
        Ok(found)
    }

    fn environment_texts(
        &self,
        at: Horizon,
        name: &str,
    ) -> Result<Vec<(String, &str, bool)>, Unavailable> {
        let mut found = Vec::new();
        for file in self.environment_files(at, name)? {
            for path in self.matches_of(&file.path)? {
                match self.evidence.text(&path) {
                    Part::Present(text) => found.push((path, text, file.optional)),
                    Part::Absent => {}
                    Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
                }
            }
        }
        Ok(found)
    }

    fn canonical(&self, path: &str) -> String {
        match self.evidence.resolve(path) {
            Resolved::At(path) | Resolved::Nowhere(path) => path,
            Resolved::Unknown(_) => path.to_owned(),
        }
    }
}
