//! What pods need of the kernel is there after a boot: forwarding, and the
//! modules that bridges and overlays need.

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, network, no_own_kubelet, runtimes,
};

const FORWARD: &str = "net.ipv4.ip_forward";
const BRIDGE: &str = "br_netfilter";

/// CNI plugins that put pods on a Linux bridge, so that kube-proxy's rules see
/// their packets only with br_netfilter.
const BRIDGED: [&str; 3] = ["bridge", "flannel", "weave-net"];

/// Those that route, or have a data path of their own.
const UNBRIDGED: [&str; 9] = [
    "antrea",
    "aws-cni",
    "azure-vnet",
    "calico",
    "cilium-cni",
    "ipvlan",
    "macvlan",
    "ovn-k8s-cni-overlay",
    "ptp",
];

/// Who set the node up and also sets these at each boot.
const MANAGED: [&str; 8] = [
    "eks",
    "aks",
    "gke",
    "openshift",
    "microshift",
    "bottlerocket",
    "flatcar-eks",
    "kops",
];

struct NetPrereqsPersisted;

impl Policy for NetPrereqsPersisted {
    fn describe() -> Description {
        Description::new(
            "net-prereqs-persisted",
            "What pods need of the kernel lasts",
            "ip_forward, br_netfilter and overlay are set by files that the next boot reads",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::Now {
            return Ok(Judgement::not_applicable("what lasts is seen after a boot"));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let joined = !matches!(node::get_join_state()?, JoinState::InstalledNotJoined);
        let mut findings = Vec::new();
        findings.extend(forwarding(joined)?);
        findings.extend(bridge_filter()?);
        findings.extend(overlay()?);
        Ok(Judgement::of(
            findings,
            "forwarding and the modules that pods need are there after a boot",
        ))
    }
}

fn forwarding(joined: bool) -> Result<Option<Finding>, Unavailable> {
    let configured = node::sysctl(Horizon::NextBoot, FORWARD)?;
    let of_all = node::sysctl(Horizon::NextBoot, "net.ipv4.conf.all.forwarding")?;
    let is_on = |value: &Option<Sourced>| value.as_ref().is_some_and(|value| value.value == "1");
    // The two are one switch, and the kernel's default is off.
    if is_on(&configured) || (configured.is_none() && is_on(&of_all)) {
        return Ok(None);
    }
    // dockerd switches it on when it starts.
    let docker = runtimes::selected(Horizon::NextBoot)
        .is_ok_and(|runtime| runtime.is_some_and(|runtime| runtime.name == "docker"));
    let flavour = node::flavour().value;
    let live = node::sysctl(Horizon::Now, FORWARD).ok().flatten();
    let off = configured.or(of_all).filter(|value| value.value == "0");
    if docker || (MANAGED.contains(&flavour.as_str()) && off.is_none()) {
        return Ok(Some(Finding::note(
            "forwarding-by-agent",
            format!(
                "no file sets {FORWARD}; {} does at each boot",
                if docker { "docker" } else { &flavour }
            ),
        )));
    }
    let said = match &off {
        Some(off) => format!("{} switches {FORWARD} off at boot", off.at.source),
        None => format!("no file sets {FORWARD} at boot"),
    };
    let id = "forwarding-not-persisted";
    let mut finding = match live.as_ref().map(|live| live.value == "1") {
        Some(true) if joined => Finding::warn(
            id,
            format!(
                "{said}: it is on now, and unless the pods' network switches it on again, pods reach \
                 nothing after a boot"
            ),
        ),
        Some(true) => Finding::fail(
            id,
            format!("{said}: it is on now and off after a boot, when kubeadm refuses to join"),
        ),
        Some(false) if joined => Finding::note(id, format!("{said}, as it is off now")),
        Some(false) => Finding::warn(id, format!("{said}: kubeadm refuses to join")),
        None if off.is_some() => Finding::warn(id, format!("{said}: kubeadm refuses to join")),
        None => Finding::note(
            id,
            format!("{said}: kubeadm joins only if something else does"),
        ),
    };
    // Files apply in the order of their names, whatever their directory.
    let usual = "99-kubernetes-forward.conf";
    let is_later = off.as_ref().is_some_and(|off| {
        let name = off.at.source.rsplit('/').next().unwrap_or_default();
        name >= usual
    });
    let path = if is_later {
        "/etc/sysctl.d/zz-kubernetes-forward.conf"
    } else {
        "/etc/sysctl.d/99-kubernetes-forward.conf"
    };
    if let Some(off) = &off {
        finding = finding.evidence(off.at.clone(), format!("{FORWARD} = 0"));
    } else {
        finding = finding.evidence(Location::source("/etc/sysctl.d"), format!("no {FORWARD}"));
    }
    if let Some(live) = live {
        finding = finding.evidence(live.at, format!("{FORWARD} = {}", live.value));
    }
    Ok(Some(
        finding.fix(
            Fix::new("switch forwarding on at every boot")
                .step(Step::write_file(
                    path,
                    0o644,
                    format!("{FORWARD} = 1\n"),
                    "systemd-sysctl reads it at boot, after the files whose names sort before it",
                ))
                .step(
                    Step::argv(
                        vec!["sysctl".to_owned(), format!("--load={path}")],
                        "apply it now as well",
                    )
                    .verify([
                        "sh",
                        "-c",
                        "test $(cat /proc/sys/net/ipv4/ip_forward) = 1",
                    ]),
                ),
        ),
    ))
}

fn bridge_filter() -> Result<Option<Finding>, Unavailable> {
    if node::kernel_module(Horizon::NextBoot, BRIDGE)?.is_some() {
        return Ok(None);
    }
    // Of an image it is not known; on a node that works without it nothing is lost.
    let Some(loaded) = node::kernel_module(Horizon::Now, BRIDGE).ok().flatten() else {
        return Ok(None);
    };
    // dockerd loads it when it starts.
    if runtimes::selected(Horizon::NextBoot)
        .is_ok_and(|runtime| runtime.is_some_and(|runtime| runtime.name == "docker"))
    {
        return Ok(None);
    }
    let plugins = network::cni_plugins()?;
    let any = |known: &[&str]| {
        plugins
            .iter()
            .find(|plugin| known.contains(&plugin.value.as_str()))
    };
    let message = "br_netfilter is loaded now, and nothing loads it at the next boot";
    let finding = if let Some(plugin) = any(&BRIDGED) {
        Finding::fail(
            "module-not-persisted",
            format!(
                "{message}: services do not answer on the bridge of {}",
                plugin.value
            ),
        )
        .seen(plugin.clone())
    } else if let Some(plugin) = any(&UNBRIDGED) {
        return Ok(Some(
            Finding::note(
                "module-not-persisted",
                format!(
                    "{message}; {} has no bridge and does not need it",
                    plugin.value
                ),
            )
            .seen(loaded),
        ));
    } else {
        Finding::warn(
            "module-not-persisted",
            format!("{message}: if the pods' network is a bridge, services do not answer then"),
        )
    };
    Ok(Some(finding.evidence(loaded.at, BRIDGE).fix(load(BRIDGE))))
}

/// The kernel loads a file system at its first mount (`MODULE_ALIAS_FS`): of
/// overlay it is worth a note.
fn overlay() -> Result<Option<Finding>, Unavailable> {
    if node::kernel_module(Horizon::NextBoot, "overlay")?.is_some() {
        return Ok(None);
    }
    let Some(loaded) = node::kernel_module(Horizon::Now, "overlay").ok().flatten() else {
        return Ok(None);
    };
    Ok(Some(
        Finding::note(
            "overlay-not-persisted",
            "nothing loads overlay at the next boot but its first mount",
        )
        .seen(loaded),
    ))
}

fn load(module: &str) -> Fix {
    Fix::new(format!("load {module} at every boot"))
        .step(Step::write_file(
            format!("/etc/modules-load.d/{module}.conf"),
            0o644,
            format!("{module}\n"),
            "systemd-modules-load reads it at boot",
        ))
        .step(Step::argv(
            vec!["modprobe".to_owned(), module.to_owned()],
            "load it now as well",
        ))
}

nodepol_plugin::policy!(NetPrereqsPersisted);
