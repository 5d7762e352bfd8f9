//! The kubelet's endpoint is that of a runtime that is installed.

mod fix;

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::runtimes::{self, Answer, Runtime};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, UnitVerb, configured_later, files, kubelet, no_own_kubelet,
    part_of_a_tree, units,
};

struct CriEndpoint;

impl Policy for CriEndpoint {
    fn describe() -> Description {
        Description::new(
            "cri-endpoint",
            "The kubelet's endpoint is that of an installed runtime",
            "a runtime that is installed listens at containerRuntimeEndpoint",
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
        let installed = runtimes::all(at)?;
        let endpoint = match runtimes::endpoint(at) {
            Ok(endpoint) => endpoint,
            Err(unavailable) => return before_join(installed, unavailable),
        };
        let Some(runtime) = runtimes::selected(at)? else {
            return nobody(&endpoint, &installed);
        };
        if at == Horizon::Now {
            let answer = runtimes::who_answers(&endpoint.value);
            if let Ok(Answer::Serves((name, version))) = answer {
                return Ok(Judgement::pass(format!(
                    "{name} {version} answers at {}",
                    endpoint.value
                )));
            }
            if let Some(finding) = no_socket(&endpoint, &runtime)? {
                return Ok(finding.into());
            }
            if let Some(finding) = dead_socket(&endpoint, &runtime, answer)? {
                return Ok(finding.into());
            }
        }
        if at == Horizon::NextBoot
            && let Some(finding) = another_is_enabled(&endpoint, &runtime, &installed)?
        {
            return Ok(finding.into());
        }
        Ok(Judgement::pass(format!(
            "{} listens at {}",
            runtime.name, endpoint.value
        )))
    }
}

/// kubeadm takes the one runtime that it finds, and does not guess among more.
fn before_join(
    installed: Vec<Runtime>,
    unavailable: Unavailable,
) -> Result<Judgement, Unavailable> {
    let waits = node::get_join_state()? == JoinState::InstalledNotJoined;
    let endpoints: Vec<String> = installed
        .iter()
        .filter_map(|runtime| runtime.endpoint.clone())
        .collect();
    if !waits {
        return Err(unavailable);
    }
    if endpoints.len() < 2 {
        return Ok(Judgement::not_applicable(
            "no runtime is installed yet that kubeadm would take",
        ));
    }
    let first = endpoints.first().cloned().unwrap_or_default();
    let finding = Finding::warn(
        "several-runtimes",
        "kubeadm finds several runtimes and does not choose: found multiple CRI endpoints on the \
         host",
    );
    let finding = installed.into_iter().fold(finding, |finding, runtime| {
        finding.evidence(
            Location::source(runtime.unit),
            runtime.endpoint.unwrap_or(runtime.name),
        )
    });
    Ok(finding
        .fix(Fix::new("tell it which one").step(Step::note(format!(
            "add `--cri-socket {first}` (or the other) to kubeadm join or init, or criSocket to \
             its configuration"
        ))))
        .into())
}

fn nobody(endpoint: &Sourced, installed: &[Runtime]) -> Result<Judgement, Unavailable> {
    // A tree of configuration alone does not show what is installed.
    if installed.is_empty() && node::kernel_release()?.is_none() {
        return Ok(Judgement::not_applicable("this tree shows no runtime"));
    }
    // Neither does a tree without the system's own units.
    if part_of_a_tree()? {
        return Err(Unavailable {
            source: endpoint.value.clone(),
            reason: "this tree holds not all units of its system, and perhaps not the runtime's"
                .to_owned(),
        });
    }
    let finding = Finding::fail(
        "nobody-listens",
        if installed.is_empty() {
            "no container runtime is installed".to_owned()
        } else {
            format!("no runtime that is installed listens at {}", endpoint.value)
        },
    )
    .seen(endpoint.clone());
    let finding = installed.iter().fold(finding, |finding, runtime| {
        finding.explained(
            Location::source(runtime.unit.clone()),
            runtime.endpoint.clone().unwrap_or_default(),
            format!("{} listens here", runtime.name),
        )
    });
    let fix = match other_endpoint(installed)? {
        None => Fix::new("install a runtime").step(Step::note(
            "install containerd or CRI-O, and enable its unit",
        )),
        Some(other) => fix::connect_to(&other)?,
    };
    // Of docker's own ways that policy knows more.
    Ok(finding.fix(fix).symptom_of("docker-cri-dockerd").into())
}

/// That of a runtime which starts at boot, before others.
fn other_endpoint(installed: &[Runtime]) -> Result<Option<String>, Unavailable> {
    for runtime in installed {
        if runtime.endpoint.is_some() && starts_at_boot(runtime)? {
            return Ok(runtime.endpoint.clone());
        }
    }
    Ok(installed
        .iter()
        .find_map(|runtime| runtime.endpoint.clone()))
}

fn starts_at_boot(runtime: &Runtime) -> Result<bool, Unavailable> {
    let socket = format!("{}.socket", runtime.unit.trim_end_matches(".service"));
    Ok(
        !units::pulled_in_by(&runtime.unit)?.is_empty()
            || !units::pulled_in_by(&socket)?.is_empty(),
    )
}

/// The runtime that the kubelet connects to does not start at the next boot, and
/// another one does: one of the two was meant to go.
fn another_is_enabled(
    endpoint: &Sourced,
    runtime: &Runtime,
    installed: &[Runtime],
) -> Result<Option<Finding>, Unavailable> {
    let unit = units::get(Horizon::NextBoot, &runtime.unit)?;
    // Of another one nothing tells whether it starts.
    if !matches!(unit.load_state.as_str(), "loaded" | "masked") || starts_at_boot(runtime)? {
        return Ok(None);
    }
    let mut other = None;
    for candidate in installed {
        let is_other = candidate.name != runtime.name && candidate.endpoint.is_some();
        if other.is_none() && is_other && starts_at_boot(candidate)? {
            other = Some(candidate);
        }
    }
    let Some(other) = other else {
        return Ok(None);
    };
    let there = other.endpoint.clone().unwrap_or_default();
    Ok(Some(
        Finding::fail(
            "another-runtime-is-enabled",
            format!(
                "the kubelet connects to {}, which does not start at boot; {} does",
                runtime.name, other.name
            ),
        )
        .seen(endpoint.clone())
        .evidence(
            Location::source(runtime.unit.clone()),
            if unit.file_state.is_empty() {
                "disabled".to_owned()
            } else {
                unit.file_state
            },
        )
        .explained(
            Location::source(other.unit.clone()),
            "enabled",
            format!("it listens at {there}"),
        )
        .fix(fix::connect_to(&there)?.step(Step::note(format!(
            "if {0} is meant instead: `systemctl enable {1}`, and `systemctl disable --now {2}`",
            runtime.name, runtime.unit, other.unit
        )))),
    ))
}

/// The runtime runs and its socket is not there: another one removed it, or it
/// listens elsewhere than its files say.
fn no_socket(endpoint: &Sourced, runtime: &Runtime) -> Result<Option<Finding>, Unavailable> {
    let Some(path) = endpoint.value.strip_prefix("unix://") else {
        return Ok(None);
    };
    let unit = units::get(Horizon::Now, &runtime.unit)?;
    // A runtime that does not run is runtime-before-kubelet's to tell.
    if unit.active_state.as_deref() != Some("active") || files::resolve(path)?.is_some() {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "socket-missing",
            format!(
                "{} runs, and its socket {path} does not exist",
                runtime.name
            ),
        )
        .seen(endpoint.clone())
        .evidence(Location::source(path), "does not exist")
        .fix(
            Fix::new("let the runtime make it again")
                .step(Step::unit(
                    UnitVerb::Restart,
                    runtime.unit.clone(),
                    "containers keep running",
                ))
                .step(Step::restart_kubelet()),
        )
        .symptom_of(if kubelet::running()?.is_some() {
            "containerd-config-effective"
        } else {
            "containerd-cri-enabled"
        }),
    ))
}

/// The runtime runs, and nobody speaks CRI on the socket: another process left
/// it behind, or something else listens there.
fn dead_socket(
    endpoint: &Sourced,
    runtime: &Runtime,
    answer: Result<Answer, Unavailable>,
) -> Result<Option<Finding>, Unavailable> {
    let unit = units::get(Horizon::Now, &runtime.unit)?;
    if unit.active_state.as_deref() != Some("active") {
        return Ok(None);
    }
    let (id, text, evidence) = match answer {
        Ok(Answer::Nobody) => (
            "nobody-answers",
            format!(
                "{} runs, and nobody listens at {}",
                runtime.name, endpoint.value
            ),
            "connection refused".to_owned(),
        ),
        Ok(Answer::Refuses(status)) => (
            "cri-refused",
            format!(
                "{} runs, and what answers at {} does not serve CRI v1",
                runtime.name, endpoint.value
            ),
            status,
        ),
        Ok(Answer::Serves(_)) | Err(_) => return Ok(None),
    };
    Ok(Some(
        Finding::fail(id, text)
            .seen(endpoint.clone())
            .evidence(
                Location::source(format!("Version of {}", endpoint.value)),
                evidence,
            )
            .fix(
                Fix::new("let the runtime listen there again")
                    .step(Step::unit(
                        UnitVerb::Restart,
                        runtime.unit.clone(),
                        "containers keep running",
                    ))
                    .step(Step::restart_kubelet()),
            )
            .symptom_of("containerd-cri-enabled"),
    ))
}

nodepol_plugin::policy!(CriEndpoint);
