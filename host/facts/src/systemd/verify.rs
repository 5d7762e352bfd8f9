//! What makes systemd refuse a unit (`LoadState=bad-setting`).
//!
//! Source: `service_verify`, `socket_verify`, `timer_verify`, `path_verify`,
//! `mount_verify`, `swap_verify` and `automount_verify` in `src/core`, and the
//! readers in `src/core/load-fragment.c` that return `-ENOEXEC`.

use super::exec::{self, Refused};
use super::mount_point::is_api;
use super::name;
use super::service::{self, boolean, one_of};
use super::specifier;
use super::syntax::Assignment;
use super::unit::{Loaded, is_perpetual};
use crate::evidence::Evidence;

/// The keys of a command line, by section.
pub(super) fn is_command(section: &str, key: &str) -> bool {
    match section {
        "Service" => matches!(
            key,
            "ExecCondition"
                | "ExecStartPre"
                | "ExecStart"
                | "ExecStartPost"
                | "ExecReload"
                | "ExecStop"
                | "ExecStopPost"
        ),
        "Socket" => matches!(
            key,
            "ExecStartPre" | "ExecStartPost" | "ExecStopPre" | "ExecStopPost"
        ),
        _ => false,
    }
}

/// Whether the section belongs to the unit's type.
pub(super) fn has_section(unit: &str, section: &str) -> bool {
    if matches!(section, "Unit" | "Install") {
        return true;
    }
    let kind = name::suffix(unit);
    let mut chars = section.chars();
    chars
        .next()
        .is_some_and(|first| kind.starts_with(first.to_ascii_lowercase()))
        && kind.get(1..) == Some(chars.as_str())
}

/// Checks one assignment by itself.
///
/// # Errors
/// [`Refused`] if systemd stops reading the file here.
pub(super) fn assignment(
    assignment: &Assignment,
    path: &str,
    unit: &str,
    evidence: &Evidence,
) -> Result<(), Refused> {
    let Assignment {
        section,
        key,
        value,
        ..
    } = assignment;
    if !has_section(unit, section) || value.is_empty() {
        return Ok(());
    }
    if is_command(section, key) {
        return exec::parse(assignment, path, unit, evidence).map(|_| ());
    }
    if !matches!(section.as_str(), "Service" | "Socket" | "Mount" | "Swap") {
        return Ok(());
    }
    let expanded = || specifier::expand(value, unit, evidence).ok();
    match key.as_str() {
        "User" | "Group" => match expanded() {
            Some(user) if !is_user(&user) => Err(Refused(format!(
                "Invalid user/group name or numeric ID: {user}"
            ))),
            _ => Ok(()),
        },
        "WorkingDirectory" if !value.starts_with('-') && value != "~" => match expanded() {
            Some(directory) if !directory.starts_with('/') => Err(Refused(format!(
                "WorkingDirectory= path is not absolute: {directory}"
            ))),
            _ => Ok(()),
        },
        "RootDirectory" | "RootImage" => match expanded() {
            Some(root) if !root.starts_with('/') => {
                Err(Refused(format!("{key}= path is not absolute: {root}")))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// `valid_user_group_name` with `VALID_USER_ALLOW_NUMERIC|VALID_USER_RELAX`.
fn is_user(text: &str) -> bool {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse::<u32>()
            .is_ok_and(|id| !matches!(id, 0xFFFF | u32::MAX));
    }
    let wrong = |c: char| c.is_ascii_control() || matches!(c, ':' | '/');
    !(text.is_empty()
        || text.contains(wrong)
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text == "."
        || text == ".."
        // Neither a negative number, …
        || text.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())))
}

/// Checks a unit that was read whole.
///
/// # Errors
/// [`Refused`] with what systemd logs.
pub(super) fn unit(unit: &Loaded, evidence: &Evidence) -> Result<(), Refused> {
    let refuse = |why: &str| Err(Refused(why.to_owned()));
    match name::suffix(&unit.id) {
        "service" => verify_service(unit, evidence),
        "socket" => {
            const LISTEN: [&str; 9] = [
                "ListenStream",
                "ListenDatagram",
                "ListenSequentialPacket",
                "ListenFIFO",
                "ListenNetlink",
                "ListenSpecial",
                "ListenMessageQueue",
                "ListenUSBFunction",
                "ListenSocket",
            ];
            if unit.listens(&LISTEN, "Socket") {
                Ok(())
            } else {
                refuse(
                    "Unit has no Listen setting (ListenStream=, ListenDatagram=, \
                     ListenFIFO=, ...). Refusing.",
                )
            }
        }
        "timer" => {
            const TIMES: [&str; 8] = [
                "OnActiveSec",
                "OnBootSec",
                "OnStartupSec",
                "OnUnitActiveSec",
                "OnUnitInactiveSec",
                "OnCalendar",
                "OnClockChange",
                "OnTimezoneChange",
            ];
            if unit.listens(&TIMES, "Timer") {
                Ok(())
            } else {
                refuse("Timer unit lacks value setting. Refusing.")
            }
        }
        "path" => {
            const PATHS: [&str; 5] = [
                "PathExists",
                "PathExistsGlob",
                "PathChanged",
                "PathModified",
                "DirectoryNotEmpty",
            ];
            if unit.listens(&PATHS, "Path") {
                Ok(())
            } else {
                refuse("Path unit lacks path setting. Refusing.")
            }
        }
        "mount" => unit.verify_mount(evidence),
        "automount" => {
            let place = unit.path_of("Automount", "Where", evidence);
            if place.as_deref() == Some("/") {
                return refuse("Cannot have an automount unit for the root directory. Refusing.");
            }
            unit.named_by(
                place,
                ".automount",
                "Where= setting doesn't match unit name. Refusing.",
            )
        }
        "swap" => {
            let device = unit.path_of("Swap", "What", evidence);
            unit.named_by(
                device,
                ".swap",
                "Value of What= and unit name do not match, not loading.",
            )
        }
        _ => Ok(()),
    }
}

/// What `service_verify` refuses.
///
/// # Errors
/// [`Refused`] with the words of systemd.
fn verify_service(unit: &Loaded, evidence: &Evidence) -> Result<(), Refused> {
    let refuse = |why: &str| Err(Refused(format!("Service {why} Refusing.")));
    let start = unit.commands("Service", "ExecStart", evidence).len();
    let stop = unit.commands("Service", "ExecStop", evidence).len();
    let success_action = unit
        .last("Unit", "SuccessAction", |value| Some(value.to_owned()))
        .is_some_and(|action| action != "none" && !action.is_empty());
    let kind = service::kind(unit, evidence);
    let oneshot = kind == "oneshot";
    if start == 0 && stop == 0 && !success_action {
        return refuse("has no ExecStart=, ExecStop=, or SuccessAction=.");
    }
    if !oneshot && start == 0 {
        return refuse(
            "has no ExecStart= setting, which is only allowed for Type=oneshot services.",
        );
    }
    let remains = unit
        .last("Service", "RemainAfterExit", boolean)
        .unwrap_or(false);
    if !remains && start == 0 && !success_action {
        return refuse(
            "has no ExecStart= and no SuccessAction= settings and does not have \
             RemainAfterExit=yes set.",
        );
    }
    if !oneshot && start > 1 {
        return refuse(
            "has more than one ExecStart= setting, which is only allowed for Type=oneshot \
             services.",
        );
    }
    if oneshot && matches!(service::restart(unit).as_str(), "always" | "on-success") {
        return refuse(
            "has Restart= set to either always or on-success, which isn't allowed for \
             Type=oneshot services.",
        );
    }
    if oneshot && !unit.list("Service", "RestartForceExitStatus").is_empty() {
        return refuse(
            "has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services.",
        );
    }
    if kind == "dbus" && unit.scalar("Service", "BusName").is_none() {
        return refuse("is of type D-Bus but no D-Bus service name has been specified.");
    }
    let kill_mode = unit
        .last(
            "Service",
            "KillMode",
            one_of(&["control-group", "process", "mixed", "none"]),
        )
        .unwrap_or_default();
    if unit.scalar("Service", "PAMName").is_some()
        && matches!(kill_mode.as_str(), "process" | "none")
    {
        return refuse("has PAM enabled. Kill mode must be set to 'control-group' or 'mixed'.");
    }
    Ok(())
}

impl Loaded {
    /// Whether any key of a list of triggers has a value. An empty assignment
    /// to one of them clears them all.
    fn listens(&self, keys: &[&str], section: &str) -> bool {
        let mut any = false;
        for file in &self.files {
            for assignment in &file.assignments {
                if assignment.section == section && keys.contains(&assignment.key.as_str()) {
                    any = !assignment.value.is_empty();
                }
            }
        }
        any
    }

    fn named_by(&self, path: Option<String>, suffix: &str, why: &str) -> Result<(), Refused> {
        // Without the setting the name itself says the path.
        match path {
            Some(path)
                if !self
                    .names
                    .contains(&format!("{}{suffix}", name::escape_path(&path))) =>
            {
                Err(Refused(why.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn verify_mount(&self, evidence: &Evidence) -> Result<(), Refused> {
        let place = self.path_of("Mount", "Where", evidence);
        let named = name::unescape_path(name::stem(&self.id));
        self.named_by(
            place.clone(),
            ".mount",
            "Where= setting doesn't match unit name. Refusing.",
        )?;
        if let Some(place) = place.or(named)
            && is_api(&place)
        {
            return Err(Refused(format!(
                "Cannot create mount unit for API file system {place}. Refusing."
            )));
        }
        if self.scalar("Mount", "What").is_none() && !is_perpetual(&self.id) {
            return Err(Refused("What= setting is missing. Refusing.".to_owned()));
        }
        Ok(())
    }
}
