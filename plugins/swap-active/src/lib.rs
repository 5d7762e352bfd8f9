//! No swap is on while the kubelet refuses to run with swap.

use nodepol_plugin::{Description, Horizon, Judgement, Parameters, Phase, Policy, Severity};
use nodepol_plugin::{Finding, Fix, Step, Unavailable, kubelet, swap};

struct SwapActive;

impl Policy for SwapActive {
    fn describe() -> Description {
        Description::new(
            "swap-active",
            "Swap is off, or allowed",
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
        let devices = swap::active()?;
        if devices.is_empty() {
            return Ok(Judgement::pass("no swap is on"));
        }
        let _ = kubelet::setting(at, "/failSwapOn")?;
        let finding = Finding::fail("swap-on", "swap is on")
            .fix(Fix::new("turn swap off").step(Step::command(["swapoff", "-a"], "turn it off")));
        Ok(finding.into())
    }
}

nodepol_plugin::policy!(SwapActive);
