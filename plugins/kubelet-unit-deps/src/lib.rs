//! kubelet.service is not held back by what it depends on.

mod conflicts;
mod requirements;

use nodepol_plugin::journal::{self, Entry};
use nodepol_plugin::node::JoinState;
use nodepol_plugin::units::{self, Condition, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, kubelet, no_own_kubelet, node, runtimes,
};

const KUBELET: &str = "kubelet.service";

/// Without the units that these name, systemd does not start the kubelet
/// (man systemd.unit).
const NEEDS: [&str; 3] = ["Requires", "Requisite", "BindsTo"];

/// Lines of the manager that are looked at.
const LINES: u32 = 500;

struct KubeletUnitDeps;

impl Policy for KubeletUnitDeps {
    fn describe() -> Description {
        Description::new(
            "kubelet-unit-deps",
            "Nothing holds kubelet.service back",
            "no condition, required unit or circle of orders keeps kubelet.service from starting",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let unit = units::get(at, KUBELET)?;
        if unit.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let mut findings = match at {
            Horizon::Now => now(&unit)?,
            Horizon::NextBoot => next_boot()?,
        };
        findings.extend(tied_to_runtime(at)?);
        Ok(Judgement::of(
            findings,
            "nothing that kubelet.service depends on holds it back",
        ))
    }
}

fn now(unit: &Unit) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    let state = unit.active_state.as_deref().unwrap_or("unknown");
    // One that runs, or is started again and again, was not held back.
    let held_back = matches!(state, "inactive" | "failed");
    if held_back {
        findings.extend(condition_unmet_now()?);
        findings.extend(requirements_down()?);
        findings.extend(start_job()?);
    }
    match journal::recent(KUBELET, LINES) {
        Ok(lines) => findings.extend(said_by_manager(&lines, held_back, findings.is_empty())),
        Err(unavailable) if held_back && findings.is_empty() => return Err(unavailable),
        Err(_) => {}
    }
    findings.extend(reload_pending(unit)?);
    Ok(findings)
}

fn next_boot() -> Result<Vec<Finding>, Unavailable> {
    let at = Horizon::NextBoot;
    let mut findings = Vec::new();
    // An agent that starts the unit may well make what it asks for first.
    let chain = units::pulled_in_by(KUBELET)?;
    if !chain.is_empty() {
        let conditions = units::conditions(at, KUBELET)?;
        match unmet(at, &conditions)? {
            Some(finding) => findings.push(finding),
            None => findings.extend(untold(&conditions)),
        }
    }
    findings.extend(requirements::of_boot(&chain)?);
    findings.extend(conflicts::of_boot(&chain)?);
    findings.extend(cycles()?);
    Ok(findings)
}

/// A condition counts alone, or with all others that carry `|`.
fn failing(conditions: &[Condition]) -> Vec<&Condition> {
    let triggers = || conditions.iter().filter(|condition| condition.trigger);
    let no_trigger =
        triggers().next().is_some() && triggers().all(|condition| condition.met == Some(false));
    conditions
        .iter()
        .filter(|condition| condition.met == Some(false) && (!condition.trigger || no_trigger))
        .collect()
}

fn unmet(at: Horizon, conditions: &[Condition]) -> Result<Option<Finding>, Unavailable> {
    let failing = failing(conditions);
    let Some(first) = failing.first() else {
        return Ok(None);
    };
    // kubeadm starts the unit itself once it has written the configuration.
    if node::get_join_state()? == JoinState::InstalledNotJoined
        && let Ok(Some(path)) = kubelet::config_path(at)
        && failing.iter().all(|condition| {
            condition.kind.ends_with("PathExists") && condition.parameter == path.value
        })
    {
        return Ok(Some(
            Finding::waiting(
                "waits-for-configuration",
                format!(
                    "kubelet.service is not started before {} is written, when the node joins",
                    path.value
                ),
            )
            .evidence(first.at.clone(), written(first)),
        ));
    }
    let mut finding = Finding::fail(
        "condition-unmet",
        format!(
            "kubelet.service is skipped: {} is not met, and Restart= does not apply to a unit that \
             was skipped",
            written(first)
        ),
    );
    let mut fix = Fix::new("meet the condition, or take it away");
    for condition in failing {
        finding = finding.evidence(condition.at.clone(), written(condition));
        let verb = if condition.negated {
            "remove"
        } else {
            "bring back"
        };
        fix = fix.step(Step::note(format!(
            "{verb} {}, or remove the line {}= from {}",
            condition.parameter, condition.kind, condition.at.source
        )));
    }
    Ok(Some(
        finding.fix(
            fix.step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// A condition that nobody can tell before the boot. A kubelet that runs met it.
fn untold(conditions: &[Condition]) -> Option<Finding> {
    let mut triggers = conditions.iter().filter(|condition| condition.trigger);
    let triggered = triggers.any(|condition| condition.met == Some(true));
    let untold = conditions
        .iter()
        .find(|condition| condition.met.is_none() && !(condition.trigger && triggered))?;
    let runs = units::get(Horizon::Now, KUBELET).is_ok_and(|unit| {
        matches!(
            unit.active_state.as_deref(),
            Some("active" | "activating" | "reloading")
        )
    });
    if runs && units::need_daemon_reload(KUBELET) == Ok(false) {
        return None;
    }
    Some(
        Finding::unknown(
            "condition-unknown",
            format!(
                "whether {} is met at the next boot cannot be told from what was gathered",
                written(untold)
            ),
        )
        .evidence(untold.at.clone(), written(untold)),
    )
}

fn written(condition: &Condition) -> String {
    let trigger = if condition.trigger { "|" } else { "" };
    let not = if condition.negated { "!" } else { "" };
    format!("{}={trigger}{not}{}", condition.kind, condition.parameter)
}

fn condition_unmet_now() -> Result<Option<Finding>, Unavailable> {
    // Both are `no` before the first test, of which the time is then 0.
    let failed = |result: &str, time: &str| -> Result<bool, Unavailable> {
        Ok(units::property(KUBELET, result)?.as_deref() == Some("no")
            && units::property(KUBELET, time)?.is_some_and(|time| time != "0"))
    };
    if !failed("ConditionResult", "ConditionTimestamp")?
        && !failed("AssertResult", "AssertTimestamp")?
    {
        return Ok(None);
    }
    unmet(Horizon::Now, &units::conditions(Horizon::Now, KUBELET)?)
}

/// A unit that is required and failed: the start of the kubelet failed with it,
/// and is not tried again.
fn requirements_down() -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    for kind in NEEDS {
        let Some(names) = units::property(KUBELET, kind)? else {
            continue;
        };
        for name in names.split_whitespace() {
            let unit = units::get(Horizon::Now, name)?;
            let state = unit.active_state.as_deref().unwrap_or("unknown");
            let down = unit.load_state != "loaded"
                || state == "failed"
                || (state == "inactive" && kind == "Requisite");
            if !down {
                continue;
            }
            findings.push(
                Finding::fail(
                    "requirement-down",
                    format!(
                        "kubelet.service has {kind}={name}, which is {}: its start failed with it \
                         and is not tried again",
                        if unit.load_state == "loaded" {
                            state
                        } else {
                            &unit.load_state
                        }
                    ),
                )
                .evidence(place(KUBELET, kind, name)?, format!("{kind}={name}"))
                .evidence(
                    Location::source("systemd"),
                    format!("{name}: LoadState={}, ActiveState={state}", unit.load_state),
                )
                .symptom_of("runtime-before-kubelet/runtime-down")
                .fix(
                    Fix::new(format!("start {name}, then the kubelet"))
                        .step(
                            Step::unit(
                                UnitVerb::Start,
                                name,
                                "see why if it fails: `systemctl status` tells",
                            )
                            .verify(["systemctl", "is-active", name]),
                        )
                        .step(Step::restart_kubelet())
                        .step(rather_want(kind, name)?),
                ),
            );
        }
    }
    Ok(findings)
}

/// A start that waits in the queue of the manager.
fn start_job() -> Result<Option<Finding>, Unavailable> {
    let job = units::property(KUBELET, "Job")?.unwrap_or_default();
    let id = job.split_whitespace().next().unwrap_or("0");
    if id == "0" {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "start-waits",
            "the start of kubelet.service waits for another unit that has not finished",
        )
        .evidence(Location::source("systemd"), format!("Job={id}"))
        .fix(Fix::new("see what it waits for").step(Step::command(
            ["systemctl", "list-jobs", "--after"],
            "a job that runs and has others after it is what all wait for, often a device or the \
             network",
        ))),
    ))
}

/// What the manager said of the kubelet in this boot.
fn said_by_manager(lines: &[Entry], held_back: bool, unexplained: bool) -> Option<Finding> {
    let by_manager = |part: &str| {
        lines.iter().find(|line| {
            line.identifier.as_deref() == Some("systemd") && line.message.contains(part)
        })
    };
    if let Some(line) = by_manager("deleted to break ordering cycle") {
        let message = "at this boot systemd dropped the start of kubelet.service to break a circle \
                       of orders";
        let finding = if held_back {
            Finding::fail("start-dropped", message)
        } else {
            Finding::warn(
                "start-dropped",
                format!("{message}; something started it later"),
            )
        };
        return Some(
            finding
                .explained(
                    Location::source("journal"),
                    line.message.clone(),
                    "which start is dropped may differ from boot to boot",
                )
                .fix(break_circle()),
        );
    }
    let line = by_manager("Dependency failed for").filter(|_| held_back && unexplained)?;
    Some(
        Finding::fail(
            "dependency-failed",
            "a unit that kubelet.service requires did not start, and the kubelet is not tried again",
        )
        .evidence(Location::source("journal"), line.message.clone())
        .fix(
            Fix::new("find the unit that failed, and start both")
                .step(Step::command(
                    ["systemctl", "list-dependencies", "--all", KUBELET],
                    "the unit marked as failed is the cause",
                ))
                .step(Step::restart_kubelet()),
        ),
    )
}

fn reload_pending(unit: &Unit) -> Result<Option<Finding>, Unavailable> {
    if !units::need_daemon_reload(KUBELET)? {
        return Ok(None);
    }
    let file = unit.fragment.clone().unwrap_or_else(|| KUBELET.to_owned());
    Ok(Some(
        Finding::warn(
            "daemon-reload-pending",
            "files of kubelet.service changed and systemd has not read them: what is judged of now \
             is the old unit, of the next boot the new one",
        )
        .evidence(Location::source("systemd"), "NeedDaemonReload=yes")
        .evidence(Location::source(file), "this file, or a drop-in, is newer")
        .fix(
            Fix::new("make systemd read the unit, and start the kubelet with it")
                .step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// Dependencies cannot be reset by a drop-in: the line itself must go.
fn rather_want(kind: &str, name: &str) -> Result<Step, Unavailable> {
    let at = place(KUBELET, kind, name)?;
    Ok(Step::note(format!(
        "in {}, write `Wants={name}` and `After={name}` for `{kind}={name}`: then the kubelet starts \
         without it and tries again",
        at.source
    )))
}

/// Where a unit names another.
fn place(unit: &str, key: &str, name: &str) -> Result<Location, Unavailable> {
    let lines = units::assignments(unit, "Unit", key)?;
    Ok(lines
        .into_iter()
        .find(|line| line.value.split_whitespace().any(|word| word == name))
        .map_or_else(|| Location::source(unit), |line| line.at))
}

fn cycles() -> Result<Vec<Finding>, Unavailable> {
    let circle = units::ordering_cycle(KUBELET)?;
    if !circle.is_empty() {
        return Ok(vec![cycle(KUBELET, &circle)?]);
    }
    let Some(runtime) = runtimes::selected(Horizon::NextBoot).ok().flatten() else {
        return Ok(Vec::new());
    };
    let circle = units::ordering_cycle(&runtime.unit)?;
    if circle.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![cycle(&runtime.unit, &circle)?])
}

fn cycle(unit: &str, circle: &[String]) -> Result<Finding, Unavailable> {
    let mut finding = Finding::fail(
        "ordering-cycle",
        format!(
            "{unit} waits for itself ({} → {unit}): at boot systemd drops the start of one of them",
            circle.join(" → ")
        ),
    );
    let next = circle.iter().skip(1).chain(circle.first());
    for (unit, other) in circle.iter().zip(next) {
        let after = units::assignments(unit, "Unit", "After")?;
        let before = units::assignments(other, "Unit", "Before")?;
        let says = |name: &str, lines: Vec<nodepol_plugin::Sourced>| {
            lines
                .into_iter()
                .find(|line| line.value.split_whitespace().any(|word| word == name))
        };
        if let Some(line) = says(other, after) {
            finding = finding.explained(line.at, line.value, format!("{unit} waits for {other}"));
        } else if let Some(line) = says(unit, before) {
            finding = finding.explained(line.at, line.value, format!("{unit} waits for {other}"));
        } else {
            finding = finding.explained(
                Location::source(unit.clone()),
                format!("{unit} waits for {other}"),
                "by what systemd adds to every unit, or by a mount",
            );
        }
    }
    Ok(finding.fix(break_circle()))
}

fn break_circle() -> Fix {
    Fix::new("take one order out of the circle")
        .step(Step::note(
            "remove the After= or Before= that is not needed; `DefaultDependencies=no` in a unit \
             that must run before sysinit.target is often what lacks",
        ))
        .step(Step::daemon_reload().verify(["systemd-analyze", "verify", "default.target"]))
}

fn tied_to_runtime(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    let Some(runtime) = runtimes::selected(at).ok().flatten() else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    for kind in ["BindsTo", "PartOf", "Requires"] {
        let tied = match at {
            Horizon::NextBoot => units::dependencies(at, KUBELET, kind)?.contains(&runtime.unit),
            Horizon::Now => units::property(KUBELET, kind)?
                .is_some_and(|names| names.split_whitespace().any(|name| name == runtime.unit)),
        };
        if !tied {
            continue;
        }
        let line = place(KUBELET, kind, &runtime.unit)?;
        let text = format!("{kind}={}", runtime.unit);
        findings.push(if kind == "Requires" {
            Finding::note(
                "requires-runtime",
                format!(
                    "if {} fails to start, the kubelet is not tried again",
                    runtime.unit
                ),
            )
            .evidence(line, text)
        } else {
            Finding::warn(
                "bound-to-runtime",
                format!(
                    "the kubelet is stopped or restarted whenever {} is",
                    runtime.unit
                ),
            )
            .evidence(line, text)
            .fix(
                Fix::new("let the kubelet want its runtime only")
                    .step(rather_want(kind, &runtime.unit)?)
                    .step(Step::daemon_reload().verify(["systemd-analyze", "verify", KUBELET])),
            )
        });
    }
    Ok(findings)
}

nodepol_plugin::policy!(KubeletUnitDeps);
