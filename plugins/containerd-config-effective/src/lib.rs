//! containerd starts with its files, and reads what stands in them.

use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem,
    Severity, Step, Unavailable, UnitVerb, configured_later, no_own_kubelet, runtimes, units,
};

struct ContainerdConfigEffective;

/// What containerd-cri-enabled judges.
const ELSEWHERE: [&str; 3] = [
    "cri-disabled",
    "default-runtime-missing",
    "plugin-systemd-cgroup",
];

impl Policy for ContainerdConfigEffective {
    fn describe() -> Description {
        Description::new(
            "containerd-config-effective",
            "containerd reads what stands in its files",
            "containerd starts with its configuration, and no setting in it stands where this \
             release does not read it",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let Some(runtime) = runtimes::all(at)?
            .into_iter()
            .find(|runtime| runtime.name == "containerd")
        else {
            return Ok(Judgement::not_applicable("containerd is not installed"));
        };
        let problems = runtimes::problems("containerd")?;
        let fatal = problems.iter().any(|problem| problem.fatal);
        // A daemon that runs has read its files; what they say now counts when
        // it starts again.
        if fatal && at == Horizon::Now && is_active(&runtime.unit) {
            return Ok(Judgement::pass("containerd runs with what it has read"));
        }
        let uses_systemd = !fatal
            && runtimes::cgroup_driver(Horizon::NextBoot, "containerd")
                .ok()
                .flatten()
                .is_some_and(|driver| driver.value == "systemd");
        let findings = problems
            .into_iter()
            .filter(|problem| !ELSEWHERE.contains(&problem.kind.as_str()))
            .map(|problem| finding(problem, uses_systemd, &runtime.unit))
            .collect();
        Ok(Judgement::of(
            findings,
            "containerd reads what stands in its files",
        ))
    }
}

fn is_active(unit: &str) -> bool {
    units::get(Horizon::Now, unit).is_ok_and(|unit| unit.active_state.as_deref() == Some("active"))
}

fn finding(problem: Problem, uses_systemd: bool, unit: &str) -> Finding {
    let Problem {
        kind,
        message,
        at,
        fatal,
        nearest,
    } = problem;
    let breaks = match kind.as_str() {
        _ if fatal => true,
        "partial-runtime" | "wrong-type" => true,
        // Where the driver is right all the same, nothing depends on it.
        "ignored-section" | "unknown-field" => !uses_systemd,
        _ => false,
    };
    let message = if fatal {
        format!("containerd does not start with this: {message}")
    } else {
        message
    };
    let finding = if breaks {
        Finding::fail(&kind, message.clone())
    } else {
        Finding::warn(&kind, message.clone())
    };
    let fix = Fix::new("write it where this release reads it");
    let edits = runtimes::systemd_driver_edits("containerd").unwrap_or_default();
    let moves = matches!(kind.as_str(), "ignored-section" | "unknown-field") && !edits.is_empty();
    let fix = if moves {
        fix.steps(edits.into_iter().map(|edit| {
            Step::set_value(
                edit.path,
                edit.pointer,
                edit.json,
                "where this version of containerd reads its cgroup driver",
            )
        }))
    } else {
        let meant = nearest.map_or_else(String::new, |nearest| format!(" (meant is {nearest})"));
        fix.step(Step::note(format!(
            "correct {}{meant}: {message}",
            place(&at)
        )))
    };
    finding.evidence(at, kind.replace('-', " ")).fix(
        fix.step(Step::command(
            ["containerd", "config", "dump"],
            "see what containerd makes of all its files; it starts nothing",
        ))
        .step(
            Step::unit(
                UnitVerb::Restart,
                unit,
                "drain the node first if this changes the cgroup driver",
            )
            .disrupts(Disruption::Restart),
        ),
    )
}

fn place(at: &nodepol_plugin::Location) -> String {
    at.line.map_or_else(
        || at.source.clone(),
        |line| format!("line {line} of {}", at.source),
    )
}

nodepol_plugin::policy!(ContainerdConfigEffective);
