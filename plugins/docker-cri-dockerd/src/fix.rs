//! The ways to a docker that starts and a cri-dockerd that listens.

use nodepol_plugin::{
    Fix, Horizon, Problem, Step, Unavailable, UnitVerb, endpoint, runbook, units,
};

use crate::{CRI_DOCKERD, UNITS};

fn install_it() -> Step {
    Step::note(
        "install the package cri-dockerd in a version that fits the kubelet (0.3.17 or 0.4.0 and \
         later answer RuntimeConfig)",
    )
}

fn enable_it(name: &str) -> [Step; 2] {
    let why = if name.ends_with(".socket") {
        "the socket starts the service"
    } else {
        "start it at every boot"
    };
    [
        Step::unit(UnitVerb::Enable, name, why).verify(["systemctl", "is-enabled", name]),
        Step::unit(UnitVerb::Start, name, "and now").verify(["systemctl", "is-active", name]),
    ]
}

pub(crate) fn install() -> Fix {
    Fix::new("install cri-dockerd")
        .step(install_it())
        .steps(enable_it("cri-docker.socket"))
        .step(Step::restart_kubelet())
}

/// Enables the first of the units that are installed.
pub(crate) fn enable(states: &[(&str, String)]) -> Fix {
    let mut fix = Fix::new("start it at boot");
    for (name, state) in states {
        if state.starts_with("masked") {
            fix = fix.step(Step::unit(UnitVerb::Unmask, *name, "remove the mask"));
        }
    }
    let first = states.first().map_or("cri-docker.socket", |(name, _)| name);
    fix.steps(enable_it(first))
}

/// Points the kubelet to cri-dockerd ("Migrate Docker Engine nodes from
/// dockershim to cri-dockerd" of the Kubernetes documentation).
pub(crate) fn use_cri_dockerd() -> Result<Fix, Unavailable> {
    let mut fix = Fix::new("use cri-dockerd, or another runtime");
    let mut installed = None;
    for name in UNITS {
        if installed.is_none() && units::get(Horizon::NextBoot, name)?.load_state != "not-found" {
            installed = Some(name);
        }
    }
    if installed.is_none() {
        fix = fix.step(install_it());
    }
    fix = fix.steps(enable_it(installed.unwrap_or("cri-docker.socket")));
    for flag in ["container-runtime", "container-runtime-endpoint"] {
        fix = fix.steps(runbook::remove_flag(flag, "it names the shim that is gone"));
    }
    Ok(fix
        .step(endpoint::name(CRI_DOCKERD, "where cri-dockerd listens")?)
        .step(Step::restart_kubelet())
        .steps(endpoint::annotate(CRI_DOCKERD)?))
}

/// What dockerd refuses is corrected, or removed where a flag says it as well.
pub(crate) fn correct(problem: &Problem) -> Fix {
    let source = &problem.at.source;
    let step = match (problem.kind.as_str(), &problem.at.pointer) {
        ("flag-and-file", Some(pointer)) => Step::remove_key(
            source.clone(),
            pointer.clone(),
            "the flag stays; to keep this instead, drop the flag in a drop-in of docker.service",
        ),
        ("unknown-field", Some(pointer)) if problem.nearest.is_none() => Step::remove_key(
            source.clone(),
            pointer.clone(),
            "dockerd has no such option",
        ),
        _ => Step::note(match &problem.nearest {
            Some(nearest) => format!("correct {source}: {}; write {nearest}", problem.message),
            None => format!("correct {source}: {}", problem.message),
        }),
    };
    Fix::new("correct docker's configuration")
        .step(step)
        .step(Step::command(
            ["dockerd", "--validate", "--config-file", source],
            "from 23.0 on: it starts nothing",
        ))
        .step(
            Step::unit(
                UnitVerb::Restart,
                "docker.service",
                "containers restart, unless live-restore is on",
            )
            .disrupts(nodepol_plugin::Disruption::Evict)
            .verify(["systemctl", "is-active", "docker.service"]),
        )
}
