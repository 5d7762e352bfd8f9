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

/// The type of a flag: what is done with its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagKind {
    /// A value only with `=`; alone it is `true`.
    Bool,
    /// The same with `raw` and `v1.2.3` (`verflag`).
    Version,
    /// A number of 32 bits; `0x10` and `010` are some too.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// A number of 31 bits, in decimal.
    Verbosity,
    /// The last one wins.
    Text,
    /// In the syntax of Go's `time.ParseDuration`.
    Duration,
    /// `resource.QuantityValue`.
    Quantity,
    /// `IPVar`: an address; nothing leaves the field as it is.
    Ip,
    /// `StringSlice`: split at commas (as CSV); further ones append.
    Texts,
    /// `MapStringString`: `key=value,…`; further ones add keys.
    Map,
    /// The same with one `key=value` each (`NewMapStringStringNoSplit`).
    OneEntry,
    /// `MapStringBool`: with `true` and `false` as values.
    BoolMap,
    /// `LangleSeparatedMapStringString`: `key<value,…` (eviction thresholds).
    LessMap,
    /// `ConfigurationMap`: a key without a value is one all the same.
    Labels,
    /// `ColonSeparatedMultimapStringString`: `key:value,…`.
    Headers,
    /// `RegisterWithTaintsVar`: the last one wins.
    Taints,
    /// `ReservedMemoryVar`: further ones append.
    ReservedMemory,
    /// `VModuleConfigurationPflag`: appends to what the file says.
    VModule,
}

impl FlagKind {
    /// Whether the flag may stand without a value.
    pub(crate) fn is_bool(self) -> bool {
        matches!(self, Bool | Version)
    }

    /// Whether several flags add up.
    pub(crate) fn adds_up(self) -> bool {
        match self {
            Bool | Version | Int32 | Int64 | Verbosity | Text | Duration | Quantity | Ip
            | Taints => false,
            Texts | Map | OneEntry | BoolMap | LessMap | Labels | Headers | ReservedMemory
            | VModule => true,
        }
    }
}

use FlagKind::{
    Bool, BoolMap, Duration, Headers, Int32, Int64, Ip, Labels, LessMap, Map, OneEntry, Quantity,
    ReservedMemory, Taints, Text, Texts, VModule, Verbosity, Version,
};

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
    flag("maximum-dead-containers", Int32, ""),
    flag("maximum-dead-containers-per-container", Int32, ""),
    flag("minimum-container-ttl-duration", Duration, ""),
    flag("node-ip", Text, ""),
    flag("node-labels", Labels, ""),
    flag("pod-infra-container-image", Text, ""),
    flag("register-schedulable", Bool, ""),
    flag("root-dir", Text, ""),
    flag("runtime-cgroups", Text, ""),
    flag("seccomp-default", Bool, "/seccompDefault"),
    flag("address", Ip, "/address"),
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
    flag("container-log-max-files", Int32, "/containerLogMaxFiles"),
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
        OneEntry,
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
    flag("event-burst", Int32, "/eventBurst"),
    flag("event-qps", Int32, "/eventRecordQPS"),
    flag("eviction-hard", LessMap, "/evictionHard"),
    flag(
        "eviction-max-pod-grace-period",
        Int32,
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
    flag("healthz-bind-address", Ip, "/healthzBindAddress"),
    flag("healthz-port", Int32, "/healthzPort"),
    flag("http-check-frequency", Duration, "/httpCheckFrequency"),
    flag(
        "image-gc-high-threshold",
        Int32,
        "/imageGCHighThresholdPercent",
    ),
    flag(
        "image-gc-low-threshold",
        Int32,
        "/imageGCLowThresholdPercent",
    ),
    flag("image-service-endpoint", Text, "/imageServiceEndpoint"),
    flag("iptables-drop-bit", Int32, "/iptablesDropBit"),
    flag("iptables-masquerade-bit", Int32, "/iptablesMasqueradeBit"),
    flag(
        "kernel-memcg-notification",
        Bool,
        "/kernelMemcgNotification",
    ),
    flag("kube-api-burst", Int32, "/kubeAPIBurst"),
    flag("kube-api-content-type", Text, "/contentType"),
    flag("kube-api-qps", Int32, "/kubeAPIQPS"),
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
        Quantity,
        "/logging/options/json/infoBufferSize",
    ),
    flag(
        "log-json-split-stream",
        Bool,
        "/logging/options/json/splitStream",
    ),
    flag(
        "log-text-info-buffer-size",
        Quantity,
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
    flag("manifest-url-header", Headers, "/staticPodURLHeader"),
    flag("max-open-files", Int64, "/maxOpenFiles"),
    flag("max-pods", Int32, "/maxPods"),
    flag("memory-manager-policy", Text, "/memoryManagerPolicy"),
    flag("minimum-image-ttl-duration", Duration, "/imageMinimumGCAge"),
    flag("node-status-max-images", Int32, "/nodeStatusMaxImages"),
    flag(
        "node-status-update-frequency",
        Duration,
        "/nodeStatusUpdateFrequency",
    ),
    flag("oom-score-adj", Int32, "/oomScoreAdj"),
    flag("pod-cidr", Text, "/podCIDR"),
    flag("pod-manifest-path", Text, "/staticPodPath"),
    flag("pod-max-pids", Int64, "/podPidsLimit"),
    flag("pods-per-core", Int32, "/podsPerCore"),
    flag("port", Int32, "/port"),
    flag("protect-kernel-defaults", Bool, "/protectKernelDefaults"),
    flag("provider-id", Text, "/providerID"),
    flag("qos-reserved", Map, "/qosReserved"),
    flag("read-only-port", Int32, "/readOnlyPort"),
    flag("register-node", Bool, "/registerNode"),
    flag("register-with-taints", Taints, "/registerWithTaints"),
    flag("registry-burst", Int32, "/registryBurst"),
    flag("registry-qps", Int32, "/registryPullQPS"),
    flag("reserved-cpus", Text, "/reservedSystemCPUs"),
    flag("reserved-memory", ReservedMemory, "/reservedMemory"),
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
    flag("v", Verbosity, "/logging/verbosity"),
    flag("vmodule", VModule, "/logging/vmodule"),
    flag("volume-plugin-dir", Text, "/volumePluginDir"),
    flag("volume-stats-agg-period", Duration, "/volumeStatsAggPeriod"),
    flag("application-metrics-count-limit", Int64, ""),
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
    flag("version", Version, ""),
];
