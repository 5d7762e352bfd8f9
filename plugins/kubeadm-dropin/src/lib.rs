//! On a node of kubeadm, its drop-in is there, current, and not shadowed.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, files, kubelet, no_own_kubelet, node, runbook,
};

const KUBELET: &str = "kubelet.service";
const DROP_IN: &str = "10-kubeadm.conf";
const ADMINISTRATOR: &str = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf";
const VENDOR: [&str; 2] = [
    "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
];

/// Variables of old drop-ins that carried flags the kubelet no longer knows.
const OLD_VARIABLES: [&str; 6] = [
    "KUBELET_NETWORK_ARGS",
    "KUBELET_SYSTEM_PODS_ARGS",
    "KUBELET_DNS_ARGS",
    "KUBELET_AUTHZ_ARGS",
    "KUBELET_CADVISOR_ARGS",
    "KUBELET_CGROUP_ARGS",
];

struct KubeadmDropin;

impl Policy for KubeadmDropin {
    fn describe() -> Description {
        Description::new(
            "kubeadm-dropin",
            "kubeadm's drop-in starts the kubelet as kubeadm means it",
            "10-kubeadm.conf is present, current, not shadowed, and gives the kubelet its \
             kubeconfig, its configuration and kubeadm's flags",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let flavour = node::flavour().value;
        if flavour != "kubeadm" {
            return Ok(Judgement::not_applicable(format!(
                "this is no node of kubeadm ({flavour})"
            )));
        }
        let unit = units::get(at, KUBELET)?;
        if unit.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let drop_in = unit.drop_ins.iter().find(|path| path.ends_with(DROP_IN));
        let commands = units::commands(at, KUBELET, "ExecStart")?;
        let state = if is_masked()? {
            DropIn::Masked
        } else if drop_in.is_some() {
            DropIn::Read
        } else {
            DropIn::Absent
        };
        let mut findings = missing_flags(at, &state, commands.first())?;
        findings.extend(elsewhere(at)?);
        let packaged = vendor_drop_in()?;
        match (old_variables(packaged)?, drop_in, packaged) {
            (Some(outdated), ..) => findings.push(outdated),
            (None, Some(path), Some(packaged)) if matches!(state, DropIn::Read) => {
                findings.extend(shadowed(path, packaged))
            }
            (None, ..) => {}
        }
        if let Some(command) = commands.first() {
            if findings.is_empty() && matches!(state, DropIn::Read) {
                findings.extend(kubeadm_args_dropped(&command.argv, &command.at));
            }
            findings.extend(extra_args_not_last(&command.argv, &command.at));
        }
        Ok(Judgement::of(
            findings,
            "the kubelet gets its kubeconfig, configuration and flags",
        ))
    }
}

/// What became of kubeadm's drop-in.
enum DropIn {
    Read,
    /// A link to /dev/null, or an empty file, of its name hides it.
    Masked,
    Absent,
}

fn is_masked() -> Result<bool, Unavailable> {
    Ok(
        files::lstat(ADMINISTRATOR)?.is_some_and(|stat| match stat.kind {
            files::Kind::Symlink => stat.target.as_deref() == Some("/dev/null"),
            files::Kind::Regular => stat.size == 0,
            _ => false,
        }),
    )
}

/// A kubelet without `--config` runs with defaults, one without `--kubeconfig`
/// without a cluster.
fn missing_flags(
    at: Horizon,
    drop_in: &DropIn,
    command: Option<&units::Command>,
) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    for (flag, id, consequence) in [
        (
            "config",
            "config-flag-missing",
            "it runs with the defaults and not with the cluster's configuration",
        ),
        (
            "kubeconfig",
            "kubeconfig-flag-missing",
            "it runs by itself and never joins the cluster",
        ),
    ] {
        if kubelet::flag(at, flag)?.is_some() {
            continue;
        }
        let (at, shown) = command.map_or_else(
            || (Location::source(KUBELET), "no ExecStart=".to_owned()),
            |command| (command.at.clone(), command.argv.join(" ")),
        );
        let (message, fix) = match drop_in {
            DropIn::Read => (
                format!("the kubelet is started without --{flag}: {consequence}"),
                Fix::new("let kubeadm's drop-in have the last word").step(Step::note(format!(
                    "{} sets ExecStart= last: add kubeadm's variables to that line, \
                     $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS \
                     $KUBELET_EXTRA_ARGS, or remove it",
                    at.source
                ))),
            ),
            DropIn::Masked => (
                format!(
                    "{ADMINISTRATOR} hides kubeadm's drop-in, so the kubelet is started without \
                     --{flag}: {consequence}"
                ),
                Fix::new("let systemd see kubeadm's drop-in again").step(Step::command(
                    ["rm", ADMINISTRATOR],
                    "it is empty, or a link to /dev/null, and stands for the packaged one",
                )),
            ),
            DropIn::Absent => (
                format!(
                    "there is no {DROP_IN}, so the kubelet is started without --{flag}: {consequence}"
                ),
                restore_drop_in(),
            ),
        };
        findings.push(
            Finding::fail(id, message).evidence(at, shown).fix(
                fix.step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            ),
        );
    }
    Ok(findings)
}

fn restore_drop_in() -> Fix {
    Fix::new("bring kubeadm's drop-in back").step(runbook::reinstall(
        "kubeadm",
        "the drop-in belongs to the kubeadm package",
    ))
}

/// The files that kubeadm writes are there, and the flags name others that are not.
fn elsewhere(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    for (flag, id, written) in [
        ("config", "config-elsewhere", "/var/lib/kubelet/config.yaml"),
        (
            "kubeconfig",
            "kubeconfig-elsewhere",
            "/etc/kubernetes/kubelet.conf",
        ),
    ] {
        let Some(set) = kubelet::flag(at, flag)? else {
            continue;
        };
        let is_other = set.value.starts_with('/') && set.value != written;
        if !is_other || files::resolve(&set.value)?.is_some() || files::resolve(written)?.is_none()
        {
            continue;
        }
        // The kubelet writes its kubeconfig itself if it can bootstrap.
        if flag == "kubeconfig"
            && let Some(bootstrap) = kubelet::flag(at, "bootstrap-kubeconfig")?
            && files::resolve(&bootstrap.value)?.is_some()
        {
            continue;
        }
        let place = match set.at.source.as_str() {
            // A running process tells its flags, not where they come from.
            proc if proc.starts_with("/proc/") => "what `systemctl cat kubelet.service` shows",
            file => file,
        };
        findings.push(
            Finding::fail(
                id,
                format!(
                    "--{flag} names {}, which does not exist; kubeadm wrote {written}",
                    set.value
                ),
            )
            .evidence(set.at.clone(), format!("--{flag}={}", set.value))
            .fix(
                Fix::new(format!("name the file that kubeadm wrote in --{flag}"))
                    .step(Step::note(format!(
                        "in {place}, change --{flag}={} to --{flag}={written}",
                        set.value
                    )))
                    .step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            ),
        );
    }
    Ok(findings)
}

/// A drop-in after kubeadm's that sets ExecStart= again must pass on what kubeadm
/// writes to kubeadm-flags.env.
fn kubeadm_args_dropped(argv: &[String], at: &Location) -> Option<Finding> {
    if at.source.ends_with(DROP_IN)
        || argv
            .iter()
            .any(|word| word.contains("KUBELET_KUBEADM_ARGS"))
    {
        return None;
    }
    Some(
        Finding::warn(
            "kubeadm-args-dropped",
            format!(
                "{} sets ExecStart= without $KUBELET_KUBEADM_ARGS: the flags that kubeadm writes \
                 for this node are not passed",
                at.source
            ),
        )
        .explained(
            at.clone(),
            argv.join(" "),
            "this comes after kubeadm's drop-in and takes its place",
        )
        .fix(
            Fix::new("pass kubeadm's flags on")
                .step(Step::note(
                    "add $KUBELET_KUBEADM_ARGS to that ExecStart=, before $KUBELET_EXTRA_ARGS",
                ))
                .step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        ),
    )
}

/// A file of the same name in /etc replaces the packaged one as a whole (man
/// systemd.unit), so that an upgrade of the package changes nothing any more.
fn shadowed(path: &str, packaged: &str) -> Option<Finding> {
    (path == ADMINISTRATOR).then(|| {
        Finding::warn(
            "drop-in-shadowed",
            format!("{ADMINISTRATOR} hides the packaged drop-in, and upgrades with it"),
        )
        .explained(
            Location::source(ADMINISTRATOR),
            "this one is read",
            "an older copy, or an edit",
        )
        .explained(
            Location::source(packaged),
            "this one is not",
            "the package keeps it current",
        )
        .fix(
            Fix::new("use the packaged drop-in")
                .step(move_aside(ADMINISTRATOR))
                .step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        )
    })
}

fn vendor_drop_in() -> Result<Option<&'static str>, Unavailable> {
    for vendor in VENDOR {
        if files::lstat(vendor)?.is_some() {
            return Ok(Some(vendor));
        }
    }
    Ok(None)
}

fn old_variables(packaged: Option<&str>) -> Result<Option<Finding>, Unavailable> {
    let environment = units::assignments(KUBELET, "Service", "Environment")?;
    let old = environment.into_iter().find(|set| {
        OLD_VARIABLES
            .iter()
            .any(|variable| set.value.contains(variable))
    });
    Ok(old.map(|Sourced { value, at }| {
        let mut fix = Fix::new("use the drop-in of the kubeadm that is installed");
        if packaged != Some(at.source.as_str()) {
            fix = fix.step(move_aside(&at.source));
        }
        if packaged.is_none_or(|packaged| packaged == at.source) {
            fix = fix.step(runbook::reinstall(
                "kubeadm",
                "the drop-in belongs to the kubeadm package",
            ));
        }
        Finding::warn(
            "drop-in-outdated",
            "the drop-in is that of an old kubeadm: its variables carry flags that newer kubelets refuse",
        )
        .evidence(at, value)
        .fix(
            fix.step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        )
    }))
}

fn move_aside(path: &str) -> Step {
    Step::argv(
        ["mv", path, &format!("{path}.disabled")]
            .map(str::to_owned)
            .to_vec(),
        "systemd reads only names that end in .conf; put own flags into KUBELET_EXTRA_ARGS",
    )
}

/// The last flag wins: what an administrator sets must come after what kubeadm sets.
fn extra_args_not_last(argv: &[String], at: &Location) -> Option<Finding> {
    let extra = argv
        .iter()
        .position(|word| word.contains("KUBELET_EXTRA_ARGS"))?;
    let after = argv.get(extra + 1)?;
    Some(
        Finding::warn(
            "extra-args-not-last",
            format!("{after} comes after $KUBELET_EXTRA_ARGS and wins over what is set there"),
        )
        .evidence(at.clone(), argv.join(" "))
        .fix(
            Fix::new("let $KUBELET_EXTRA_ARGS be last")
                .step(Step::note(format!(
                    "in {}, move $KUBELET_EXTRA_ARGS to the end of ExecStart=",
                    at.source
                )))
                .step(Step::daemon_reload())
                .step(Step::restart_kubelet()),
        ),
    )
}

nodepol_plugin::policy!(KubeadmDropin);
