//! What a unit depends on by its own configuration: what its files say, what
//! its settings imply, and the defaults.
//!
//! Source: `man systemd.unit`, `man systemd.service` and their like (implicit
//! and default dependencies); the `…_add_extras` and
//! `…_add_default_dependencies` functions in `src/core`.

use super::default_dependency;
use super::dependency::{Dependencies, KINDS, PULLING, Reason};
use super::name::{self, Kind};
use super::service::{self, boolean};
use super::specifier;
use super::unit::{LoadState, Loaded, Placed};
use super::words::{Rules, Words};
use crate::evidence::Evidence;

/// Reads the dependencies of a loaded unit. `linked` are the names in its
/// `.wants`, `.requires` and `.upholds` directories, in the order of [`PULLING`].
pub(super) fn read(unit: &Loaded, linked: &[Vec<String>; 3], evidence: &Evidence) -> Dependencies {
    let mut found = Dependencies::default();
    let reader = Reader { unit, evidence };
    for ((_, kind), names) in PULLING.iter().zip(linked) {
        for name in names {
            if let Some(name) = reader.concrete(name) {
                found.add(kind, &name, Reason::Set);
            }
        }
    }
    for (kind, _) in KINDS {
        if kind == "Triggers" {
            continue;
        }
        // BindTo is what BindsTo was called.
        let keys: &[&str] = if kind == "BindsTo" {
            &["BindsTo", "BindTo"]
        } else {
            &[kind]
        };
        for key in keys {
            for name in reader.names("Unit", key) {
                found.add(kind, &name, Reason::Set);
            }
        }
    }
    // A unit does not depend on itself.
    found.mounts = reader.paths("Unit", "RequiresMountsFor");
    // A masked unit has what its links and drop-ins say and no more.
    if unit.state == LoadState::Loaded {
        reader.settings(&mut found);
        if reader.flag("Unit", "DefaultDependencies", true) {
            default_dependency::add(unit, evidence, &mut found);
        }
    }
    for units in found.by_kind.values_mut() {
        units.retain(|name, _| !unit.names.contains(name) && *name != unit.id);
    }
    found
}

struct Reader<'a> {
    unit: &'a Loaded,
    evidence: &'a Evidence,
}

impl Reader<'_> {
    fn flag(&self, section: &str, key: &str, default: bool) -> bool {
        self.unit.last(section, key, boolean).unwrap_or(default)
    }

    fn text(&self, section: &str, key: &str) -> Option<String> {
        self.unit
            .scalar(section, key)
            .map(|placed| placed.assignment.value.clone())
    }

    /// A template that is named gets this unit's instance, or its prefix.
    fn concrete(&self, name: &str) -> Option<String> {
        let expanded = specifier::expand(name, &self.unit.id, self.evidence).ok()?;
        match name::kind(&expanded)? {
            Kind::Template => {
                let id = &self.unit.id;
                let instance = name::instance(id).unwrap_or_else(|| name::prefix(id));
                Some(name::instantiate(&expanded, instance))
            }
            Kind::Plain | Kind::Instance => Some(expanded),
        }
    }

    fn words(&self, placed: &[Placed<'_>], rules: Rules) -> Vec<String> {
        let mut found = Vec::new();
        for placed in placed {
            let mut words = Words::new(&placed.assignment.value);
            while let Ok(Some(word)) = words.next(rules) {
                found.push(word.text);
            }
        }
        found
    }

    /// The units of a list. Dependencies cannot be reset: an empty assignment
    /// adds nothing and takes nothing away.
    fn names(&self, section: &str, key: &str) -> Vec<String> {
        let all: Vec<Placed<'_>> = self.unit.all(section, key).collect();
        self.words(&all, Rules::NAMES)
            .iter()
            .filter_map(|name| self.concrete(name))
            .collect()
    }

    fn paths(&self, section: &str, key: &str) -> Vec<String> {
        let all: Vec<Placed<'_>> = self.unit.all(section, key).collect();
        self.words(&all, Rules::QUOTED)
            .iter()
            .filter_map(|path| specifier::expand(path, &self.unit.id, self.evidence).ok())
            .filter(|path| path.starts_with('/'))
            .collect()
    }

    /// What settings imply.
    fn settings(&self, found: &mut Dependencies) {
        let id = self.unit.id.as_str();
        if let Some(slice) = service::slice(self.unit, self.evidence) {
            let reason = if name::suffix(id) == "slice" {
                Reason::Implied
            } else {
                Reason::Set
            };
            found.add_all(&["After", "Requires"], &slice, reason);
        }
        match name::suffix(id) {
            "service" => {
                self.execution("Service", found);
                for socket in self.names("Service", "Sockets") {
                    found.add_all(&["Wants", "After"], &socket, Reason::Set);
                }
                if self.unit.scalar("Service", "BusName").is_some() {
                    found.add("After", "dbus.socket", Reason::Set);
                    if service::kind(self.unit, self.evidence) == "dbus" {
                        found.add("Requires", "dbus.socket", Reason::Set);
                    }
                }
            }
            "socket" => {
                let started = self.names("Socket", "Service").pop();
                if !self.flag("Socket", "Accept", false) {
                    found.starts(started, id);
                }
                for key in [
                    "ListenStream",
                    "ListenDatagram",
                    "ListenSequentialPacket",
                    "ListenFIFO",
                    "ListenSpecial",
                ] {
                    found.mounts.extend(self.paths("Socket", key));
                }
                if let Some(device) = self.text("Socket", "BindToDevice").filter(|d| d != "lo") {
                    let path = format!("/sys/subsystem/net/devices/{device}");
                    let unit = format!("{}.device", name::escape_path(&path));
                    found.add_all(&["BindsTo", "After"], &unit, Reason::Set);
                }
                let executes = [
                    "ExecStartPre",
                    "ExecStartPost",
                    "ExecStopPre",
                    "ExecStopPost",
                ];
                if executes
                    .into_iter()
                    .any(|key| !self.unit.list("Socket", key).is_empty())
                {
                    self.execution("Socket", found);
                }
            }
            kind @ ("path" | "timer") => {
                let section = if kind == "path" { "Path" } else { "Timer" };
                found.starts(self.names(section, "Unit").pop(), id);
                if kind == "path" {
                    for key in [
                        "PathExists",
                        "PathChanged",
                        "PathModified",
                        "DirectoryNotEmpty",
                    ] {
                        found.mounts.extend(self.paths("Path", key));
                    }
                }
            }
            "mount" => {
                self.execution("Mount", found);
                let place = self.unit.path_of("Mount", "Where", self.evidence);
                found.parent = place
                    .and_then(|place| place.rsplit_once('/').map(|(parent, _)| parent.to_owned()))
                    .map(|parent| {
                        if parent.is_empty() {
                            "/".to_owned()
                        } else {
                            parent
                        }
                    });
                found
                    .mounts
                    .extend(self.unit.path_of("Mount", "What", self.evidence));
            }
            "swap" => self.swap(found),
            "automount" => {
                let mount = format!("{}.mount", name::stem(id));
                found.add_all(&["Before", "Triggers"], &mount, Reason::Implied);
            }
            _ => {}
        }
    }

    fn swap(&self, found: &mut Dependencies) {
        self.execution("Swap", found);
        let Some(what) = self.unit.path_of("Swap", "What", self.evidence) else {
            return;
        };
        let escaped = name::escape_path(&what);
        if what.starts_with("/dev/") {
            let device = format!("{escaped}.device");
            found.add_all(&["Requires", "After"], &device, Reason::Set);
            found.add("After", &format!("blockdev@{escaped}.target"), Reason::Set);
        } else {
            found.add("After", "systemd-remount-fs.service", Reason::Set);
            found.mounts.push(what);
        }
    }

    /// `unit_add_exec_dependencies`.
    fn execution(&self, section: &str, found: &mut Dependencies) {
        for key in ["WorkingDirectory", "RootDirectory", "RootImage"] {
            if let Some(path) = self.text(section, key).filter(|path| path.starts_with('/')) {
                let path = specifier::expand(&path, &self.unit.id, self.evidence);
                found.mounts.extend(path);
            }
        }
        for (key, base, written) in [
            ("RuntimeDirectory", "/run", false),
            ("StateDirectory", "/var/lib", true),
            ("CacheDirectory", "/var/cache", true),
            ("LogsDirectory", "/var/log", true),
            ("ConfigurationDirectory", "/etc", false),
        ] {
            let listed = self.words(&self.unit.list(section, key), Rules::QUOTED);
            for directory in &listed {
                if let Ok(directory) = specifier::expand(directory, &self.unit.id, self.evidence) {
                    found.mounts.push(format!("{base}/{directory}"));
                }
            }
            if written && !listed.is_empty() {
                found.add("After", "systemd-remount-fs.service", Reason::Set);
            }
        }
        if self.flag(section, "PrivateTmp", false) {
            found.add_all(&["After", "Wants"], "tmp.mount", Reason::Set);
            found.mounts.push("/var/tmp".to_owned());
            found.add("After", "systemd-tmpfiles-setup.service", Reason::Set);
        }
        if self.text(section, "RootImage").is_some() {
            found.add("After", "systemd-udevd.service", Reason::Set);
        }
        if self.logs_to_journal(section) {
            match self.text(section, "LogNamespace") {
                Some(namespace) => {
                    for socket in ["systemd-journald", "systemd-journald-varlink"] {
                        let socket = format!("{socket}@{namespace}.socket");
                        found.add_all(&["After", "Requires"], &socket, Reason::Set);
                    }
                }
                None => found.add("After", "systemd-journald.socket", Reason::Set),
            }
        }
    }

    fn logs_to_journal(&self, section: &str) -> bool {
        let journal = |word: &str| {
            [
                "journal",
                "journal+console",
                "kmsg",
                "kmsg+console",
                "syslog",
                "syslog+console",
            ]
            .contains(&word)
        };
        let value = |key: &str| {
            self.text(section, key)
                .unwrap_or_else(|| "inherit".to_owned())
        };
        let (input, mut output, error) = (
            value("StandardInput"),
            value("StandardOutput"),
            value("StandardError"),
        );
        let inherits = section == "Service"
            && (input.starts_with("tty") || input == "socket" || input.starts_with("fd:"));
        if output == "inherit" && !inherits {
            output = "journal".to_owned();
        }
        journal(&output) || journal(&error) || self.text(section, "LogNamespace").is_some()
    }
}
