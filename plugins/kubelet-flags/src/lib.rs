//! The kubelet knows every flag that it is given.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem, Severity,
    Sourced, Step, Unavailable, flags_later, kubelet, node, runbook,
};

struct KubeletFlags;

impl Policy for KubeletFlags {
    fn describe() -> Description {
        Description::new(
            "kubelet-flags",
            "The kubelet knows every flag that it is given",
            "no flag that this version of the kubelet lacks, no word that is no flag, no value of \
             the wrong type",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = flags_later(at)? {
            return Ok(judgement);
        }
        let mut findings: Vec<Finding> = kubelet::flag_problems(at)?
            .into_iter()
            .map(finding)
            .collect();
        if let Some(labels) = kubelet::flag(at, "node-labels")? {
            findings.extend(forbidden_labels(&labels));
        }
        Ok(Judgement::of(findings, "the kubelet knows its flags"))
    }
}

fn finding(problem: Problem) -> Finding {
    let fix = Fix::new("take the flag away")
        .step(Step::note(format!(
            "{} {}",
            what_to_do(&problem),
            place(&problem)
        )))
        .steps(runbook::is_of_a_unit(&problem.at.source).then(Step::daemon_reload))
        .step(Step::restart_kubelet());
    let finding = if problem.fatal {
        Finding::fail(
            &problem.kind,
            format!("the kubelet exits: {}", problem.message),
        )
    } else {
        let meant = problem
            .nearest
            .as_ref()
            .map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        Finding::warn(&problem.kind, format!("{}{meant}", problem.message))
    };
    finding
        .evidence(problem.at, problem.kind.replace('-', " "))
        .fix(fix)
}

fn what_to_do(problem: &Problem) -> &'static str {
    match problem.kind.as_str() {
        "unknown-command" => {
            "remove the word, or join it to its flag with `=` (booleans take no word), in"
        }
        "wrong-type" | "missing-argument" => "correct the value in",
        "bad-syntax" => "remove the word, or write it as --name=value, in",
        "unfamiliar-flag" => "correct the name in",
        _ => "remove the flag from",
    }
}

fn place(problem: &Problem) -> String {
    let at = &problem.at;
    at.line.map_or_else(
        || at.source.clone(),
        |line| format!("line {line} of {}", at.source),
    )
}

/// Labels that a kubelet may not give itself: those of the namespaces of
/// Kubernetes, but for the known ones (`validateKubeletLabels` in
/// cmd/kubelet/app/options, `KubeletLabels` in pkg/kubelet/apis).
fn forbidden_labels(labels: &Sourced) -> Option<Finding> {
    // OpenShift's kubelet is built without this check.
    if matches!(node::flavour().value.as_str(), "openshift" | "microshift") {
        return None;
    }
    let forbidden: Vec<&str> = labels
        .value
        .split(',')
        .filter_map(|label| label.split('=').next())
        .map(str::trim)
        .filter(|key| is_forbidden(key))
        .collect();
    let names = (!forbidden.is_empty()).then(|| forbidden.join(", "))?;
    Some(
        Finding::fail(
            "forbidden-label",
            format!(
                "the kubelet exits: unknown 'kubernetes.io' or 'k8s.io' labels specified with \
                 --node-labels: {names}"
            ),
        )
        .seen(labels.clone())
        .fix(
            Fix::new("set the label from outside")
                .step(Step::note(format!(
                    "remove {names} from --node-labels in {}",
                    labels.at.source
                )))
                .step(Step::restart_kubelet())
                .step(Step::note(format!(
                    "an administrator may set it: kubectl label node NAME {}=…",
                    forbidden.first().unwrap_or(&"LABEL")
                ))),
        ),
    )
}

fn is_forbidden(key: &str) -> bool {
    const ALLOWED: [&str; 11] = [
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    ];
    let Some((namespace, _)) = key.split_once('/') else {
        return false;
    };
    let is_in = |domain: &str| {
        namespace == domain
            || namespace
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    (is_in("kubernetes.io") || is_in("k8s.io"))
        && !is_in("kubelet.kubernetes.io")
        && !is_in("node.kubernetes.io")
        && !ALLOWED.contains(&key)
}

nodepol_plugin::policy!(KubeletFlags);
