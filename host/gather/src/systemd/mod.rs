//! What systemd says of the node's units, over D-Bus.
//!
//! D-Bus says what the manager has *loaded*; what the files of the node say is
//! read from the files. The two differ where somebody edited a unit and did not
//! reload, which is one of the things that policies look for.
//!
//! Read are the properties of [`allowed`] and no other. Nothing is started,
//! stopped or changed; `LoadUnit` makes the manager read the files of a unit
//! that it does not know yet, as `systemctl show` does.
//!
//! A bus that is not there, that refuses, hangs or lies makes evidence
//! unreadable and nothing else: every wait has an end.
//!
//! # Shapes
//! `properties` holds each property under its D-Bus name:
//!
//! | D-Bus | JSON |
//! |---|---|
//! | `b` | `true`, `false` |
//! | `y n q i u x t` | number; `infinity` is 18446744073709551615 |
//! | `s`, `o` | string |
//! | `as` | array of strings; sorted where it is a set (dependencies, `Names`) |
//! | `ay` (`InvocationID`) | hexadecimal, `""` if there is none |
//! | `(sa…)` and other structures | array of the members in order |
//! | `a(sb)`, … | array of such arrays |
//!
//! Times are microseconds since 1970, 0 for never; times of the monotonic clock
//! are not kept apart from those within `ExecStart`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use nodepol_model::snapshot::{LoadedUnit, Systemd};
use nodepol_model::{Part, Unavailable};
use serde_json::Value as Json;
use zbus::zvariant::{OwnedObjectPath, Value};

pub mod allowed;
mod bus;
mod failure;
mod value;

use allowed::Property;
use bus::{Bus, Call};
use failure::Failure;

/// Where the system bus listens (D-Bus specification, "Well-known Message Bus
/// Instances"; `/var/run` is a link to `/run`).
pub const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How many deadlines a [`Manager::read`] may take in all.
const READ_DEADLINES: u32 = 6;
/// How many swap units are read beside those that were asked for.
const MAX_SWAPS: usize = 256;
/// How many slices can lie in each other before they are no longer followed.
const MAX_SLICES: usize = 16;

/// Takes the secrets out of the value of one property.
pub type Redact = fn(Json) -> Json;

/// A connection to the manager of a machine.
pub struct Manager {
    bus: Bus,
    redact: Redact,
    properties: BTreeMap<String, Json>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager")
            .field("address", &self.bus.address())
            .finish_non_exhaustive()
    }
}

impl Manager {
    /// Connects to the system bus, or to the bus at `address` (of the `unix`
    /// transport), and asks systemd for its own properties. Neither connecting
    /// nor any single answer may take longer than `deadline`, and a
    /// [`Manager::read`] no longer than six of them. Everything that is read
    /// passes through `redact`.
    ///
    /// # Errors
    /// [`Unavailable`] if there is no bus, no systemd on it, no permission, or
    /// no answer in time.
    pub fn connect(
        address: Option<&str>,
        deadline: Duration,
        redact: Redact,
    ) -> Result<Self, Unavailable> {
        Self::open(address.unwrap_or(SYSTEM_BUS), deadline, redact)
            .map_err(|failure| failure.unavailable())
    }

    /// Runs `work` on the connection's thread. Whether it was done: if not, the
    /// connection is lost and its thread about to end.
    pub fn run_on_thread(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.bus.run(work)
    }

    fn open(address: &str, deadline: Duration, redact: Redact) -> Result<Self, Failure> {
        let bus = Bus::open(address, deadline)?;
        let until = Instant::now() + bus.deadline();
        // To call a name that nobody owns would make the bus start
        // `/bin/false` for it and answer that this has failed.
        let owned: bool = bus.call(
            Call {
                destination: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus".to_owned(),
                interface: "org.freedesktop.DBus",
                method: "NameHasOwner",
                body: SYSTEMD,
            },
            until,
            |message| message.body().deserialize(),
        )?;
        if !owned {
            return Err(Failure::NoSystemd(address.to_owned()));
        }
        let mut manager = Self {
            bus,
            redact,
            properties: BTreeMap::new(),
        };
        manager.properties =
            manager.properties_of(MANAGER_PATH, MANAGER, &[allowed::MANAGER], until)?;
        Ok(manager)
    }

    /// Reads the units of `names`; also every unit of swap that is loaded, and
    /// the slices in which the services that were read run, up to the root.
    /// A unit that does not exist is present, with the `LoadState` `not-found`.
    #[must_use]
    pub fn read(&self, names: &BTreeSet<String>) -> Systemd {
        let until = Instant::now() + self.bus.deadline() * READ_DEADLINES;
        let default_target = self
            .ask("GetDefaultTarget", (), until, |message| {
                message.body().deserialize::<String>()
            })
            .ok();
        let mut wanted = names.clone();
        // Where the list cannot be had, neither can the units: nothing is hidden.
        wanted.extend(self.loaded_swaps(until).unwrap_or_default());
        let mut units: BTreeMap<String, Part<LoadedUnit>> = wanted
            .into_iter()
            .map(|name| {
                let unit = self.unit(&name, until);
                (name, unit)
            })
            .collect();
        self.add_slices(&mut units, until);
        Systemd {
            manager: self.properties.clone(),
            default_target,
            units,
        }
    }

    /// Reads one unit. `Absent` is never the answer: a unit that does not exist
    /// is present, with the `LoadState` `not-found`.
    #[must_use]
    pub fn read_unit(&self, name: &str) -> Part<LoadedUnit> {
        self.unit(name, Instant::now() + self.bus.deadline() * READ_DEADLINES)
    }

    fn unit(&self, name: &str, until: Instant) -> Part<LoadedUnit> {
        match self.try_unit(name, until) {
            Ok(unit) => Part::Present(unit),
            Err(failure) => Part::Unreadable(failure.to_string()),
        }
    }

    fn try_unit(&self, name: &str, until: Instant) -> Result<LoadedUnit, Failure> {
        // To `LoadUnit` an empty name is the unit of the caller, and systemd 252
        // ends, with all of its machine, if the caller is in another PID
        // namespace: nothing is sent that cannot be a name.
        if !is_unit_name(name) {
            return Err(Failure::Name(name.to_owned()));
        }
        let path: OwnedObjectPath = self.ask("LoadUnit", name.to_owned(), until, |message| {
            message.body().deserialize()
        })?;
        let state = self.ask("GetUnitFileState", name.to_owned(), until, |message| {
            message.body().deserialize::<String>()
        });
        let unit_file_state = match state {
            Ok(state) => Some(state),
            // A unit without a file has no such state.
            Err(failure) if failure.is_no() => None,
            Err(failure) => return Err(failure),
        };
        let mut properties = self.properties_of(path.as_str(), UNIT, &[allowed::UNIT], until)?;
        if let Some(interface) = allowed::interface_of(name) {
            properties.extend(self.properties_of(
                path.as_str(),
                interface.name,
                interface.kept,
                until,
            )?);
        }
        Ok(LoadedUnit {
            unit_file_state,
            properties,
        })
    }

    /// The names of all units of swap that the manager has loaded, sorted.
    fn loaded_swaps(&self, until: Instant) -> Result<Vec<String>, Failure> {
        // Name, description, load, active and sub state, what it follows, its
        // path, and its job: number, type, path.
        type Row = (
            String,
            String,
            String,
            String,
            String,
            String,
            OwnedObjectPath,
            u32,
            String,
            OwnedObjectPath,
        );
        let body = (Vec::<String>::new(), vec!["*.swap".to_owned()]);
        let mut names = self.ask("ListUnitsByPatterns", body, until, |message| {
            let rows: Vec<Row> = message.body().deserialize()?;
            Ok(rows.into_iter().map(|row| row.0).collect::<Vec<_>>())
        })?;
        names.sort();
        names.truncate(MAX_SWAPS);
        Ok(names)
    }

    /// Adds the slices that the units lie in, and the slices that those lie in.
    fn add_slices(&self, units: &mut BTreeMap<String, Part<LoadedUnit>>, until: Instant) {
        for _ in 0..MAX_SLICES {
            let missing: BTreeSet<String> = units
                .values()
                .filter_map(|unit| unit.present()?.properties.get("Slice")?.as_str())
                .filter(|slice| slice.ends_with(".slice") && !units.contains_key(*slice))
                .map(str::to_owned)
                .collect();
            if missing.is_empty() {
                return;
            }
            for slice in missing {
                let unit = self.unit(&slice, until);
                units.insert(slice, unit);
            }
        }
    }

    /// Calls a method of the manager.
    fn ask<B, T>(
        &self,
        method: &'static str,
        body: B,
        until: Instant,
        take: impl FnOnce(&zbus::Message) -> zbus::Result<T> + Send + 'static,
    ) -> Result<T, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType + Send + 'static,
        T: Send + 'static,
    {
        let path = MANAGER_PATH.to_owned();
        self.bus.call(
            Call {
                destination: SYSTEMD,
                path,
                interface: MANAGER,
                method,
                body,
            },
            until,
            take,
        )
    }

    /// What is kept of the properties of one interface of one object.
    fn properties_of(
        &self,
        path: &str,
        interface: &'static str,
        kept: &'static [&'static [Property]],
        until: Instant,
    ) -> Result<BTreeMap<String, Json>, Failure> {
        let call = Call {
            destination: SYSTEMD,
            path: path.to_owned(),
            interface: PROPERTIES,
            method: "GetAll",
            body: interface,
        };
        let found = self.bus.call(call, until, move |message| {
            let body = message.body();
            let all: HashMap<&str, Value<'_>> = body.deserialize()?;
            Ok(keep(&all, kept))
        })?;
        Ok(found
            .into_iter()
            .map(|(name, value)| (name, (self.redact)(value)))
            .collect())
    }
}

/// Whether `name` names one unit (systemd.unit(5), "String Escaping for Inclusion
/// in Unit Names"; `unit_name_is_valid` in src/basic/unit-name.c). A template
/// (`x@.service`) is a file and not a unit.
fn is_unit_name(name: &str) -> bool {
    const TYPES: [&str; 11] = [
        "automount",
        "device",
        "mount",
        "path",
        "scope",
        "service",
        "slice",
        "socket",
        "swap",
        "target",
        "timer",
    ];
    let Some((prefix, suffix)) = name.rsplit_once('.') else {
        return false;
    };
    name.len() < 256
        && TYPES.contains(&suffix)
        && prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte))
        && !prefix.is_empty()
        && !prefix.starts_with('@')
        && !prefix.ends_with('@')
}

/// The allowed properties among `all` that have the type that they must have.
fn keep(
    all: &HashMap<&str, Value<'_>>,
    kept: &'static [&'static [Property]],
) -> BTreeMap<String, Json> {
    let mut properties = BTreeMap::new();
    for property in kept.iter().copied().flatten() {
        let Some(value) = all.get(property.name) else {
            continue;
        };
        if value.value_signature().to_string() != property.signature {
            continue;
        }
        let Some(mut json) = value::to_json(value) else {
            continue;
        };
        if property.set
            && let Json::Array(names) = &mut json
        {
            names.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
        }
        properties.insert(property.name.to_owned(), json);
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::is_unit_name;

    #[test]
    fn names_of_units() {
        for name in [
            "kubelet.service",
            "-.slice",
            "dev-disk-by\\x2duuid-1.swap",
            "getty@tty1.service",
            "snap.microk8s.daemon-kubelite.service",
            "a:b_c.mount",
        ] {
            assert!(is_unit_name(name), "{name}");
        }
        let long = format!("{}.service", "x".repeat(248));
        for name in [
            "",
            ".service",
            "kubelet",
            "kubelet.",
            "kubelet.conf",
            "a b.service",
            "/x.mount",
            "template@.service",
            "@x.service",
            "ä.service",
            "a\n.service",
            &long,
        ] {
            assert!(!is_unit_name(name), "{name:?}");
        }
    }
}
