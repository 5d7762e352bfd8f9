//! What containerd's files set has the effect that they seem to have.

use nodepol_plugin::runtime::{self, InUse};
use nodepol_plugin::runtimes::{self, Handler, Runtime};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Problem,
    Severity, Sourced, Step, Unavailable, configs, runbook,
};

struct ContainerdConfigEffective;

impl Policy for ContainerdConfigEffective {
    fn describe() -> Description {
        Description::new(
            "containerd-config-effective",
            "containerd reads what its files set",
            "containerd starts with its files, and every SystemdCgroup stands where this release \
             reads it",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        let runtime = match runtime::in_use(at, "containerd")? {
            InUse::Yes(runtime) => runtime,
            InUse::No(judgement) => return Ok(judgement),
        };
        let problems = runtime::problems(at, &runtime)?;
        let mut findings = Vec::new();
        if problems.iter().any(|problem| problem.fatal) {
            let fatal = problems.iter().filter(|problem| problem.fatal);
            findings.extend(fatal.map(|problem| refused(problem, &runtime)));
        } else if !problems.is_empty() {
            let handlers = runtimes::handlers(at, &runtime.name)?;
            for problem in &problems {
                findings.extend(ineffective(at, problem, &handlers)?);
            }
        }
        Ok(Judgement::of(
            findings,
            "everything stands where this containerd reads it",
        ))
    }
}

fn refused(problem: &Problem, runtime: &Runtime) -> Finding {
    let mut text = problem.message.clone();
    if !text.contains("does not start") {
        text = format!("{text}: {} does not start", runtime.unit);
    }
    Finding::fail(&problem.kind, text)
        .evidence(problem.at.clone(), problem.kind.clone())
        .fix(
            Fix::new("correct the file before containerd starts again").step(
                Step::note(format!("correct {}", problem.at.source)).verify([
                    "containerd",
                    "config",
                    "dump",
                ]),
            ),
        )
}

fn ineffective(
    at: Horizon,
    problem: &Problem,
    handlers: &[Handler],
) -> Result<Option<Finding>, Unavailable> {
    let told = |finding: Finding| finding.evidence(problem.at.clone(), problem.kind.clone());
    let warn = || told(Finding::warn(&problem.kind, problem.message.clone()));
    let note = || told(Finding::note(&problem.kind, problem.message.clone()));
    Ok(match problem.kind.as_str() {
        "ignored-section" => {
            let pointer = problem.at.pointer.clone().unwrap_or_default();
            let lost = switched_on(&problem.at.source, &pointer, handlers)?;
            Some(lost.map_or_else(warn, |lost| without_effect(at, problem, lost)))
        }
        "import-replaces-table" => {
            let plugin = problem.at.pointer.clone().unwrap_or_default();
            let mut lost = None;
            for document in configs::documents() {
                if document.format == "toml"
                    && document.problem.is_none()
                    && document.path.contains("containerd")
                    && document.path != problem.at.source
                    && lost.is_none()
                {
                    let pointer = format!("{plugin}/containerd/runtimes");
                    lost = switched_on(&document.path, &pointer, handlers)?;
                }
            }
            Some(lost.map_or_else(note, |lost| without_effect(at, problem, lost)))
        }
        "unknown-field" => {
            let on = configs::get(
                &problem.at.source,
                problem.at.pointer.as_deref().unwrap_or_default(),
            )?
            .is_some_and(|value| value.scalar == configs::Scalar::Boolean(true));
            // […, "runtimes", handler, "options"?, key]
            let handler = problem.at.pointer.as_deref().and_then(|pointer| {
                let below = pointer.split("/runtimes/").nth(1)?;
                below.split('/').next()
            });
            let name = handler.map(unescaped).unwrap_or_default();
            Some(if on && !uses_systemd(handlers, &name) {
                let lost = Sourced {
                    value: "true".to_owned(),
                    at: problem.at.clone(),
                };
                without_effect(at, problem, lost)
            } else {
                warn()
            })
        }
        "wrong-type" => Some(
            told(Finding::fail(&problem.kind, problem.message.clone())).fix(
                Fix::new("make it a truth value").step(Step::set_value(
                    problem.at.source.clone(),
                    problem.at.pointer.clone().unwrap_or_default(),
                    "true",
                    "without quotes",
                )),
            ),
        ),
        "partial-runtime" => {
            let is_default = handlers
                .iter()
                .any(|handler| handler.is_default && handler.kind.is_none());
            let finding = if is_default {
                told(Finding::fail(&problem.kind, problem.message.clone()))
            } else {
                warn()
            };
            let table: Option<Location> = handlers
                .iter()
                .find(|handler| handler.kind.is_none() && handler.at == problem.at)
                .map(|handler| handler.at.clone());
            Some(match table {
                Some(Location {
                    source,
                    pointer: Some(pointer),
                    ..
                }) => finding.fix(Fix::new("give the handler its type").step(Step::set_value(
                    source,
                    format!("{pointer}/runtime_type"),
                    "\"io.containerd.runc.v2\"",
                    "the entry replaces the built-in one as a whole",
                ))),
                _ => finding,
            })
        }
        "not-imported" => {
            Some(warn().fix(
                Fix::new("import the drop-ins, or remove them").step(Step::note(
                    "add the imports line at the top of the first file, before any table",
                )),
            ))
        }
        // containerd-cri-enabled judges what keeps the plugin from loading.
        _ => None,
    })
}

fn without_effect(at: Horizon, problem: &Problem, lost: Sourced) -> Finding {
    Finding::fail(
        "systemd-cgroup-without-effect",
        format!("SystemdCgroup = true has no effect: {}", problem.message),
    )
    .explained(lost.at, lost.value, "this is not what containerd uses")
    .evidence(problem.at.clone(), problem.kind.clone())
    .fix(runbook::systemd_driver(at))
}

/// A handler's SystemdCgroup that is on below `runtimes` in a file, while the
/// handler of that name does not use systemd.
fn switched_on(
    path: &str,
    runtimes: &str,
    handlers: &[Handler],
) -> Result<Option<Sourced>, Unavailable> {
    for name in configs::keys(path, runtimes)? {
        if uses_systemd(handlers, &name) {
            continue;
        }
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{runtimes}/{escaped}/options/SystemdCgroup");
        if let Some(value) = configs::get(path, &pointer)?
            && value.scalar == configs::Scalar::Boolean(true)
        {
            return Ok(Some(Sourced {
                value: "SystemdCgroup = true".to_owned(),
                at: value.at,
            }));
        }
    }
    Ok(None)
}

fn uses_systemd(handlers: &[Handler], name: &str) -> bool {
    handlers
        .iter()
        .any(|handler| handler.name == name && handler.cgroup_driver.as_deref() == Some("systemd"))
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

nodepol_plugin::policy!(ContainerdConfigEffective);
