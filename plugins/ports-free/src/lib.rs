//! The kubelet's ports are free, or its own.

use std::net::IpAddr;

use nodepol_plugin::network::{self, Listener};
use nodepol_plugin::units;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, journal, kubelet, no_own_kubelet,
};

const KUBELET: &str = "kubelet.service";

struct PortsFree;

/// A port that the kubelet binds.
struct Port {
    number: u16,
    /// `0.0.0.0` is every address.
    address: String,
    field: &'static str,
    at: Location,
    /// The kubelet exits if it is taken.
    fatal: bool,
}

/// Where each is set, to which address it is bound, and what both are if nothing
/// says it (pkg/kubelet/apis/config/v1beta1/defaults.go).
const FIELDS: [(&str, &str, &str, &str, bool); 3] = [
    ("port", "10250", "address", "0.0.0.0", true),
    ("readOnlyPort", "0", "address", "0.0.0.0", true),
    (
        "healthzPort",
        "10248",
        "healthzBindAddress",
        "127.0.0.1",
        false,
    ),
];

impl Policy for PortsFree {
    fn describe() -> Description {
        Description::new(
            "ports-free",
            "The kubelet's ports are free",
            "no other process listens on the kubelet's ports",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::PreJoin, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if at == Horizon::NextBoot {
            return Ok(Judgement::not_applicable(
                "who listens after a boot is not known",
            ));
        }
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let ports = ports(at)?;
        let listening = network::listening()?;
        let mut findings = Vec::new();
        for port in &ports {
            let taken = listening.iter().find(|listener| conflicts(port, listener));
            if let Some(listener) = taken {
                findings.extend(judge_listener(port, listener)?);
            }
        }
        Ok(Judgement::of(
            findings,
            "the kubelet's ports are free, or its own",
        ))
    }
}

fn ports(at: Horizon) -> Result<Vec<Port>, Unavailable> {
    // Before a join there is no file, and kubeadm's keeps the defaults.
    let later = kubelet::config_path(at)?.is_some() && !kubelet::config_present(at)?;
    let setting = |name: &str, default: &str| -> Result<(String, Location), Unavailable> {
        let by_default = || (default.to_owned(), Location::source("default"));
        if later {
            return Ok(by_default());
        }
        let found = kubelet::setting(at, &format!("/{name}"))?;
        Ok(found.map_or_else(by_default, |found| (found.display().to_owned(), found.at)))
    };
    let mut ports = Vec::new();
    for (field, number, bound, address, fatal) in FIELDS {
        let (number, place) = setting(field, number)?;
        if let Ok(number) = number.parse::<u16>()
            && number != 0
        {
            ports.push(Port {
                number,
                address: setting(bound, address)?.0,
                field,
                at: place,
                fatal,
            });
        }
    }
    Ok(ports)
}

/// Whether bind(2) of the port would fail: the same port, and the same address
/// or every address on either side.
fn conflicts(port: &Port, listener: &Listener) -> bool {
    if port.number != listener.port {
        return false;
    }
    match (
        port.address.parse::<IpAddr>(),
        listener.address.parse::<IpAddr>(),
    ) {
        (Ok(wanted), Ok(taken)) => {
            wanted.is_unspecified() || taken.is_unspecified() || wanted == taken
        }
        _ => true,
    }
}

fn judge_listener(port: &Port, listener: &Listener) -> Result<Option<Finding>, Unavailable> {
    let running = kubelet::running()?;
    // The kubelet is root's.
    let foreign = listener.uid != 0;
    if let Some(process) = &running
        && !foreign
    {
        let own = network::listeners_of(process.pid);
        return Ok(match own {
            Ok(own) if own.iter().any(|own| conflicts(port, own)) => None,
            Ok(_) => Some(taken(port, listener, port.fatal)),
            // One that runs holds its ports: without them it would have ended. Of
            // the health port it only complains.
            Err(_) if port.fatal || !complains()? => None,
            Err(_) => Some(taken(port, listener, false)),
        });
    }
    if foreign || !port.fatal {
        return Ok(Some(taken(port, listener, port.fatal)));
    }
    // One that ends soon after each start may have been up when the table was read.
    let state = units::get(Horizon::Now, KUBELET)?.active_state;
    let loops = state.as_deref() == Some("activating");
    let certain = !loops
        || journal::known_lines()
            .is_ok_and(|lines| lines.iter().any(|line| line.signature == "port-taken"));
    Ok(Some(taken(port, listener, certain)))
}

/// Whether the log of the kubelet says that the health port is taken.
fn complains() -> Result<bool, Unavailable> {
    Ok(journal::recent(KUBELET, 500).is_ok_and(|lines| {
        lines.iter().any(|line| {
            line.message.contains("Failed to start healthz server")
                && line.message.contains("address already in use")
        })
    }))
}

fn taken(port: &Port, listener: &Listener, certain: bool) -> Finding {
    let number = port.number;
    let message = if port.fatal {
        format!("port {number} is taken by another process: the kubelet exits when it binds it")
    } else {
        format!(
            "port {number} is taken by another process: the kubelet runs without its health \
             endpoint, and kubeadm waits for it in vain"
        )
    };
    let finding = if certain {
        Finding::fail("port-taken", message)
    } else {
        Finding::warn("port-taken", message)
    };
    let filter = format!("sport = :{number}");
    finding
        .explained(
            listener.at.clone(),
            format!("{} port {number}, uid {}", listener.address, listener.uid),
            "a socket that listens",
        )
        .evidence(port.at.clone(), format!("{}: {number}", port.field))
        .fix(
            Fix::new("free the port")
                .step(Step::argv(
                    [
                        "ss",
                        "--listening",
                        "--tcp",
                        "--processes",
                        "--numeric",
                        &filter,
                    ]
                    .map(str::to_owned)
                    .to_vec(),
                    "it names the process that listens: a kubelet of another installation, such as \
                     k3s, is the usual one",
                ))
                .step(Step::note(
                    "stop that process and disable what starts it (`systemctl status PID` names the \
                     unit), or the next boot has it again",
                ))
                .step(Step::restart_kubelet()),
        )
}

nodepol_plugin::policy!(PortsFree);
