//! A kubelet on docker has cri-dockerd, and docker starts.

mod fix;

use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Unavailable, configured_later, kubelet, no_own_kubelet, part_of_a_tree, runtimes,
    units,
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
            return dockershim(endpoint);
        }
        let selected = runtimes::selected(at)?;
        let is_docker = selected
            .as_ref()
            .is_some_and(|runtime| runtime.name == "docker");
        if endpoint.value != CRI_DOCKERD && !is_docker {
            return match selected {
                Some(_) => Ok(Judgement::not_applicable("the kubelet does not use docker")),
                None => docker_alone(at, endpoint),
            };
        }
        let mut findings = not_started(at)?;
        if findings.is_empty() || at == Horizon::NextBoot {
            findings.extend(not_there(at)?);
        }
        Ok(Judgement::of(
            findings,
            "cri-dockerd stands between the kubelet and docker",
        ))
    }
}

/// The kubelet's version decides whether it has a shim of its own.
fn has_dockershim() -> Result<(bool, String), Unavailable> {
    let version = kubelet::get_version()?.ok_or_else(|| {
        Unavailable::new(
            "kubelet",
            "its version is not known, and whether it has dockershim hangs on it",
        )
    })?;
    Ok((version.minor < 24, version.text))
}

fn dockershim(endpoint: Sourced) -> Result<Judgement, Unavailable> {
    let (has_shim, version) = has_dockershim()?;
    if has_shim {
        return Ok(Judgement::pass(format!("kubelet {version} has dockershim")));
    }
    Ok(Finding::fail(
        "dockershim-gone",
        format!(
            "kubelet {version} has no dockershim any more: nothing listens at {}",
            endpoint.value
        ),
    )
    .seen(endpoint)
    .fix(fix::use_cri_dockerd()?)
    .into())
}

/// docker serves no CRI by itself.
fn docker_alone(at: Horizon, endpoint: Sourced) -> Result<Judgement, Unavailable> {
    let all = runtimes::all(at)?;
    let [docker] = all.as_slice() else {
        return Ok(Judgement::not_applicable("the kubelet does not use docker"));
    };
    // What is not in a part of a tree says nothing.
    if docker.name != "docker" || part_of_a_tree()? {
        return Ok(Judgement::not_applicable("the kubelet does not use docker"));
    }
    let (has_shim, version) = has_dockershim()?;
    // Up to 1.23 docker was what it used if nothing was said.
    if has_shim {
        return Ok(Judgement::pass(format!("kubelet {version} has dockershim")));
    }
    Ok(Finding::fail(
        "only-docker",
        format!(
            "docker is the only runtime that is installed, and kubelet {version} does not speak \
             with it: nothing listens at {}",
            endpoint.value
        ),
    )
    .seen(endpoint)
    .evidence(Location::source(docker.unit.clone()), "installed")
    .fix(fix::use_cri_dockerd()?)
    .into())
}

/// What keeps dockerd from starting.
fn not_started(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    // Docker runs with what it has read.
    let is_running = at == Horizon::Now
        && units::get(at, "docker.service")
            .is_ok_and(|unit| unit.active_state.as_deref() == Some("active"));
    if is_running {
        return Ok(Vec::new());
    }
    let problems = runtimes::problems("docker")?;
    Ok(problems
        .into_iter()
        .filter(|problem| problem.fatal)
        .map(|problem| {
            Finding::fail(
                &problem.kind,
                format!("docker does not start: {}", problem.message),
            )
            .evidence(problem.at.clone(), problem.kind.replace('-', " "))
            .fix(fix::correct(&problem))
        })
        .collect())
}

/// cri-dockerd is not installed, or is not started at boot.
fn not_there(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let mut states = Vec::new();
    let mut missing = Vec::new();
    for name in UNITS {
        let unit = units::get(Horizon::NextBoot, name)?;
        if unit.load_state == "not-found" {
            missing.push(name);
            continue;
        }
        let is_enabled =
            unit.file_state.starts_with("enabled") && unit.file_state != "enabled-runtime";
        if is_enabled || !units::pulled_in_by(name)?.is_empty() {
            return Ok(None);
        }
        states.push((name, unit.file_state));
    }
    if states.is_empty() {
        let finding = Finding::fail(
            "cri-dockerd-missing",
            "cri-dockerd is not installed: nothing listens at the kubelet's endpoint",
        );
        return Ok(Some(
            missing
                .into_iter()
                .filter(|name| name.starts_with("cri-docker."))
                .fold(finding, |finding, name| {
                    finding.evidence(Location::source(name), "not-found")
                })
                .fix(fix::install()),
        ));
    }
    // Whether it runs now is runtime-before-kubelet's to tell.
    if at == Horizon::Now {
        return Ok(None);
    }
    let fix = fix::enable(&states);
    Ok(Some(
        states
            .into_iter()
            .fold(
                Finding::fail(
                    "cri-dockerd-not-enabled",
                    "cri-dockerd does not start at boot: neither its socket nor its service is \
                     enabled",
                ),
                |finding, (name, state)| finding.evidence(Location::source(name), state),
            )
            .fix(fix),
    ))
}

nodepol_plugin::policy!(DockerCriDockerd);
