//! containerd serves CRI: its plugin is not switched off, and loads.

use nodepol_plugin::runtime::{self, InUse};
use nodepol_plugin::runtimes::Runtime;
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem,
    Severity, Step, Unavailable, UnitVerb, kubelet, runbook,
};

struct ContainerdCriEnabled;

impl Policy for ContainerdCriEnabled {
    fn describe() -> Description {
        Description::new(
            "containerd-cri-enabled",
            "containerd serves CRI",
            "containerd's CRI plugin is not disabled, loads, and speaks the version of CRI that \
             the kubelet wants",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        let runtime = match runtime::in_use(at, "containerd")? {
            InUse::Yes(runtime) => runtime,
            InUse::No(judgement) => return Ok(judgement),
        };
        let problems = runtime::problems(at, &runtime)?;
        let mut findings: Vec<Finding> = problems
            .iter()
            .filter_map(|problem| finding(problem, &runtime))
            .collect();
        findings.extend(too_old(&runtime)?);
        if findings.is_empty() && problems.iter().any(|problem| problem.fatal) {
            return Ok(runbook::judged_by("containerd-config-effective"));
        }
        Ok(Judgement::of(
            findings,
            "no file of containerd keeps its CRI plugin from loading",
        ))
    }
}

fn finding(problem: &Problem, runtime: &Runtime) -> Option<Finding> {
    let (fix, step) = match problem.kind.as_str() {
        "cri-disabled" => (
            "let containerd serve CRI",
            Step::note(format!(
                "take that name out of disabled_plugins in {}",
                problem.at.source
            )),
        ),
        "default-runtime-missing" => (
            "name a default runtime that exists",
            Step::note(format!(
                "define that runtime in {}, or set default_runtime_name to one that is defined",
                problem.at.source
            )),
        ),
        "plugin-systemd-cgroup" => (
            "remove systemd_cgroup",
            Step::remove_key(
                problem.at.source.clone(),
                problem.at.pointer.clone().unwrap_or_default(),
                "the handler's SystemdCgroup is what counts",
            ),
        ),
        _ => return None,
    };
    Some(
        Finding::fail(&problem.kind, problem.message.clone())
            .explained(
                problem.at.clone(),
                problem.kind.clone(),
                "the kubelet gets: unknown service runtime.v1.RuntimeService",
            )
            .fix(
                Fix::new(fix)
                    .step(step)
                    .step(
                        Step::unit(
                            UnitVerb::Restart,
                            runtime.unit.clone(),
                            "it reads its files only when it starts",
                        )
                        .disrupts(Disruption::Restart)
                        .verify(["crictl", "info"]),
                    )
                    .step(Step::note(
                        "see that SystemdCgroup is true as well: a file that disables CRI mostly \
                         sets nothing else",
                    )),
            ),
    )
}

/// The kubelet speaks CRI v1 only since 1.26, and containerd since 1.6.
fn too_old(runtime: &Runtime) -> Result<Option<Finding>, Unavailable> {
    let Some(version) = &runtime.version else {
        return Ok(None);
    };
    if (version.major, version.minor) >= (1, 6) {
        return Ok(None);
    }
    let own = kubelet::get_version()?.ok_or_else(|| Unavailable {
        source: "kubelet --version".to_owned(),
        reason: "whether it still speaks CRI v1alpha2 hangs on its version".to_owned(),
    })?;
    Ok(((own.major, own.minor) >= (1, 26)).then(|| {
        Finding::fail(
            "cri-v1-missing",
            format!(
                "the kubelet {} speaks CRI v1 only, and containerd {} does not speak it",
                own.text, version.text
            ),
        )
        .evidence(version.at.clone(), version.text.clone())
        .evidence(own.at, own.text)
        .fix(
            Fix::new("upgrade containerd").step(
                Step::note("install a containerd that this kubelet is tested with")
                    .disrupts(Disruption::Evict),
            ),
        )
    }))
}

nodepol_plugin::policy!(ContainerdCriEnabled);
