//! Which release of the kubelet knows which flag and feature gate.
//!
//! What is not here is not said to be unknown: a vendor may carry flags of its
//! own. The flags were read from `cmd/kubelet/app/options/*.go` and the logging
//! options of component-base of 1.25 to 1.36; those that went with dockershim
//! from kubernetes/kubernetes#106907 (1.24). The gates were read from
//! `pkg/features/*.go` of 1.29 to 1.36.

/// What a release makes of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It knows the name, as far as can be told.
    Yes,
    /// The name went in 1.x.
    Gone(u32),
    /// The name came in 1.x.
    NotYet(u32),
}

/// What the kubelet 1.`minor` makes of a flag.
pub(crate) fn flag(name: &str, minor: u32) -> Known {
    if let Some(gone) = flag_gone(name)
        && minor >= gone
    {
        return Known::Gone(gone);
    }
    match FLAGS_ADDED.iter().find(|(known, _)| *known == name) {
        Some((_, added)) if minor < *added => Known::NotYet(*added),
        _ => Known::Yes,
    }
}

/// Whether what becomes of a flag hangs on the release.
pub(crate) fn flag_hangs_on_release(name: &str) -> bool {
    flag_gone(name).is_some() || FLAGS_ADDED.iter().any(|(known, _)| *known == name)
}

fn flag_gone(name: &str) -> Option<u32> {
    FLAGS_GONE
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(minor, _)| *minor)
}

/// What the kubelet 1.`minor` makes of a feature gate.
pub(crate) fn gate(name: &str, minor: u32) -> Known {
    match gate_gone(name) {
        Some(gone) if minor >= gone => Known::Gone(gone),
        _ => Known::Yes,
    }
}

/// The first release that no longer knows a feature gate.
pub(crate) fn gate_gone(name: &str) -> Option<u32> {
    GATES_GONE
        .binary_search_by_key(&name, |(known, _)| known)
        .ok()
        .and_then(|index| GATES_GONE.get(index))
        .map(|(_, minor)| *minor)
}

/// The value that a feature gate is locked to, and since when: to set the other
/// one ends the kubelet (`component-base/featuregate`, `LockToDefault`).
pub(crate) fn gate_lock(name: &str) -> Option<(bool, u32)> {
    GATES_LOCKED
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, value, minor)| (*value, *minor))
}

/// The first release without them.
static FLAGS_GONE: &[(u32, &[&str])] = &[
    (
        24,
        &[
            "cni-bin-dir",
            "cni-cache-dir",
            "cni-conf-dir",
            "docker-endpoint",
            "dynamic-config-dir",
            "experimental-dockershim-root-directory",
            "image-pull-progress-deadline",
            "network-plugin",
            "network-plugin-mtu",
        ],
    ),
    (
        26,
        &[
            "add-dir-header",
            "alsologtostderr",
            "log-backtrace-at",
            "log-dir",
            "log-file",
            "log-file-max-size",
            "logtostderr",
            "one-output",
            "skip-headers",
            "skip-log-headers",
            "stderrthreshold",
        ],
    ),
    (27, &["container-runtime", "master-service-namespace"]),
    (
        31,
        &[
            "iptables-drop-bit",
            "iptables-masquerade-bit",
            "keep-terminated-pod-volumes",
        ],
    ),
    (34, &["cloud-config", "register-schedulable"]),
    (35, &["pod-infra-container-image"]),
    // KEP-4033 plans it for the release that no longer falls back.
    (38, &["cgroup-driver"]),
];

/// The first release with them.
static FLAGS_ADDED: &[(&str, u32)] = &[
    ("config-dir", 28),
    ("fail-cgroupv1", 31),
    ("topology-manager-policy-options", 26),
];

/// KEP-2400 and KEP-4033: general and locked to their default.
static GATES_LOCKED: &[(&str, bool, u32)] = &[
    ("KubeletCgroupDriverFromCRI", true, 34),
    ("NodeSwap", true, 34),
];

/// The first release without them, sorted by name.
static GATES_GONE: &[(&str, u32)] = &[
    ("APIListChunking", 33),
    ("APIPriorityAndFairness", 31),
    ("APISelfSubjectReview", 30),
    ("AdmissionWebhookMatchConditions", 33),
    ("AggregatedDiscoveryEndpoint", 33),
    ("AllowServiceLBStatusOnNonLB", 35),
    ("AppArmor", 33),
    ("AppArmorFields", 33),
    ("CPUManager", 33),
    ("CSIMigrationAzureFile", 30),
    ("CSIMigrationPortworx", 36),
    ("CSIMigrationRBD", 31),
    ("CSINodeExpandSecret", 31),
    ("CloudDualStackNodeIPs", 32),
    ("ComponentSLIs", 35),
    ("ConsistentHTTPGetHandlers", 31),
    ("CronJobsScheduledAnnotation", 35),
    ("CustomResourceValidationExpressions", 31),
    ("DRAControlPlaneController", 32),
    ("DefaultHostNetworkHostPortsInPodTemplates", 31),
    ("DevicePluginCDIDevices", 34),
    ("DisableCloudProviders", 33),
    ("DisableKubeletCloudCredentialProviders", 33),
    ("EfficientWatchResumption", 33),
    ("ElasticIndexedJob", 34),
    ("ExpandedDNSConfig", 30),
    ("ExperimentalHostUserNamespaceDefaulting", 30),
    ("HPAContainerMetrics", 32),
    ("HonorPVReclaimPolicy", 36),
    ("IPTablesOwnershipCleanup", 30),
    ("InPlacePodVerticalScalingAllocatedStatus", 36),
    ("InTreePluginAWSUnregister", 31),
    ("InTreePluginAzureDiskUnregister", 31),
    ("InTreePluginAzureFileUnregister", 31),
    ("InTreePluginGCEUnregister", 31),
    ("InTreePluginOpenStackUnregister", 31),
    ("InTreePluginPortworxUnregister", 36),
    ("InTreePluginRBDUnregister", 31),
    ("InTreePluginvSphereUnregister", 31),
    ("JobPodFailurePolicy", 33),
    ("JobReadyPods", 31),
    ("KMSv2", 32),
    ("KMSv2KDF", 32),
    ("KubeProxyDrainingTerminatingNodes", 33),
    ("KubeletPodResources", 30),
    ("LegacyServiceAccountTokenCleanUp", 32),
    ("LegacyServiceAccountTokenTracking", 30),
    ("LegacySidecarContainers", 34),
    ("LoadBalancerIPMode", 35),
    ("MemoryManager", 36),
    ("MinDomainsInPodTopologySpread", 32),
    ("MinimizeIPTablesRestore", 30),
    ("NewVolumeManagerReconstruction", 32),
    ("NodeOutOfServiceVolumeDetach", 32),
    ("PDBUnhealthyPodEvictionPolicy", 33),
    ("PersistentVolumeLastPhaseTransitionTime", 33),
    ("PodDisruptionConditions", 34),
    ("PodHostIPs", 32),
    ("PodIndexLabel", 35),
    ("ProbeHostPodSecurityStandards", 35),
    ("ProxyTerminatingEndpoints", 30),
    ("ReadWriteOncePod", 31),
    ("RemainingItemCount", 33),
    ("RemoveSelfLink", 30),
    ("SecurityContextDeny", 30),
    ("ServerSideApply", 32),
    ("ServerSideFieldValidation", 32),
    ("ServiceNodePortStaticSubrange", 31),
    ("ServiceTrafficDistribution", 36),
    ("SizeMemoryBackedVolumes", 35),
    ("SkipReadOnlyValidationGCE", 31),
    ("StableLoadBalancerNodeSet", 32),
    ("StatefulSetAutoDeletePVC", 35),
    ("StatefulSetStartOrdinal", 34),
    ("StrictCostEnforcementForVAP", 35),
    ("StrictCostEnforcementForWebhooks", 35),
    ("StructuredAuthorizationConfiguration", 36),
    ("TopologyAwareHints", 36),
    ("UserNamespacesPodSecurityStandards", 35),
    ("ValidatingAdmissionPolicy", 32),
    ("VolumeCapacityPriority", 33),
    ("WatchBookmark", 33),
    ("WatchFromStorageWithoutResourceVersion", 36),
    ("ZeroLimitedNominalConcurrencyShares", 32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_and_go() {
        assert_eq!(flag("container-runtime", 26), Known::Yes);
        assert_eq!(flag("container-runtime", 27), Known::Gone(27));
        assert_eq!(flag("config-dir", 27), Known::NotYet(28));
        assert_eq!(flag("node-ip", 99), Known::Yes);
        assert!(flag_hangs_on_release("network-plugin"));
        assert!(!flag_hangs_on_release("a-vendor-has-it"));
    }

    #[test]
    fn gates_are_found() {
        assert!(GATES_GONE.is_sorted_by_key(|(name, _)| name));
        assert_eq!(gate("AppArmor", 32), Known::Yes);
        assert_eq!(gate("AppArmor", 33), Known::Gone(33));
        assert_eq!(gate("NeverHeardOf", 40), Known::Yes);
        assert_eq!(gate_lock("NodeSwap"), Some((true, 34)));
    }
}
