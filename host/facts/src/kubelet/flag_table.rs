//! The kubelet's flags (`cmd/kubelet/app/options/*.go` of 1.25 to 1.37): what
//! type each has for pflag, and which field of `KubeletConfiguration` it sets.

/// A flag.
#[derive(Debug)]
pub(crate) struct FlagSpec {
    /// The long name, with dashes.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: FlagKind,
    /// The field it sets, as a pointer; empty if none.
    pub(crate) field: &'static str,
}

/// What pflag does with a flag's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagKind {
    /// A value only with `=`; alone it is `true`.
    Bool,
    /// A number.
    Int,
    /// The last one wins.
    Text,
    /// As `Text`, in the syntax of Go's `time.ParseDuration`.
    Duration,
    /// Split at commas (as CSV); further ones append.
    Texts,
    /// `key=value,…`; further ones add keys.
    Map,
    /// The same with `true` and `false` as values.
    BoolMap,
    /// `key<value,…` (eviction thresholds).
    LessMap,
    /// Further ones add; the field has a form of its own.
    Repeated,
}

use FlagKind::{Bool, BoolMap, Duration, Int, LessMap, Map, Repeated, Text, Texts};

/// The flag of that long name.
pub(crate) fn find(name: &str) -> Option<&'static FlagSpec> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The long names of all flags.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().map(|flag| flag.name)
}

/// Every flag.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = &'static FlagSpec> {
    FLAGS.iter()
}

const fn flag(name: &'static str, kind: FlagKind, field: &'static str) -> FlagSpec {
    FlagSpec { name, kind, field }
}

static FLAGS: &[FlagSpec] = &[
    flag("bootstrap-kubeconfig", Text, ""),
    flag("cert-dir", Text, ""),
    flag("cloud-config", Text, ""),
    flag("cloud-provider", Text, ""),
    flag("config", Text, ""),
    flag("config-dir", Text, ""),
    flag("container-runtime", Text, ""),
    flag("exit-on-lock-contention", Bool, ""),
    flag("experimental-allocatable-ignore-eviction", Bool, ""),
    flag("experimental-mounter-path", Text, ""),
    flag("hostname-override", Text, ""),
    flag("image-credential-provider-bin-dir", Text, ""),
    flag("image-credential-provider-config", Text, ""),
    flag("keep-terminated-pod-volumes", Bool, ""),
    flag("kubeconfig", Text, ""),
    flag("lock-file", Text, ""),
    flag("master-service-namespace", Text, ""),
    flag("maximum-dead-containers", Int, ""),
    flag("maximum-dead-containers-per-container", Int, ""),
    flag("minimum-container-ttl-duration", Duration, ""),
    flag("node-ip", Text, ""),
    // A key without a value is a label all the same (ConfigurationMap of cliflag).
    flag("node-labels", Texts, ""),
    flag("pod-infra-container-image", Text, ""),
    flag("register-schedulable", Bool, ""),
    flag("root-dir", Text, ""),
    flag("runtime-cgroups", Text, ""),
    flag("seccomp-default", Bool, "/seccompDefault"),
    flag("address", Text, "/address"),
    flag("allowed-unsafe-sysctls", Texts, "/allowedUnsafeSysctls"),
    flag("anonymous-auth", Bool, "/authentication/anonymous/enabled"),
    flag(
        "authentication-token-webhook",
        Bool,
        "/authentication/webhook/enabled",
    ),
    flag(
        "authentication-token-webhook-cache-ttl",
        Duration,
        "/authentication/webhook/cacheTTL",
    ),
    flag("authorization-mode", Text, "/authorization/mode"),
    flag(
        "authorization-webhook-cache-authorized-ttl",
        Duration,
        "/authorization/webhook/cacheAuthorizedTTL",
    ),
    flag(
        "authorization-webhook-cache-unauthorized-ttl",
        Duration,
        "/authorization/webhook/cacheUnauthorizedTTL",
    ),
    flag("cgroup-driver", Text, "/cgroupDriver"),
    flag("cgroup-root", Text, "/cgroupRoot"),
    flag("cgroups-per-qos", Bool, "/cgroupsPerQOS"),
    flag("client-ca-file", Text, "/authentication/x509/clientCAFile"),
    flag("cluster-dns", Texts, "/clusterDNS"),
    flag("cluster-domain", Text, "/clusterDomain"),
    flag("container-log-max-files", Int, "/containerLogMaxFiles"),
    flag("container-log-max-size", Text, "/containerLogMaxSize"),
    flag(
        "container-runtime-endpoint",
        Text,
        "/containerRuntimeEndpoint",
    ),
    flag("contention-profiling", Bool, "/enableContentionProfiling"),
    flag("cpu-cfs-quota", Bool, "/cpuCFSQuota"),
    flag("cpu-cfs-quota-period", Duration, "/cpuCFSQuotaPeriod"),
    flag("cpu-manager-policy", Text, "/cpuManagerPolicy"),
    flag(
        "cpu-manager-policy-options",
        Map,
        "/cpuManagerPolicyOptions",
    ),
    flag(
        "cpu-manager-reconcile-period",
        Duration,
        "/cpuManagerReconcilePeriod",
    ),
    flag(
        "enable-controller-attach-detach",
        Bool,
        "/enableControllerAttachDetach",
    ),
    flag(
        "enable-debugging-handlers",
        Bool,
        "/enableDebuggingHandlers",
    ),
    flag("enable-server", Bool, "/enableServer"),
    flag("enforce-node-allocatable", Texts, "/enforceNodeAllocatable"),
    flag("event-burst", Int, "/eventBurst"),
    flag("event-qps", Int, "/eventRecordQPS"),
    flag("eviction-hard", LessMap, "/evictionHard"),
    flag(
        "eviction-max-pod-grace-period",
        Int,
        "/evictionMaxPodGracePeriod",
    ),
    flag("eviction-minimum-reclaim", Map, "/evictionMinimumReclaim"),
    flag(
        "eviction-pressure-transition-period",
        Duration,
        "/evictionPressureTransitionPeriod",
    ),
    flag("eviction-soft", LessMap, "/evictionSoft"),
    flag(
        "eviction-soft-grace-period",
        Map,
        "/evictionSoftGracePeriod",
    ),
    flag("fail-cgroupv1", Bool, "/failCgroupV1"),
    flag("fail-swap-on", Bool, "/failSwapOn"),
    flag("feature-gates", BoolMap, "/featureGates"),
    flag("file-check-frequency", Duration, "/fileCheckFrequency"),
    flag("hairpin-mode", Text, "/hairpinMode"),
    flag("healthz-bind-address", Text, "/healthzBindAddress"),
    flag("healthz-port", Int, "/healthzPort"),
    flag("http-check-frequency", Duration, "/httpCheckFrequency"),
    flag(
        "image-gc-high-threshold",
        Int,
        "/imageGCHighThresholdPercent",
    ),
    flag("image-gc-low-threshold", Int, "/imageGCLowThresholdPercent"),
    flag("image-service-endpoint", Text, "/imageServiceEndpoint"),
    flag("iptables-drop-bit", Int, "/iptablesDropBit"),
    flag("iptables-masquerade-bit", Int, "/iptablesMasqueradeBit"),
    flag(
        "kernel-memcg-notification",
        Bool,
        "/kernelMemcgNotification",
    ),
    flag("kube-api-burst", Int, "/kubeAPIBurst"),
    flag("kube-api-content-type", Text, "/contentType"),
    flag("kube-api-qps", Int, "/kubeAPIQPS"),
    flag("kube-reserved", Map, "/kubeReserved"),
    flag("kube-reserved-cgroup", Text, "/kubeReservedCgroup"),
    flag("kubelet-cgroups", Text, "/kubeletCgroups"),
    flag(
        "local-storage-capacity-isolation",
        Bool,
        "/localStorageCapacityIsolation",
    ),
    flag("log-flush-frequency", Duration, "/logging/flushFrequency"),
    flag(
        "log-json-info-buffer-size",
        Text,
        "/logging/options/json/infoBufferSize",
    ),
    flag(
        "log-json-split-stream",
        Bool,
        "/logging/options/json/splitStream",
    ),
    flag(
        "log-text-info-buffer-size",
        Text,
        "/logging/options/text/infoBufferSize",
    ),
    flag(
        "log-text-split-stream",
        Bool,
        "/logging/options/text/splitStream",
    ),
    flag("logging-format", Text, "/logging/format"),
    flag("make-iptables-util-chains", Bool, "/makeIPTablesUtilChains"),
    flag("manifest-url", Text, "/staticPodURL"),
    flag("manifest-url-header", Repeated, ""),
    flag("max-open-files", Int, "/maxOpenFiles"),
    flag("max-pods", Int, "/maxPods"),
    flag("memory-manager-policy", Text, "/memoryManagerPolicy"),
    flag("minimum-image-ttl-duration", Duration, "/imageMinimumGCAge"),
    flag("node-status-max-images", Int, "/nodeStatusMaxImages"),
    flag(
        "node-status-update-frequency",
        Duration,
        "/nodeStatusUpdateFrequency",
    ),
    flag("oom-score-adj", Int, "/oomScoreAdj"),
    flag("pod-cidr", Text, "/podCIDR"),
    flag("pod-manifest-path", Text, "/staticPodPath"),
    flag("pod-max-pids", Int, "/podPidsLimit"),
    flag("pods-per-core", Int, "/podsPerCore"),
    flag("port", Int, "/port"),
    flag("protect-kernel-defaults", Bool, "/protectKernelDefaults"),
    flag("provider-id", Text, "/providerID"),
    flag("qos-reserved", Map, "/qosReserved"),
    flag("read-only-port", Int, "/readOnlyPort"),
    flag("register-node", Bool, "/registerNode"),
    flag("register-with-taints", Repeated, ""),
    flag("registry-burst", Int, "/registryBurst"),
    flag("registry-qps", Int, "/registryPullQPS"),
    flag("reserved-cpus", Text, "/reservedSystemCPUs"),
    flag("reserved-memory", Repeated, ""),
    flag("resolv-conf", Text, "/resolvConf"),
    flag("rotate-certificates", Bool, "/rotateCertificates"),
    flag("rotate-server-certificates", Bool, "/serverTLSBootstrap"),
    flag("runonce", Bool, "/runOnce"),
    flag(
        "runtime-request-timeout",
        Duration,
        "/runtimeRequestTimeout",
    ),
    flag("serialize-image-pulls", Bool, "/serializeImagePulls"),
    flag(
        "streaming-connection-idle-timeout",
        Duration,
        "/streamingConnectionIdleTimeout",
    ),
    flag("sync-frequency", Duration, "/syncFrequency"),
    flag("system-cgroups", Text, "/systemCgroups"),
    flag("system-reserved", Map, "/systemReserved"),
    flag("system-reserved-cgroup", Text, "/systemReservedCgroup"),
    flag("tls-cert-file", Text, "/tlsCertFile"),
    flag("tls-cipher-suites", Texts, "/tlsCipherSuites"),
    flag("tls-min-version", Text, "/tlsMinVersion"),
    flag("tls-private-key-file", Text, "/tlsPrivateKeyFile"),
    flag("topology-manager-policy", Text, "/topologyManagerPolicy"),
    flag(
        "topology-manager-policy-options",
        Map,
        "/topologyManagerPolicyOptions",
    ),
    flag("topology-manager-scope", Text, "/topologyManagerScope"),
    flag("v", Int, "/logging/verbosity"),
    flag("vmodule", Repeated, ""),
    flag("volume-plugin-dir", Text, "/volumePluginDir"),
    flag("volume-stats-agg-period", Duration, "/volumeStatsAggPeriod"),
    flag("application-metrics-count-limit", Int, ""),
    flag("azure-container-registry-config", Text, ""),
    flag("boot-id-file", Text, ""),
    flag("container-hints", Text, ""),
    flag("containerd", Text, ""),
    flag("containerd-namespace", Text, ""),
    flag("enable-load-reader", Bool, ""),
    flag("event-storage-age-limit", Text, ""),
    flag("event-storage-event-limit", Text, ""),
    flag("global-housekeeping-interval", Duration, ""),
    flag("help", Bool, ""),
    flag("housekeeping-interval", Duration, ""),
    flag("log-cadvisor-usage", Bool, ""),
    flag("machine-id-file", Text, ""),
    flag("storage-driver-buffer-duration", Duration, ""),
    flag("storage-driver-db", Text, ""),
    flag("storage-driver-host", Text, ""),
    flag("storage-driver-password", Text, ""),
    flag("storage-driver-secure", Bool, ""),
    flag("storage-driver-table", Text, ""),
    flag("storage-driver-user", Text, ""),
    flag("version", Bool, ""),
];
