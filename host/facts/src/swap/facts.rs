//! The facts about swap, as policies ask for them.

use std::sync::{Arc, LazyLock};

use nodepol_model::{Location, Part, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

use super::boot_units::BootUnits;
use super::command_line::{self, CommandLine};
use super::scripts::{self, known_text};
use super::{
    Activation, Device, Enforcement, cloud_init, enforcement, fstab, generated, proc_swaps,
    services, unit_name, zram,
};
use crate::evidence::{Evidence, Resolved};
use crate::sourced::Sourced;

const SWAP_TARGET: &str = "swap.target";
const FSTAB: &str = "/etc/fstab";
/// As deep as device mappers are stacked on each other here.
const MAX_STACK: usize = 8;

/// The words of a kernel command line.
type Words = Vec<Sourced<String>>;

/// Swap now and at the next boot.
#[derive(Debug)]
pub struct Swap<U> {
    evidence: Arc<Evidence>,
    units: Arc<U>,
    command_line: LazyLock<Words, Box<dyn FnOnce() -> Words + Send>>,
}

impl<U: BootUnits> Swap<U> {
    /// The swap of a node with these units. `command_line` is that of the next
    /// boot; where it is not known it is taken to say nothing about swap.
    pub fn new(
        evidence: Arc<Evidence>,
        units: Arc<U>,
        command_line: impl FnOnce() -> Result<Words, Unavailable> + Send + 'static,
    ) -> Self {
        Self {
            evidence,
            units,
            command_line: LazyLock::new(Box::new(|| command_line().unwrap_or_default())),
        }
    }

    /// What is on. Empty if nothing is, or if the kernel has no swap.
    ///
    /// # Errors
    /// [`Unavailable`] if /proc/swaps could not be read or no kernel runs here.
    pub fn active(&self) -> Result<Vec<Device>, Unavailable> {
        match self.evidence.text(proc_swaps::PATH) {
            Part::Present(text) => Ok(proc_swaps::parse(text)),
            Part::Absent if self.evidence.is_live() => Ok(Vec::new()),
            Part::Absent => Err(Unavailable::new(
                proc_swaps::PATH,
                "no kernel runs from this tree",
            )),
            Part::Unreadable(why) => Err(Unavailable::new(proc_swaps::PATH, why)),
        }
    }

    /// Whether a device is encrypted by the device mapper (dm-crypt); none of one
    /// that is none of the device mapper's.
    ///
    /// # Errors
    /// [`Unavailable`] if that could not be looked at.
    pub fn encrypted(&self, path: &str) -> Result<Option<bool>, Unavailable> {
        let canonical = match self.evidence.resolve(path) {
            Resolved::At(canonical) => canonical,
            Resolved::Nowhere(_) => return Ok(None),
            Resolved::Unknown(unavailable) => return Err(unavailable),
        };
        let Some(name) = canonical
            .strip_prefix("/dev/")
            .filter(|name| name.starts_with("dm-"))
        else {
            return Ok(None);
        };
        self.mapper_encrypts(name, MAX_STACK).map(Some)
    }

    /// Whether dm-crypt is this mapping, or is below all that it lies on, as below
    /// LVM on an encrypted disk.
    fn mapper_encrypts(&self, name: &str, depth: usize) -> Result<bool, Unavailable> {
        // drivers/md/dm-sysfs.c; the prefix is that of cryptsetup.
        let uuid = format!("/sys/block/{name}/dm/uuid");
        let text = self.evidence.text(&uuid).known(&uuid)?.copied();
        if text.is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
            return Ok(true);
        }
        let slaves = format!("/sys/block/{name}/slaves");
        let names = self.evidence.names(&slaves);
        let Some(below) = names.known(&slaves)?.copied() else {
            return Ok(false);
        };
        if depth == 0 || below.is_empty() {
            return Ok(false);
        }
        for slave in below {
            if !slave.starts_with("dm-") || !self.mapper_encrypts(slave, depth - 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What turns swap on at the next boot, sorted.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that may turn it on could not be read.
    pub fn at_next_boot(&self) -> Result<Vec<Activation>, Unavailable> {
        let line = command_line::read(&self.command_line);
        // Every source is looked into before the first fault ends this, so that
        // all that is missing is asked for at once.
        let generated = [
            self.fstab(&line),
            self.on_command_line(&line),
            self.generated(&line),
            self.zram(&line),
        ];
        let other = [
            services::services(&self.evidence, &*self.units),
            services::waagent(&self.evidence, &*self.units),
            cloud_init::activations(&self.evidence, &*self.units, &self.command_line),
            scripts::rc_local(&self.evidence),
            scripts::cron(&self.evidence),
        ];
        let mut found = Vec::new();
        if !self.is_masked(&line, SWAP_TARGET)? && self.has_swap() {
            for source in generated {
                found.extend(source?);
            }
        }
        found.extend(self.swap_units(&line, &found)?);
        for source in other {
            found.extend(source?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What turns swap off, or keeps it off, before the kubelet starts.
    ///
    /// # Errors
    /// [`Unavailable`] if the units could not be read, or if a command may turn all
    /// swap off and that it does cannot be told.
    pub fn enforcements(&self) -> Result<Vec<Enforcement>, Unavailable> {
        let line = command_line::read(&self.command_line);
        let mut found =
            enforcement::turned_off(&self.evidence, &*self.units, || self.at_next_boot())?;
        found.extend(enforcement::kept_off(&*self.units, &line)?);
        found.sort();
        Ok(found)
    }

    /// What `nodepol facts` shows: `null` where the evidence does not tell.
    pub fn summary(&self) -> SwapSummary {
        SwapSummary {
            active: self.active().ok(),
            at_next_boot: self.at_next_boot().ok(),
            enforcements: self.enforcements().ok(),
        }
    }

    fn is_masked(&self, line: &CommandLine, unit: &str) -> Result<bool, Unavailable> {
        Ok(line.masked.iter().any(|masked| masked.value == unit) || self.units.is_masked(unit)?)
    }

    /// Generators make no swap units in a container, nor without /proc/swaps.
    fn has_swap(&self) -> bool {
        const CONTAINERS: &[&str] = &[
            "openvz",
            "lxc",
            "lxc-libvirt",
            "systemd-nspawn",
            "docker",
            "podman",
            "rkt",
            "wsl",
            "proot",
            "pouch",
        ];
        let virtualization = self.evidence.manager("Virtualization");
        let in_container = virtualization
            .and_then(serde_json::Value::as_str)
            .is_some_and(|kind| CONTAINERS.contains(&kind));
        let without =
            self.evidence.is_live() && matches!(self.evidence.text(proc_swaps::PATH), Part::Absent);
        !in_container && !without
    }

    fn fstab(&self, line: &CommandLine) -> Result<Vec<Activation>, Unavailable> {
        if line.no_fstab || line.no_swap.is_some() {
            return Ok(Vec::new());
        }
        let text = known_text(&self.evidence, FSTAB)?;
        let mut found = Vec::new();
        for entry in fstab::swap_lines(text)
            .into_iter()
            .filter(|line| !line.noauto)
        {
            let device = unit_name::device_of(&entry.spec);
            let unit = unit_name::of_path(&device);
            if self.is_masked(line, &unit)? {
                continue;
            }
            found.push(Activation {
                kind: "fstab",
                what: entry.spec,
                device_present: self.is_present(&device),
                unit: Some(unit),
                at: Location::line(FSTAB, entry.number),
                text: Some(entry.text),
                before_kubelet: true,
            });
        }
        Ok(found)
    }

    fn on_command_line(&self, line: &CommandLine) -> Result<Vec<Activation>, Unavailable> {
        let mut found = Vec::new();
        for (what, at) in &line.extra {
            let device = unit_name::device_of(what);
            let unit = unit_name::of_path(&device);
            if self.is_masked(line, &unit)? {
                continue;
            }
            found.push(Activation {
                kind: "kernel-command-line",
                what: what.clone(),
                device_present: self.is_present(&device),
                unit: Some(unit),
                at: at.clone(),
                text: None,
                before_kubelet: true,
            });
        }
        Ok(found)
    }

    /// What other generators made at this boot, and will make again.
    fn generated(&self, line: &CommandLine) -> Result<Vec<Activation>, Unavailable> {
        let mut found = Vec::new();
        for unit in generated::swap_units(&self.evidence)? {
            let off = unit.by_gpt && (line.no_gpt || line.no_swap.is_some());
            if off || self.is_masked(line, &unit.name)? {
                continue;
            }
            found.push(Activation {
                kind: if unit.by_gpt { "gpt" } else { "unit" },
                device_present: self.is_present(&unit.what),
                what: unit.what,
                unit: Some(unit.name),
                at: Location::source(unit.path),
                text: None,
                before_kubelet: true,
            });
        }
        Ok(found)
    }

    fn zram(&self, line: &CommandLine) -> Result<Vec<Activation>, Unavailable> {
        let mut found = Vec::new();
        for device in zram::devices(&self.evidence, line.zram, self.memory_mib())? {
            let what = format!("/dev/{}", device.name);
            let unit = unit_name::of_path(&what);
            let setup = format!("systemd-zram-setup@{}.service", device.name);
            if self.is_masked(line, &unit)? || self.is_masked(line, &setup)? {
                continue;
            }
            found.push(Activation {
                kind: "zram-generator",
                what,
                unit: Some(unit),
                at: device.at,
                text: Some(device.text),
                before_kubelet: true,
                device_present: None,
            });
        }
        Ok(found)
    }

    /// `.swap` units with a file of their own that something pulls in.
    fn swap_units(
        &self,
        line: &CommandLine,
        known: &[Activation],
    ) -> Result<Vec<Activation>, Unavailable> {
        let mut found = Vec::new();
        for name in self.units.names() {
            if !name.ends_with(".swap")
                || known.iter().any(|other| other.unit.as_ref() == Some(&name))
                || self.is_masked(line, &name)?
            {
                continue;
            }
            let Some(fragment) = self.units.fragment(&name)? else {
                continue;
            };
            // What generators made at this boot is told by what they read.
            if fragment.starts_with("/run/") || !self.units.is_pulled_in(&name)? {
                continue;
            }
            let what = self.units.assignments(&name, "Swap", "What")?.pop();
            found.push(Activation {
                kind: "unit",
                device_present: what
                    .as_ref()
                    .and_then(|what| self.is_present(&unit_name::device_of(&what.value))),
                what: what
                    .as_ref()
                    .map_or_else(|| name.clone(), |what| what.value.clone()),
                at: what.map_or_else(|| Location::source(&fragment), |what| what.origin),
                unit: Some(name),
                text: None,
                before_kubelet: true,
            });
        }
        Ok(found)
    }

    /// Whether a device or file exists. What is in `/dev` only the kernel knows.
    fn is_present(&self, path: &str) -> Option<bool> {
        if !path.starts_with('/') || (path.starts_with("/dev/") && !self.evidence.is_live()) {
            return None;
        }
        match self.evidence.stat_metadata(path) {
            Part::Present(_) => Some(true),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        }
    }

    fn memory_mib(&self) -> Option<u64> {
        let Part::Present(text) = self.evidence.text("/proc/meminfo") else {
            return None;
        };
        text.lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
            .map(|kib| kib / 1024)
    }
}

/// Swap in `nodepol facts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwapSummary {
    /// What is on.
    pub active: Option<Vec<Device>>,
    /// What turns it on at the next boot.
    pub at_next_boot: Option<Vec<Activation>>,
    /// What keeps it off.
    pub enforcements: Option<Vec<Enforcement>>,
}
