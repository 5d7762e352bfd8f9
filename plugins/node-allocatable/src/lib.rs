//! What is reserved leaves something for pods.

mod memory;

use nodepol_plugin::quantity::{bytes, milli_cpus, value_of};
use nodepol_plugin::{
    CpuSet, Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_settings, node,
};

struct NodeAllocatable;

impl Policy for NodeAllocatable {
    fn describe() -> Description {
        Description::new(
            "node-allocatable",
            "What is reserved leaves something for pods",
            "reservations fit the machine, and resource managers get what they need",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let capacity = node::get_capacity()?;
        let mut findings = Vec::new();
        findings.extend(memory::over_reserved(at, capacity.memory_bytes)?);
        findings.extend(pids(at)?);
        findings.extend(cpus(at, capacity.online_cpus.as_deref())?);
        findings.extend(static_cpus(at, capacity.online_cpus.as_deref())?);
        findings.extend(memory::static_manager(at, capacity.memory_bytes)?);
        Ok(Judgement::of(
            findings,
            "what is reserved leaves something for pods",
        ))
    }
}

fn not_known(source: &str) -> Unavailable {
    Unavailable {
        source: source.to_owned(),
        reason: "it does not say what the machine has, and something of it is reserved".to_owned(),
    }
}

const RESERVED: [&str; 2] = ["/kubeReserved", "/systemReserved"];

/// The amounts of a resource that are reserved, with where they are said.
fn reserved(
    at: Horizon,
    resource: &str,
    parse: fn(&str) -> Option<u64>,
) -> Result<(u64, Vec<kubelet::SettingValue>), Unavailable> {
    let mut sum = 0_u64;
    let mut said = Vec::new();
    for pointer in RESERVED {
        if let Some(setting) = kubelet::setting(at, pointer)?
            && let Some(amount) = value_of(&setting.json, resource).and_then(parse)
        {
            sum = sum.saturating_add(amount);
            said.push(setting);
        }
    }
    Ok((sum, said))
}

fn too_much(id: &str, message: String, said: Vec<kubelet::SettingValue>) -> Finding {
    let source = said.first().map_or_else(
        || "the configuration".to_owned(),
        |setting| setting.at.source.clone(),
    );
    said.into_iter()
        .fold(Finding::fail(id, message), |finding, setting| {
            finding.evidence(setting.at, setting.json)
        })
        .fix(
            Fix::new("reserve less, or give the machine more")
                .step(Step::note(format!(
                    "lower kubeReserved or systemReserved in {source}; a machine that was made \
                     smaller keeps the reservations of the larger one"
                )))
                .step(Step::restart_kubelet()),
        )
}

/// Process ids, of which the kernel has as many as the smaller of two limits
/// (pkg/kubelet/stats/pidlimit/pidlimit_linux.go).
fn pids(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let (sum, said) = reserved(at, "pid", bytes)?;
    if said.is_empty() {
        return Ok(None);
    }
    let mut capacity = None;
    for key in ["kernel.pid_max", "kernel.threads-max"] {
        // What no file sets is as it is now.
        let limit = match node::sysctl(at, key)? {
            None => node::sysctl(Horizon::Now, key)?,
            limit => limit,
        };
        if let Some(limit) = limit.and_then(|limit| limit.value.trim().parse::<u64>().ok()) {
            capacity = Some(capacity.map_or(limit, |known: u64| known.min(limit)));
        }
    }
    let capacity = capacity.ok_or_else(|| not_known("/proc/sys/kernel/pid_max"))?;
    Ok((sum > capacity).then(|| {
        too_much(
            "pid-over-reserved",
            format!(
                "the kubelet exits: invalid Node Allocatable configuration: {sum} process ids are \
                 reserved and the kernel has {capacity}"
            ),
            said,
        )
    }))
}

/// `reservedSystemCPUs` takes the place of both amounts.
fn cpus(at: Horizon, online: Option<&str>) -> Result<Option<Finding>, Unavailable> {
    let explicit = kubelet::setting(at, "/reservedSystemCPUs")?;
    let (sum, said) = match explicit.filter(|setting| !setting.display().is_empty()) {
        Some(setting) => match CpuSet::parse(setting.display()) {
            Some(set) => (u64::from(set.len()) * 1000, vec![setting]),
            None => return Ok(None),
        },
        None => reserved(at, "cpu", milli_cpus)?,
    };
    if said.is_empty() {
        return Ok(None);
    }
    let count = online
        .and_then(CpuSet::parse)
        .map(|set| u64::from(set.len()))
        .ok_or_else(|| not_known("/sys/devices/system/cpu/online"))?;
    Ok((sum > count * 1000).then(|| {
        too_much(
            "cpu-over-reserved",
            format!(
                "the kubelet exits: invalid Node Allocatable configuration: {sum}m of CPU are \
                 reserved and the machine has {count} CPUs"
            ),
            said,
        )
    }))
}

fn static_cpus(at: Horizon, online: Option<&str>) -> Result<Option<Finding>, Unavailable> {
    let explicit = kubelet::setting(at, "/reservedSystemCPUs")?
        .filter(|setting| !setting.display().is_empty());
    if let (Some(explicit), Some(online)) = (&explicit, online.and_then(CpuSet::parse))
        && let Some(wanted) = CpuSet::parse(explicit.display())
        && !wanted.is_subset(&online)
    {
        return Ok(Some(
            Finding::fail(
                "reserved-cpus-offline",
                format!(
                    "the kubelet exits: reserved-cpus: {} is not a subset of online-cpus",
                    explicit.display()
                ),
            )
            .evidence(explicit.at.clone(), explicit.display())
            .fix(
                Fix::new("reserve CPUs that are there")
                    .step(Step::note(format!(
                        "correct reservedSystemCPUs in {}",
                        explicit.at.source
                    )))
                    .step(Step::restart_kubelet()),
            ),
        ));
    }
    let policy = kubelet::setting(at, "/cpuManagerPolicy")?;
    let Some(policy) = policy.filter(|policy| policy.display() == "static") else {
        return Ok(None);
    };
    if explicit.is_some() || reserved(at, "cpu", milli_cpus)?.0 > 0 {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "static-without-reserved-cpu",
            "the kubelet exits: the static policy requires systemreserved.cpu + kubereserved.cpu to \
             be greater than zero",
        )
        .evidence(policy.at.clone(), "static")
        .fix(
            Fix::new("reserve CPU for the system")
                .step(Step::set_value(
                    policy.at.source,
                    "/systemReserved/cpu",
                    "\"500m\"",
                    "rounded up to whole CPUs, which no pod gets for itself",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

nodepol_plugin::policy!(NodeAllocatable);
