//! What kubelet.service requires at the next boot, and what becomes of it then.
//!
//! Source: `transaction_add_job_and_dependencies` in `src/core/transaction.c`,
//! `job_finish_and_invalidate` in `src/core/job.c`, `unit_start` and
//! `unit_verify_deps` in `src/core/unit.c`, `service_enter_restart` in
//! `src/core/service.c`; each seen with a manager of systemd 252.

use nodepol_plugin::units::{self, ProgramState};
use nodepol_plugin::{Finding, Fix, Horizon, Step, Unavailable, UnitVerb};

use crate::{KUBELET, NEEDS, failing, place, rather_want, written};

const AT: Horizon = Horizon::NextBoot;

/// As deep as a requirement of a requirement is looked at.
const DEPTH: usize = 6;

const FAILS: &str = "the start of the kubelet fails and is not tried again";

/// What a required unit comes to.
enum Comes {
    /// It is there, as far as can be told.
    Up,
    /// It cannot be told.
    Untold(String),
    /// systemd has no such unit: its load state.
    Unloaded(String),
    /// Its start fails.
    Fails(String),
    /// Its start does well and leaves it inactive.
    Inactive(String),
}

/// What keeps the kubelet from starting, or from starting again.
pub(crate) fn of_boot(chain: &[String]) -> Result<Vec<Finding>, Unavailable> {
    let after = units::dependencies(AT, KUBELET, "After")?;
    let mut findings = Vec::new();
    for kind in NEEDS {
        for name in units::dependencies(AT, KUBELET, kind)? {
            let ordered = after.contains(&name);
            let mut id = "requirement-fails";
            let (fails, why) = match comes_to(&name, DEPTH)? {
                Comes::Up | Comes::Inactive(_) | Comes::Fails(_)
                    if kind == "Requisite" && units::pulled_in_by(&name)?.is_empty() =>
                {
                    id = "requirement-missing";
                    held_back("not started at boot", &name, ordered)
                }
                Comes::Inactive(_) if kind == "Requires" => continue,
                Comes::Up => continue,
                Comes::Untold(why) => {
                    findings.push(Finding::unknown(
                        "requirement-unknown",
                        format!("{kind}={name}: {why}"),
                    ));
                    continue;
                }
                Comes::Unloaded(state) => {
                    id = "requirement-missing";
                    unloaded(chain, kind, &state)?
                }
                Comes::Inactive(why) | Comes::Fails(why) => {
                    held_back(&why, &name, ordered || kind == "BindsTo")
                }
            };
            let message = format!("kubelet.service has {kind}={name}, which is {why}");
            let finding = if fails {
                Finding::fail(id, message)
            } else {
                Finding::warn(id, message)
            };
            let line = place(KUBELET, kind, &name)?;
            findings.push(
                finding
                    .evidence(line, format!("{kind}={name}"))
                    .symptom_of("runtime-before-kubelet/runtime-masked")
                    .fix(fix(kind, &name)?),
            );
        }
    }
    Ok(findings)
}

fn fix(kind: &str, name: &str) -> Result<Fix, Unavailable> {
    let mut fix = Fix::new(format!("bring {name} back, or want it only"));
    if units::get(AT, name)?.load_state == "masked" {
        fix = fix.step(Step::unit(UnitVerb::Unmask, name, "let it start"));
    }
    Ok(fix
        .step(rather_want(kind, name)?)
        .step(Step::daemon_reload().verify(["systemd-analyze", "verify", KUBELET])))
}

/// What becomes of a unit that does not come up: whether the kubelet surely stays
/// down, and how.
fn held_back(why: &str, name: &str, surely: bool) -> (bool, String) {
    let follows = if surely {
        FAILS.to_owned()
    } else {
        format!("without After={name} the kubelet starts only if it is started first")
    };
    (surely, format!("{why}: {follows}"))
}

/// A unit without which systemd takes the start of the kubelet for an error. At a
/// boot the kubelet's start is queued before what it requires is looked at, and
/// what only wants the kubelet passes over the error: the kubelet starts. Every
/// later start is refused, that of `Restart=` included.
fn unloaded(chain: &[String], kind: &str, state: &str) -> Result<(bool, String), Unavailable> {
    let starts = kind != "BindsTo" && is_wanted(chain)?;
    let follows = if starts {
        "a boot starts the kubelet all the same, but once it ends systemd does not start it \
         again, nor does `systemctl restart`"
    } else {
        FAILS
    };
    Ok((!starts, format!("{state}: {follows}")))
}

/// Whether the boot starts the kubelet because a unit wants it, rather than that
/// all units up to the default target require it, or that a timer, a socket or a
/// person starts it.
fn is_wanted(chain: &[String]) -> Result<bool, Unavailable> {
    let mut wanted = false;
    for (unit, next) in chain.iter().zip(chain.iter().skip(1)) {
        if [".timer", ".socket", ".path"]
            .iter()
            .any(|kind| unit.ends_with(kind))
        {
            wanted = false;
        } else if !requires(unit, next)? {
            wanted = true;
        }
    }
    Ok(wanted)
}

/// Whether each unit of a chain requires the next one.
pub(crate) fn is_required(chain: &[String]) -> Result<bool, Unavailable> {
    for (unit, next) in chain.iter().zip(chain.iter().skip(1)) {
        if !requires(unit, next)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn requires(unit: &str, next: &String) -> Result<bool, Unavailable> {
    Ok(units::dependencies(AT, unit, "Requires")?.contains(next)
        || units::dependencies(AT, unit, "BindsTo")?.contains(next))
}

fn comes_to(name: &str, depth: usize) -> Result<Comes, Unavailable> {
    let unit = units::get(AT, name)?;
    let generated = [".mount", ".automount", ".swap"]
        .iter()
        .any(|kind| name.ends_with(kind));
    match unit.load_state.as_str() {
        "loaded" => {}
        // The kernel brings devices.
        "not-found" if name.ends_with(".device") => return Ok(Comes::Up),
        "not-found" if !is_whole()? => {
            return Ok(Comes::Untold(
                "this tree holds not all units of its system".to_owned(),
            ));
        }
        "not-found" if generated && units::get(Horizon::Now, KUBELET).is_err() => {
            return Ok(Comes::Untold("a generator may make it at boot".to_owned()));
        }
        state => return Ok(Comes::Unloaded(state.to_owned())),
    }
    let (asserts, conditions): (Vec<_>, Vec<_>) = units::conditions(AT, name)?
        .into_iter()
        .partition(|condition| condition.kind.starts_with("Assert"));
    if let Some(condition) = failing(&conditions).first() {
        return Ok(Comes::Inactive(format!(
            "skipped, as {} is not met",
            written(condition)
        )));
    }
    if let Some(assert) = failing(&asserts).first() {
        return Ok(Comes::Fails(format!(
            "not started, as {} is not met",
            written(assert)
        )));
    }
    if depth > 0
        && let Some(why) = fails_with(name, depth)?
    {
        return Ok(Comes::Fails(why));
    }
    let Some(service) = units::service(AT, name)? else {
        return Ok(Comes::Up);
    };
    if let Some(why) = cannot_run(name, &service.kind)? {
        return Ok(Comes::Fails(why));
    }
    if service.kind == "oneshot" && !remains(name)? {
        return Ok(Comes::Inactive(
            "inactive again once it has done its work (Type=oneshot without RemainAfterExit=yes)"
                .to_owned(),
        ));
    }
    Ok(Comes::Up)
}

/// A tree that holds a node's own files only says nothing of others.
fn is_whole() -> Result<bool, Unavailable> {
    Ok(units::get(AT, "sysinit.target")?.fragment.is_some())
}

/// What the unit requires itself, and does not get.
fn fails_with(name: &str, depth: usize) -> Result<Option<String>, Unavailable> {
    let after = units::dependencies(AT, name, "After")?;
    for kind in NEEDS {
        for other in units::dependencies(AT, name, kind)? {
            if other == KUBELET || !after.contains(&other) {
                continue;
            }
            let why = match comes_to(&other, depth - 1)? {
                Comes::Fails(why) => why,
                Comes::Inactive(why) if kind != "Requires" => why,
                Comes::Unloaded(state) if kind == "BindsTo" => state,
                _ => continue,
            };
            return Ok(Some(format!("not started, as its {kind}={other} is {why}")));
        }
    }
    Ok(None)
}

/// A command that fails the start of a service because there is no such program.
fn cannot_run(name: &str, kind: &str) -> Result<Option<String>, Unavailable> {
    if !is_whole()? {
        return Ok(None);
    }
    // A simple service counts as started before its program is run.
    let keys: &[&str] = if matches!(kind, "simple" | "idle") {
        &["ExecStartPre"]
    } else {
        &["ExecStartPre", "ExecStart"]
    };
    for key in keys {
        let Ok(commands) = units::commands(AT, name, key) else {
            continue;
        };
        for command in commands
            .into_iter()
            .filter(|command| !command.ignore_failure)
        {
            let why = match units::program(&command.path) {
                Ok(ProgramState::Missing) => "does not exist",
                Ok(ProgramState::Dangling(_)) => "is a link that leads nowhere",
                Ok(ProgramState::NotAFile) => "is no file",
                Ok(ProgramState::NotExecutable) => "is not executable",
                _ => continue,
            };
            return Ok(Some(format!(
                "not started, as its program {} {why}",
                command.path
            )));
        }
    }
    Ok(None)
}

fn remains(name: &str) -> Result<bool, Unavailable> {
    Ok(units::assignments(name, "Service", "RemainAfterExit")?
        .pop()
        .is_some_and(|last| {
            ["yes", "true", "on", "1", "y", "t"]
                .iter()
                .any(|word| last.value.eq_ignore_ascii_case(word))
        }))
}
