//! The container runtime starts at boot, and before the kubelet or soon enough.

use nodepol_plugin::runtimes::{self, Runtime};
use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, no_own_kubelet, node, runbook,
};

const KUBELET: &str = "kubelet.service";

/// Agents that configure and start the runtime at every boot by asking the
/// manager, which no unit file shows: nodeadm of Amazon EKS.
const AGENTS: [&str; 1] = ["nodeadm-run.service"];

struct RuntimeBeforeKubelet;

impl Policy for RuntimeBeforeKubelet {
    fn describe() -> Description {
        Description::new(
            "runtime-before-kubelet",
            "The container runtime is up for the kubelet",
            "the runtime starts at boot, before the kubelet or while the kubelet still tries",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let runtime = match runtimes::selected(at) {
            Ok(Some(runtime)) => runtime,
            Ok(None) => {
                return Ok(Judgement::not_applicable(
                    "no runtime that is installed listens where the kubelet connects",
                ));
            }
            Err(unavailable) => {
                let all = runtimes::all(at)?;
                // Which one it will be is not decided before a runtime is installed.
                if all.is_empty() {
                    return Ok(Judgement::not_applicable("no runtime is installed"));
                }
                // Where one listens that is masked cannot be told.
                all.into_iter().find(is_masked).ok_or(unavailable)?
            }
        };
        let units = services(&runtime)?;
        let mut findings = Vec::new();
        for unit in &units {
            findings.extend(match at {
                Horizon::Now => down(unit)?,
                Horizon::NextBoot => not_started(unit)?,
            });
        }
        if at == Horizon::NextBoot
            && findings.is_empty()
            && let Some(unit) = units.first()
        {
            findings.extend(unordered(unit)?);
        }
        Ok(Judgement::of(
            findings,
            format!("{} is up before the kubelet needs it", runtime.name),
        ))
    }
}

fn is_masked(runtime: &Runtime) -> bool {
    units::get(Horizon::NextBoot, &runtime.unit).is_ok_and(|unit| unit.load_state == "masked")
}

/// The units that the kubelet needs, the one that it connects to first: with
/// docker that is cri-dockerd, which needs dockerd.
fn services(runtime: &Runtime) -> Result<Vec<String>, Unavailable> {
    let mut units = vec![runtime.unit.clone()];
    let by_cri_dockerd = runtime
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.contains("cri-docker"));
    if runtime.name == "docker" && by_cri_dockerd {
        let other = "cri-dockerd.service";
        let is_other = units::get(Horizon::NextBoot, other)?.load_state != "not-found";
        let unit = if is_other {
            other
        } else {
            "cri-docker.service"
        };
        units.insert(0, unit.to_owned());
    }
    Ok(units)
}

/// The socket units that start a service when something connects.
fn sockets(unit: &str) -> Vec<String> {
    let stem = unit.trim_end_matches(".service");
    let mut sockets = vec![format!("{stem}.socket")];
    // cri-docker.service of the packages, cri-dockerd.service of others.
    if stem == "cri-dockerd" {
        sockets.push("cri-docker.socket".to_owned());
    }
    sockets
}

fn down(name: &str) -> Result<Option<Finding>, Unavailable> {
    let unit = units::get(Horizon::Now, name)?;
    let state = unit.active_state.as_deref().unwrap_or("unknown");
    if matches!(state, "active" | "reloading" | "activating") {
        return Ok(None);
    }
    for socket in sockets(name) {
        if let Ok(socket) = units::get(Horizon::Now, &socket)
            && socket.active_state.as_deref() == Some("active")
            && state != "failed"
        {
            return Ok(None);
        }
    }
    let said = if unit.load_state == "loaded" {
        state
    } else {
        unit.load_state.as_str()
    };
    Ok(Some(
        Finding::fail(
            "runtime-down",
            format!("{name} is {said}: the kubelet has no runtime to connect to"),
        )
        .evidence(
            Location::source("systemd"),
            format!("{name}: LoadState={}, ActiveState={state}", unit.load_state),
        )
        .fix(
            Fix::new(format!("start {name}"))
                .step(Step::command(
                    [
                        "journalctl",
                        "--boot",
                        "--unit",
                        name,
                        "--lines",
                        "20",
                        "--no-pager",
                    ],
                    "see why it is down",
                ))
                .step(start(name)),
        ),
    ))
}

fn start(name: &str) -> Step {
    Step::unit(
        UnitVerb::Start,
        name,
        "the kubelet connects by itself once it is up",
    )
    .verify(["systemctl", "is-active", name])
}

fn not_started(name: &str) -> Result<Option<Finding>, Unavailable> {
    let at = Horizon::NextBoot;
    let unit = units::get(at, name)?;
    let file = || Location::source(unit.fragment.clone().unwrap_or_else(|| name.to_owned()));
    match unit.load_state.as_str() {
        "loaded" => {}
        "masked" => {
            return Ok(Some(
                Finding::fail(
                    "runtime-masked",
                    format!("{name} is masked: no runtime starts at boot"),
                )
                .evidence(file(), "masked")
                .fix(
                    Fix::new(format!("unmask {name}"))
                        .step(Step::unit(UnitVerb::Unmask, name, "remove the mask"))
                        .step(enable(name)),
                ),
            ));
        }
        "not-found" => {
            // A tree that holds a node's own files only may hold the link alone.
            if let Some(agent) = agent(name)? {
                return Ok(Some(agent));
            }
            if units::enabled_by(name)?.iter().any(|link| !link.runtime) {
                return Ok(None);
            }
            return Ok(Some(Finding::unknown(
                "runtime-unit-unknown",
                format!("no unit file {name} is there that would tell whether it starts at boot"),
            )));
        }
        other => {
            return Ok(Some(
                Finding::fail(
                    "runtime-not-loadable",
                    format!("systemd cannot load {name}: {other}"),
                )
                .evidence(file(), unit.load_error.clone().unwrap_or_default())
                .fix(Fix::new("correct the unit").step(Step::command(
                    ["systemd-analyze", "verify", name],
                    "it names the line",
                ))),
            ));
        }
    }
    if !units::pulled_in_by(name)?.is_empty() {
        return Ok(None);
    }
    for socket in sockets(name) {
        if !units::pulled_in_by(&socket)?.is_empty() {
            return Ok(None);
        }
    }
    if let Some(agent) = agent(name)? {
        return Ok(Some(agent));
    }
    let state = if unit.file_state.is_empty() {
        "disabled"
    } else {
        &unit.file_state
    };
    Ok(Some(
        Finding::fail(
            "runtime-not-enabled",
            format!("{name} is {state} and no socket starts it: after a boot there is no runtime"),
        )
        .evidence(file(), state)
        .fix(Fix::new(format!("enable {name}")).step(enable(name))),
    ))
}

fn agent(name: &str) -> Result<Option<Finding>, Unavailable> {
    for agent in AGENTS {
        if !units::pulled_in_by(agent)?.is_empty() {
            return Ok(Some(
                Finding::note("started-by-agent", format!("{agent} starts {name}"))
                    .evidence(Location::source(agent), "enabled"),
            ));
        }
    }
    // Of its image the unit itself may not be in the tree.
    let flavour = node::flavour();
    Ok((flavour.value == "eks").then(|| {
        Finding::note(
            "started-by-agent",
            format!("the agent of EKS starts {name} at each boot"),
        )
        .seen(flavour)
    }))
}

fn enable(name: &str) -> Step {
    Step::unit(UnitVerb::Enable, name, "start it at every boot").verify([
        "systemctl",
        "is-enabled",
        name,
    ])
}

/// Neither containerd nor the packages of the kubelet order the two; CRI-O says
/// `Before=kubelet.service`.
fn unordered(unit: &str) -> Result<Option<Finding>, Unavailable> {
    let before = units::ordered_before(KUBELET)?;
    let ordered = |unit: &str| before.iter().any(|known| known == unit);
    // Who connects to a socket of the manager waits until the service is up.
    if ordered(unit) || sockets(unit).iter().any(|socket| ordered(socket)) {
        return Ok(None);
    }
    let Some(kubelet) = units::service(Horizon::NextBoot, KUBELET)? else {
        return Ok(None);
    };
    let again = ["always", "on-failure"].contains(&kubelet.restart.as_str());
    let limited = kubelet.start_limit_interval_usec > 0
        && kubelet.start_limit_burst > 0
        && kubelet
            .restart_usec
            .saturating_mul(kubelet.start_limit_burst.into())
            < kubelet.start_limit_interval_usec;
    let evidence = |finding: Finding| {
        finding.explained(
            Location::source(KUBELET),
            format!("no After={unit}"),
            format!("and {unit} has no Before={KUBELET}"),
        )
    };
    if again && !limited {
        return Ok(Some(evidence(Finding::note(
            "not-ordered",
            format!(
                "{KUBELET} may start before {unit}; it is then started again until the runtime is \
                 up: one to three restarts at boot are usual"
            ),
        ))));
    }
    let why = if again {
        "its start limit may be reached before"
    } else {
        "it is not started again"
    };
    Ok(Some(
        evidence(Finding::warn(
            "not-ordered",
            format!("{KUBELET} may start before {unit}, and {why}"),
        ))
        .symptom_of("kubelet-unit-restart")
        .fix(
            Fix::new("start the kubelet after its runtime")
                .step(runbook::last_drop_in(
                    KUBELET,
                    "runtime.conf",
                    format!("[Unit]\nWants={unit}\nAfter={unit}\n"),
                )?)
                .step(Step::daemon_reload().verify([
                    "systemctl",
                    "show",
                    "--property=After",
                    KUBELET,
                ])),
        ),
    ))
}

nodepol_plugin::policy!(RuntimeBeforeKubelet);
