//! The kubelet accepts what memorySwap.swapBehavior says.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_settings, refuses_swap, swap,
};

const FIELD: &str = "/memorySwap/swapBehavior";

struct SwapBehavior;

impl Policy for SwapBehavior {
    fn describe() -> Description {
        Description::new(
            "swap-behavior",
            "The kubelet accepts its swapBehavior",
            "memorySwap.swapBehavior is one that this version knows, on cgroup v2 if it is \
             LimitedSwap",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let set = kubelet::setting(at, FIELD)?.filter(|setting| !setting.display().is_empty());
        let Some(behavior) = set else {
            return Ok(Judgement::pass("swapBehavior is not set: pods do not swap"));
        };
        let Some(version) = kubelet::get_version()? else {
            return Err(Unavailable {
                source: "kubelet".to_owned(),
                reason: "its version is not known, and which swapBehavior it accepts hangs on it"
                    .to_owned(),
            });
        };
        if let Some(finding) = refused(at, &behavior, version.minor)? {
            return Ok(finding.into());
        }
        let word = behavior.display();
        let mut findings = Vec::new();
        let swaps = match at {
            Horizon::Now => !swap::active()?.is_empty(),
            Horizon::NextBoot => !swap::at_next_boot()?.is_empty(),
        };
        let (refuses, origin) = refuses_swap(at)?;
        if refuses && swaps {
            findings.push(
                Finding::warn(
                    "refused-all-the-same",
                    format!("swapBehavior is {word}, and failSwapOn still ends the kubelet where swap is on"),
                )
                .evidence(behavior.at.clone(), word)
                .explained(origin, "failSwapOn: true", "this comes first")
                .symptom_of("swap-active")
                .symptom_of("swap-returns-on-reboot")
                .fix(set_value(&behavior, "/failSwapOn", "false", "let the kubelet run with swap")),
            );
        } else if word == "LimitedSwap" && !swaps {
            findings.push(
                Finding::warn(
                    "no-swap-to-limit",
                    "swapBehavior is LimitedSwap, and the node has no swap: pods get none",
                )
                .evidence(behavior.at.clone(), word)
                .fix(
                    Fix::new("give the node swap, or set NoSwap").step(Step::note(
                        "add a swap device to /etc/fstab, or set memorySwap.swapBehavior: NoSwap",
                    )),
                ),
            );
        }
        Ok(Judgement::of(findings, format!("{word} is accepted")))
    }
}

fn refused(
    at: Horizon,
    behavior: &SettingValue,
    minor: u32,
) -> Result<Option<Finding>, Unavailable> {
    let word = behavior.display();
    let fail = |id: &str, message: String, value: &str| {
        Finding::fail(id, format!("the kubelet exits: {message}"))
            .evidence(behavior.at.clone(), word)
            .fix(set_value(
                behavior,
                FIELD,
                value,
                "a word that this version knows",
            ))
    };
    // pkg/kubelet/apis/config/validation: the words changed in 1.30.
    let legal: &[&str] = if minor >= 30 {
        &["NoSwap", "LimitedSwap"]
    } else {
        &["LimitedSwap", "UnlimitedSwap"]
    };
    if !legal.contains(&word) {
        return Ok(Some(fail(
            "not-a-behavior",
            format!(
                "memorySwap.swapBehavior {word:?} must be one of: \"\", {}",
                legal.join(", ")
            ),
            "\"LimitedSwap\"",
        )));
    }
    let gate = kubelet::setting(at, "/featureGates/NodeSwap")?;
    let on = gate.as_ref().map(SettingValue::is_true);
    if (minor < 30 && on != Some(true)) || (minor < 34 && on == Some(false)) {
        let location = gate.map_or_else(|| Location::source("default"), |gate| gate.at);
        return Ok(Some(
            fail(
                "gate-off",
                "memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled"
                    .to_owned(),
                "\"\"",
            )
            .evidence(location, "featureGates.NodeSwap: false"),
        ));
    }
    // The check came with 1.30 (kubernetes/kubernetes#123738).
    if minor >= 30 && word == "LimitedSwap" && cgroups::get_mode(at)? != Mode::V2 {
        return Ok(Some(
            fail(
                "needs-cgroup-v2",
                "swap feature is enabled and LimitedSwap but it is only supported with cgroupv2"
                    .to_owned(),
                "\"NoSwap\"",
            )
            .evidence(Location::source("/sys/fs/cgroup"), "cgroup v1"),
        ));
    }
    Ok(None)
}

fn set_value(behavior: &SettingValue, pointer: &str, json: &str, why: &str) -> Fix {
    Fix::new(format!("set {} to {json}", pointer.trim_start_matches('/')))
        .step(Step::set_value(
            behavior.at.source.clone(),
            pointer,
            json,
            why,
        ))
        .step(Step::note(
            "with kubeadm, set it in the ConfigMap kubelet-config in kube-system too, or the next \
             upgrade writes the old value again",
        ))
        .step(Step::restart_kubelet())
}

nodepol_plugin::policy!(SwapBehavior);
