//! The values of the kubelet's configuration are legal.

mod rules;
mod settings;

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, kubelet, no_settings, node,
};

use rules::Broken;
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
        let settings = Settings {
            at,
            minor: kubelet::get_version()?.map(|version| version.minor),
        };
        let findings = rules::check(&settings)?
            .into_iter()
            .map(|broken| finding(at, broken))
            .collect();
        Ok(Judgement::of(findings, "every value is legal"))
    }
}

fn finding(at: Horizon, broken: Broken) -> Finding {
    let mut finding = Finding::fail(
        broken.id,
        format!(
            "the kubelet exits: invalid configuration: {}",
            broken.message
        ),
    );
    let mut source = None;
    let mut fields = String::new();
    for pointer in broken.pointers {
        if !fields.is_empty() {
            fields.push_str(", ");
        }
        fields.push_str(&rules::field(pointer));
        // What is broken was set; a default of an unknown version is not shown.
        if let Ok(Some(setting)) = kubelet::setting(at, pointer) {
            source.get_or_insert(setting.at.source.clone());
            finding = finding.evidence(setting.at.clone(), setting.display());
        }
    }
    let source = source.unwrap_or_else(|| "the kubelet's configuration".to_owned());
    let fix = Fix::new("correct the value").step(Step::note(format!(
        "correct {fields} in {source}: {}",
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
    finding.fix(fix.step(Step::restart_kubelet()))
}

nodepol_plugin::policy!(KubeletConfigValid);
