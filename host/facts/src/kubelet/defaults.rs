//! The defaults of `KubeletConfiguration` by minor version
//! (`pkg/kubelet/apis/config/v1beta1/defaults.go`, 1.25 to 1.37).

use serde_json::Value as Json;

use Literal::{Bool, Float, Integer, Text, Texts};

/// A default: the field, its value, the minors of 1.x that have it.
struct Default {
    pointer: &'static str,
    value: Literal,
    from: u32,
    until: u32,
}

/// A value as this table has them.
#[derive(Clone, Copy)]
enum Literal {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(&'static str),
    Texts(&'static [&'static str]),
}

impl From<Literal> for Json {
    fn from(literal: Literal) -> Self {
        match literal {
            Bool(value) => Self::from(value),
            Integer(value) => Self::from(value),
            Float(value) => Self::from(value),
            Text(text) => Self::from(text),
            Texts(texts) => Self::from(texts),
        }
    }
}

const ALWAYS: u32 = 0;
const EVER: u32 = u32::MAX;

const fn always(pointer: &'static str, value: Literal) -> Default {
    between(pointer, value, ALWAYS, EVER)
}

const fn between(pointer: &'static str, value: Literal, from: u32, until: u32) -> Default {
    Default {
        pointer,
        value,
        from,
        until,
    }
}

static DEFAULTS: &[Default] = &[
    always("/address", Text("0.0.0.0")),
    always("/authentication/anonymous/enabled", Bool(false)),
    always("/authentication/webhook/cacheTTL", Text("2m0s")),
    always("/authentication/webhook/enabled", Bool(true)),
    always("/authorization/mode", Text("Webhook")),
    always("/authorization/webhook/cacheAuthorizedTTL", Text("5m0s")),
    always("/authorization/webhook/cacheUnauthorizedTTL", Text("30s")),
    always("/cgroupDriver", Text("cgroupfs")),
    always("/cgroupsPerQOS", Bool(true)),
    always("/configMapAndSecretChangeDetectionStrategy", Text("Watch")),
    always("/containerLogMaxFiles", Integer(5)),
    always("/containerLogMaxSize", Text("10Mi")),
    between("/containerLogMaxWorkers", Integer(1), 30, EVER),
    between("/containerLogMonitorInterval", Text("10s"), 30, EVER),
    always(
        "/containerRuntimeEndpoint",
        Text("unix:///run/containerd/containerd.sock"),
    ),
    always("/contentType", Text("application/vnd.kubernetes.protobuf")),
    always("/cpuCFSQuota", Bool(true)),
    always("/cpuCFSQuotaPeriod", Text("100ms")),
    always("/cpuManagerPolicy", Text("none")),
    always("/cpuManagerReconcilePeriod", Text("10s")),
    between(
        "/crashLoopBackOff/maxContainerRestartPeriod",
        Text("5m0s"),
        35,
        EVER,
    ),
    always("/enableContentionProfiling", Bool(false)),
    always("/enableControllerAttachDetach", Bool(true)),
    always("/enableDebugFlagsHandler", Bool(true)),
    always("/enableDebuggingHandlers", Bool(true)),
    always("/enableProfilingHandler", Bool(true)),
    always("/enableServer", Bool(true)),
    always("/enableSystemLogHandler", Bool(true)),
    between("/enableSystemLogQuery", Bool(false), 27, EVER),
    always("/enforceNodeAllocatable", Texts(&["pods"])),
    between("/eventBurst", Integer(10), ALWAYS, 26),
    between("/eventBurst", Integer(100), 27, EVER),
    between("/eventRecordQPS", Integer(5), ALWAYS, 26),
    between("/eventRecordQPS", Integer(50), 27, EVER),
    always("/evictionMaxPodGracePeriod", Integer(0)),
    always("/evictionPressureTransitionPeriod", Text("5m0s")),
    between("/failCgroupV1", Bool(false), 31, 34),
    between("/failCgroupV1", Bool(true), 35, EVER),
    always("/failSwapOn", Bool(true)),
    always("/fileCheckFrequency", Text("20s")),
    always("/hairpinMode", Text("promiscuous-bridge")),
    always("/healthzBindAddress", Text("127.0.0.1")),
    always("/healthzPort", Integer(10248)),
    always("/httpCheckFrequency", Text("20s")),
    always("/imageGCHighThresholdPercent", Integer(85)),
    always("/imageGCLowThresholdPercent", Integer(80)),
    between("/imageMaximumGCAge", Text("0s"), 29, EVER),
    always("/imageMinimumGCAge", Text("2m0s")),
    between(
        "/imagePullCredentialsVerificationPolicy",
        Text("NeverVerifyPreloadedImages"),
        35,
        EVER,
    ),
    always("/iptablesDropBit", Integer(15)),
    always("/iptablesMasqueradeBit", Integer(14)),
    always("/kernelMemcgNotification", Bool(false)),
    between("/kubeAPIBurst", Integer(10), ALWAYS, 26),
    between("/kubeAPIBurst", Integer(100), 27, EVER),
    between("/kubeAPIQPS", Integer(5), ALWAYS, 26),
    between("/kubeAPIQPS", Integer(50), 27, EVER),
    always("/localStorageCapacityIsolation", Bool(true)),
    always("/logging/flushFrequency", Text("5s")),
    always("/logging/format", Text("text")),
    always("/logging/verbosity", Integer(0)),
    always("/makeIPTablesUtilChains", Bool(true)),
    always("/maxOpenFiles", Integer(1_000_000)),
    always("/maxPods", Integer(110)),
    always("/memoryManagerPolicy", Text("None")),
    between("/memoryReservationPolicy", Text("None"), 36, EVER),
    between("/memoryThrottlingFactor", Float(0.8), ALWAYS, 26),
    between("/memoryThrottlingFactor", Float(0.9), 27, 36),
    between("/mergeDefaultEvictionSettings", Bool(false), 33, EVER),
    always("/nodeLeaseDurationSeconds", Integer(40)),
    always("/nodeStatusMaxImages", Integer(50)),
    always("/nodeStatusUpdateFrequency", Text("10s")),
    always("/oomScoreAdj", Integer(-999)),
    between("/podLogsDir", Text("/var/log/pods"), 30, EVER),
    always("/podPidsLimit", Integer(-1)),
    always("/podsPerCore", Integer(0)),
    always("/port", Integer(10250)),
    always("/protectKernelDefaults", Bool(false)),
    always("/readOnlyPort", Integer(0)),
    always("/registerNode", Bool(true)),
    always("/registryBurst", Integer(10)),
    always("/registryPullQPS", Integer(5)),
    always("/resolvConf", Text("/etc/resolv.conf")),
    always("/rotateCertificates", Bool(false)),
    always("/runOnce", Bool(false)),
    always("/runtimeRequestTimeout", Text("2m0s")),
    always("/seccompDefault", Bool(false)),
    always("/serverTLSBootstrap", Bool(false)),
    always("/shutdownGracePeriod", Text("0s")),
    always("/shutdownGracePeriodCriticalPods", Text("0s")),
    always("/streamingConnectionIdleTimeout", Text("4h0m0s")),
    always("/syncFrequency", Text("1m0s")),
    always("/topologyManagerPolicy", Text("none")),
    always("/topologyManagerScope", Text("container")),
    always(
        "/volumePluginDir",
        Text("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"),
    ),
    always("/volumeStatsAggPeriod", Text("1m0s")),
];

/// What a kubelet that is started without `--config` has instead
/// (`applyLegacyDefaults` in `cmd/kubelet/app/options/options.go`).
static LEGACY: &[Default] = &[
    always("/authentication/anonymous/enabled", Bool(true)),
    always("/authentication/webhook/enabled", Bool(false)),
    always("/authorization/mode", Text("AlwaysAllow")),
    always("/readOnlyPort", Integer(10255)),
];

/// `eviction.DefaultEvictionHard`, which a configuration file without
/// `evictionHard` gets. 1.30 added `imagefs.inodesFree`.
static EVICTION: &[Default] = &[
    always("/evictionHard/imagefs.available", Text("15%")),
    between("/evictionHard/imagefs.inodesFree", Text("5%"), 30, EVER),
    always("/evictionHard/memory.available", Text("100Mi")),
    always("/evictionHard/nodefs.available", Text("10%")),
    always("/evictionHard/nodefs.inodesFree", Text("5%")),
];

/// A default, or `None` where it hangs on a version that is not known.
pub(crate) type Row = (&'static str, Option<Json>);

/// The defaults of a minor version of 1.x.
pub(crate) fn of(minor: Option<u32>) -> Vec<Row> {
    rows(DEFAULTS, minor)
}

/// The legacy defaults, which go before those of [`of`].
pub(crate) fn legacy() -> Vec<Row> {
    rows(LEGACY, None)
}

/// The entries of the default `evictionHard`.
pub(crate) fn eviction(minor: Option<u32>) -> Vec<Row> {
    rows(EVICTION, minor)
}

fn rows(table: &'static [Default], minor: Option<u32>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for row in table {
        let value = match minor {
            Some(minor) if (row.from..=row.until).contains(&minor) => Some(row.value.into()),
            Some(_) => continue,
            None if row.from == ALWAYS && row.until == EVER => Some(row.value.into()),
            None => None,
        };
        if rows
            .last()
            .is_none_or(|(pointer, _)| *pointer != row.pointer)
        {
            rows.push((row.pointer, value));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::fields::KUBELET_CONFIGURATION;
    use super::*;

    #[test]
    fn every_default_is_of_a_field() {
        for row in DEFAULTS.iter().chain(LEGACY).chain(EVICTION) {
            assert!(
                KUBELET_CONFIGURATION.at(row.pointer).is_some(),
                "{}",
                row.pointer
            );
        }
        assert!(
            DEFAULTS
                .windows(2)
                .all(|pair| pair[0].pointer <= pair[1].pointer)
        );
    }

    #[test]
    fn by_version() {
        let get = |minor, pointer: &str| {
            of(minor)
                .into_iter()
                .find(|(at, _)| *at == pointer)
                .map(|(_, value)| value)
        };
        assert_eq!(get(Some(30), "/failCgroupV1"), None);
        assert_eq!(
            get(Some(34), "/failCgroupV1"),
            Some(Some(Json::Bool(false)))
        );
        assert_eq!(get(Some(35), "/failCgroupV1"), Some(Some(Json::Bool(true))));
        assert_eq!(get(None, "/failCgroupV1"), Some(None));
        assert_eq!(get(Some(37), "/memoryThrottlingFactor"), None);
    }
}
