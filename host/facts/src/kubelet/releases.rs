//! Which release of the kubelet knows which flag.
//!
//! What is not here is not said to be unknown: a vendor may carry flags of its
//! own. The flags were read from `cmd/kubelet/app/options/*.go` and the logging
//! options of component-base of 1.25 to 1.36; those that went with dockershim
//! from kubernetes/kubernetes#106907 (1.24).

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
    (30, &["azure-container-registry-config"]),
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
    ("log-text-info-buffer-size", 30),
    ("log-text-split-stream", 30),
    ("topology-manager-policy-options", 26),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_and_go() {
        assert_eq!(flag("container-runtime", 26), Known::Yes);
        assert_eq!(flag("container-runtime", 27), Known::Gone(27));
        assert_eq!(flag("config-dir", 27), Known::NotYet(28));
        assert_eq!(flag("azure-container-registry-config", 29), Known::Yes);
        assert_eq!(flag("azure-container-registry-config", 30), Known::Gone(30));
        assert_eq!(flag("node-ip", 99), Known::Yes);
        assert!(flag_hangs_on_release("network-plugin"));
        assert!(!flag_hangs_on_release("a-vendor-has-it"));
    }
}
