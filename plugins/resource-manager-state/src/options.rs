//! The options of the policies: what the kubelet refuses of them at a start
//! (policy_options.go in pkg/kubelet/cm/cpumanager and topologymanager).

use nodepol_plugin::json::Json;
use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{Finding, Fix, Horizon, Step, Unavailable, kubelet};

use Kind::{AtLeastEight, Switch};

/// The last minor version whose options are known.
const LAST: u32 = 36;

/// What the value of an option has to be.
#[derive(Clone, Copy)]
enum Kind {
    /// What Go's `strconv.ParseBool` takes.
    Switch,
    /// `max-allowable-numa-nodes`: not less than the default.
    AtLeastEight,
}

/// An option, and the minor versions of 1.x in which it became alpha, beta and
/// stable. Before 1.25 nothing is told.
struct PolicyOption {
    name: &'static str,
    alpha: u32,
    beta: u32,
    stable: u32,
    kind: Kind,
}

/// A stage that no known version has reached.
const NEVER: u32 = u32::MAX;

const fn option(name: &'static str, alpha: u32, beta: u32, stable: u32) -> PolicyOption {
    PolicyOption {
        name,
        alpha,
        beta,
        stable,
        kind: Switch,
    }
}

/// kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies.
const OF_CPUS: [PolicyOption; 6] = [
    option("align-by-socket", 25, NEVER, NEVER),
    option("distribute-cpus-across-cores", 31, NEVER, NEVER),
    option("distribute-cpus-across-numa", 23, 33, NEVER),
    option("full-pcpus-only", 22, 23, 33),
    option("prefer-align-cpus-by-uncorecache", 32, 34, 36),
    option("strict-cpu-reservation", 32, 33, 35),
];

/// kubernetes.io/docs/tasks/administer-cluster/topology-manager.
const OF_TOPOLOGY: [PolicyOption; 2] = [
    PolicyOption {
        name: "max-allowable-numa-nodes",
        alpha: NEVER,
        beta: 31,
        stable: 35,
        kind: AtLeastEight,
    },
    option("prefer-closest-numa-nodes", 26, 28, 32),
];

/// Options of the static policy that exclude one another.
const EXCLUSIVE: [[&str; 2]; 4] = [
    ["full-pcpus-only", "distribute-cpus-across-cores"],
    [
        "distribute-cpus-across-numa",
        "distribute-cpus-across-cores",
    ],
    [
        "prefer-align-cpus-by-uncorecache",
        "distribute-cpus-across-cores",
    ],
    [
        "prefer-align-cpus-by-uncorecache",
        "distribute-cpus-across-numa",
    ],
];

/// A manager whose policy has options.
struct Manager {
    /// Its name in messages.
    name: &'static str,
    /// The word that its feature gates start with.
    gates: &'static str,
    policy: &'static str,
    options: &'static str,
    /// The flag that sets them as well.
    flag: &'static str,
    known: &'static [PolicyOption],
}

const MANAGERS: [Manager; 2] = [
    Manager {
        name: "CPU Manager",
        gates: "CPUManager",
        policy: "/cpuManagerPolicy",
        options: "/cpuManagerPolicyOptions",
        flag: "--cpu-manager-policy-options",
        known: &OF_CPUS,
    },
    Manager {
        name: "Topology Manager",
        gates: "TopologyManager",
        policy: "/topologyManagerPolicy",
        options: "/topologyManagerPolicyOptions",
        flag: "--topology-manager-policy-options",
        known: &OF_TOPOLOGY,
    },
];

/// Why the kubelet would not start.
type Refusal = Result<Option<(&'static str, String)>, Unavailable>;

/// What is refused, one finding for a manager: the kubelet ends with the first.
///
/// # Errors
/// [`Unavailable`] if nothing is refused for certain, and something may be.
pub(crate) fn judge(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    for manager in &MANAGERS {
        let Some(set) = kubelet::setting(at, manager.options)? else {
            continue;
        };
        let options = Json::parse(&set.json);
        let options = options.as_ref().map(Json::entries).unwrap_or_default();
        if options.is_empty() {
            continue;
        }
        if let Some((id, why)) = manager.refuses(at, options)? {
            findings.push(finding(manager, &set, id, &why));
        }
    }
    Ok(findings)
}

/// Whether an option is on, as Go reads its value.
pub(crate) fn is_on(at: Horizon, pointer: &str) -> Result<bool, Unavailable> {
    let option = kubelet::setting(at, pointer)?;
    Ok(option.is_some_and(|option| switch(option.display()) == Some(true)))
}

impl Manager {
    fn refuses(&self, at: Horizon, options: &[(String, Json)]) -> Refusal {
        let gate = format!("{}PolicyOptions", self.gates);
        if is_off(at, &gate)? {
            return Ok(Some((
                "option-needs-gate",
                format!("{} policy options require feature gate {gate}", self.name),
            )));
        }
        let policy = kubelet::setting(at, self.policy)?;
        if policy.is_none_or(|policy| policy.display() == "none") {
            // The none policy of topology does not look at them.
            let names: Vec<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
            return Ok((self.gates == "CPUManager").then(|| {
                (
                    "option-of-none",
                    format!(
                        "None policy: received unsupported options={}",
                        names.join(",")
                    ),
                )
            }));
        }
        let mut undecided = None;
        for (name, value) in options {
            let value = value.text().unwrap_or_default();
            match self.refuses_option(at, name, value) {
                Ok(None) => {}
                Ok(refused) => return Ok(refused),
                Err(unavailable) => undecided = undecided.or(Some(unavailable)),
            }
        }
        if let Some(refused) = exclusive(at, options)? {
            return Ok(Some(refused));
        }
        undecided.map_or(Ok(None), Err)
    }

    fn refuses_option(&self, at: Horizon, name: &str, value: &str) -> Refusal {
        let unknown = || {
            let why = format!("unknown {} Policy option: \"{name}\"", self.name);
            Ok(Some(("unknown-option", why)))
        };
        let minor = kubelet::get_version()?.map(|version| version.minor);
        let Some(option) = self.known.iter().find(|known| known.name == name) else {
            return match minor {
                Some(minor) if minor <= LAST => unknown(),
                _ => Err(not_known(format!(
                    "whether this version has the policy option {name}"
                ))),
            };
        };
        let fits = match option.kind {
            Switch => switch(value).is_some(),
            AtLeastEight => value.parse::<i64>().is_ok_and(|nodes| nodes >= 8),
        };
        if !fits {
            let why = format!("bad value for option \"{name}\": \"{value}\"");
            return Ok(Some(("bad-option-value", why)));
        }
        let Some(minor) = minor else {
            return Err(not_known(format!(
                "what this version makes of the policy option {name}"
            )));
        };
        if minor < option.alpha.min(option.beta) {
            return unknown();
        }
        let stage = match minor {
            _ if minor >= option.stable => return Ok(None),
            _ if minor >= option.beta => "Beta",
            _ => "Alpha",
        };
        let gate = format!("{}Policy{stage}Options", self.gates);
        Ok(is_off(at, &gate)?.then(|| {
            (
                "option-needs-gate",
                format!(
                    "{} Policy {stage}-level Options not enabled, but option \"{name}\" provided \
                     (feature gate {gate})",
                    self.name
                ),
            )
        }))
    }
}

fn exclusive(at: Horizon, options: &[(String, Json)]) -> Refusal {
    let on = |name: &str| {
        options
            .iter()
            .any(|(known, value)| known == name && value.text().and_then(switch) == Some(true))
    };
    if let Some([one, other]) = EXCLUSIVE
        .into_iter()
        .find(|[one, other]| on(one) && on(other))
    {
        let why =
            format!("static policy options {one} and {other} can not be used at the same time");
        return Ok(Some(("exclusive-options", why)));
    }
    let topology = kubelet::setting(at, "/topologyManagerPolicy")?;
    let is_single = topology.is_some_and(|policy| policy.display() == "single-numa-node");
    Ok((is_single && on("align-by-socket")).then(|| {
        let why = "Topology manager single-numa-node policy is incompatible with CPUManager \
                   align-by-socket policy option";
        ("exclusive-options", why.to_owned())
    }))
}

fn is_off(at: Horizon, gate: &str) -> Result<bool, Unavailable> {
    let set = kubelet::setting(at, &format!("/featureGates/{gate}"))?;
    Ok(set.is_some_and(|set| set.json == "false"))
}

/// Go's `strconv.ParseBool`.
fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn not_known(what: String) -> Unavailable {
    Unavailable {
        source: "kubelet --version".to_owned(),
        reason: format!("{what} is not known"),
    }
}

fn finding(manager: &Manager, set: &SettingValue, id: &'static str, why: &str) -> Finding {
    // A flag has no place in a document.
    let name = match set.at.pointer {
        Some(_) => manager.options.trim_start_matches('/'),
        None => manager.flag,
    };
    Finding::fail(id, format!("the kubelet exits: {why}"))
        .evidence(set.at.clone(), set.json.clone())
        .fix(
            Fix::new("set only what this kubelet takes")
                .step(Step::note(format!(
                    "correct {name} in {}: one key and value for each option, of those that \
                     this release has under its feature gates",
                    set.at.source
                )))
                .step(Step::restart_kubelet()),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_those_of_go() {
        assert_eq!(switch("T"), Some(true));
        assert_eq!(switch("False"), Some(false));
        assert_eq!(switch("yes"), None);
        assert_eq!(switch("true,full-pcpus-only=true"), None);
    }
}
