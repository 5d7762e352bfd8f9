//! CRI-O starts with all of its files, and reads those that are meant for it.

use nodepol_plugin::runtime::{self, InUse};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem, Severity,
    Step, Unavailable, UnitVerb,
};

const DROP_INS: &str = "/etc/crio/crio.conf.d";

struct CrioConfigEffective;

impl Policy for CrioConfigEffective {
    fn describe() -> Description {
        Description::new(
            "crio-config-effective",
            "CRI-O starts with its files and reads what is meant for it",
            "every file of crio.conf.d can be read, cgroup_manager and conmon_cgroup go together, \
             and nothing lies where CRI-O does not look",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        let runtime = match runtime::in_use(at, "cri-o")? {
            InUse::Yes(runtime) => runtime,
            InUse::No(judgement) => return Ok(judgement),
        };
        let problems = runtime::problems(at, &runtime)?;
        let findings = problems
            .iter()
            .map(|problem| finding(problem, &runtime.unit))
            .collect();
        Ok(Judgement::of(findings, "CRI-O starts with its files"))
    }
}

fn finding(problem: &Problem, unit: &str) -> Finding {
    let finding = if problem.fatal {
        Finding::fail(&problem.kind, problem.message.clone())
    } else {
        Finding::warn(&problem.kind, problem.message.clone())
    };
    finding
        .evidence(problem.at.clone(), problem.kind.clone())
        .fix(
            Fix::new("correct CRI-O's files before it starts again")
                .step(correct(problem).verify(["crio", "config"]))
                .step(
                    Step::unit(UnitVerb::Restart, unit, "containers keep running").verify([
                        "systemctl",
                        "is-active",
                        unit,
                    ]),
                ),
        )
}

fn correct(problem: &Problem) -> Step {
    let path = &problem.at.source;
    let name = path.rsplit('/').next().unwrap_or(path);
    match (problem.kind.as_str(), &problem.at.pointer) {
        ("backup-applied", _) => Step::command(
            ["mv", path, &format!("/etc/crio/{name}")],
            "out of the directory: its name does not keep CRI-O from reading it",
        ),
        ("not-imported", _) => Step::command(
            ["mv", path, &format!("{DROP_INS}/{name}")],
            "to where CRI-O reads it",
        ),
        // Right for both managers.
        ("conmon-cgroup", Some(pointer)) => Step::set_value(
            path.clone(),
            pointer.clone(),
            "\"pod\"",
            "both cgroup managers take it",
        ),
        ("wrong-value", Some(pointer)) if pointer.ends_with("/cgroup_manager") => Step::set_value(
            path.clone(),
            pointer.clone(),
            "\"systemd\"",
            "the default; the other one is cgroupfs",
        ),
        ("conmon-cgroup" | "wrong-value", None) => Step::note(format!(
            "correct the flag or variable of the unit in {path}: {}",
            problem.message
        )),
        ("config-missing", _) => Step::note(format!(
            "bring {path} back, or remove --config from the unit"
        )),
        ("default-runtime-missing", _) => Step::note(format!(
            "name a runtime in {path} that has a table, or remove default_runtime there: {}",
            problem.message
        )),
        _ => Step::note(format!(
            "correct {path}, or take it out of the directory: {}",
            problem.message
        )),
    }
}

nodepol_plugin::policy!(CrioConfigEffective);
