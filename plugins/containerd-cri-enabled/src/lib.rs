//! containerd serves CRI: its plugin is not switched off, and loads.

use nodepol_plugin::runtime::{self, InUse};
use nodepol_plugin::runtimes::{self, Answer, Runtime};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy,
    Problem, Severity, Step, Unavailable, UnitVerb, kubelet, runbook,
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
        if at == Horizon::Now
            && let Some(judgement) = answered(&runtime)?
        {
            return Ok(judgement);
        }
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

/// What containerd itself says, where it was asked: the same call that the
/// kubelet starts with. None if it says nothing.
fn answered(runtime: &Runtime) -> Result<Option<Judgement>, Unavailable> {
    let Some(url) = &runtime.endpoint else {
        return Ok(None);
    };
    let status = match runtimes::who_answers(url) {
        Ok(Answer::Serves((_, version))) => {
            return Ok(Some(Judgement::pass(format!(
                "containerd {version} answers CRI v1 at {url}"
            ))));
        }
        Ok(Answer::Refuses(status)) => status,
        // Whether it runs at all is for others to tell.
        Ok(Answer::Nobody) | Err(_) => return Ok(None),
    };
    // The files tell why, as far as they are those that it runs with.
    let problems = runtime::problems(Horizon::Now, runtime).unwrap_or_default();
    let mut findings: Vec<Finding> = problems
        .iter()
        .filter_map(|problem| finding(problem, runtime))
        .collect();
    findings.extend(too_old(runtime).unwrap_or_default());
    if findings.is_empty() {
        findings.push(
            Finding::fail(
                "cri-not-served",
                "containerd runs and does not serve CRI v1: its CRI plugin is not loaded",
            )
            .evidence(
                Location::source(format!("Version of {url}")),
                status.clone(),
            )
            .fix(
                Fix::new("see why the plugin is not there")
                    .step(
                        Step::command(["ctr", "plugins", "ls"], "its state, and with -d its error")
                            .verify(["crictl", "info"]),
                    )
                    .step(Step::note(format!(
                        "look for `failed to load plugin io.containerd.grpc.v1.cri` in \
                         `journalctl -u {}`",
                        runtime.unit
                    )))
                    .step(
                        Step::unit(
                            UnitVerb::Restart,
                            runtime.unit.clone(),
                            "if its files were corrected since it started",
                        )
                        .disrupts(Disruption::Restart),
                    ),
            ),
        );
    }
    Ok(Some(Judgement::of(findings, status)))
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
