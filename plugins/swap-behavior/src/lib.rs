//! The kubelet accepts what memorySwap.swapBehavior says.

use nodepol_plugin::cgroups::{self, Mode};
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_settings, refuses_swap, runbook, swap,
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
            Horizon::NextBoot => stays_on()?,
        };
        let (refuses, origin) = refuses_swap(at)?;
        if refuses && swaps {
            findings.push(
                Finding::warn(
                    "refused-all-the-same",
                    format!("swapBehavior is {word}, and failSwapOn still ends the kubelet where swap is on"),
                )
                .evidence(behavior.at.clone(), word)
                .explained(origin.clone(), "failSwapOn: true", "this comes first")
                .symptom_of("swap-active")
                .symptom_of("swap-returns-on-reboot")
                .fix(
                    Fix::new("set failSwapOn to false")
                        .steps(runbook::set_field(
                            at,
                            &refused_by(&origin, &behavior),
                            "/failSwapOn",
                            "false",
                            "let the kubelet run with swap",
                        ))
                        .step(Step::restart_kubelet()),
                ),
            );
        } else if word == "LimitedSwap" && !swaps {
            findings.push(
                Finding::warn(
                    "no-swap-to-limit",
                    "swapBehavior is LimitedSwap, and the node has no swap: pods get none",
                )
                .evidence(behavior.at.clone(), word)
                .fix(
                    Fix::new("give the node swap, or set NoSwap")
                        .step(Step::note(
                            "if pods are to swap, add a swap device to /etc/fstab and run `swapon \
                             --all`: the kubelet counts it at its next start. If not:",
                        ))
                        .steps(runbook::set_field(
                            at,
                            &behavior.at,
                            FIELD,
                            "\"NoSwap\"",
                            "say what is so: pods do not swap",
                        ))
                        .step(Step::restart_kubelet()),
                ),
            );
        }
        Ok(Judgement::of(findings, format!("{word} is accepted")))
    }
}

/// Whether swap is on after a boot when the kubelet starts.
fn stays_on() -> Result<bool, Unavailable> {
    let activations = swap::at_next_boot()?;
    if activations.is_empty() {
        return Ok(false);
    }
    let turned_off = swap::enforcements()?
        .iter()
        .any(|found| matches!(found.kind.as_str(), "exec-start-pre" | "unit"));
    Ok(!turned_off || activations.iter().any(|found| !found.before_kubelet))
}

/// Where failSwapOn is to be changed: beside swapBehavior, where nothing says it.
fn refused_by(origin: &Location, behavior: &SettingValue) -> Location {
    if origin.source == "default" {
        behavior.at.clone()
    } else {
        origin.clone()
    }
}

fn refused(
    at: Horizon,
    behavior: &SettingValue,
    minor: u32,
) -> Result<Option<Finding>, Unavailable> {
    let word = behavior.display();
    let fail = |id: &str, message: String, value: &str, why: &str| {
        Finding::fail(id, format!("the kubelet exits: {message}"))
            .evidence(behavior.at.clone(), word)
            .fix(
                Fix::new(format!("set memorySwap.swapBehavior to {value}"))
                    .steps(runbook::set_field(at, &behavior.at, FIELD, value, why))
                    .step(Step::restart_kubelet()),
            )
    };
    let gate = kubelet::setting(at, "/featureGates/NodeSwap")?;
    let on = gate.as_ref().map(SettingValue::is_true);
    let gate_off = (minor < 30 && on != Some(true)) || (minor < 34 && on == Some(false));
    // The words are looked at only where the gate is on.
    if gate_off {
        let location = gate.map_or_else(|| Location::source("default"), |gate| gate.at);
        return Ok(Some(
            fail(
                "gate-off",
                "memorySwap.swapBehavior cannot be set when NodeSwap feature flag is disabled"
                    .to_owned(),
                "\"\"",
                "without the gate only the empty word is accepted; pods do not swap",
            )
            .evidence(location, "featureGates.NodeSwap: false"),
        ));
    }
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
            replacement(at, word, minor),
            "a word that this version accepts on this node",
        )));
    }
    // The check came with 1.30 (kubernetes/kubernetes#123738).
    if minor >= 30 && word == "LimitedSwap" && cgroups::get_mode(at)? != Mode::V2 {
        return Ok(Some(
            fail(
                "needs-cgroup-v2",
                "swap feature is enabled and LimitedSwap but it is only supported with cgroupv2"
                    .to_owned(),
                "\"NoSwap\"",
                "it asks nothing of the cgroups; LimitedSwap is for a node with cgroup v2",
            )
            .evidence(Location::source("/sys/fs/cgroup"), "cgroup v1"),
        ));
    }
    Ok(None)
}

/// The legal word that comes closest to what was meant.
fn replacement(at: Horizon, word: &str, minor: u32) -> &'static str {
    if minor < 30 && word == "NoSwap" {
        // No swap is what the empty word gives.
        "\"\""
    } else if minor >= 30 && !cgroups::get_mode(at).is_ok_and(|mode| mode == Mode::V2) {
        "\"NoSwap\""
    } else {
        "\"LimitedSwap\""
    }
}

nodepol_plugin::policy!(SwapBehavior);
