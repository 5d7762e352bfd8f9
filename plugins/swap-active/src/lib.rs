//! No swap is on while the kubelet refuses to run with swap.

use nodepol_plugin::swap::{self, Device};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, cgroups, kubelet, no_own_kubelet, node, refuses_swap,
};

struct SwapActive;

impl Policy for SwapActive {
    fn describe() -> Description {
        Description::new(
            "swap-active",
            "No swap is on, or the kubelet allows it",
            "no active swap while the effective failSwapOn is true",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::PreJoin, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "swap-returns-on-reboot judges the next boot",
            ));
        }
        // Of a kubelet inside another program only some tell how it is started.
        if let Some(judgement) = no_own_kubelet()?
            && kubelet::argv(at).is_err()
        {
            return Ok(judgement);
        }
        let devices = swap::active()?;
        if devices.is_empty() {
            return Ok(Judgement::pass("no swap is on"));
        }
        let (refused, origin) = refuses_swap(at)?;
        if !refused {
            return Ok(Judgement::pass("swap is on and failSwapOn is false"));
        }
        let running = kubelet::running()?.is_some();
        let message = message(&devices, running);
        let finding = if running {
            Finding::warn("swap-on-later", message)
        } else {
            Finding::fail("swap-on", message)
        };
        let finding = devices.iter().fold(finding, |finding, device| {
            finding.evidence(device.at.clone(), device.path.clone())
        });
        let finding = finding.explained(
            origin,
            "failSwapOn: true",
            "the kubelet exits if /proc/swaps has a row",
        );
        Ok(finding.fix(fix(at, &devices)?).into())
    }
}

fn message(devices: &[Device], running: bool) -> String {
    let names = devices
        .iter()
        .map(|device| device.path.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    if running {
        format!("swap was turned on after the kubelet started ({names}): its next start fails")
    } else {
        format!("swap is on ({names}) and the kubelet refuses to start with swap")
    }
}

fn fix(at: Horizon, devices: &[Device]) -> Result<Fix, Unavailable> {
    let used = devices.iter().map(|device| device.used_bytes).sum::<u64>();
    let mut fix = Fix::new("turn swap off, or let the kubelet run with it");
    if node::memory_available()?.is_some_and(|available| available < used) {
        fix = fix.step(Step::note(format!(
            "{} MiB are swapped out and less memory is free: stop something first, or swapoff fails",
            used >> 20
        )));
    }
    fix = fix
        .step(
            Step::command(["swapoff", "--all"], "turn it off now").verify([
                "sh",
                "-c",
                "test $(wc -l < /proc/swaps) -le 1",
            ]),
        )
        .step(Step::note(
            "keep it off at the next boot as well: see the fix of swap-returns-on-reboot",
        ))
        .step(Step::restart_kubelet());
    if cgroups::get_mode(at).is_ok_and(|mode| mode == cgroups::Mode::V2) {
        let path = kubelet::config_path(at)?.map_or_else(
            || "the kubelet's configuration".to_owned(),
            |path| path.value,
        );
        fix = fix.step(Step::note(format!(
            "if the node is meant to swap, instead set failSwapOn: false and \
             memorySwap.swapBehavior: LimitedSwap in {path} and, with kubeadm, in the ConfigMap \
             kubelet-config, or the next upgrade reverts it"
        )));
    }
    Ok(fix)
}

nodepol_plugin::policy!(SwapActive);
