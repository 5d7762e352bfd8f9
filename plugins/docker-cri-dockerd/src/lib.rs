//! A kubelet on docker has cri-dockerd, and docker starts.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, configured_later, kubelet, no_own_kubelet, runtimes, units,
};

struct DockerCriDockerd;

/// The socket of the shim that was part of the kubelet until 1.23.
const DOCKERSHIM: &str = "unix:///run/dockershim.sock";
const CRI_DOCKERD: &str = "unix:///run/cri-dockerd.sock";
/// Any of them starts it: the packages' names, and kubespray's.
const UNITS: [&str; 4] = [
    "cri-docker.socket",
    "cri-docker.service",
    "cri-dockerd.socket",
    "cri-dockerd.service",
];

impl Policy for DockerCriDockerd {
    fn describe() -> Description {
        Description::new(
            "docker-cri-dockerd",
            "A kubelet on docker has cri-dockerd",
            "with docker, cri-dockerd is installed and starts at boot, and docker starts with its \
             configuration",
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
        let endpoint = runtimes::endpoint(at)?;
        if endpoint.value == DOCKERSHIM {
            let Some(version) = kubelet::get_version()? else {
                return Err(Unavailable {
                    source: "kubelet".to_owned(),
                    reason: "its version is not known, and whether it has dockershim hangs on it"
                        .to_owned(),
                });
            };
            if version.minor < 24 {
                return Ok(Judgement::pass(format!(
                    "kubelet {} has dockershim",
                    version.text
                )));
            }
            return Ok(Finding::fail(
                "dockershim-gone",
                format!(
                    "kubelet {} has no dockershim any more: nothing listens at {}",
                    version.text, endpoint.value
                ),
            )
            .seen(endpoint)
            .fix(
                Fix::new("use cri-dockerd, or another runtime")
                    .step(Step::note(format!(
                        "install cri-dockerd and name it: --container-runtime-endpoint={CRI_DOCKERD} \
                         (kubeadm-flags.env), or move the node to containerd"
                    )))
                    .step(Step::restart_kubelet()),
            )
            .into());
        }
        if endpoint.value != CRI_DOCKERD {
            return Ok(Judgement::not_applicable("the kubelet does not use docker"));
        }
        let mut findings: Vec<Finding> = runtimes::problems("docker")?
            .into_iter()
            .filter(|problem| problem.fatal)
            .map(|problem| {
                Finding::fail(
                    &problem.kind,
                    format!("docker does not start: {}", problem.message),
                )
                .evidence(problem.at.clone(), problem.kind.replace('-', " "))
                .fix(
                    Fix::new("correct docker's configuration")
                        .step(Step::note(format!(
                            "correct {}: {}",
                            problem.at.source, problem.message
                        )))
                        .step(Step::command(
                            ["dockerd", "--validate"],
                            "it starts nothing",
                        ))
                        .step(Step::unit(
                            UnitVerb::Restart,
                            "docker.service",
                            "containers restart, unless live-restore is on",
                        )),
                )
            })
            .collect();
        if at == Horizon::Now {
            // Docker runs with what it has read.
            let active = units::get(at, "docker.service")
                .is_ok_and(|unit| unit.active_state.as_deref() == Some("active"));
            if active {
                findings.clear();
            }
        } else {
            findings.extend(not_enabled()?);
        }
        Ok(Judgement::of(
            findings,
            "cri-dockerd stands between the kubelet and docker",
        ))
    }
}

fn not_enabled() -> Result<Option<Finding>, Unavailable> {
    let mut states = Vec::new();
    for name in UNITS {
        let unit = units::get(Horizon::NextBoot, name)?;
        if unit.load_state == "not-found" {
            if name.starts_with("cri-docker.") {
                states.push((name, "not-found".to_owned()));
            }
            continue;
        }
        if unit.file_state.starts_with("enabled") && unit.file_state != "enabled-runtime" {
            return Ok(None);
        }
        if !units::pulled_in_by(name)?.is_empty() {
            return Ok(None);
        }
        states.push((name, unit.file_state));
    }
    let missing = states.iter().all(|(_, state)| state == "not-found");
    let message = if missing {
        "cri-dockerd is not installed: nothing listens at the kubelet's endpoint"
    } else {
        "cri-dockerd does not start at boot: neither its socket nor its service is enabled"
    };
    let finding = states.into_iter().fold(
        Finding::fail(
            if missing {
                "cri-dockerd-missing"
            } else {
                "cri-dockerd-not-enabled"
            },
            message,
        ),
        |finding, (name, state)| finding.evidence(Location::source(name), state),
    );
    Ok(Some(finding.fix(if missing {
        Fix::new("install cri-dockerd").step(Step::note(
            "install the package cri-dockerd in a version that fits the kubelet (0.3.17 or 0.4.0 \
             and later answer RuntimeConfig)",
        ))
    } else {
        Fix::new("start it at boot").step(
            Step::unit(
                UnitVerb::Enable,
                "cri-docker.socket",
                "the socket starts the service",
            )
            .verify(["systemctl", "is-enabled", "cri-docker.socket"]),
        )
    })))
}

nodepol_plugin::policy!(DockerCriDockerd);
