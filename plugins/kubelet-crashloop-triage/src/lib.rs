//! A kubelet that is down is either waiting, and rightly so, or down for a
//! cause that its log names.

use nodepol_plugin::journal::{self, KnownLine};
use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::units::{self, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place, Policy,
    Severity, Step, Unavailable, files, kubelet, no_own_kubelet,
};

const KUBELET: &str = "kubelet.service";

struct KubeletCrashloopTriage;

impl Policy for KubeletCrashloopTriage {
    fn describe() -> Description {
        Description::new(
            "kubelet-crashloop-triage",
            "A kubelet that is down is told apart from one that waits",
            "the kubelet runs, or waits for kubeadm, or its log names why it does not run",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::PreJoin, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "a crash loop is something of now",
            ));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let unit = units::get(at, KUBELET)?;
        if unit.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let state = unit.active_state.as_deref().unwrap_or("unknown");
        match state {
            "active" => active(),
            "inactive" => inactive(&unit),
            _ => down(&unit, state),
        }
    }
}

fn active() -> Result<Judgement, Unavailable> {
    let restarts = units::property(KUBELET, "NRestarts")?.unwrap_or_default();
    Ok(match restarts.as_str() {
        "" | "0" => Judgement::pass("the kubelet runs"),
        count => Judgement::from(
            Finding::note(
                "restarted",
                format!("the kubelet runs; it was restarted {count} times"),
            )
            .evidence(Location::source("systemd"), format!("NRestarts={count}")),
        ),
    })
}

fn inactive(unit: &Unit) -> Result<Judgement, Unavailable> {
    let evidence = |finding: Finding| finding.evidence(systemd(), state(unit));
    Ok(match node::get_join_state()? {
        JoinState::InstalledNotJoined => evidence(Finding::waiting(
            "not-joined",
            "the kubelet is stopped and the node has not joined a cluster",
        ))
        .fix(join())
        .into(),
        _ => evidence(Finding::fail(
            "stopped",
            "the kubelet is stopped and nothing starts it now",
        ))
        .fix(Fix::new("start the kubelet").step(Step::restart_kubelet()))
        .into(),
    })
}

fn down(unit: &Unit, active: &str) -> Result<Judgement, Unavailable> {
    let known = journal::known_lines();
    let last = journal::last_fatal();
    if let Some(judgement) = waits_for_kubeadm(unit, active, &last)? {
        return Ok(judgement);
    }
    // A running process that systemd still counts as starting: `Type=notify`.
    let fatal = known?
        .into_iter()
        .filter(|line| line.fatal)
        .collect::<Vec<_>>();
    if let Some(line) = fatal.first() {
        return Ok(known_cause(unit, line).into());
    }
    Ok(match last? {
        Some(entry) => Finding::fail(
            "unclassified",
            "the kubelet keeps exiting, and its last line is none that is known here",
        )
        .evidence(Location::source("journal"), entry.message)
        .evidence(systemd(), state(unit))
        .into(),
        None => Finding::fail(
            "down",
            "the kubelet is down and its log says nothing of this boot",
        )
        .evidence(systemd(), state(unit))
        .fix(Fix::new("look at its log").step(Step::command(
            [
                "journalctl",
                "--unit",
                KUBELET,
                "--no-pager",
                "--lines",
                "50",
            ],
            "the log of earlier boots may say more",
        )))
        .into(),
    })
}

/// kubeadm itself counts on this loop: the kubelet exits and is started again
/// every ten seconds until `kubeadm init` or `join` writes its configuration.
fn waits_for_kubeadm(
    unit: &Unit,
    active: &str,
    last: &Result<Option<journal::Entry>, Unavailable>,
) -> Result<Option<Judgement>, Unavailable> {
    if node::get_join_state()? != JoinState::InstalledNotJoined
        || active != "activating"
        || kubelet::config_present(Horizon::Now)?
    {
        return Ok(None);
    }
    let Some(path) = kubelet::config_path(Horizon::Now)? else {
        return Ok(None);
    };
    // A file system that is not mounted yet looks just the same.
    if claimed_by_mount(&path.value)? {
        return Ok(None);
    }
    let other_cause = match last {
        Ok(Some(entry)) => !says_config_missing(&entry.message),
        Ok(None) => false,
        Err(unavailable) => return Err(unavailable.clone()),
    };
    if other_cause {
        return Ok(None);
    }
    let restarts = units::property(KUBELET, "NRestarts")?.unwrap_or_default();
    Ok(Some(
        Finding::waiting(
            "waits-for-kubeadm",
            format!(
                "the kubelet waits for kubeadm to write {}; that it loops is expected",
                path.value
            ),
        )
        .explained(path.at, path.value.clone(), "does not exist yet")
        .evidence(systemd(), format!("{}, NRestarts={restarts}", state(unit)))
        .fix(join())
        .into(),
    ))
}

/// The wordings of 1.2x and of today.
fn says_config_missing(message: &str) -> bool {
    message
        .to_lowercase()
        .contains("failed to load kubelet config file")
        && message.contains("no such file or directory")
}

fn claimed_by_mount(path: &str) -> Result<bool, Unavailable> {
    let directory = path
        .rsplit_once('/')
        .map_or("/", |(directory, _)| directory);
    let mounted = files::mounts()?;
    for unit in units::names()
        .into_iter()
        .filter(|name| name.ends_with(".mount"))
    {
        let Some(place) = units::assignments(&unit, "Mount", "Where")?
            .into_iter()
            .last()
        else {
            continue;
        };
        let place = place.value.trim_end_matches('/').to_owned();
        let covers = !place.is_empty()
            && (directory == place || directory.starts_with(&format!("{place}/")));
        if covers && !mounted.iter().any(|mount| mount.mount_point == place) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn known_cause(unit: &Unit, line: &KnownLine) -> Finding {
    let finding = Finding::fail(
        "known-cause",
        format!("the kubelet keeps exiting: {}", line.meaning),
    )
    .evidence(Location::source("journal"), line.entry.message.clone())
    .evidence(systemd(), state(unit));
    line.policies
        .iter()
        .fold(finding, |finding, policy| finding.symptom_of(policy))
}

fn join() -> Fix {
    Fix::new("join the node to a cluster")
        .step(
            Step::command(
                ["kubeadm", "token", "create", "--print-join-command"],
                "print the command for this node; a token is valid for 24 hours",
            )
            .on(Place::ControlPlane),
        )
        .step(Step::note("run the printed `kubeadm join …` on this node"))
}

fn systemd() -> Location {
    Location::source("systemd")
}

fn state(unit: &Unit) -> String {
    format!(
        "ActiveState={}, SubState={}",
        unit.active_state.as_deref().unwrap_or("unknown"),
        unit.sub_state.as_deref().unwrap_or("unknown")
    )
}

nodepol_plugin::policy!(KubeletCrashloopTriage);
