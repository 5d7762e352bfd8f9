//! What is mounted at the next boot, by /etc/fstab and by mount units, and
//! whether a service waits for it.
//!
//! Source: `man systemd.mount` (fstab), `man systemd.automount`;
//! `src/fstab-generator/fstab-generator.c`.

mod fstab;

use std::sync::Arc;

use nodepol_model::{Horizon, Location, Part, Unavailable};
use serde::Serialize;

use crate::evidence::Evidence;
use crate::swap::device_of;
use crate::systemd::{Units, is_api, mount_unit};
use fstab::Line;

const FSTAB: &str = "/etc/fstab";

/// A mount that files of the node ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootMount {
    /// Where.
    pub mount_point: String,
    /// What: as the file writes it.
    pub source: String,
    /// The type; empty where it is not said.
    pub filesystem: String,
    /// The options, as the file writes them.
    pub options: Vec<String>,
    /// The unit that mounts it.
    pub unit: String,
    /// Where it is asked for.
    pub at: Location,
    /// The line of fstab, if it is one.
    pub text: Option<String>,
    /// The next boot mounts it, or mounts it when its place is first used.
    pub started: bool,
    /// It is mounted when its place is first used, which waits until then.
    pub automount: bool,
    /// Whether its device is there; none where that cannot be told.
    pub device_present: Option<bool>,
}

/// The mounts of the next boot.
#[derive(Debug)]
pub struct Mounts {
    evidence: Arc<Evidence>,
    units: Arc<Units>,
}

impl Mounts {
    /// The mounts in `evidence`.
    pub fn new(evidence: Arc<Evidence>, units: Arc<Units>) -> Self {
        Self { evidence, units }
    }

    /// The mounts that fstab and mount units ask for, by mount point, then by
    /// unit, sorted. Those that are masked are left out, and the root.
    ///
    /// # Errors
    /// [`Unavailable`] if fstab or a unit could not be read.
    pub fn at_next_boot(&self) -> Result<Vec<BootMount>, Unavailable> {
        let mut found = Vec::new();
        for line in self.lines()? {
            let unit = mount_unit(&line.place);
            if self.has_own_file(&unit)? {
                continue;
            }
            let automount = line.automount();
            found.push(BootMount {
                started: automount || !line.noauto() || self.is_started(&unit)?,
                automount,
                device_present: self.is_present(&device_of(&line.source)),
                mount_point: line.place,
                source: line.source,
                filesystem: line.filesystem,
                options: line.options,
                unit,
                at: Location::line(FSTAB, line.number),
                text: Some(line.text),
            });
        }
        for unit in self.units.names() {
            if unit.ends_with(".mount") {
                found.extend(self.of_unit(&unit)?);
            }
        }
        found.sort_by(|a, b| (&a.mount_point, &a.unit).cmp(&(&b.mount_point, &b.unit)));
        Ok(found)
    }

    /// Whether a service starts only after what the next boot mounts at a place
    /// is there.
    ///
    /// # Errors
    /// [`Unavailable`] if fstab or a unit could not be read.
    pub fn mounted_before(&self, place: &str, service: &str) -> Result<bool, Unavailable> {
        if self.units.waits_for_mount(service, place)? {
            return Ok(true);
        }
        let unit = mount_unit(place);
        if self.has_own_file(&unit)? {
            // A first use of an automount waits for the mount.
            let automount = format!("{}.automount", unit.trim_end_matches(".mount"));
            return self.is_started(&automount);
        }
        let Some(line) = self.lines()?.into_iter().find(|line| line.place == place) else {
            return Ok(false);
        };
        if line.automount() {
            return Ok(true);
        }
        let target = match (line.nofail(), line.network()) {
            (true, _) => None,
            (false, true) => Some("remote-fs.target"),
            (false, false) => Some("local-fs.target"),
        };
        let before = self.units.ordered_before(service)?;
        let comes_first = |unit: &str| unit == service || before.iter().any(|known| known == unit);
        let by_target = target
            .filter(|_| !line.noauto())
            .is_some_and(|target| before.iter().any(|known| known == target));
        Ok(by_target || line.values("x-systemd.before").any(comes_first))
    }

    fn lines(&self) -> Result<Vec<Line>, Unavailable> {
        let text = self.evidence.text(FSTAB).known(FSTAB)?.copied();
        let mut lines = text.map(fstab::lines).unwrap_or_default();
        // What the manager mounts itself gets no unit from the generator.
        lines.retain(|line| !is_api(&line.place));
        Ok(lines)
    }

    /// Whether a file of its own stands before what fstab makes of the unit.
    fn has_own_file(&self, unit: &str) -> Result<bool, Unavailable> {
        let unit = self.units.get(Horizon::NextBoot, unit)?;
        Ok(unit.load_state == "masked"
            || unit
                .fragment
                .is_some_and(|file| file.starts_with("/etc/systemd/")))
    }

    fn is_started(&self, unit: &str) -> Result<bool, Unavailable> {
        Ok(!self.units.pulled_in_by(unit)?.is_empty())
    }

    fn of_unit(&self, name: &str) -> Result<Option<BootMount>, Unavailable> {
        let unit = self.units.get(Horizon::NextBoot, name)?;
        let last = |key: &str| -> Result<_, Unavailable> {
            Ok(self.units.assignments(name, "Mount", key)?.pop())
        };
        // Of fstab is what fstab says now, not what it said at this boot.
        let made = self.units.assignments(name, "Unit", "SourcePath")?.pop();
        if unit.load_state != "loaded" || made.is_some_and(|made| made.value == FSTAB) {
            return Ok(None);
        }
        let Some(place) = last("Where")? else {
            return Ok(None);
        };
        let mount_point = place.value.trim_end_matches('/').to_owned();
        if mount_point.is_empty() {
            return Ok(None);
        }
        let automount =
            self.is_started(&format!("{}.automount", name.trim_end_matches(".mount")))?;
        let source = last("What")?.map(|what| what.value).unwrap_or_default();
        let text = |value: Option<crate::sourced::Sourced<String>>| {
            value.map(|value| value.value).unwrap_or_default()
        };
        let options = text(last("Options")?);
        Ok(Some(BootMount {
            mount_point,
            device_present: self.is_present(&device_of(&source)),
            source,
            filesystem: text(last("Type")?),
            options: options
                .split(',')
                .map(|option| option.trim().to_owned())
                .filter(|option| !option.is_empty())
                .collect(),
            unit: name.to_owned(),
            at: place.origin,
            text: None,
            started: automount || self.is_started(name)?,
            automount,
        }))
    }

    fn is_present(&self, path: &str) -> Option<bool> {
        if !path.starts_with("/dev/") || !self.evidence.is_live() {
            return None;
        }
        match self.evidence.stat_metadata(path) {
            Part::Present(_) => Some(true),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        }
    }
}
