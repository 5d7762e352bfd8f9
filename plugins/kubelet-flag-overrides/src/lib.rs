//! No flag hides what a file says.

use nodepol_plugin::kubelet::FlagOverride;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, kubelet, no_settings,
};

struct KubeletFlagOverrides;

impl Policy for KubeletFlagOverrides {
    fn describe() -> Description {
        Description::new(
            "kubelet-flag-overrides",
            "No flag hides what a file says",
            "a setting that a flag and a file give differently is known: the flag wins",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Image, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let findings = kubelet::flag_overrides(at)?
            .into_iter()
            // How much is logged is a flag's to say, for a day.
            .filter(|found| found.flag != "v")
            .filter(|found| !is_empty(&found.hidden.value) && differ(found))
            .map(finding)
            .collect();
        Ok(Judgement::of(findings, "no flag hides what a file says"))
    }
}

/// kubeadm writes fields that it leaves to a flag as empty.
fn is_empty(json: &str) -> bool {
    matches!(json, "null" | "\"\"" | "[]" | "{}")
}

/// An endpoint with and without its scheme is the same.
fn differ(found: &FlagOverride) -> bool {
    let plain = |json: &str| {
        let text = json.trim_matches('"');
        let text = text.strip_prefix("unix://").unwrap_or(text);
        match text.strip_prefix("/var/run/") {
            Some(rest) => format!("/run/{rest}"),
            None => text.to_owned(),
        }
    };
    plain(&found.value.value) != plain(&found.hidden.value)
}

fn finding(found: FlagOverride) -> Finding {
    let FlagOverride {
        flag,
        pointer,
        value,
        hidden,
    } = found;
    let field = pointer.trim_start_matches('/').replace('/', ".");
    let fix = Fix::new("say it in one place")
        .step(Step::note(format!(
            "if {} is meant, remove --{flag} from {}; if {} is meant, write it to {}",
            hidden.value, value.at.source, value.value, hidden.at.source
        )))
        .step(Step::restart_kubelet());
    Finding::warn(
        "flag-wins",
        format!(
            "--{flag} in {} wins over {field} in {}",
            value.at.source, hidden.at.source
        ),
    )
    .explained(value.at, value.value, "this is in effect")
    .explained(hidden.at, hidden.value, "this is not")
    .fix(fix)
}

nodepol_plugin::policy!(KubeletFlagOverrides);
