//! The kubelet's configuration is there when it must be, can be read, and none
//! of it is silently ignored.

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{
    Description, Disruption, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place,
    Policy, Problem, Severity, Sourced, Step, Unavailable, configs, files, kubelet, no_own_kubelet,
    runbook,
};

struct KubeletConfigFile;

impl Policy for KubeletConfigFile {
    fn describe() -> Description {
        Description::new(
            "kubelet-config-file",
            "The kubelet can read its configuration",
            "the configuration file is there when it must be, can be read, and no field of it is \
             silently ignored",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let Some(path) = kubelet::config_path(at)? else {
            return Ok(Judgement::not_applicable(
                "the kubelet is given no --config",
            ));
        };
        if !kubelet::config_present(at)? {
            let absent = |finding: Finding| {
                finding.explained(path.at.clone(), path.value.clone(), "does not exist")
            };
            if let Some(hidden) = hidden(&path)? {
                return Ok(absent(hidden).into());
            }
            return Ok(match node::get_join_state()? {
                JoinState::InstalledNotJoined => absent(Finding::waiting(
                    "config-awaited",
                    match node::flavour().value.as_str() {
                        "kubeadm" => format!(
                            "{} does not exist yet: kubeadm writes it when the node joins",
                            path.value
                        ),
                        "plain" => format!(
                            "{} does not exist yet: what makes a node of this machine writes it",
                            path.value
                        ),
                        flavour => format!(
                            "{} does not exist yet: {flavour} writes it before it starts the kubelet",
                            path.value
                        ),
                    },
                )),
                _ => absent(Finding::fail(
                    "config-missing",
                    format!(
                        "{} does not exist, and the kubelet exits without it",
                        path.value
                    ),
                ))
                .fix(restore(&path.value)),
            }
            .into());
        }
        let findings = kubelet::config_problems(at)?
            .into_iter()
            // Those of drop-ins are kubelet-config-dropins' to tell.
            .filter(|problem| problem.at.source == path.value)
            .map(|problem| finding(problem, &path.value))
            .collect();
        Ok(Judgement::of(
            findings,
            format!("{} is read as it is meant", path.value),
        ))
    }
}

/// A file system that /etc/fstab or a mount unit wants above the file, and that is
/// not mounted: what is on it cannot be seen. In a tree nothing is mounted.
fn hidden(path: &Sourced) -> Result<Option<Finding>, Unavailable> {
    if node::kernel_release()?.is_none() {
        return Ok(None);
    }
    let mounted = files::mounts()?;
    let mounts = files::boot_mounts()?;
    let mount = mounts.iter().find(|mount| {
        let place = mount.mount_point.trim_end_matches('/');
        path.value
            .strip_prefix(place)
            .is_some_and(|rest| rest.starts_with('/'))
            && mounted
                .iter()
                .all(|known| known.mount_point != mount.mount_point)
    });
    Ok(mount.map(|mount| {
        Finding::unknown(
            "config-hidden",
            format!(
                "whether {} exists cannot be seen: {} is to be mounted on {} and is not",
                path.value, mount.source, mount.mount_point
            ),
        )
        .evidence(
            mount.at.clone(),
            mount.text.clone().unwrap_or_else(|| mount.unit.clone()),
        )
        .symptom_of("kubelet-crashloop-triage/not-mounted")
        .symptom_of("state-dirs-mounted")
    }))
}

fn finding(problem: Problem, path: &str) -> Finding {
    if problem.fatal {
        let fix = mend(&problem, path);
        let message = format!("the kubelet exits: {}", problem.message);
        return Finding::fail(&problem.kind, message)
            .evidence(problem.at, problem.kind.replace('-', " "))
            .fix(fix);
    }
    let Problem {
        kind,
        message,
        at,
        nearest,
        ..
    } = problem;
    let (value, fix) = if kind == "duplicate-field" {
        let line = at
            .line
            .map_or_else(String::new, |line| format!("line {line} of "));
        let fix = Fix::new("leave one of them").step(Step::note(format!(
            "remove {line}{} or the earlier one, whichever value is not meant",
            at.source
        )));
        ("this stands a second time", fix)
    } else {
        ("this is ignored", rename(&at, nearest.as_deref()))
    };
    let value = nearest.as_ref().map_or_else(
        || value.to_owned(),
        |nearest| format!("{value}; did you mean `{nearest}`?"),
    );
    Finding::warn(&kind, message)
        .evidence(at, value)
        .fix(fix.step(Step::restart_kubelet()))
}

/// The way out of a field that is ignored.
fn rename(at: &Location, nearest: Option<&str>) -> Fix {
    match (&at.pointer, nearest) {
        (Some(pointer), Some(nearest)) => {
            let fix = Fix::new(format!("write {nearest}"));
            // Of an element of a list the name says nothing of which one it is.
            let in_list = pointer.split('/').any(|part| part.parse::<u32>().is_ok());
            match configs::json(&at.source, pointer) {
                Ok(Some(json)) if !in_list => fix
                    .step(Step::set_value(
                        at.source.clone(),
                        format!("/{}", nearest.replace('.', "/")),
                        json,
                        "it counts from then on: make sure that it is still meant",
                    ))
                    .step(Step::remove_key(
                        at.source.clone(),
                        pointer.clone(),
                        "the kubelet does not read it",
                    )),
                _ => fix.step(correct(at, nearest)),
            }
        }
        (None, Some(nearest)) => Fix::new(format!("write {nearest}")).step(correct(at, nearest)),
        (Some(pointer), None) => Fix::new("remove what is ignored").step(Step::remove_key(
            at.source.clone(),
            pointer.clone(),
            "the kubelet does not read it",
        )),
        (None, None) => {
            Fix::new("remove what is ignored").step(Step::note(format!("correct {}", at.source)))
        }
    }
}

fn correct(at: &Location, nearest: &str) -> Step {
    Step::note(format!("correct the name to `{nearest}` in {}", at.source))
}

/// The way out of what ends the kubelet's start.
fn mend(problem: &Problem, path: &str) -> Fix {
    let at = &problem.at;
    // Nothing of the file can be kept.
    if at.source == path && matches!(problem.kind.as_str(), "empty-file" | "unreadable-file") {
        return restore(path);
    }
    let line = at
        .line
        .map_or_else(String::new, |line| format!("line {line} of "));
    Fix::new(format!("correct {}", at.source))
        .step(Step::note(format!(
            "correct {line}{}: {}",
            at.source, problem.message
        )))
        .step(Step::restart_kubelet())
}

fn restore(path: &str) -> Fix {
    let fix = Fix::new("write the configuration again");
    if node::flavour().value == "kubeadm" {
        // With no credential nothing can be read from the cluster.
        let lost = ["kubeconfig", "bootstrap-kubeconfig"].iter().all(|name| {
            match kubelet::flag(Horizon::NextBoot, name) {
                Ok(Some(flag)) => matches!(files::resolve(&flag.value), Ok(None)),
                Ok(None) => true,
                Err(_) => false,
            }
        });
        if lost && !node::control_plane() {
            return Fix::new("join the node again, for its credential is lost too")
                .step(Step::note(
                    "if a file system is meant to be mounted there, mount it first: the files may \
                     be on it",
                ))
                .step(
                    Step::command(
                        ["kubeadm", "reset", "--force"],
                        "remove what is left of the old join",
                    )
                    .disrupts(Disruption::Evict),
                )
                .followed_by(runbook::join("join the node again"));
        }
        return fix
            .step(Step::note(
                "if a file system is meant to be mounted there, mount it first: the file may be on it",
            ))
            .step(
                Step::command(
                    ["kubeadm", "upgrade", "node", "phase", "kubelet-config"],
                    "writes it from the cluster's ConfigMap kubelet-config",
                )
                .verify(["test", "-s", path]),
            )
            .step(Step::restart_kubelet());
    }
    fix.step(Step::note(format!("bring {path} back from what made this node")).on(Place::Node))
        .step(Step::restart_kubelet())
}

nodepol_plugin::policy!(KubeletConfigFile);
