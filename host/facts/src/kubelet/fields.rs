//! The fields of `KubeletConfiguration` (`kubelet.config.k8s.io/v1beta1`) with
//! their types, from `k8s.io/kubelet/config/v1beta1/types.go` of 1.25 to 1.37.
//! No field was taken away in that time.

use Kind::{
    Bool, BoolMap, Duration, DurationOrInt, Float64, Int32, Int32s, Int64, Object, Objects,
    Quantity, QuantityMap, Text, TextMap, Texts, TextsMap, Uint32,
};

/// A Go struct.
#[derive(Debug)]
pub(crate) struct Struct {
    /// Its name, as Go's errors say it.
    pub(crate) name: &'static str,
    /// Its fields, in the order of the declaration.
    pub(crate) fields: &'static [Field],
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its key in JSON. Case matters.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Kind,
    /// A Go pointer: a zero value is a value. Without one, zero means unset.
    pub(crate) pointer: bool,
    /// The first minor version of 1.x that has it; 25 stands for all that are older.
    pub(crate) since: u32,
}

/// A type, as far as decoding tells types apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Float64,
    Text,
    /// `metav1.Duration`: a text such as `1m30s`.
    Duration,
    /// `TimeOrMetaDuration`: a text such as `5s`, or nanoseconds.
    DurationOrInt,
    /// `resource.Quantity`: a text such as `100Mi`, or a number.
    Quantity,
    Texts,
    Int32s,
    TextMap,
    TextsMap,
    BoolMap,
    QuantityMap,
    Object(&'static Struct),
    Objects(&'static Struct),
}

impl Struct {
    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that a pointer names, and what of the pointer lies below it: a
    /// key of a map or the index of an element.
    pub(crate) fn at<'p>(&self, pointer: &'p str) -> Option<(&'static Field, &'p str)> {
        let rest = pointer.strip_prefix('/')?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (name, below) = rest.split_at(end);
        let field = self.field(name)?;
        match field.kind {
            Object(inner) if !below.is_empty() => inner.at(below),
            _ => Some((field, below)),
        }
    }
}

impl Kind {
    /// The name of the type in Go's errors.
    pub(crate) fn go(self) -> &'static str {
        match self {
            Bool => "bool",
            Int32 => "int32",
            Int64 | DurationOrInt => "int64",
            Uint32 => "uint32",
            Float64 => "float64",
            Text | Duration | Quantity => "string",
            Texts => "[]string",
            Int32s => "[]int32",
            TextMap => "map[string]string",
            TextsMap => "map[string][]string",
            BoolMap => "map[string]bool",
            QuantityMap => "v1.ResourceList",
            Object(inner) | Objects(inner) => inner.name,
        }
    }

    /// Whether a merge goes into it key by key.
    pub(crate) fn is_map(self) -> bool {
        matches!(self, TextMap | TextsMap | BoolMap | QuantityMap)
    }
}

const fn plain(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        pointer: false,
        since: 25,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        pointer: true,
        ..plain(name, kind)
    }
}

impl Field {
    const fn since(self, since: u32) -> Self {
        Self { since, ..self }
    }
}

/// `KubeletConfiguration`.
pub(crate) static KUBELET_CONFIGURATION: Struct = Struct {
    name: "KubeletConfiguration",
    fields: &[
        optional("enableServer", Bool),
        plain("staticPodPath", Text),
        plain("podLogsDir", Text).since(30),
        plain("syncFrequency", Duration),
        plain("fileCheckFrequency", Duration),
        plain("httpCheckFrequency", Duration),
        plain("staticPodURL", Text),
        plain("staticPodURLHeader", TextsMap),
        plain("address", Text),
        plain("port", Int32),
        plain("readOnlyPort", Int32),
        plain("tlsCertFile", Text),
        plain("tlsPrivateKeyFile", Text),
        plain("tlsCipherSuites", Texts),
        plain("tlsCurvePreferences", Int32s).since(36),
        plain("tlsMinVersion", Text),
        plain("rotateCertificates", Bool),
        plain("serverTLSBootstrap", Bool),
        plain("authentication", Object(&KUBELET_AUTHENTICATION)),
        plain("authorization", Object(&KUBELET_AUTHORIZATION)),
        optional("registryPullQPS", Int32),
        plain("registryBurst", Int32),
        plain("imagePullCredentialsVerificationPolicy", Text).since(33),
        plain("preloadedImagesVerificationAllowlist", Texts).since(33),
        optional("eventRecordQPS", Int32),
        plain("eventBurst", Int32),
        optional("enableDebuggingHandlers", Bool),
        plain("enableContentionProfiling", Bool),
        optional("healthzPort", Int32),
        plain("healthzBindAddress", Text),
        optional("oomScoreAdj", Int32),
        plain("clusterDomain", Text),
        plain("clusterDNS", Texts),
        plain("streamingConnectionIdleTimeout", Duration),
        plain("nodeStatusUpdateFrequency", Duration),
        plain("nodeStatusReportFrequency", Duration),
        plain("nodeLeaseDurationSeconds", Int32),
        plain("imageMinimumGCAge", Duration),
        plain("imageMaximumGCAge", Duration).since(29),
        optional("imageGCHighThresholdPercent", Int32),
        optional("imageGCLowThresholdPercent", Int32),
        plain("volumeStatsAggPeriod", Duration),
        plain("kubeletCgroups", Text),
        plain("systemCgroups", Text),
        plain("cgroupRoot", Text),
        optional("cgroupsPerQOS", Bool),
        plain("cgroupDriver", Text),
        plain("cpuManagerPolicy", Text),
        optional("singleProcessOOMKill", Bool).since(32),
        plain("cpuManagerPolicyOptions", TextMap),
        plain("cpuManagerReconcilePeriod", Duration),
        plain("memoryManagerPolicy", Text),
        plain("topologyManagerPolicy", Text),
        plain("topologyManagerScope", Text),
        plain("topologyManagerPolicyOptions", TextMap).since(26),
        plain("qosReserved", TextMap),
        plain("runtimeRequestTimeout", Duration),
        plain("hairpinMode", Text),
        plain("maxPods", Int32),
        plain("podCIDR", Text),
        optional("podPidsLimit", Int64),
        optional("resolvConf", Text),
        plain("runOnce", Bool),
        optional("cpuCFSQuota", Bool),
        optional("cpuCFSQuotaPeriod", Duration),
        optional("nodeStatusMaxImages", Int32),
        plain("maxOpenFiles", Int64),
        plain("contentType", Text),
        optional("kubeAPIQPS", Int32),
        plain("kubeAPIBurst", Int32),
        optional("serializeImagePulls", Bool),
        optional("maxParallelImagePulls", Int32).since(27),
        plain("evictionHard", TextMap),
        plain("evictionSoft", TextMap),
        plain("evictionSoftGracePeriod", TextMap),
        plain("evictionPressureTransitionPeriod", Duration),
        plain("evictionMaxPodGracePeriod", Int32),
        plain("evictionMinimumReclaim", TextMap),
        optional("mergeDefaultEvictionSettings", Bool).since(33),
        plain("podsPerCore", Int32),
        optional("enableControllerAttachDetach", Bool),
        plain("protectKernelDefaults", Bool),
        optional("makeIPTablesUtilChains", Bool),
        optional("iptablesMasqueradeBit", Int32),
        optional("iptablesDropBit", Int32),
        plain("featureGates", BoolMap),
        optional("failSwapOn", Bool),
        plain("memorySwap", Object(&MEMORY_SWAP_CONFIGURATION)),
        plain("containerLogMaxSize", Text),
        optional("containerLogMaxFiles", Int32),
        optional("containerLogMaxWorkers", Int32).since(30),
        optional("containerLogMonitorInterval", Duration).since(30),
        plain("configMapAndSecretChangeDetectionStrategy", Text),
        plain("systemReserved", TextMap),
        plain("kubeReserved", TextMap),
        plain("reservedSystemCPUs", Text),
        plain("showHiddenMetricsForVersion", Text),
        plain("systemReservedCgroup", Text),
        plain("kubeReservedCgroup", Text),
        plain("enforceNodeAllocatable", Texts),
        plain("allowedUnsafeSysctls", Texts),
        plain("defaultPodSysctls", TextMap).since(37),
        plain("volumePluginDir", Text),
        plain("providerID", Text),
        plain("kernelMemcgNotification", Bool),
        plain("logging", Object(&LOGGING_CONFIGURATION)),
        optional("enableSystemLogHandler", Bool),
        optional("enableSystemLogQuery", Bool).since(27),
        plain("shutdownGracePeriod", Duration),
        plain("shutdownGracePeriodCriticalPods", Duration),
        plain(
            "shutdownGracePeriodByPodPriority",
            Objects(&SHUTDOWN_GRACE_PERIOD_BY_POD_PRIORITY),
        ),
        plain("crashLoopBackOff", Object(&CRASH_LOOP_BACK_OFF_CONFIG)).since(32),
        plain("reservedMemory", Objects(&MEMORY_RESERVATION)),
        optional("enableProfilingHandler", Bool),
        optional("enableDebugFlagsHandler", Bool),
        optional("seccompDefault", Bool),
        optional("memoryThrottlingFactor", Float64),
        plain("memoryReservationPolicy", Text).since(36),
        plain("registerWithTaints", Objects(&TAINT)),
        optional("registerNode", Bool),
        optional("tracing", Object(&TRACING_CONFIGURATION)),
        optional("localStorageCapacityIsolation", Bool),
        plain("containerRuntimeEndpoint", Text).since(27),
        plain("imageServiceEndpoint", Text).since(27),
        optional("failCgroupV1", Bool).since(31),
        optional("userNamespaces", Object(&USER_NAMESPACES)).since(33),
    ],
};

/// `UserNamespaces`.
static USER_NAMESPACES: Struct = Struct {
    name: "UserNamespaces",
    fields: &[optional("idsPerPod", Int64).since(33)],
};

/// `TracingConfiguration`.
static TRACING_CONFIGURATION: Struct = Struct {
    name: "TracingConfiguration",
    fields: &[
        optional("endpoint", Text),
        optional("samplingRatePerMillion", Int32),
    ],
};

/// `Taint`.
static TAINT: Struct = Struct {
    name: "Taint",
    fields: &[
        plain("key", Text),
        plain("value", Text),
        plain("effect", Text),
        optional("timeAdded", Text),
    ],
};

/// `MemoryReservation`.
static MEMORY_RESERVATION: Struct = Struct {
    name: "MemoryReservation",
    fields: &[plain("numaNode", Int32), plain("limits", QuantityMap)],
};

/// `CrashLoopBackOffConfig`.
static CRASH_LOOP_BACK_OFF_CONFIG: Struct = Struct {
    name: "CrashLoopBackOffConfig",
    fields: &[optional("maxContainerRestartPeriod", Duration).since(32)],
};

/// `ShutdownGracePeriodByPodPriority`.
static SHUTDOWN_GRACE_PERIOD_BY_POD_PRIORITY: Struct = Struct {
    name: "ShutdownGracePeriodByPodPriority",
    fields: &[
        plain("priority", Int32),
        plain("shutdownGracePeriodSeconds", Int64),
    ],
};

/// `LoggingConfiguration`.
static LOGGING_CONFIGURATION: Struct = Struct {
    name: "LoggingConfiguration",
    fields: &[
        plain("format", Text),
        plain("flushFrequency", DurationOrInt),
        plain("verbosity", Uint32),
        plain("vmodule", Objects(&V_MODULE_ITEM)),
        plain("options", Object(&FORMAT_OPTIONS)),
    ],
};

/// `FormatOptions`.
static FORMAT_OPTIONS: Struct = Struct {
    name: "FormatOptions",
    fields: &[
        plain("text", Object(&TEXT_OPTIONS)),
        plain("json", Object(&JSON_OPTIONS)),
    ],
};

/// `JSONOptions`.
static JSON_OPTIONS: Struct = Struct {
    name: "JSONOptions",
    fields: &[
        plain("splitStream", Bool),
        plain("infoBufferSize", Quantity),
    ],
};

/// `TextOptions`.
static TEXT_OPTIONS: Struct = Struct {
    name: "TextOptions",
    fields: &[
        plain("splitStream", Bool),
        plain("infoBufferSize", Quantity),
    ],
};

/// `VModuleItem`.
static V_MODULE_ITEM: Struct = Struct {
    name: "VModuleItem",
    fields: &[plain("filePattern", Text), plain("verbosity", Uint32)],
};

/// `MemorySwapConfiguration`.
static MEMORY_SWAP_CONFIGURATION: Struct = Struct {
    name: "MemorySwapConfiguration",
    fields: &[plain("swapBehavior", Text)],
};

/// `KubeletAuthorization`.
static KUBELET_AUTHORIZATION: Struct = Struct {
    name: "KubeletAuthorization",
    fields: &[
        plain("mode", Text),
        plain("webhook", Object(&KUBELET_WEBHOOK_AUTHORIZATION)),
    ],
};

/// `KubeletWebhookAuthorization`.
static KUBELET_WEBHOOK_AUTHORIZATION: Struct = Struct {
    name: "KubeletWebhookAuthorization",
    fields: &[
        plain("cacheAuthorizedTTL", Duration),
        plain("cacheUnauthorizedTTL", Duration),
    ],
};

/// `KubeletAuthentication`.
static KUBELET_AUTHENTICATION: Struct = Struct {
    name: "KubeletAuthentication",
    fields: &[
        plain("x509", Object(&KUBELET_X509_AUTHENTICATION)),
        plain("webhook", Object(&KUBELET_WEBHOOK_AUTHENTICATION)),
        plain("anonymous", Object(&KUBELET_ANONYMOUS_AUTHENTICATION)),
    ],
};

/// `KubeletAnonymousAuthentication`.
static KUBELET_ANONYMOUS_AUTHENTICATION: Struct = Struct {
    name: "KubeletAnonymousAuthentication",
    fields: &[optional("enabled", Bool)],
};

/// `KubeletWebhookAuthentication`.
static KUBELET_WEBHOOK_AUTHENTICATION: Struct = Struct {
    name: "KubeletWebhookAuthentication",
    fields: &[optional("enabled", Bool), plain("cacheTTL", Duration)],
};

/// `KubeletX509Authentication`.
static KUBELET_X509_AUTHENTICATION: Struct = Struct {
    name: "KubeletX509Authentication",
    fields: &[plain("clientCAFile", Text)],
};
