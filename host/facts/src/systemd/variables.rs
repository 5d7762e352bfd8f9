//! The variables that a service is started with.
//!
//! Source: `man systemd.exec` (environment variables in spawned processes);
//! `exec_child` in `src/core/execute.c`: what the manager gives, then
//! `Environment=`, then the environment files; then `UnsetEnvironment=`.

use std::sync::Arc;

use nodepol_model::{Horizon, Location, Part, Unavailable};

use super::environment::{self, Variables};
use super::search::View;
use super::start::PATH;
use super::unit::Loaded;
use super::words::{Rules, Words};
use super::{Units, live, specifier, syntax};
use crate::sourced::Sourced;

impl Units {
    pub(super) fn variables(&self, at: Horizon, name: &str) -> Result<Variables, Unavailable> {
        let unit = match at {
            Horizon::Now => self.load(View::Disk, name),
            Horizon::NextBoot => self.load(View::NextBoot, name),
        };
        let mut variables = self.manager_environment(at);
        let own = match at {
            Horizon::NextBoot => self.assigned(&*unit?),
            Horizon::Now => {
                let on_disk = unit.map(|unit| self.assigned(&unit)).unwrap_or_default();
                let unit = self.evidence.loaded_unit(name)?;
                let set = live::texts(unit, "Environment").unwrap_or_default();
                set.into_iter()
                    .filter_map(|pair| {
                        let (name, value) = pair.split_once('=')?;
                        let at = on_disk
                            .iter()
                            .find(|(known, same)| known.as_str() == name && same.value == value)
                            .map_or_else(live::origin, |(_, same)| same.origin.clone());
                        Some((name.to_owned(), Sourced::new(value.to_owned(), at)))
                    })
                    .collect()
            }
        };
        variables.extend(own);
        for file in self.environment_files(at, name)? {
            for path in self.matches_of(&file.path)? {
                match self.evidence.text(&path) {
                    Part::Present(text) => {
                        for variable in environment::parse(&path, text) {
                            let value = Sourced::new(variable.value, variable.at);
                            variables.insert(variable.name, value);
                        }
                    }
                    Part::Absent => {}
                    Part::Unreadable(_) if file.optional => {}
                    Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
                }
            }
        }
        self.unset(at, name, &mut variables);
        Ok(variables)
    }

    /// `Environment=`, in order; a later one of the same name wins.
    pub(super) fn assigned(&self, unit: &Loaded) -> Variables {
        let mut variables = Variables::new();
        for placed in unit.list("Service", "Environment") {
            self.assign(placed.assignment, placed.path, &unit.id, &mut variables);
        }
        variables
    }

    fn assign(
        &self,
        assignment: &syntax::Assignment,
        path: &str,
        unit: &str,
        variables: &mut Variables,
    ) {
        let mut words = Words::new(&assignment.value);
        // What follows a malformed word is ignored.
        while let Ok(Some(word)) = words.next(Rules::COMMAND) {
            let Ok(text) = specifier::expand(&word.text, unit, &self.evidence) else {
                continue;
            };
            if let Some((name, value)) = text.split_once('=')
                && environment::is_name(name)
            {
                let at = assignment.locate(path, word.start);
                variables.insert(name.to_owned(), Sourced::new(value.to_owned(), at));
            }
        }
    }

    /// What every service gets: `PATH`, and `DefaultEnvironment=`.
    fn manager_environment(&self, at: Horizon) -> Variables {
        let mut variables = Variables::new();
        let path = Sourced::new(PATH.join(":"), Location::source("default"));
        variables.insert("PATH".to_owned(), path);
        for (path, assignment) in &self.defaults().environment {
            self.assign(assignment, path, "", &mut variables);
        }
        if at == Horizon::Now
            && let Some(set) = self.evidence.manager("Environment")
            && let Some(set) = set.as_array()
        {
            for pair in set.iter().filter_map(|pair| pair.as_str()) {
                if let Some((name, value)) = pair.split_once('=') {
                    variables.insert(
                        name.to_owned(),
                        Sourced::new(value.to_owned(), live::origin()),
                    );
                }
            }
        }
        variables
    }

    /// `UnsetEnvironment=`: names, or assignments that must be equal.
    fn unset(&self, at: Horizon, name: &str, variables: &mut Variables) {
        let listed: Vec<String> = match at {
            Horizon::Now => self
                .evidence
                .loaded_unit(name)
                .ok()
                .and_then(|unit| live::texts(unit, "UnsetEnvironment"))
                .unwrap_or_default(),
            Horizon::NextBoot => {
                let unit: Option<Arc<Loaded>> = self.load(View::NextBoot, name).ok();
                let mut listed = Vec::new();
                for placed in unit
                    .iter()
                    .flat_map(|u| u.list("Service", "UnsetEnvironment"))
                {
                    let mut words = Words::new(&placed.assignment.value);
                    while let Ok(Some(word)) = words.next(Rules::COMMAND) {
                        listed.push(word.text);
                    }
                }
                listed
            }
        };
        for item in listed {
            match item.split_once('=') {
                Some((name, value)) => {
                    if variables.get(name).is_some_and(|set| set.value == value) {
                        variables.remove(name);
                    }
                }
                None => {
                    variables.remove(&item);
                }
            }
        }
    }
}
