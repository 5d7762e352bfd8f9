//! A kubelet that is down is either waiting, and rightly so, or down for a
//! cause that its log names.

use nodepol_plugin::journal::{self, KnownLine};
use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::units::{self, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, files, kubelet, no_own_kubelet, runbook,
};

const KUBELET: &str = "kubelet.service";
/// As many restarts as a boot may take.
const USUAL_RESTARTS: u64 = 3;
/// Seconds after which a start counts as a success: a kubelet that fails does
/// so sooner.
const SETTLED: i64 = 60;

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
            "active" | "reloading" if !just_restarted()? => active(),
            "active" | "reloading" => restarting(&unit),
            "inactive" => inactive(&unit),
            _ => down(&unit, state),
        }
    }
}

fn active() -> Result<Judgement, Unavailable> {
    Ok(match restarts()? {
        0 => Judgement::pass("the kubelet runs"),
        count => Judgement::of(
            vec![
                Finding::note(
                    "restarted",
                    format!("the kubelet runs; it was restarted {count} times"),
                )
                .evidence(systemd(), format!("NRestarts={count}")),
            ],
            "the kubelet runs",
        ),
    })
}

fn restarts() -> Result<u64, Unavailable> {
    let count = units::property(KUBELET, "NRestarts")?;
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// A kubelet that loops is `active` for a moment of each round. A few restarts
/// after a boot are usual: its runtime was not up yet.
fn just_restarted() -> Result<bool, Unavailable> {
    if restarts()? <= USUAL_RESTARTS {
        return Ok(false);
    }
    // In microseconds.
    let started = units::property(KUBELET, "ExecMainStartTimestamp")?;
    let started = started
        .and_then(|started| started.parse::<i64>().ok())
        .filter(|started| *started > 0);
    Ok(started.is_some_and(|started| node::taken_at() - started / 1_000_000 < SETTLED))
}

/// Up at this moment, and restarted again and again: as if it were down, unless
/// its log names no reason.
fn restarting(unit: &Unit) -> Result<Judgement, Unavailable> {
    match journal::last_fatal()? {
        Some(_) => down(unit, "activating"),
        None => active(),
    }
}

fn inactive(unit: &Unit) -> Result<Judgement, Unavailable> {
    let evidence = |finding: Finding| finding.evidence(systemd(), state(unit));
    Ok(match node::get_join_state()? {
        JoinState::InstalledNotJoined => evidence(Finding::waiting(
            "not-joined",
            "the kubelet is stopped and the node has not joined a cluster",
        ))
        .fix(runbook::join("join the node to a cluster"))
        .into(),
        _ => evidence(Finding::fail(
            "stopped",
            "the kubelet is stopped and nothing starts it now",
        ))
        .symptom_of("kubelet-unit-deps")
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
    if let Some(mount) = unmounted()? {
        return Ok(not_mounted(unit, &mount)?.into());
    }
    let known = known?;
    if let Some(line) = known.iter().find(|line| line.fatal) {
        return Ok(known_cause(unit, line, &known).into());
    }
    Ok(match last? {
        Some(entry) => Finding::fail(
            "unclassified",
            "the kubelet keeps exiting, and its last line is none that is known here",
        )
        .evidence(Location::source("journal"), entry.message)
        .evidence(systemd(), state(unit))
        .fix(read_log())
        .into(),
        None => Finding::fail(
            "down",
            "the kubelet is down and its log says nothing of this boot",
        )
        .evidence(systemd(), state(unit))
        .fix(read_log())
        .into(),
    })
}

fn read_log() -> Fix {
    Fix::new("look at its log").step(Step::command(
        [
            "journalctl",
            "--unit",
            KUBELET,
            "--no-pager",
            "--lines",
            "50",
        ],
        "the lines before the last one, and those of earlier boots, may say more",
    ))
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
    if unmounted()?.is_some() {
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
    let restarts = restarts()?;
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
        .fix(runbook::join("join the node to a cluster"))
        .into(),
    ))
}

/// The wordings of 1.2x and of today.
fn says_config_missing(message: &str) -> bool {
    message
        .to_ascii_lowercase()
        .contains("failed to load kubelet config file")
        && message.contains("no such file or directory")
}

/// A mount of /etc/fstab or of a mount unit for a place above the configuration
/// that is absent, and is not mounted. Whether the boot asks for it does not
/// matter: a disk that somebody mounts by hand holds the configuration as well.
fn unmounted() -> Result<Option<String>, Unavailable> {
    let Some(path) = kubelet::config_path(Horizon::Now)? else {
        return Ok(None);
    };
    if kubelet::config_present(Horizon::Now)? {
        return Ok(None);
    }
    let mounted = files::mounts()?;
    let claims = |place: &str| {
        let rest = path.value.strip_prefix(place.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/') && rest.len() < path.value.len())
            && !mounted.iter().any(|known| known.mount_point == place)
    };
    for mount in files::boot_mounts()? {
        if claims(&mount.mount_point) {
            return Ok(Some(mount.unit));
        }
    }
    // What fstab said when this boot began, and may not say any more.
    for unit in units::names() {
        if unit.ends_with(".mount")
            && let Some(place) = units::assignments(&unit, "Mount", "Where")?.pop()
            && claims(place.value.trim_end_matches('/'))
        {
            return Ok(Some(unit));
        }
    }
    Ok(None)
}

fn not_mounted(unit: &Unit, mount: &str) -> Result<Finding, Unavailable> {
    let path = kubelet::config_path(Horizon::Now)?.map(|path| path.value);
    let path = path.unwrap_or_default();
    Ok(Finding::fail(
        "not-mounted",
        format!("{mount} is not mounted, and {path} may be on it"),
    )
    .evidence(systemd(), format!("{mount} is not in /proc/self/mountinfo"))
    .evidence(systemd(), state(unit))
    .symptom_of("state-dirs-mounted")
    .fix(
        Fix::new("mount it")
            .step(
                Step::unit(UnitVerb::Start, mount, "mount the file system")
                    .verify(["test", "-s", &path]),
            )
            .step(Step::restart_kubelet()),
    ))
}

/// Lines that say why the bootstrap kubeconfig was needed at all: the last line
/// alone complains only that it is absent.
const REASONS: [&str; 2] = ["client-certificate-expired", "kubeconfig-unreadable"];

fn known_cause(unit: &Unit, line: &KnownLine, known: &[KnownLine]) -> Finding {
    let reason = known
        .iter()
        .find(|known| REASONS.contains(&known.signature.as_str()))
        .filter(|_| line.signature == "bootstrap-kubeconfig-missing");
    let cause = reason.unwrap_or(line);
    let given_up = unit.active_state.as_deref() == Some("failed");
    let state_of_it = if given_up {
        "ended and is not started again"
    } else {
        "keeps exiting"
    };
    let mut finding = Finding::fail(
        "known-cause",
        format!("the kubelet {state_of_it}: {}", cause.meaning),
    )
    .evidence(Location::source("journal"), line.entry.message.clone());
    if given_up {
        finding = finding.symptom_of("kubelet-unit-restart");
    }
    if let Some(reason) = reason {
        finding = finding.evidence(Location::source("journal"), reason.entry.message.clone());
    }
    cause
        .policies
        .iter()
        .chain(&line.policies)
        .filter(|policy| *policy != "kubelet-crashloop-triage")
        .fold(
            finding.evidence(systemd(), state(unit)),
            |finding, policy| finding.symptom_of(policy),
        )
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
