//! The values of the kubelet's configuration are legal.

mod rules;
mod settings;

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, kubelet, no_settings, node,
};

use rules::{Broken, RULES};
use settings::Settings;

struct KubeletConfigValid;

impl Policy for KubeletConfigValid {
    fn describe() -> Description {
        Description::new(
            "kubelet-config-valid",
            "The values of the kubelet's configuration are legal",
            "no setting that the kubelet's own validation refuses",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let settings = Settings { at };
        let mut findings = Vec::new();
        for rule in RULES {
            findings.extend(
                rule(&settings)?
                    .map(|broken| finding(at, broken))
                    .transpose()?,
            );
        }
        Ok(Judgement::of(findings, "every value is legal"))
    }
}

fn finding(at: Horizon, broken: Broken) -> Result<Finding, Unavailable> {
    let mut finding = Finding::fail(
        broken.id,
        format!(
            "the kubelet exits: invalid configuration: {}",
            broken.message
        ),
    );
    let mut source = None;
    for pointer in &broken.pointers {
        // What is broken was set; a default of an unknown version is not shown.
        if let Ok(Some(setting)) = kubelet::setting(at, pointer) {
            source.get_or_insert(setting.at.source.clone());
            finding = finding.evidence(setting.at.clone(), setting.display());
        }
    }
    let source = source.unwrap_or_else(|| "the kubelet's configuration".to_owned());
    let fix = Fix::new("correct the value").step(Step::note(format!(
        "correct {} in {source}: {}",
        broken.pointers.join(", ").trim_start_matches('/'),
        broken.message
    )));
    let fix = if node::flavour().value == "kubeadm" {
        fix.step(Step::note(
            "correct it in the ConfigMap kubelet-config in kube-system too, or the next upgrade \
             writes it again",
        ))
    } else {
        fix
    };
    Ok(finding.fix(fix.step(Step::restart_kubelet())))
}

nodepol_plugin::policy!(KubeletConfigValid);
