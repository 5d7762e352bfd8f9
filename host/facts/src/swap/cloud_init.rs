//! cloud-init's `swap:` and `mounts:` (cloudinit/config/cc_mounts.py): it
//! writes swap into fstab at the first boot of an instance.

use nodepol_model::{Location, Part, Unavailable};

use super::Activation;
use super::boot_units::BootUnits;
use super::scripts::known_text;
use crate::document::{Node, Value, yaml};
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// The units that run the module, by version.
const UNITS: &[&str] = &[
    "cloud-init.service",
    "cloud-init-network.service",
    "cloud-config.service",
];

/// Written once the module ran on this instance; it does not run again.
const DONE: &str = "/var/lib/cloud/instance/sem/config_mounts";

/// The swap that cloud-init is still to set up.
pub(super) fn activations(
    evidence: &Evidence,
    units: &impl BootUnits,
    command_line: &[Sourced<String>],
) -> Result<Vec<Activation>, Unavailable> {
    let Some(unit) = enabled(evidence, units, command_line)? else {
        return Ok(Vec::new());
    };
    let mut paths = vec!["/etc/cloud/cloud.cfg".to_owned()];
    match evidence.names("/etc/cloud/cloud.cfg.d") {
        Part::Present(names) => paths.extend(
            names
                .iter()
                .filter(|name| name.ends_with(".cfg"))
                .map(|name| format!("/etc/cloud/cloud.cfg.d/{name}")),
        ),
        Part::Absent => {}
        Part::Unreadable(why) => return Err(Unavailable::new("/etc/cloud/cloud.cfg.d", why)),
    }
    for path in &paths {
        let _ = evidence.text(path);
    }
    // A later file replaces a key of an earlier one.
    let mut swap = None;
    let mut mounts = Vec::new();
    for path in paths {
        let text = known_text(evidence, &path)?;
        // A file that is no YAML is skipped by cloud-init with a warning.
        let Ok(document) = yaml::parse(text) else {
            continue;
        };
        if let Some(entry) = document.root.entry("swap") {
            swap =
                wanted(&entry.value).map(|file| activation(&unit, &path, file, entry.line, text));
        }
        if let Some(list) = document.root.get("mounts") {
            mounts = list
                .items()
                .iter()
                .filter_map(|mount| {
                    let fields = mount.items();
                    let what = fields.first()?.as_str()?.to_owned();
                    (fields.get(2)?.as_str()? == "swap")
                        .then(|| activation(&unit, &path, what, mount.line, text))
                })
                .collect();
        }
    }
    mounts.extend(swap);
    Ok(mounts)
}

/// The file of a `swap:` that asks for one: its size is not zero.
fn wanted(swap: &Node) -> Option<String> {
    let size = swap.get("size")?;
    let nothing = match &size.value {
        Value::Null | Value::Boolean(false) | Value::Integer(0) => true,
        Value::Text(text) => text.is_empty() || text == "0",
        _ => false,
    };
    let file = match swap.get("filename") {
        Some(file) => file.as_str()?,
        None => "/swap.img",
    };
    (!nothing && !file.is_empty()).then(|| file.to_owned())
}

fn activation(unit: &str, path: &str, what: String, line: u32, text: &str) -> Activation {
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or_default();
    Activation {
        kind: "cloud-init",
        what,
        unit: Some(unit.to_owned()),
        at: Location::line(path, line),
        text: text.lines().nth(index).map(|line| line.trim().to_owned()),
        // The module runs swapon itself, at some time while the node boots.
        before_kubelet: false,
        device_present: None,
    }
}

/// The unit that runs the module at the next boot, if any does.
fn enabled(
    evidence: &Evidence,
    units: &impl BootUnits,
    command_line: &[Sourced<String>],
) -> Result<Option<String>, Unavailable> {
    let _ = evidence.names("/etc/cloud/cloud.cfg.d");
    let _ = evidence.stat_metadata(DONE);
    for path in ["/etc/cloud/cloud-init.disabled", DONE] {
        match evidence.stat_metadata(path) {
            Part::Present(_) => return Ok(None),
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        }
    }
    if command_line
        .iter()
        .any(|argument| argument.value == "cloud-init=disabled")
    {
        return Ok(None);
    }
    let names = units.names();
    for unit in UNITS {
        if names.iter().any(|name| name == unit)
            && !units.is_masked(unit)?
            // systemd's own generator of cloud-init links the target in.
            && (units.is_pulled_in(unit)? || generates(evidence))
        {
            return Ok(Some((*unit).to_owned()));
        }
    }
    Ok(None)
}

/// cloud-init-generator enables cloud-init.target at boot.
fn generates(evidence: &Evidence) -> bool {
    [
        "/usr/lib/systemd/system-generators/cloud-init-generator",
        "/lib/systemd/system-generators/cloud-init-generator",
    ]
    .iter()
    .any(|path| matches!(evidence.stat_metadata(path), Part::Present(_)))
}
