//! The order of a boot: what a unit waits for, and the circles in it.
//!
//! Only units that the boot starts wait for each other: an order to a unit
//! without a job has no effect, and does not lead on to what that one waits for.
//!
//! Source: `man systemd.unit` (`Before=`, `After=`, `RequiresMountsFor=`);
//! `transaction_verify_order_one` in `src/core/transaction.c`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nodepol_model::Unavailable;

use super::{Graph, Units, link};
use crate::systemd::search::View;
use crate::systemd::unit::LoadState;

/// Of each unit that the boot starts, the started units that it waits for
/// directly.
type After = BTreeMap<String, BTreeSet<String>>;

impl Units {
    /// The units that the next boot starts and that this one waits for, directly
    /// or through others, sorted. For a unit that the boot does not start: what
    /// it would wait for.
    ///
    /// # Errors
    /// [`Unavailable`] if a file on the way could not be read.
    pub fn ordered_before(&self, name: &str) -> Result<Vec<String>, Unavailable> {
        let id = self.load(View::NextBoot, name)?.id.clone();
        let graph = self.graph()?;
        let mut after = self.after(graph);
        if !after.contains_key(&id) {
            let direct = self.dependencies(nodepol_model::Horizon::NextBoot, &id, "After")?;
            let started = direct.into_iter().filter(|other| after.contains_key(other));
            let started = started.collect();
            after.insert(id.clone(), started);
        }
        let mut found = BTreeSet::new();
        let mut pending = vec![&id];
        while let Some(unit) = pending.pop() {
            for other in after.get(unit).into_iter().flatten() {
                if *other != id && found.insert(other.clone()) {
                    pending.push(other);
                }
            }
        }
        if let Some(unavailable) = &graph.unavailable {
            return Err(unavailable.clone());
        }
        Ok(found.into_iter().collect())
    }

    /// The shortest circle of the next boot's order that a unit is part of: it
    /// first, each waiting for the one that follows, the last for the first.
    /// Empty if there is none. systemd breaks such a circle: it drops the start
    /// of one of them.
    ///
    /// # Errors
    /// [`Unavailable`] if a file on the way could not be read.
    pub fn ordering_cycle(&self, name: &str) -> Result<Vec<String>, Unavailable> {
        let id = self.load(View::NextBoot, name)?.id.clone();
        let graph = self.graph()?;
        let after = self.after(graph);
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([id.as_str()]);
        while let Some(unit) = queue.pop_front() {
            for other in after.get(unit).into_iter().flatten() {
                if *other == id {
                    let mut circle = Vec::new();
                    let mut at = unit;
                    while at != id {
                        circle.push(at.to_owned());
                        at = came_from.get(at).copied().unwrap_or(&id);
                    }
                    circle.push(id);
                    circle.reverse();
                    return Ok(circle);
                }
                if !came_from.contains_key(other.as_str()) {
                    came_from.insert(other, unit);
                    queue.push_back(other);
                }
            }
        }
        graph.unavailable.clone().map_or(Ok(Vec::new()), Err)
    }

    /// Whether what is mounted at `place` at the next boot is there before a unit
    /// starts: its mount unit is ordered before it, or the unit, or one that it
    /// waits for, says that it needs a path there (`RequiresMountsFor=` and what
    /// implies it).
    ///
    /// # Errors
    /// [`Unavailable`] if a file on the way could not be read.
    pub fn waits_for_mount(&self, name: &str, place: &str) -> Result<bool, Unavailable> {
        let id = self.load(View::NextBoot, name)?.id.clone();
        let before = self.ordered_before(&id)?;
        let mount = super::super::mount_unit(place);
        if before.binary_search(&mount).is_ok() {
            return Ok(true);
        }
        let graph = self.graph()?;
        let place = link::normalize(place);
        let below = |path: &String| {
            let path = link::normalize(path);
            path.strip_prefix(&place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for unit in before.iter().chain([&id]) {
            let needs = match graph.units.get(unit) {
                Some(node) => node.dependencies.mounts.iter().any(below),
                None => {
                    let unit = self.load(View::NextBoot, unit)?;
                    self.own_dependencies(&unit)?.mounts.iter().any(below)
                }
            };
            if needs {
                return Ok(true);
            }
        }
        // `After=` a mount that has no file yet, as in a tree: fstab gives it one.
        Ok(self
            .dependencies(nodepol_model::Horizon::NextBoot, &id, "After")?
            .binary_search(&mount)
            .is_ok())
    }

    fn after(&self, graph: &Graph) -> After {
        let started = |name: &str| {
            let id = self.id_of(name);
            graph
                .units
                .get(&id)
                .is_some_and(|node| node.started)
                .then_some(id)
        };
        let mut after = After::new();
        let nodes = || graph.units.iter().filter(|(_, node)| node.started);
        for (id, node) in nodes() {
            let own = after.entry(id.clone()).or_default();
            own.extend(
                node.dependencies
                    .of("After")
                    .filter_map(|(o, _)| started(o)),
            );
            let paths = node.dependencies.mounts.iter();
            for path in paths.chain(&node.dependencies.parent) {
                let mounts = self.mounts_of(path, id);
                own.extend(mounts.iter().filter_map(|mount| started(mount)));
            }
            own.remove(id);
            for (other, _) in node.dependencies.of("Before") {
                if let Some(other) = started(other).filter(|other| other != id) {
                    after.entry(other).or_default().insert(id.clone());
                }
            }
        }
        // What a target pulls in comes before it, unless it says that it comes
        // after.
        for (id, node) in nodes().filter(|(id, _)| id.ends_with(".target")) {
            let Ok(unit) = self.load(View::NextBoot, id) else {
                continue;
            };
            if unit.state != LoadState::Loaded {
                continue;
            }
            for other in self.after_pulled(&unit, &node.dependencies) {
                let waits = after.get(&other).is_some_and(|them| them.contains(id));
                if !waits && other != *id && started(&other).is_some() {
                    after.entry(id.clone()).or_default().insert(other);
                }
            }
        }
        after
    }
}
