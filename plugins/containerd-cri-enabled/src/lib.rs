//! containerd serves the CRI that the kubelet speaks.

use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem,
    Severity, Step, Unavailable, UnitVerb, configured_later, kubelet, no_own_kubelet, runtimes,
};

struct ContainerdCriEnabled;

/// What keeps the CRI plugin from loading.
const KINDS: [&str; 3] = [
    "cri-disabled",
    "default-runtime-missing",
    "plugin-systemd-cgroup",
];

impl Policy for ContainerdCriEnabled {
    fn describe() -> Description {
        Description::new(
            "containerd-cri-enabled",
            "containerd serves CRI",
            "the CRI plugin of containerd is not disabled, loads, and speaks the kubelet's version",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let selected = runtimes::selected(at)?;
        let Some(runtime) = selected.filter(|runtime| runtime.name == "containerd") else {
            return Ok(Judgement::not_applicable("the kubelet uses no containerd"));
        };
        let mut findings: Vec<Finding> = runtimes::problems("containerd")?
            .into_iter()
            .filter(|problem| KINDS.contains(&problem.kind.as_str()))
            .map(|problem| finding(problem, &runtime.unit))
            .collect();
        // CRI v1 came with containerd 1.6; the kubelet 1.26 speaks nothing else.
        if let (Some(version), Some(kubelet)) = (&runtime.version, kubelet::get_version()?)
            && (version.major, version.minor) < (1, 6)
            && kubelet.minor >= 26
        {
            findings.push(
                Finding::fail(
                    "cri-too-old",
                    format!(
                        "containerd {} speaks no CRI v1, and kubelet {} nothing else",
                        version.text, kubelet.text
                    ),
                )
                .evidence(version.at.clone(), version.text.clone())
                .evidence(kubelet.at, kubelet.text)
                .fix(
                    Fix::new("upgrade containerd")
                        .step(Step::note("install containerd 1.7 or later")),
                ),
            );
        }
        Ok(Judgement::of(findings, "containerd serves CRI"))
    }
}

fn finding(problem: Problem, unit: &str) -> Finding {
    let fix = match (problem.kind.as_str(), &problem.at.pointer) {
        ("cri-disabled", Some(pointer)) => {
            Fix::new("enable the CRI plugin").step(Step::remove_key(
                problem.at.source.clone(),
                pointer.clone(),
                "Docker's package of containerd disables it; set SystemdCgroup as well",
            ))
        }
        ("cri-disabled", None) => Fix::new("enable the CRI plugin").step(Step::note(format!(
            "remove the name from disabled_plugins in {}, or write a whole configuration \
             (`containerd config default`), and set SystemdCgroup",
            problem.at.source
        ))),
        _ => Fix::new("let the CRI plugin load").step(Step::note(format!(
            "correct {}: {}",
            problem.at.source, problem.message
        ))),
    };
    Finding::fail(
        &problem.kind,
        format!(
            "containerd serves no CRI, and the kubelet exits: {}",
            problem.message
        ),
    )
    .evidence(problem.at, problem.kind.replace('-', " "))
    .fix(
        fix.step(
            Step::unit(UnitVerb::Restart, unit, "containers keep running")
                .disrupts(Disruption::Restart)
                .verify(["crictl", "info"]),
        )
        .step(Step::restart_kubelet()),
    )
}

nodepol_plugin::policy!(ContainerdCriEnabled);
