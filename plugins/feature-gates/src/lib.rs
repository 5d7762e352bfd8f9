//! The kubelet knows every feature gate that is set, and may set it so.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem, Severity,
    Step, Unavailable, kubelet, no_settings, node,
};

struct FeatureGates;

impl Policy for FeatureGates {
    fn describe() -> Description {
        Description::new(
            "feature-gates",
            "The kubelet knows every feature gate that is set",
            "no feature gate that this version has dropped, and none set against its lock",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let findings = kubelet::gate_problems(at)?
            .into_iter()
            .map(finding)
            .collect();
        Ok(Judgement::of(findings, "every feature gate is known"))
    }
}

fn finding(problem: Problem) -> Finding {
    // OpenShift's kubelet only warns of a gate that it does not know.
    let only_warns = problem.kind == "removed-gate"
        && matches!(node::flavour().value.as_str(), "openshift" | "microshift");
    let finding = if only_warns {
        Finding::warn(&problem.kind, problem.message)
    } else {
        Finding::fail(
            &problem.kind,
            format!("the kubelet exits: {}", problem.message),
        )
    };
    let at = problem.at;
    let fix = Fix::new("take the feature gate away");
    let fix = match &at.pointer {
        Some(pointer) => fix.step(Step::remove_key(
            at.source.clone(),
            pointer.clone(),
            "what it switched is on for good, or gone for good",
        )),
        None => fix.step(Step::note(format!(
            "remove it from --feature-gates in {}",
            at.source
        ))),
    };
    let fix = if node::flavour().value == "kubeadm" {
        fix.step(Step::note(
            "remove it from the ConfigMap kubelet-config in kube-system too, or the next upgrade \
             writes it again",
        ))
    } else {
        fix
    };
    finding
        .evidence(at, problem.kind.replace('-', " "))
        .fix(fix.step(Step::restart_kubelet()))
}

nodepol_plugin::policy!(FeatureGates);
