//! What turns swap off, or keeps it off, before the kubelet starts.
//!
//! Source: `man swapoff`; `man systemd.service` (`Type=`: when a unit that is
//! ordered after a service goes on; `ExecStartPre=`).

use nodepol_model::{Location, Unavailable};

use super::boot_units::BootUnits;
use super::command_line::CommandLine;
use super::programs::{self, Run};
use super::unit_name::device_of;
use super::{Activation, Enforcement, services};
use crate::evidence::{Evidence, Resolved};

const KUBELET: &str = "kubelet.service";
const SWAP_TARGET: &str = "swap.target";

/// A command with swapoff that the kubelet waits for.
struct Candidate {
    enforcement: Enforcement,
    certain: bool,
    /// None where it turns all swap off.
    devices: Option<Vec<String>>,
}

impl Candidate {
    fn of(run: Run, enforcement: Enforcement) -> Option<Self> {
        let mut devices = Vec::new();
        let mut arguments = run.arguments.iter();
        while let Some(argument) = arguments.next() {
            if let Some(long) = argument.strip_prefix("--") {
                match long {
                    "a" | "al" | "all" => {
                        return Some(Self {
                            enforcement,
                            certain: run.certain,
                            devices: None,
                        });
                    }
                    "help" | "version" => return None,
                    _ => {}
                }
                continue;
            }
            let Some(short) = argument.strip_prefix('-') else {
                devices.push(argument.clone());
                continue;
            };
            for (at, letter) in short.char_indices() {
                match letter {
                    'a' => {
                        return Some(Self {
                            enforcement,
                            certain: run.certain,
                            devices: None,
                        });
                    }
                    'h' | 'V' => return None,
                    'L' | 'U' => {
                        let tag = if letter == 'L' { "LABEL" } else { "UUID" };
                        let value = match short.get(at + 1..) {
                            Some("") | None => arguments.next()?,
                            Some(value) => value,
                        };
                        devices.push(format!("{tag}={value}"));
                        break;
                    }
                    _ => {}
                }
            }
        }
        (!devices.is_empty()).then_some(Self {
            enforcement,
            certain: run.certain,
            devices: Some(devices),
        })
    }
}

/// What turns off what `activations` turn on before the kubelet starts.
///
/// # Errors
/// [`Unavailable`] if a file could not be read, or if a command may turn all of it
/// off and that it does cannot be told.
pub(super) fn turned_off(
    evidence: &Evidence,
    units: &impl BootUnits,
    activations: impl FnOnce() -> Result<Vec<Activation>, Unavailable>,
) -> Result<Vec<Enforcement>, Unavailable> {
    let mut candidates = Vec::new();
    for command in units.commands(KUBELET, "ExecStartPre")? {
        for run in programs::runs_of(&command.argv, "swapoff") {
            let enforcement = Enforcement {
                kind: "exec-start-pre",
                what: command.argv.join(" "),
                at: command.at.clone(),
            };
            candidates.extend(Candidate::of(run, enforcement));
        }
    }
    let of_units = of_units(units)?;
    if candidates.is_empty() && of_units.is_empty() {
        return Ok(Vec::new());
    }
    let activations: Vec<Activation> = activations()?
        .into_iter()
        .filter(|activation| activation.before_kubelet && activation.device_present != Some(false))
        .collect();
    for (name, found) in of_units {
        if !comes_after(units, &name, &activations)? {
            continue;
        }
        let runs = units.conditions_met(&name)?;
        if runs != Some(false) {
            candidates.extend(found.into_iter().map(|candidate| Candidate {
                certain: candidate.certain && runs == Some(true),
                ..candidate
            }));
        }
    }
    let (all, some): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| candidate.devices.is_none());
    let (certain, doubtful): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|candidate| candidate.certain);
    if !certain.is_empty() {
        return Ok(certain.into_iter().map(|found| found.enforcement).collect());
    }
    let by_name = named(evidence, &activations, &some);
    if by_name == Some(true) {
        return Ok(some.into_iter().map(|found| found.enforcement).collect());
    }
    let doubtful = doubtful
        .first()
        .or(some.first().filter(|_| by_name.is_none()));
    match doubtful {
        Some(candidate) if !activations.is_empty() => Err(Unavailable::new(
            candidate.enforcement.at.to_string(),
            format!(
                "whether `{}` turns off all swap before the kubelet starts cannot be told",
                candidate.enforcement.what
            ),
        )),
        _ => Ok(Vec::new()),
    }
}

/// The commands with swapoff of each service that the boot starts and the kubelet
/// waits for.
fn of_units(units: &impl BootUnits) -> Result<Vec<(String, Vec<Candidate>)>, Unavailable> {
    let mut all = Vec::new();
    for name in units.names() {
        if !name.ends_with(".service") || name.contains("@.") || name == KUBELET {
            continue;
        }
        let mut found = Vec::new();
        for key in ["ExecStartPre", "ExecStart", "ExecStartPost"] {
            for command in units.commands(&name, key)? {
                let runs = programs::runs_of(&command.argv, "swapoff");
                if runs.is_empty() || !services::is_waited_for(units, &name, key)? {
                    continue;
                }
                for run in runs {
                    let enforcement = Enforcement {
                        kind: "unit",
                        what: name.clone(),
                        at: command.at.clone(),
                    };
                    found.extend(Candidate::of(run, enforcement));
                }
            }
        }
        if !found.is_empty()
            && !units.is_masked(&name)?
            && units.is_pulled_in(&name)?
            && units.waits_for(KUBELET, &name)?
        {
            all.push((name, found));
        }
    }
    Ok(all)
}

/// Whether a service runs when all of this is on.
fn comes_after(
    units: &impl BootUnits,
    name: &str,
    activations: &[Activation],
) -> Result<bool, Unavailable> {
    for activation in activations {
        let after = match activation.unit.as_deref() {
            Some(unit) if !unit.ends_with(".swap") => units.waits_for(name, unit)?,
            // Units of type swap come before swap.target, that before
            // sysinit.target, and a service by default after both.
            unit => {
                let after = units.after(name)?;
                let passes = |target: &str| after.iter().any(|known| known == target);
                passes("sysinit.target")
                    || passes("basic.target")
                    || passes(SWAP_TARGET)
                    || unit.is_some_and(passes)
                    || units.waits_for(name, SWAP_TARGET)?
            }
        };
        if !after {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether commands name all that is turned on; none where that cannot be told.
fn named(evidence: &Evidence, activations: &[Activation], some: &[Candidate]) -> Option<bool> {
    let mut known = Some(true);
    for activation in activations {
        let mut this = Some(false);
        for candidate in some {
            for device in candidate.devices.iter().flatten() {
                match is_of(evidence, activation, device) {
                    Some(true) if candidate.certain => this = Some(true),
                    Some(true) | None if this == Some(false) => this = None,
                    _ => {}
                }
            }
        }
        match this {
            Some(true) => {}
            Some(false) => return Some(false),
            None => known = None,
        }
    }
    known
}

/// Whether a word of swapoff means what an activation turns on.
fn is_of(evidence: &Evidence, activation: &Activation, word: &str) -> Option<bool> {
    if matches!(activation.kind, "service" | "waagent") {
        // What a service turns on stands in its command line, if anywhere.
        let same = activation.what.split_whitespace().any(|w| w == word);
        return same.then_some(true);
    }
    if word.contains(['$', '`']) {
        return None;
    }
    let (on, off) = (device_of(&activation.what), device_of(word));
    if on == off {
        return Some(true);
    }
    let by_name = |path: &str| path.starts_with("/dev/disk/") || path.starts_with("/dev/mapper/");
    match (evidence.resolve(&on), evidence.resolve(&off)) {
        (Resolved::At(on), Resolved::At(off)) => Some(on == off),
        _ if !on.starts_with("/dev/") || !off.starts_with("/dev/") => Some(false),
        _ if by_name(&on) || by_name(&off) || on.contains("/dm-") || off.contains("/dm-") => None,
        _ => Some(false),
    }
}

/// What keeps units of type swap from being started.
pub(super) fn kept_off(
    units: &impl BootUnits,
    line: &CommandLine,
) -> Result<Vec<Enforcement>, Unavailable> {
    let mut found = Vec::new();
    if units.is_masked(SWAP_TARGET)? {
        let fragment = units.fragment(SWAP_TARGET)?;
        found.push(Enforcement {
            kind: "masked-target",
            what: SWAP_TARGET.to_owned(),
            at: Location::source(fragment.unwrap_or_else(|| SWAP_TARGET.to_owned())),
        });
    }
    let masked = line.masked.iter().filter(|unit| unit.value == SWAP_TARGET);
    found.extend(
        line.no_swap
            .iter()
            .chain(masked)
            .map(|argument| Enforcement {
                kind: "kernel-command-line",
                what: if argument.value == SWAP_TARGET {
                    format!("systemd.mask={SWAP_TARGET}")
                } else {
                    argument.value.clone()
                },
                at: argument.origin.clone(),
            }),
    );
    Ok(found)
}
