//! Units as the running manager has them: D-Bus properties.
//!
//! Source: `man org.freedesktop.systemd1`.

use nodepol_model::snapshot::LoadedUnit;
use nodepol_model::{Location, Unavailable};
use serde_json::Value;

use super::exec::ExecCommand;
use super::record::{ServiceSettings, Unit};
use crate::sourced::Sourced;

/// What the manager says: `systemd`.
pub(super) fn origin() -> Location {
    Location::source("systemd")
}

fn text(unit: &LoadedUnit, property: &str) -> Option<String> {
    unit.properties
        .get(property)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn required(unit: &LoadedUnit, name: &str, property: &str) -> Result<String, Unavailable> {
    text(unit, property).ok_or_else(|| missing(name, property))
}

fn missing(name: &str, property: &str) -> Unavailable {
    Unavailable::new(
        format!("systemd: {name}"),
        format!("the property {property} was not gathered"),
    )
}

/// The texts of an array of strings.
pub(super) fn texts(unit: &LoadedUnit, property: &str) -> Option<Vec<String>> {
    Some(
        unit.properties
            .get(property)?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

/// A unit.
pub(super) fn unit(
    loaded: Result<&LoadedUnit, Unavailable>,
    name: &str,
) -> Result<Unit, Unavailable> {
    let loaded = loaded?;
    // (name of the error, message)
    let load_error = loaded
        .properties
        .get("LoadError")
        .and_then(|pair| pair.get(1))
        .and_then(Value::as_str)
        .filter(|message| !message.is_empty())
        .map(str::to_owned);
    Ok(Unit {
        name: text(loaded, "Id").unwrap_or_else(|| name.to_owned()),
        load_state: required(loaded, name, "LoadState")?,
        load_error,
        fragment: text(loaded, "FragmentPath"),
        drop_ins: texts(loaded, "DropInPaths").unwrap_or_default(),
        file_state: loaded
            .unit_file_state
            .clone()
            .or_else(|| text(loaded, "UnitFileState"))
            .unwrap_or_default(),
        active_state: text(loaded, "ActiveState"),
        sub_state: text(loaded, "SubState"),
    })
}

/// A boolean property.
pub(super) fn boolean(unit: &LoadedUnit, name: &str, property: &str) -> Result<bool, Unavailable> {
    unit.properties
        .get(property)
        .and_then(Value::as_bool)
        .ok_or_else(|| missing(name, property))
}

fn number(unit: &LoadedUnit, name: &str, property: &str) -> Result<u64, Unavailable> {
    unit.properties
        .get(property)
        .and_then(Value::as_u64)
        .ok_or_else(|| missing(name, property))
}

/// The settings of a service; `None` if it is not loaded.
pub(super) fn service(
    loaded: Result<&LoadedUnit, Unavailable>,
    name: &str,
) -> Result<Option<ServiceSettings>, Unavailable> {
    let unit = loaded?;
    if required(unit, name, "LoadState")? != "loaded" {
        return Ok(None);
    }
    let burst = number(unit, name, "StartLimitBurst")?;
    Ok(Some(ServiceSettings {
        kind: required(unit, name, "Type")?,
        restart: required(unit, name, "Restart")?,
        restart_usec: number(unit, name, "RestartUSec")?,
        start_limit_interval_usec: number(unit, name, "StartLimitIntervalUSec")?,
        start_limit_burst: u32::try_from(burst).unwrap_or(u32::MAX),
        watchdog_usec: number(unit, name, "WatchdogUSec").unwrap_or(0),
        slice: required(unit, name, "Slice")?,
    }))
}

/// The commands of a property such as `ExecStart`, of type `a(sasbttttuii)`.
pub(super) fn commands(
    unit: &LoadedUnit,
    name: &str,
    property: &str,
) -> Result<Vec<ExecCommand>, Unavailable> {
    let wrong = || missing(name, property);
    let commands = unit
        .properties
        .get(property)
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    commands
        .iter()
        .map(|command| {
            let path = command.get(0).and_then(Value::as_str).ok_or_else(wrong)?;
            let argv = command.get(1).and_then(Value::as_array).ok_or_else(wrong)?;
            Ok(ExecCommand {
                path: path.to_owned(),
                argv: argv
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|word| Sourced::new(word.to_owned(), origin()))
                    .collect(),
                ignore_failure: command.get(2).and_then(Value::as_bool).unwrap_or(false),
                // ExecStartEx would say it; a literal command has no variable
                // that is set, so that it makes a difference only to `$$`.
                literal: false,
                at: origin(),
                undetermined: None,
            })
        })
        .collect()
}

/// `EnvironmentFiles`, of type `a(sb)`: path and whether it may be missing.
pub(super) fn environment_files(
    unit: &LoadedUnit,
    name: &str,
) -> Result<Vec<(String, bool)>, Unavailable> {
    unit.properties
        .get("EnvironmentFiles")
        .and_then(Value::as_array)
        .ok_or_else(|| missing(name, "EnvironmentFiles"))
        .map(|files| {
            files
                .iter()
                .filter_map(|file| {
                    let path = file.get(0)?.as_str()?;
                    Some((path.to_owned(), file.get(1)?.as_bool()?))
                })
                .collect()
        })
}

/// A value as `systemctl show` prints it, for the types that it prints plainly.
pub(super) fn shown(property: &str, value: &Value) -> String {
    match value {
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Number(number) if number.as_u64() == Some(u64::MAX) => "infinity".to_owned(),
        Value::Number(number) if property.ends_with("USec") => number
            .as_u64()
            .map_or_else(|| number.to_string(), super::time::format),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items
            .iter()
            .map(|item| shown("", item))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Object(_) => {
            // D-Bus promises no order.
            let mut sorted = value.clone();
            sorted.sort_all_objects();
            sorted.to_string()
        }
    }
}
