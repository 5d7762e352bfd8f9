//! What a service is set to: type, restart, start limit, slice.
//!
//! Source: `man systemd.service`, `man systemd.unit`, `man systemd.resource-control`;
//! `service_init` and `service_add_extras` in `src/core/service.c`.

use nodepol_model::Part;

use super::conf_files;
use super::mount_point;
use super::name;
use super::record::ServiceSettings;
use super::specifier;
use super::syntax::Assignment;
use super::time;
use super::unit::Loaded;
use crate::evidence::Evidence;

/// The manager's defaults, from `system.conf` and its drop-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    pub restart_usec: u64,
    pub start_limit_interval_usec: u64,
    pub start_limit_burst: u32,
    /// `DefaultEnvironment=`, as written, each with its place.
    pub environment: Vec<(String, Assignment)>,
}

/// The main file of the manager's settings, the first that exists counts, and
/// where its drop-ins are (`man systemd-system.conf`).
const MAIN: [&str; 4] = [
    "/etc/systemd/system.conf",
    "/run/systemd/system.conf",
    "/usr/local/lib/systemd/system.conf",
    "/usr/lib/systemd/system.conf",
];

impl Defaults {
    /// Reads them. Files that were not gathered count as not there: these
    /// defaults are hardly ever changed, and an unknown one would hide the rest.
    pub(super) fn new(evidence: &Evidence) -> Self {
        let mut defaults = Self {
            restart_usec: 100_000,
            start_limit_interval_usec: 10_000_000,
            start_limit_burst: 5,
            environment: Vec::new(),
        };
        let main = MAIN
            .into_iter()
            .find(|path| !matches!(evidence.stat(path), Part::Absent))
            .map(str::to_owned);
        let directories = MAIN.map(|path| format!("{path}.d"));
        let drop_ins = conf_files::merged(evidence, &directories, ".conf").unwrap_or_default();
        for path in main.into_iter().chain(drop_ins) {
            if let Part::Present(file) = conf_files::read(evidence, &path) {
                for assignment in &file.assignments {
                    if assignment.section == "Manager" {
                        defaults.apply(&path, assignment);
                    }
                }
            }
        }
        defaults
    }

    fn apply(&mut self, path: &str, assignment: &Assignment) {
        let value = &assignment.value;
        match assignment.key.as_str() {
            "DefaultRestartSec" => set(&mut self.restart_usec, time::parse_seconds(value)),
            "DefaultStartLimitIntervalSec" | "DefaultStartLimitInterval" => {
                set(
                    &mut self.start_limit_interval_usec,
                    time::parse_seconds(value),
                );
            }
            "DefaultStartLimitBurst" => set(&mut self.start_limit_burst, value.parse().ok()),
            "DefaultEnvironment" if value.is_empty() => self.environment.clear(),
            "DefaultEnvironment" => self.environment.push((path.to_owned(), assignment.clone())),
            _ => {}
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

const TYPES: [&str; 8] = [
    "simple",
    "exec",
    "forking",
    "oneshot",
    "dbus",
    "notify",
    "notify-reload",
    "idle",
];

const RESTARTS: [&str; 7] = [
    "no",
    "on-success",
    "on-failure",
    "on-abnormal",
    "on-watchdog",
    "on-abort",
    "always",
];

pub(super) fn one_of<'a>(words: &'a [&'a str]) -> impl Fn(&str) -> Option<String> {
    move |value| words.contains(&value).then(|| value.to_owned())
}

/// A boolean as `parse_boolean` reads it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// `Type=`, or what systemd takes where it is not set.
pub(super) fn kind(unit: &Loaded, evidence: &Evidence) -> String {
    unit.last("Service", "Type", one_of(&TYPES))
        .unwrap_or_else(|| {
            if unit.scalar("Service", "BusName").is_some() {
                "dbus"
            } else if unit.commands("Service", "ExecStart", evidence).is_empty() {
                "oneshot"
            } else {
                "simple"
            }
            .to_owned()
        })
}

/// `Restart=`.
pub(super) fn restart(unit: &Loaded) -> String {
    unit.last("Service", "Restart", one_of(&RESTARTS))
        .unwrap_or_else(|| "no".to_owned())
}

/// The slice of a unit that has one; `None` for units without processes and for
/// the root slice.
pub(super) fn slice(unit: &Loaded, evidence: &Evidence) -> Option<String> {
    let kind = name::suffix(&unit.id);
    if kind == "slice" {
        return parent_slice(&unit.id);
    }
    let section = match kind {
        "service" => "Service",
        "socket" => "Socket",
        "mount" => "Mount",
        "swap" => "Swap",
        "scope" => "Scope",
        _ => return None,
    };
    let set = unit.last(section, "Slice", |value| {
        let value = specifier::expand(value, &unit.id, evidence).ok()?;
        (name::suffix(&value) == "slice" && name::kind(&value).is_some()).then_some(value)
    });
    if set.is_none() && kind == "mount" && mount_point::is_extrinsic(unit, evidence) {
        return Some("-.slice".to_owned());
    }
    Some(set.unwrap_or_else(|| default_slice(&unit.id)))
}

/// Instances of a template get a slice of their own below `system.slice`.
fn default_slice(id: &str) -> String {
    if name::instance(id).is_some() {
        let escaped = name::escape(name::prefix(id));
        return format!("system-{escaped}.slice");
    }
    if id == "init.scope" {
        return "-.slice".to_owned();
    }
    "system.slice".to_owned()
}

/// `a.slice` of `a-b.slice`, `-.slice` of `a.slice`, none of `-.slice`.
pub(super) fn parent_slice(id: &str) -> Option<String> {
    if id == "-.slice" {
        return None;
    }
    Some(match name::stem(id).rsplit_once('-') {
        Some((parent, _)) if !parent.is_empty() => format!("{parent}.slice"),
        _ => "-.slice".to_owned(),
    })
}

/// All settings of a service.
pub(super) fn settings(unit: &Loaded, defaults: &Defaults, evidence: &Evidence) -> ServiceSettings {
    let (interval, burst) = start_limit(unit, defaults);
    ServiceSettings {
        kind: kind(unit, evidence),
        restart: restart(unit),
        restart_usec: unit
            .last("Service", "RestartSec", time::parse_seconds)
            .unwrap_or(defaults.restart_usec),
        start_limit_interval_usec: interval,
        start_limit_burst: burst,
        watchdog_usec: unit
            .last("Service", "WatchdogSec", time::parse_seconds)
            .unwrap_or(0),
        slice: slice(unit, evidence).unwrap_or_else(|| "system.slice".to_owned()),
    }
}

/// The start limit. `[Unit]` has `StartLimitIntervalSec=` and, as it was called
/// until systemd 230, `StartLimitInterval=`; `[Service]` only the old name. All
/// set the same value: the last one counts.
fn start_limit(unit: &Loaded, defaults: &Defaults) -> (u64, u32) {
    let mut interval = defaults.start_limit_interval_usec;
    let mut burst = defaults.start_limit_burst;
    let assignments = unit.files.iter().flat_map(|file| &file.assignments);
    for assignment in assignments {
        let value = assignment.value.as_str();
        match (assignment.section.as_str(), assignment.key.as_str()) {
            ("Unit", "StartLimitIntervalSec" | "StartLimitInterval")
            | ("Service", "StartLimitInterval") => set(&mut interval, time::parse_seconds(value)),
            ("Unit" | "Service", "StartLimitBurst") => set(&mut burst, value.parse().ok()),
            _ => {}
        }
    }
    (interval, burst)
}
