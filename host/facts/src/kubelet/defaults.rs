//! The defaults of `KubeletConfiguration` by minor version
//! (`pkg/kubelet/apis/config/v1beta1/defaults.go`, 1.25 to 1.37).

use serde_json::Value as Json;

/// A default: the field, its value as JSON, the minors of 1.x that have it.
struct Default {
    pointer: &'static str,
    json: &'static str,
    from: u32,
    until: u32,
}

const ALWAYS: u32 = 0;
const EVER: u32 = u32::MAX;

const fn always(pointer: &'static str, json: &'static str) -> Default {
    between(pointer, json, ALWAYS, EVER)
}

const fn between(pointer: &'static str, json: &'static str, from: u32, until: u32) -> Default {
    Default {
        pointer,
        json,
        from,
        until,
    }
}

static DEFAULTS: &[Default] = &[
    always("/address", "\"0.0.0.0\""),
    always("/authentication/anonymous/enabled", "false"),
    always("/authentication/webhook/cacheTTL", "\"2m0s\""),
    always("/authentication/webhook/enabled", "true"),
    always("/authorization/mode", "\"Webhook\""),
    always("/authorization/webhook/cacheAuthorizedTTL", "\"5m0s\""),
    always("/authorization/webhook/cacheUnauthorizedTTL", "\"30s\""),
    always("/cgroupDriver", "\"cgroupfs\""),
    always("/cgroupsPerQOS", "true"),
    always("/configMapAndSecretChangeDetectionStrategy", "\"Watch\""),
    always("/containerLogMaxFiles", "5"),
    always("/containerLogMaxSize", "\"10Mi\""),
    between("/containerLogMaxWorkers", "1", 30, EVER),
    between("/containerLogMonitorInterval", "\"10s\"", 30, EVER),
    always(
        "/containerRuntimeEndpoint",
        "\"unix:///run/containerd/containerd.sock\"",
    ),
    always("/contentType", "\"application/vnd.kubernetes.protobuf\""),
    always("/cpuCFSQuota", "true"),
    always("/cpuCFSQuotaPeriod", "\"100ms\""),
    always("/cpuManagerPolicy", "\"none\""),
    always("/cpuManagerReconcilePeriod", "\"10s\""),
    between(
        "/crashLoopBackOff/maxContainerRestartPeriod",
        "\"5m0s\"",
        35,
        EVER,
    ),
    always("/enableContentionProfiling", "false"),
    always("/enableControllerAttachDetach", "true"),
    always("/enableDebugFlagsHandler", "true"),
    always("/enableDebuggingHandlers", "true"),
    always("/enableProfilingHandler", "true"),
    always("/enableServer", "true"),
    always("/enableSystemLogHandler", "true"),
    between("/enableSystemLogQuery", "false", 27, EVER),
    always("/enforceNodeAllocatable", "[\"pods\"]"),
    between("/eventBurst", "10", ALWAYS, 26),
    between("/eventBurst", "100", 27, EVER),
    between("/eventRecordQPS", "5", ALWAYS, 26),
    between("/eventRecordQPS", "50", 27, EVER),
    always("/evictionMaxPodGracePeriod", "0"),
    always("/evictionPressureTransitionPeriod", "\"5m0s\""),
    between("/failCgroupV1", "false", 31, 34),
    between("/failCgroupV1", "true", 35, EVER),
    always("/failSwapOn", "true"),
    always("/fileCheckFrequency", "\"20s\""),
    always("/hairpinMode", "\"promiscuous-bridge\""),
    always("/healthzBindAddress", "\"127.0.0.1\""),
    always("/healthzPort", "10248"),
    always("/httpCheckFrequency", "\"20s\""),
    always("/imageGCHighThresholdPercent", "85"),
    always("/imageGCLowThresholdPercent", "80"),
    between("/imageMaximumGCAge", "\"0s\"", 29, EVER),
    always("/imageMinimumGCAge", "\"2m0s\""),
    between(
        "/imagePullCredentialsVerificationPolicy",
        "\"NeverVerifyPreloadedImages\"",
        35,
        EVER,
    ),
    always("/iptablesDropBit", "15"),
    always("/iptablesMasqueradeBit", "14"),
    always("/kernelMemcgNotification", "false"),
    between("/kubeAPIBurst", "10", ALWAYS, 26),
    between("/kubeAPIBurst", "100", 27, EVER),
    between("/kubeAPIQPS", "5", ALWAYS, 26),
    between("/kubeAPIQPS", "50", 27, EVER),
    always("/localStorageCapacityIsolation", "true"),
    always("/logging/flushFrequency", "\"5s\""),
    always("/logging/format", "\"text\""),
    always("/logging/verbosity", "0"),
    always("/makeIPTablesUtilChains", "true"),
    always("/maxOpenFiles", "1000000"),
    always("/maxPods", "110"),
    always("/memoryManagerPolicy", "\"None\""),
    between("/memoryReservationPolicy", "\"None\"", 36, EVER),
    between("/memoryThrottlingFactor", "0.8", ALWAYS, 26),
    between("/memoryThrottlingFactor", "0.9", 27, 36),
    between("/mergeDefaultEvictionSettings", "false", 33, EVER),
    always("/nodeLeaseDurationSeconds", "40"),
    always("/nodeStatusMaxImages", "50"),
    always("/nodeStatusUpdateFrequency", "\"10s\""),
    always("/oomScoreAdj", "-999"),
    between("/podLogsDir", "\"/var/log/pods\"", 30, EVER),
    always("/podPidsLimit", "-1"),
    always("/podsPerCore", "0"),
    always("/port", "10250"),
    always("/protectKernelDefaults", "false"),
    always("/readOnlyPort", "0"),
    always("/registerNode", "true"),
    always("/registryBurst", "10"),
    always("/registryPullQPS", "5"),
    always("/resolvConf", "\"/etc/resolv.conf\""),
    always("/rotateCertificates", "false"),
    always("/runOnce", "false"),
    always("/runtimeRequestTimeout", "\"2m0s\""),
    always("/seccompDefault", "false"),
    always("/serverTLSBootstrap", "false"),
    always("/shutdownGracePeriod", "\"0s\""),
    always("/shutdownGracePeriodCriticalPods", "\"0s\""),
    always("/streamingConnectionIdleTimeout", "\"4h0m0s\""),
    always("/syncFrequency", "\"1m0s\""),
    always("/topologyManagerPolicy", "\"none\""),
    always("/topologyManagerScope", "\"container\""),
    always(
        "/volumePluginDir",
        "\"/usr/libexec/kubernetes/kubelet-plugins/volume/exec/\"",
    ),
    always("/volumeStatsAggPeriod", "\"1m0s\""),
];

/// What a kubelet that is started without `--config` has instead
/// (`applyLegacyDefaults` in `cmd/kubelet/app/options/options.go`).
static LEGACY: &[Default] = &[
    always("/authentication/anonymous/enabled", "true"),
    always("/authentication/webhook/enabled", "false"),
    always("/authorization/mode", "\"AlwaysAllow\""),
    always("/readOnlyPort", "10255"),
];

/// `eviction.DefaultEvictionHard`, which a configuration file without
/// `evictionHard` gets. 1.30 added `imagefs.inodesFree`.
static EVICTION: &[Default] = &[
    always("/evictionHard/imagefs.available", "\"15%\""),
    between("/evictionHard/imagefs.inodesFree", "\"5%\"", 30, EVER),
    always("/evictionHard/memory.available", "\"100Mi\""),
    always("/evictionHard/nodefs.available", "\"10%\""),
    always("/evictionHard/nodefs.inodesFree", "\"5%\""),
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
            Some(minor) if (row.from..=row.until).contains(&minor) => parse(row.json),
            Some(_) => continue,
            None if row.from == ALWAYS && row.until == EVER => parse(row.json),
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

fn parse(json: &str) -> Option<Json> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::super::fields::KUBELET_CONFIGURATION;
    use super::*;

    #[test]
    fn every_default_is_of_a_field_and_is_json() {
        for row in DEFAULTS.iter().chain(LEGACY).chain(EVICTION) {
            assert!(
                KUBELET_CONFIGURATION.at(row.pointer).is_some(),
                "{}",
                row.pointer
            );
            assert!(parse(row.json).is_some(), "{}", row.pointer);
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
