//! kubelet.service is reached from default.target at the next boot.

use nodepol_plugin::units::{self, Link};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, no_own_kubelet,
};

const KUBELET: &str = "kubelet.service";

/// Agents that start the kubelet at every boot by asking the manager, which no
/// unit file shows: nodeadm of Amazon EKS.
const AGENTS: [&str; 1] = ["nodeadm-run.service"];

struct KubeletUnitEnabled;

impl Policy for KubeletUnitEnabled {
    fn describe() -> Description {
        Description::new(
            "kubelet-unit-enabled",
            "kubelet.service starts at boot",
            "kubelet.service is reached from default.target at the next boot",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::Now {
            return Ok(Judgement::not_applicable(
                "whether it is enabled matters at boot",
            ));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if units::get(at, KUBELET)?.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let chain = units::pulled_in_by(KUBELET)?;
        if !chain.is_empty() {
            return Ok(Judgement::pass(format!(
                "started at boot: {}",
                chain.join(" → ")
            )));
        }
        for agent in AGENTS {
            if !units::pulled_in_by(agent)?.is_empty() {
                return Ok(Judgement::from(
                    Finding::note("started-by-agent", format!("{agent} starts the kubelet"))
                        .evidence(Location::source(agent), "enabled"),
                ));
            }
        }
        if let Some(judgement) = wrong_default_target()? {
            return Ok(judgement.into());
        }
        Ok(not_enabled(at)?.into())
    }
}

/// Targets that start hardly anything (man systemd.special).
fn wrong_default_target() -> Result<Option<Finding>, Unavailable> {
    let Some(target) = units::default_target(Horizon::NextBoot)? else {
        return Ok(None);
    };
    if !["rescue.target", "emergency.target", "runlevel1.target"].contains(&target.value.as_str()) {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "default-target",
            format!(
                "the node boots into {}, which does not start the kubelet",
                target.value
            ),
        )
        .seen(target.clone())
        .fix(Fix::new("boot into multi-user.target").step(
            // The link to it, or what the boot loader passes to the kernel.
            if target.at.source.ends_with("default.target") {
                Step::command(
                    ["systemctl", "set-default", "multi-user.target"],
                    "the target that services belong to",
                )
                .verify(["systemctl", "get-default"])
            } else {
                Step::note(format!(
                    "take the word that names {} out of the configuration of the boot loader ({})",
                    target.value, target.at.source
                ))
            },
        )),
    ))
}

/// `systemctl enable` makes the links that [Install] asks for; where it asks for
/// none, or for one that the boot does not reach, multi-user.target is told to
/// want the unit.
fn enable() -> Result<Fix, Unavailable> {
    let fix = Fix::new("enable kubelet.service");
    for key in ["WantedBy", "RequiredBy", "UpheldBy"] {
        for targets in units::assignments(KUBELET, "Install", key)? {
            for target in targets.value.split_whitespace() {
                if !units::pulled_in_by(target)?.is_empty() {
                    return Ok(fix.step(
                        Step::unit(
                            UnitVerb::Enable,
                            KUBELET,
                            "link it into the target that its [Install] names",
                        )
                        .verify(["systemctl", "is-enabled", KUBELET]),
                    ));
                }
            }
        }
    }
    Ok(fix.step(
        Step::command(
            ["systemctl", "add-wants", "multi-user.target", KUBELET],
            "its [Install] names no target that the boot reaches, so that `enable` would not help",
        )
        .verify(["systemctl", "is-enabled", KUBELET]),
    ))
}

fn not_enabled(at: Horizon) -> Result<Finding, Unavailable> {
    let unit = units::get(at, KUBELET)?;
    let links = units::enabled_by(KUBELET)?;
    let enable = enable()?;
    let persistent = |link: &&Link| !link.runtime;
    if let Some(link) = links.iter().find(persistent) {
        return Ok(Finding::fail(
            "target-not-reached",
            format!(
                "kubelet.service is enabled by {}, which the boot does not reach",
                link.path
            ),
        )
        .explained(
            Location::source(link.path.clone()),
            link.target.clone(),
            "nothing leads from default.target to the unit of this directory",
        )
        .fix(enable));
    }
    if let Some(link) = links.first() {
        return Ok(Finding::fail(
            "enabled-until-reboot",
            "kubelet.service is enabled until the next reboot only",
        )
        .explained(
            Location::source(link.path.clone()),
            link.target.clone(),
            "/run is empty after a reboot",
        )
        .fix(enable));
    }
    let state = if unit.file_state.is_empty() {
        "disabled"
    } else {
        &unit.file_state
    };
    Ok(Finding::fail(
        "not-enabled",
        format!("kubelet.service is {state}: nothing starts it at boot"),
    )
    .explained(
        Location::source(unit.fragment.unwrap_or_else(|| KUBELET.to_owned())),
        state,
        "`kubeadm join` starts the unit and does not enable it; on RPM systems a preset leaves it \
         disabled",
    )
    .fix(enable))
}

nodepol_plugin::policy!(KubeletUnitEnabled);
