//! The kubelet knows every feature gate that is set, and may set it so.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem, Severity,
    Step, Unavailable, flags_later, kubelet, no_settings, node,
};

struct FeatureGates;

impl Policy for FeatureGates {
    fn describe() -> Description {
        Description::new(
            "feature-gates",
            "The kubelet knows every feature gate that is set",
            "no feature gate that this version does not have, and none set against its lock",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = flags_later(at)? {
            return Ok(judgement);
        }
        // OpenShift's kubelet has gates of its own, and only warns of one that it
        // does not know.
        let only_warns = matches!(node::flavour().value.as_str(), "openshift" | "microshift");
        let findings: Vec<Finding> = kubelet::gate_problems(at)?
            .into_iter()
            .filter(|problem| !(only_warns && problem.kind == "unfamiliar-gate"))
            .map(|problem| finding(problem, only_warns))
            .collect();
        if findings.is_empty()
            && let Some(judgement) = no_settings(at)?
        {
            return Ok(judgement);
        }
        Ok(Judgement::of(findings, "every feature gate is known"))
    }
}

fn finding(problem: Problem, only_warns: bool) -> Finding {
    let known = matches!(problem.kind.as_str(), "locked-gate" | "needed-gate");
    let fatal = problem.fatal && (known || !only_warns);
    let finding = if fatal {
        Finding::fail(
            &problem.kind,
            format!("the kubelet exits: {}", problem.message),
        )
    } else {
        Finding::warn(&problem.kind, problem.message)
    };
    let at = problem.at;
    let (title, fix) = match &problem.nearest {
        Some(nearest) => (
            format!("write {nearest}"),
            Step::note(format!(
                "correct the name to `{nearest}` in {}, if that is what is meant",
                at.source
            )),
        ),
        None => (
            "take the feature gate away".to_owned(),
            match &at.pointer {
                Some(pointer) => Step::remove_key(
                    at.source.clone(),
                    pointer.clone(),
                    match problem.kind.as_str() {
                        "later-gate" => "this version has nothing that it switches",
                        "locked-gate" => "it is locked to its default",
                        "needed-gate" => "or set the other gate to the same value",
                        _ => "what it switched is on for good, or gone for good",
                    },
                ),
                None => Step::note(format!("remove it from --feature-gates in {}", at.source)),
            },
        ),
    };
    let fix = Fix::new(title).step(fix);
    let fix = if node::flavour().value == "kubeadm" {
        let verb = match problem.nearest {
            Some(_) => "correct it in",
            None => "remove it from",
        };
        fix.step(Step::note(format!(
            "{verb} the ConfigMap kubelet-config in kube-system too, or the next upgrade writes it \
             again"
        )))
    } else {
        fix
    };
    finding
        .evidence(at, problem.kind.replace('-', " "))
        .fix(fix.step(Step::restart_kubelet()))
}

nodepol_plugin::policy!(FeatureGates);
