//! Services that turn swap on by themselves, not through a `.swap` unit.

use nodepol_model::{Location, Unavailable};

use super::Activation;
use super::boot_units::BootUnits;
use super::scripts::{known_text, runs};
use crate::evidence::Evidence;

/// Services of which the program is known to turn swap on, and what it uses.
const KNOWN: &[(&str, &str)] = &[
    ("aks-swapfile.service", "a swap file"),
    ("dphys-swapfile.service", "/var/swap"),
    ("swapspace.service", "/var/lib/swapspace"),
    ("zram-config.service", "/dev/zram0"),
    ("zram-swap.service", "/dev/zram0"),
    ("zramswap.service", "/dev/zram0"),
];

/// The Azure agent under the names that distributions give it.
const WAAGENT: &[&str] = &["waagent.service", "walinuxagent.service"];

/// Enabled services that run swapon(8), and those known to do so.
pub(super) fn services(
    evidence: &Evidence,
    units: &impl BootUnits,
) -> Result<Vec<Activation>, Unavailable> {
    let mut found = Vec::new();
    for name in units.names() {
        if !name.ends_with(".service") || name.contains("@.") {
            continue;
        }
        let known = KNOWN
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, what)| *what);
        let mut command = None;
        let mut of_key = "ExecStart";
        for key in ["ExecStartPre", "ExecStart", "ExecStartPost"] {
            let found = units
                .commands(&name, key)?
                .into_iter()
                .find(|command| runs(&command.argv, "swapon"));
            if command.is_none() && found.is_some() {
                command = found;
                of_key = key;
            }
        }
        if (known.is_none() && command.is_none())
            || is_off(evidence, &name)?
            || units.is_masked(&name)?
            || !units.is_pulled_in(&name)?
            || units.conditions_met(&name)? == Some(false)
        {
            continue;
        }
        let what = command.as_ref().map_or_else(
            || known.unwrap_or_default().to_owned(),
            |command| command.argv.join(" "),
        );
        let at = match command {
            Some(command) => command.at,
            None => Location::source(units.fragment(&name)?.unwrap_or_else(|| name.clone())),
        };
        found.push(Activation {
            kind: "service",
            what,
            before_kubelet: is_waited_for(units, &name, of_key)?
                && units.waits_for("kubelet.service", &name)?,
            unit: Some(name),
            at,
            text: None,
            device_present: None,
        });
    }
    Ok(found)
}

/// `CONF_SWAPSIZE=0` makes dphys-swapfile do nothing.
fn is_off(evidence: &Evidence, name: &str) -> Result<bool, Unavailable> {
    Ok(name == "dphys-swapfile.service"
        && known_text(evidence, "/etc/dphys-swapfile")?
            .lines()
            .filter_map(|line| line.trim().strip_prefix("CONF_SWAPSIZE="))
            .next_back()
            == Some("0"))
}

/// Whether the kubelet starts only when a service has done what it does.
pub(super) fn is_before_kubelet(units: &impl BootUnits, name: &str) -> Result<bool, Unavailable> {
    Ok(is_waited_for(units, name, "ExecStart")? && units.waits_for("kubelet.service", name)?)
}

/// Whether what is ordered after a service waits for a command of it to end: for
/// the command of `ExecStart=` only where the type says so (`man systemd.service`,
/// `Type=`). A service of type simple or exec counts as started while it runs.
pub(super) fn is_waited_for(
    units: &impl BootUnits,
    name: &str,
    key: &str,
) -> Result<bool, Unavailable> {
    Ok(key != "ExecStart"
        || units
            .kind(name)?
            .is_some_and(|kind| matches!(kind.as_str(), "oneshot" | "forking")))
}

/// The Azure agent, if it is to make a swap file on the resource disk.
pub(super) fn waagent(
    evidence: &Evidence,
    units: &impl BootUnits,
) -> Result<Vec<Activation>, Unavailable> {
    const PATH: &str = "/etc/waagent.conf";
    let text = known_text(evidence, PATH)?;
    let switch = (1..)
        .zip(text.lines())
        .filter(|(_, line)| {
            line.split_once('=')
                .is_some_and(|(key, _)| key.trim() == "ResourceDisk.EnableSwap")
        })
        .last();
    let Some((number, line)) = switch.filter(|(_, line)| {
        line.split_once('=')
            .is_some_and(|(_, value)| value.split('#').next().is_some_and(|v| v.trim() == "y"))
    }) else {
        return Ok(Vec::new());
    };
    for unit in WAAGENT {
        if units.names().iter().any(|name| name == unit)
            && !units.is_masked(unit)?
            && units.is_pulled_in(unit)?
        {
            return Ok(vec![Activation {
                kind: "waagent",
                what: "a swap file on the resource disk".to_owned(),
                unit: Some((*unit).to_owned()),
                at: Location::line(PATH, number),
                text: Some(line.trim().to_owned()),
                before_kubelet: is_before_kubelet(units, unit)?,
                device_present: None,
            }]);
        }
    }
    Ok(Vec::new())
}
