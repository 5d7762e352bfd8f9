//! On a node of kubeadm, its drop-in is there, current, and not shadowed.

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, files, kubelet, no_own_kubelet, node,
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
        let mut findings = missing_flags(at, drop_in.is_some(), commands.first().map(|c| &c.at))?;
        if let Some(path) = drop_in {
            findings.extend(shadowed(path)?);
        }
        findings.extend(old_variables()?);
        if let Some(command) = commands.first() {
            findings.extend(extra_args_not_last(&command.argv, &command.at));
        }
        Ok(Judgement::of(
            findings,
            "the kubelet gets its kubeconfig, configuration and flags",
        ))
    }
}

/// A kubelet without `--config` runs with defaults, one without `--kubeconfig`
/// without a cluster.
fn missing_flags(
    at: Horizon,
    has_drop_in: bool,
    command: Option<&Location>,
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
        let (message, fix) = if has_drop_in {
            (
                format!("the kubelet is started without --{flag}: {consequence}"),
                Fix::new("let kubeadm's drop-in have the last word").step(Step::command(
                    ["systemctl", "cat", KUBELET],
                    "find the later drop-in that sets ExecStart= again, and give it kubeadm's \
                     variables or remove it",
                )),
            )
        } else {
            (
                format!(
                    "there is no {DROP_IN}, so the kubelet is started without --{flag}: {consequence}"
                ),
                restore_drop_in(),
            )
        };
        let at = command
            .cloned()
            .unwrap_or_else(|| Location::source(KUBELET));
        findings.push(
            Finding::fail(id, message).evidence(at, "ExecStart=").fix(
                fix.step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            ),
        );
    }
    Ok(findings)
}

fn restore_drop_in() -> Fix {
    let debian = node::os().ok().flatten().is_some_and(|os| {
        os.id == "debian" || os.id == "ubuntu" || os.id_like.iter().any(|id| id == "debian")
    });
    let install = if debian {
        Step::command(
            ["apt-get", "install", "--reinstall", "kubeadm"],
            "the drop-in belongs to the kubeadm package",
        )
    } else {
        Step::command(
            ["dnf", "reinstall", "kubeadm"],
            "the drop-in belongs to the kubeadm package",
        )
    };
    Fix::new("bring kubeadm's drop-in back").step(install)
}

/// A file of the same name in /etc replaces the packaged one as a whole (man
/// systemd.unit), so that an upgrade of the package changes nothing any more.
fn shadowed(path: &str) -> Result<Option<Finding>, Unavailable> {
    if path != ADMINISTRATOR {
        return Ok(None);
    }
    for vendor in VENDOR {
        if files::lstat(vendor)?.is_none() {
            continue;
        }
        return Ok(Some(
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
                Location::source(vendor),
                "this one is not",
                "the package keeps it current",
            )
            .fix(
                Fix::new("use the packaged drop-in")
                    .step(Step::argv(
                        ["mv", ADMINISTRATOR, &format!("{ADMINISTRATOR}.disabled")]
                            .map(str::to_owned)
                            .to_vec(),
                        "systemd reads only names that end in .conf; put own flags into \
                         KUBELET_EXTRA_ARGS",
                    ))
                    .step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            ),
        ));
    }
    Ok(None)
}

fn old_variables() -> Result<Option<Finding>, Unavailable> {
    let environment = units::assignments(KUBELET, "Service", "Environment")?;
    let old = environment.into_iter().find(|set| {
        OLD_VARIABLES
            .iter()
            .any(|variable| set.value.contains(variable))
    });
    Ok(old.map(|Sourced { value, at }| {
        Finding::warn(
            "drop-in-outdated",
            "the drop-in is that of an old kubeadm: its variables carry flags that newer kubelets refuse",
        )
        .evidence(at, value)
        .fix(restore_drop_in())
    }))
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
        .fix(Fix::new("let $KUBELET_EXTRA_ARGS be last").step(Step::note(
            "move $KUBELET_EXTRA_ARGS to the end of ExecStart=, then systemctl daemon-reload",
        ))),
    )
}

nodepol_plugin::policy!(KubeadmDropin);
