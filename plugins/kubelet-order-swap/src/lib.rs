//! Swap is settled, off or allowed, before the kubelet starts, and does not
//! stall the boot.

use nodepol_plugin::swap::{self, Activation, Enforcement};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, no_own_kubelet, refuses_swap,
};

struct KubeletOrderSwap;

impl Policy for KubeletOrderSwap {
    fn describe() -> Description {
        Description::new(
            "kubelet-order-swap",
            "Swap is settled before the kubelet starts",
            "swap is off or allowed before the kubelet starts, and does not stall the boot",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::Now {
            return Ok(Judgement::not_applicable(
                "the order of a boot matters at boot",
            ));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let activations = swap::at_next_boot()?;
        if activations.is_empty() {
            return Ok(Judgement::pass("nothing turns swap on at boot"));
        }
        let mut findings: Vec<_> = activations.iter().filter_map(stalls_boot).collect();
        if refuses_swap(at)?.0 {
            // What is masked is not turned on in the first place.
            let turned_off = swap::enforcements()?
                .into_iter()
                .find(|found| matches!(found.kind.as_str(), "exec-start-pre" | "unit"));
            let exist = |activation: &&Activation| activation.device_present != Some(false);
            for activation in activations.iter().filter(exist) {
                findings.extend(unsettled(activation, turned_off.as_ref()));
            }
        }
        Ok(Judgement::of(
            findings,
            "swap is allowed, or turned off before the kubelet starts",
        ))
    }
}

fn unsettled(activation: &Activation, enforcement: Option<&Enforcement>) -> Option<Finding> {
    let shown = || {
        activation
            .text
            .clone()
            .unwrap_or_else(|| activation.what.clone())
    };
    match (activation.before_kubelet, enforcement) {
        (true, Some(_)) => None,
        (true, None) => Some(
            Finding::fail(
                "swap-before-kubelet",
                format!(
                    "{} is on before the kubelet starts, which then refuses to",
                    activation.what
                ),
            )
            .explained(
                activation.at.clone(),
                shown(),
                "units of type swap are ordered before swap.target, and services after it",
            )
            .symptom_of("swap-returns-on-reboot/swap-returns")
            .fix(enforce(None)),
        ),
        (false, _) => Some(
            Finding::warn(
                "swap-races-kubelet",
                format!(
                    "{} is turned on by something that has no order to the kubelet: the kubelet \
                     may win today and lose at its next start",
                    activation.what
                ),
            )
            .evidence(activation.at.clone(), shown())
            .symptom_of("swap-returns-on-reboot/swap-returns")
            .fix(enforce(activation.unit.as_deref())),
        ),
    }
}

/// A swap that fstab requires and that does not exist holds up sysinit.target
/// until DefaultDeviceTimeoutSec= (man systemd.swap).
fn stalls_boot(activation: &Activation) -> Option<Finding> {
    let text = activation.text.as_deref().unwrap_or_default();
    let options = text.split_whitespace().nth(3).unwrap_or_default();
    let waits = activation.kind == "fstab" && !options.split(',').any(|word| word == "nofail");
    if !waits || activation.device_present != Some(false) {
        return None;
    }
    Some(
        Finding::warn(
            "swap-device-missing",
            format!(
                "the boot waits up to 90 seconds for {}, which does not exist",
                activation.what
            ),
        )
        .evidence(activation.at.clone(), text)
        .fix(match activation.at.line {
            Some(line) => Fix::new("remove the line").step(Step::remove_line(
                activation.at.source.clone(),
                line,
                text,
                "the device is gone",
            )),
            None => {
                Fix::new("remove the entry").step(Step::note("remove the entry for the device"))
            }
        }),
    )
}

/// `after` is a unit that must have turned swap on before it is turned off.
fn enforce(after: Option<&str>) -> Fix {
    let order = after.map_or_else(String::new, |unit| format!("[Unit]\nAfter={unit}\n\n"));
    Fix::new("turn swap off whenever the kubelet starts")
        .step(Step::write_file(
            "/etc/systemd/system/kubelet.service.d/20-swapoff.conf",
            0o644,
            format!("{order}[Service]\nExecStartPre=/sbin/swapoff --all\n"),
            "without a `-` before the path a swapoff that fails keeps the kubelet down and says why",
        ))
        .step(Step::daemon_reload().verify([
            "systemctl",
            "show",
            "--property=ExecStartPre",
            "kubelet.service",
        ]))
}

nodepol_plugin::policy!(KubeletOrderSwap);
