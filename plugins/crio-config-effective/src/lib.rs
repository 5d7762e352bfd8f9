//! CRI-O starts with all of its files, and reads those that are meant for it.

use nodepol_plugin::runtime::{self, InUse};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Problem, Severity,
    Step, Unavailable,
};

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
        let findings = problems.iter().map(finding).collect();
        Ok(Judgement::of(findings, "CRI-O starts with its files"))
    }
}

fn finding(problem: &Problem) -> Finding {
    let path = &problem.at.source;
    let step = match problem.kind.as_str() {
        "backup-applied" => Step::note(format!(
            "move {path} out of the directory: its name does not keep CRI-O from reading it"
        )),
        "not-imported" => Step::note(format!("move {path} to /etc/crio/crio.conf.d")),
        _ => Step::note(format!("correct {path}, or take it out of the directory")),
    };
    let finding = if problem.fatal {
        Finding::fail(&problem.kind, problem.message.clone())
    } else {
        Finding::warn(&problem.kind, problem.message.clone())
    };
    finding
        .evidence(problem.at.clone(), problem.kind.clone())
        .fix(
            Fix::new("correct CRI-O's files before it starts again")
                .step(step.verify(["crio", "config"])),
        )
}

nodepol_plugin::policy!(CrioConfigEffective);
