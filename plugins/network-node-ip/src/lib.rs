//! The network is really up when the kubelet starts, and the address that it is
//! told to use is the node's.

use std::net::IpAddr;

use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Sourced, Step, Unavailable, UnitVerb, journal, kubelet, network, no_own_kubelet, node, runbook,
};

const KUBELET: &str = "kubelet.service";
const ONLINE: &str = "network-online.target";

/// What configures the network, and what of it waits until it is up.
const WAITERS: [(&str, &str); 2] = [
    (
        "systemd-networkd.service",
        "systemd-networkd-wait-online.service",
    ),
    (
        "NetworkManager.service",
        "NetworkManager-wait-online.service",
    ),
];

struct NetworkNodeIp;

impl Policy for NetworkNodeIp {
    fn describe() -> Description {
        Description::new(
            "network-node-ip",
            "The network is up, and the node has its address",
            "network-online.target really waits, and --node-ip is an address of this node",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let mut findings = Vec::new();
        if at == Horizon::NextBoot {
            findings.extend(online()?);
        }
        let flag = match kubelet::flag(at, "node-ip") {
            Ok(flag) => flag,
            // Its arguments are decided by whoever starts it.
            Err(unavailable) if units::pulled_in_by(KUBELET)?.is_empty() => {
                return Ok(if findings.is_empty() {
                    Finding::unknown(
                        "arguments-unknown",
                        format!("{}: {}", unavailable.source, unavailable.reason),
                    )
                    .into()
                } else {
                    Judgement::of(findings, "")
                });
            }
            Err(unavailable) => return Err(unavailable),
        };
        // A file says more than the arguments of a process do.
        let flag = match kubelet::flag(Horizon::NextBoot, "node-ip") {
            Ok(next)
                if next.as_ref().map(|next| &next.value)
                    == flag.as_ref().map(|flag| &flag.value) =>
            {
                next
            }
            _ => flag,
        };
        match flag.filter(|flag| !flag.value.trim().is_empty()) {
            Some(flag) => findings.extend(node_ip(at, &flag)?),
            None if at == Horizon::Now => findings.extend(no_address()?),
            None => {}
        }
        Ok(Judgement::of(
            findings,
            "the kubelet waits for the network as far as it says, and finds its address",
        ))
    }
}

/// Whether something holds network-online.target until the network is up.
fn online() -> Result<Option<Finding>, Unavailable> {
    let after = units::dependencies(Horizon::NextBoot, KUBELET, "After")?;
    if !after.iter().any(|unit| unit == ONLINE) {
        return Ok(None);
    }
    let line = units::assignments(KUBELET, "Unit", "After")?
        .into_iter()
        .find(|line| line.value.contains(ONLINE))
        .map_or_else(|| Location::source(KUBELET), |line| line.at);
    // A circle or an agent aside: the kubelet pulls in what it wants itself.
    let wants = units::dependencies(Horizon::NextBoot, KUBELET, "Wants")?;
    let wanted = wants.iter().any(|unit| unit == ONLINE);
    if !wanted && units::pulled_in_by(ONLINE)?.is_empty() {
        return Ok(Some(
            Finding::warn(
                "online-not-wanted",
                format!(
                    "kubelet.service is ordered after {ONLINE}, and nothing starts that target: it \
                     does not wait for the network"
                ),
            )
            .explained(line, format!("After={ONLINE}"), "there is no Wants= for it")
            .fix(
                Fix::new("want the target too")
                    .step(runbook::last_drop_in(
                        KUBELET,
                        "network.conf",
                        format!("[Unit]\nWants={ONLINE}\nAfter={ONLINE}\n"),
                    )?)
                    .step(Step::daemon_reload()),
            ),
        ));
    }
    let target = units::get(Horizon::NextBoot, ONLINE)?;
    if target.fragment.is_none() {
        return Ok(Some(Finding::unknown(
            "online-unknown",
            format!("no unit file of {ONLINE} is here, nor of what waits for the network"),
        )));
    }
    // Whatever service is ordered before the target holds it, be it of networkd,
    // of NetworkManager, of ifupdown or a script of System V.
    for kind in ["Wants", "Requires"] {
        // The target itself may wait for a kubelet that nothing starts yet.
        for unit in units::dependencies(Horizon::NextBoot, ONLINE, kind)? {
            if unit.ends_with(".service")
                && units::get(Horizon::NextBoot, &unit)?.load_state == "loaded"
            {
                return Ok(None);
            }
        }
    }
    for unit in units::dependencies(Horizon::NextBoot, ONLINE, "After")? {
        if unit.ends_with(".service") && starts(&unit)? {
            return Ok(None);
        }
    }
    let mut finding = Finding::warn(
        "online-at-once",
        format!(
            "nothing holds {ONLINE} until the network is up: it is reached at once, and the kubelet \
             starts without an address"
        ),
    )
    .evidence(line, format!("After={ONLINE}"));
    let mut fix = Fix::new("wait for the network");
    let mut known = false;
    for (manager, waiter) in WAITERS {
        if starts(manager)? {
            known = true;
            let state = units::get(Horizon::NextBoot, waiter)?;
            finding = finding.evidence(
                Location::source(state.fragment.unwrap_or_else(|| waiter.to_owned())),
                format!("{waiter} is {}", state.file_state),
            );
            if state.load_state == "masked" {
                fix = fix.step(Step::unit(UnitVerb::Unmask, waiter, "remove the mask"));
            }
            fix =
                fix.step(
                    Step::unit(UnitVerb::Enable, waiter, "it ends once the network is up")
                        .verify(["systemctl", "is-enabled", waiter]),
                );
        }
    }
    if !known {
        fix = fix.step(Step::note(
            "enable the service of your network's manager that waits until it is up",
        ));
    }
    Ok(Some(finding.fix(fix)))
}

fn starts(unit: &str) -> Result<bool, Unavailable> {
    Ok(!units::pulled_in_by(unit)?.is_empty())
}

/// pkg: k8s.io/component-helpers/node/util, ParseNodeIPArgument. A value that is
/// no address is logged and passed over; a list that is no dual-stack pair is fatal.
fn node_ip(at: Horizon, flag: &Sourced) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    let mut addresses = Vec::new();
    for word in flag.value.split(',').map(str::trim) {
        match parse(word) {
            Some(address) => addresses.push(address),
            None => findings.push(
                Finding::fail(
                    "node-ip-invalid",
                    format!("--node-ip={word} is no IP address: the kubelet passes over it"),
                )
                .evidence(flag.at.clone(), flag.value.clone())
                .fix(correct(flag)),
            ),
        }
    }
    if let Some(why) = refused(&addresses) {
        findings.push(
            Finding::fail(
                "node-ip-refused",
                format!("the kubelet exits with `bad --node-ip`: {why}"),
            )
            .evidence(flag.at.clone(), flag.value.clone())
            .fix(correct(flag)),
        );
        return Ok(findings);
    }
    for address in addresses {
        if !address.is_unspecified() {
            findings.extend(not_there(at, flag, address)?);
        }
    }
    Ok(findings)
}

/// As `ParseIPSloppy`: leading zeros are decimal.
fn parse(word: &str) -> Option<IpAddr> {
    if let Ok(address) = word.parse() {
        return Some(address);
    }
    let mut octets = [0; 4];
    let mut words = word.split('.');
    for octet in &mut octets {
        let word = words.next()?;
        if word.is_empty() || word.len() > 3 + 8 || !word.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = word.parse().ok()?;
    }
    words.next().is_none().then(|| IpAddr::from(octets))
}

fn refused(addresses: &[IpAddr]) -> Option<&'static str> {
    match addresses {
        [] | [_] => None,
        [one, two] if one.is_ipv6() == two.is_ipv6() => {
            Some("two addresses must be one of IPv4 and one of IPv6")
        }
        [one, two] if one.is_unspecified() || two.is_unspecified() => {
            Some("a pair cannot hold 0.0.0.0 or ::")
        }
        [_, _] => None,
        _ => Some("there are more than two addresses"),
    }
}

fn correct(flag: &Sourced) -> Fix {
    Fix::new("give an address of this node")
        .step(Step::command(
            ["ip", "--brief", "address"],
            "the addresses that this node has",
        ))
        .step(Step::note(format!(
            "correct --node-ip in {}, or remove it: the kubelet then takes the address of the \
             default route",
            flag.at.source
        )))
        .step(Step::restart_kubelet())
}

fn not_there(at: Horizon, flag: &Sourced, address: IpAddr) -> Result<Option<Finding>, Unavailable> {
    let is_it = |known: &Sourced| known.value.parse() == Ok(address);
    // What configures an interface tells of one that comes up late, as a bond does.
    let configured = network::configured_addresses()?.into_iter().find(is_it);
    let live = network::addresses();
    match (at, live, configured) {
        (Horizon::NextBoot, _, Some(_)) => Ok(None),
        (_, Ok(live), _) if live.iter().any(is_it) => Ok(None),
        (Horizon::Now, Err(unavailable), _) => Err(unavailable),
        (Horizon::NextBoot, Err(_), None) => Ok(Some(
            Finding::unknown(
                "node-ip-unknown",
                format!(
                    "no file gives {address} to an interface; whether DHCP does cannot be told here"
                ),
            )
            .evidence(flag.at.clone(), flag.value.clone()),
        )),
        (Horizon::Now, Ok(_), Some(configured)) => Ok(Some(
            Finding::warn(
                "node-ip-not-up",
                format!("{address} is configured and on no interface yet: the node has no address"),
            )
            .evidence(flag.at.clone(), flag.value.clone())
            .seen(configured)
            .fix(Fix::new("bring the interface up").step(Step::command(
                ["ip", "--brief", "address"],
                "the kubelet tries again by itself: bring up the interface that should have it",
            ))),
        )),
        (_, Ok(live), None) => {
            let list: Vec<_> = live
                .iter()
                .map(|address| address.value.as_str())
                .filter(|address| *address != "127.0.0.1" && *address != "::1")
                .collect();
            Ok(Some(
                Finding::fail(
                    "node-ip-absent",
                    format!(
                        "--node-ip {address} is on no interface of this node: the kubelet runs, and \
                         the node has no address"
                    ),
                )
                .evidence(flag.at.clone(), flag.value.clone())
                .explained(
                    Location::source("/proc/net/fib_trie"),
                    list.join(", "),
                    "the addresses that the node has",
                )
                .fix(correct(flag)),
            ))
        }
    }
}

/// What a kubelet that runs complains of each time it reports its addresses; the
/// inner none if it does not complain. None where no log tells.
fn said_by_the_log() -> Result<Option<Option<String>>, Unavailable> {
    if kubelet::running()?.is_none() {
        return Ok(None);
    }
    let lines = journal::recent(KUBELET, 500).unwrap_or_default();
    if lines.is_empty() {
        return Ok(None);
    }
    Ok(Some(lines.into_iter().map(|line| line.message).find(
        |line| line.contains("can't get ip address of node"),
    )))
}

/// Without --node-ip: the host name's address, else that of the default route
/// (pkg/kubelet/nodestatus, NodeAddress).
fn no_address() -> Result<Option<Finding>, Unavailable> {
    // A cloud provider says the addresses itself.
    let at = Horizon::Now;
    let provider = kubelet::flag(at, "cloud-provider")?;
    if provider.is_some_and(|provider| !provider.value.is_empty())
        || network::default_route()?.is_some()
    {
        return Ok(None);
    }
    let complaint = match said_by_the_log()? {
        Some(None) => return Ok(None),
        Some(complaint) => complaint,
        None => None,
    };
    let name = match kubelet::flag(at, "hostname-override")? {
        Some(flag) => Some(flag),
        None => node::hostname(at)?,
    };
    let finding = Finding::warn(
        "no-default-route",
        format!(
            "there is no default route and no --node-ip: unless {} resolves to an address of \
                 this node, the node has none",
            name.map_or_else(|| "its name".to_owned(), |name| name.value)
        ),
    )
    .evidence(Location::source("/proc/net/route"), "no default route");
    let finding = match complaint {
        Some(line) => finding.evidence(Location::source("journal"), line),
        None => finding,
    };
    Ok(Some(
        finding.fix(
            Fix::new("give the node a route, or tell the kubelet its address")
                .step(Step::command(["ip", "route"], "the routes that there are"))
                .step(Step::note(
                    "configure a gateway, or add --node-ip=ADDRESS to KUBELET_EXTRA_ARGS",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

nodepol_plugin::policy!(NetworkNodeIp);
