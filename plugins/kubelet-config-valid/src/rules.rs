//! What `ValidateKubeletConfiguration` refuses
//! (pkg/kubelet/apis/config/validation/validation.go).

use nodepol_plugin::Unavailable;

use crate::settings::Settings;

/// A rule that is broken.
pub(crate) struct Broken {
    /// The finding's id.
    pub(crate) id: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// The fields that it is about.
    pub(crate) pointers: Vec<&'static str>,
}

impl Broken {
    fn new(
        id: &'static str,
        pointers: &[&'static str],
        message: impl Into<String>,
    ) -> Option<Self> {
        Some(Self {
            id,
            message: message.into(),
            pointers: pointers.to_vec(),
        })
    }
}

type Answer = Result<Option<Broken>, Unavailable>;

/// Every rule.
pub(crate) const RULES: &[fn(&Settings) -> Answer] = &[
    ports,
    oom_score_adj,
    image_gc,
    node_lease,
    system_cgroups,
    enforce_node_allocatable,
    reserved_cgroup,
    reserved_cpus,
    shutdown,
    words,
    parallel_pulls,
    cfs_quota_period,
    container_log,
    pod_logs_dir,
    ids_per_pod,
    taints,
    server_tls_bootstrap,
];

fn ports(settings: &Settings) -> Answer {
    for (pointer, least) in [("/port", 1), ("/readOnlyPort", 0), ("/healthzPort", 0)] {
        if let Some(port) = settings.integer(pointer)?
            && !(least..=65_535).contains(&port)
        {
            let field = pointer.trim_start_matches('/');
            return Ok(Broken::new(
                "port",
                &[pointer],
                format!("{field} must be between {least} and 65535, inclusive"),
            ));
        }
    }
    Ok(None)
}

fn oom_score_adj(settings: &Settings) -> Answer {
    let score = settings.integer("/oomScoreAdj")?;
    Ok(match score {
        Some(score) if !(-1000..=1000).contains(&score) => Broken::new(
            "oom-score-adj",
            &["/oomScoreAdj"],
            "oomScoreAdj must be between -1000 and 1000, inclusive",
        ),
        _ => None,
    })
}

fn image_gc(settings: &Settings) -> Answer {
    const FIELDS: [&str; 2] = [
        "/imageGCHighThresholdPercent",
        "/imageGCLowThresholdPercent",
    ];
    let high = settings.integer(FIELDS[0])?;
    let low = settings.integer(FIELDS[1])?;
    for (value, pointer) in [(high, FIELDS[0]), (low, FIELDS[1])] {
        if value.is_some_and(|value| !(0..=100).contains(&value)) {
            return Ok(Broken::new(
                "image-gc",
                &[pointer],
                "the thresholds of image garbage collection must be between 0 and 100, inclusive",
            ));
        }
    }
    Ok(match (high, low) {
        (Some(high), Some(low)) if low >= high => Broken::new(
            "image-gc",
            &FIELDS,
            "imageGCLowThresholdPercent must be less than imageGCHighThresholdPercent",
        ),
        _ => None,
    })
}

fn node_lease(settings: &Settings) -> Answer {
    Ok(match settings.integer("/nodeLeaseDurationSeconds")? {
        Some(seconds) if seconds <= 0 => Broken::new(
            "node-lease",
            &["/nodeLeaseDurationSeconds"],
            "nodeLeaseDurationSeconds must be greater than 0",
        ),
        _ => None,
    })
}

fn system_cgroups(settings: &Settings) -> Answer {
    if settings.is_set("/systemCgroups")? && !settings.is_set("/cgroupRoot")? {
        return Ok(Broken::new(
            "system-cgroups",
            &["/systemCgroups"],
            "systemCgroups was specified and cgroupRoot was not",
        ));
    }
    Ok(None)
}

fn enforce_node_allocatable(settings: &Settings) -> Answer {
    const FIELD: &str = "/enforceNodeAllocatable";
    const WORDS: [&str; 6] = [
        "none",
        "pods",
        "system-reserved",
        "kube-reserved",
        "system-reserved-compressible",
        "kube-reserved-compressible",
    ];
    let broken = |message: String| Ok(Broken::new("enforce-node-allocatable", &[FIELD], message));
    let enforced = settings.words(FIELD)?;
    let has = |word: &str| enforced.iter().any(|known| known == word);
    for (index, word) in enforced.iter().enumerate() {
        if !WORDS.contains(&word.as_str()) {
            return broken(format!(
                "{word} in enforceNodeAllocatable is none of {}",
                WORDS.join(", ")
            ));
        }
        if enforced.iter().take(index).any(|known| known == word) {
            return broken(format!("{word} stands in enforceNodeAllocatable twice"));
        }
    }
    if has("none") && enforced.len() > 1 {
        return broken("none in enforceNodeAllocatable must stand alone".to_owned());
    }
    for kind in ["system-reserved", "kube-reserved"] {
        if has(kind) && has(&format!("{kind}-compressible")) {
            return broken(format!(
                "{kind} and {kind}-compressible in enforceNodeAllocatable exclude each other"
            ));
        }
    }
    if settings.boolean("/cgroupsPerQOS")? == Some(false) && !enforced.is_empty() && !has("none") {
        return Ok(Broken::new(
            "enforce-node-allocatable",
            &[FIELD, "/cgroupsPerQOS"],
            "enforceNodeAllocatable must be empty or [none] without cgroupsPerQOS",
        ));
    }
    Ok(None)
}

fn reserved_cgroup(settings: &Settings) -> Answer {
    let enforced = settings.words("/enforceNodeAllocatable")?;
    for (kind, cgroup, field) in [
        (
            "system-reserved",
            "/systemReservedCgroup",
            "systemReservedCgroup",
        ),
        ("kube-reserved", "/kubeReservedCgroup", "kubeReservedCgroup"),
    ] {
        let is_enforced = enforced
            .iter()
            .any(|word| word.strip_suffix("-compressible").unwrap_or(word) == kind);
        if is_enforced && !settings.is_set(cgroup)? {
            return Ok(Broken::new(
                "reserved-cgroup",
                &["/enforceNodeAllocatable"],
                format!("{field} must be specified when {kind} is in enforceNodeAllocatable"),
            ));
        }
    }
    Ok(None)
}

fn reserved_cpus(settings: &Settings) -> Answer {
    const FIELD: &str = "/reservedSystemCPUs";
    let Some(cpus) = settings.text(FIELD)?.filter(|cpus| !cpus.is_empty()) else {
        return Ok(None);
    };
    if !is_cpu_set(&cpus) {
        return Ok(Broken::new(
            "reserved-cpus",
            &[FIELD],
            format!("unable to parse reservedSystemCPUs {cpus:?}"),
        ));
    }
    for other in ["/systemReservedCgroup", "/kubeReservedCgroup"] {
        if settings.is_set(other)? {
            return Ok(Broken::new(
                "reserved-cpus",
                &[FIELD, other],
                "reservedSystemCPUs cannot be used with systemReservedCgroup or kubeReservedCgroup",
            ));
        }
    }
    Ok(None)
}

/// `0,2-3` (k8s.io/utils/cpuset).
fn is_cpu_set(text: &str) -> bool {
    text.split(',').all(|part| {
        let mut ends = part.splitn(2, '-').map(str::parse::<u32>);
        match (ends.next(), ends.next()) {
            (Some(Ok(_)), None) => true,
            (Some(Ok(first)), Some(Ok(last))) => first <= last,
            _ => false,
        }
    })
}

fn shutdown(settings: &Settings) -> Answer {
    const FIELDS: [&str; 2] = ["/shutdownGracePeriod", "/shutdownGracePeriodCriticalPods"];
    let whole = settings.milliseconds(FIELDS[0])?.unwrap_or(0.0);
    let critical = settings.milliseconds(FIELDS[1])?.unwrap_or(0.0);
    let broken = |message| Ok(Broken::new("shutdown-grace-period", &FIELDS, message));
    if whole < 0.0 || critical < 0.0 || critical > whole {
        return broken("shutdownGracePeriodCriticalPods must be between 0 and shutdownGracePeriod");
    }
    if [whole, critical]
        .into_iter()
        .any(|span| span > 0.0 && span < 1000.0)
    {
        return broken("shutdownGracePeriod and its part must be 0 or at least 1 s");
    }
    Ok(None)
}

fn words(settings: &Settings) -> Answer {
    const CHOICES: [(&str, &[&str]); 7] = [
        (
            "/topologyManagerPolicy",
            &["none", "best-effort", "restricted", "single-numa-node"],
        ),
        ("/topologyManagerScope", &["container", "pod"]),
        (
            "/hairpinMode",
            &["none", "hairpin-veth", "promiscuous-bridge"],
        ),
        ("/authorization/mode", &["AlwaysAllow", "Webhook"]),
        (
            "/tlsMinVersion",
            &[
                "VersionTLS10",
                "VersionTLS11",
                "VersionTLS12",
                "VersionTLS13",
            ],
        ),
        ("/memoryReservationPolicy", &["None", "TieredReservation"]),
        (
            "/imagePullCredentialsVerificationPolicy",
            &[
                "NeverVerify",
                "NeverVerifyPreloadedImages",
                "NeverVerifyAllowlistedImages",
                "AlwaysVerify",
            ],
        ),
    ];
    for (pointer, choices) in CHOICES {
        if let Some(word) = settings.text(pointer)?
            && !word.is_empty()
            && !choices.contains(&word.as_str())
        {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Ok(Broken::new(
                "word",
                &[pointer],
                format!("{field} {word:?} must be one of {}", choices.join(", ")),
            ));
        }
    }
    Ok(None)
}

fn parallel_pulls(settings: &Settings) -> Answer {
    const FIELDS: [&str; 2] = ["/maxParallelImagePulls", "/serializeImagePulls"];
    let Some(pulls) = settings.integer(FIELDS[0])? else {
        return Ok(None);
    };
    let serial = settings.boolean(FIELDS[1])? == Some(true);
    Ok(if pulls < 1 {
        Broken::new(
            "parallel-pulls",
            &[FIELDS[0]],
            "maxParallelImagePulls must be a positive number",
        )
    } else if pulls > 1 && serial {
        Broken::new(
            "parallel-pulls",
            &FIELDS,
            "maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls is false",
        )
    } else {
        None
    })
}

fn cfs_quota_period(settings: &Settings) -> Answer {
    const FIELD: &str = "/cpuCFSQuotaPeriod";
    let Some(period) = settings.milliseconds(FIELD)? else {
        return Ok(None);
    };
    let broken = |message| Ok(Broken::new("cfs-quota-period", &[FIELD], message));
    if settings.gate("CustomCPUCFSQuotaPeriod")? {
        if !(1.0..=1000.0).contains(&period) {
            return broken("cpuCFSQuotaPeriod must be between 1ms and 1s, inclusive");
        }
    } else if (period - 100.0).abs() > 0.001 {
        return broken(
            "cpuCFSQuotaPeriod is not 100ms and the feature gate CustomCPUCFSQuotaPeriod is off",
        );
    }
    Ok(None)
}

fn container_log(settings: &Settings) -> Answer {
    let broken = |pointer, message| Ok(Broken::new("container-log", &[pointer], message));
    if settings
        .integer("/containerLogMaxFiles")?
        .is_some_and(|files| files <= 1)
    {
        return broken(
            "/containerLogMaxFiles",
            "containerLogMaxFiles must be greater than 1",
        );
    }
    if settings
        .integer("/containerLogMaxWorkers")?
        .is_some_and(|workers| workers < 1)
    {
        return broken(
            "/containerLogMaxWorkers",
            "containerLogMaxWorkers must be greater than or equal to 1",
        );
    }
    if settings
        .milliseconds("/containerLogMonitorInterval")?
        .is_some_and(|interval| interval < 3000.0)
    {
        return broken(
            "/containerLogMonitorInterval",
            "containerLogMonitorInterval must be at least 3 s",
        );
    }
    Ok(None)
}

fn pod_logs_dir(settings: &Settings) -> Answer {
    const FIELD: &str = "/podLogsDir";
    let Some(path) = settings.text(FIELD)? else {
        return Ok(None);
    };
    let broken = |message| Ok(Broken::new("pod-logs-dir", &[FIELD], message));
    if path.is_empty() || !path.starts_with('/') {
        return broken("podLogsDir must be an absolute path");
    }
    let plain = path == "/"
        || path
            .split('/')
            .skip(1)
            .all(|part| !matches!(part, "" | "." | ".."));
    if !plain {
        return broken("podLogsDir must be a normalized path");
    }
    if !path.is_ascii() {
        return broken("podLogsDir must have ASCII characters only");
    }
    Ok(None)
}

fn ids_per_pod(settings: &Settings) -> Answer {
    const FIELD: &str = "/userNamespaces/idsPerPod";
    Ok(match settings.integer(FIELD)? {
        Some(ids) if ids <= 0 || ids % 65_536 != 0 => Broken::new(
            "ids-per-pod",
            &[FIELD],
            "userNamespaces.idsPerPod must be a multiple of 65536",
        ),
        _ => None,
    })
}

fn taints(settings: &Settings) -> Answer {
    const FIELD: &str = "/registerWithTaints";
    let json = settings.json(FIELD)?.unwrap_or_default();
    for rest in json.split("\"effect\":\"").skip(1) {
        let effect = rest.split('"').next().unwrap_or_default();
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            return Ok(Broken::new(
                "taint",
                &[FIELD],
                format!("invalid taint effect {effect:?} in registerWithTaints"),
            ));
        }
    }
    Ok(None)
}

/// The gate is on by default since 1.12, so that only a person turns it off.
fn server_tls_bootstrap(settings: &Settings) -> Answer {
    const FIELD: &str = "/serverTLSBootstrap";
    const GATE: &str = "/featureGates/RotateKubeletServerCertificate";
    let wanted = settings.boolean(FIELD)? == Some(true);
    if wanted && settings.boolean(GATE)? == Some(false) {
        return Ok(Broken::new(
            "server-tls-bootstrap",
            &[FIELD, GATE],
            "serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate",
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_cpus() {
        assert!(is_cpu_set("0"));
        assert!(is_cpu_set("0,2-3"));
        assert!(!is_cpu_set("3-2"));
        assert!(!is_cpu_set("0-a"));
    }
}
