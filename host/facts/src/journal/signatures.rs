//! The lines that are known to mean something. One table; a line belongs to
//! the first row that matches, so that what is special stands before what is
//! general.

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// A stable word in kebab-case.
    pub id: &'static str,
    /// Alternatives; each is a sequence of texts that stand in the line in this
    /// order. Backslashes of the line are dropped before, for `err="…"` escapes.
    cores: &'static [&'static [&'static str]],
    /// The policies that look into the cause.
    pub policies: &'static [&'static str],
    /// What it means, in one line.
    pub meaning: &'static str,
}

impl Signature {
    fn matches(&self, line: &str) -> bool {
        self.cores.iter().any(|core| {
            core.iter()
                .try_fold(line, |rest, part| {
                    rest.find(part).and_then(|at| rest.get(at + part.len()..))
                })
                .is_some()
        })
    }
}

/// The row that a line belongs to.
pub fn find(line: &str) -> Option<&'static Signature> {
    let plain = line.replace('\\', "");
    TABLE.iter().find(|signature| signature.matches(&plain))
}

const fn row(
    id: &'static str,
    cores: &'static [&'static [&'static str]],
    policies: &'static [&'static str],
    meaning: &'static str,
) -> Signature {
    Signature {
        id,
        cores,
        policies,
        meaning,
    }
}

/// Every row.
pub const TABLE: &[Signature] = &[
    // The configuration file and the command line.
    row(
        "config-file-missing",
        &[
            &[
                "failed to load kubelet config file",
                "no such file or directory",
            ],
            &[
                "failed to load Kubelet config file",
                "no such file or directory",
            ],
        ],
        &["kubelet-crashloop-triage", "kubelet-config-file"],
        "the configuration file does not exist: the node has not joined yet, or the file is lost or not mounted",
    ),
    row(
        "config-file-empty",
        &[&["kubelet config file", "was empty"]],
        &["kubelet-config-file"],
        "the configuration file is empty, as after a loss of power",
    ),
    row(
        "config-dropin-invalid",
        &[
            &["failed to load kubelet dropin file"],
            &["failed to walk through kubelet dropin directory"],
            &["failed to merge kubelet configs"],
        ],
        &["kubelet-config-dropins"],
        "the directory of configuration drop-ins or a file in it cannot be read",
    ),
    row(
        "config-file-malformed",
        &[
            &["failed to load kubelet config file"],
            &["failed to load Kubelet config file"],
        ],
        &["kubelet-config-file"],
        "the configuration file is no KubeletConfiguration that this kubelet can decode",
    ),
    row(
        "config-field-ignored",
        &[&["Using lenient decoding as strict decoding failed"]],
        &["kubelet-config-file"],
        "a field of the configuration file is unknown or stands twice, and is ignored",
    ),
    row(
        "unknown-flag",
        &[&["unknown flag: --"], &["unknown shorthand flag"]],
        &["kubelet-flags"],
        "this kubelet does not know a flag that it is given, as after an upgrade",
    ),
    row(
        "unknown-command",
        &[&["unknown command"]],
        &["kubelet-flags"],
        "an argument is no flag, as after `--flag false`",
    ),
    row(
        "unknown-node-labels",
        &[&["unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels"]],
        &["kubelet-flags"],
        "--node-labels sets labels that a kubelet may not set",
    ),
    row(
        "feature-gate-locked",
        &[&["cannot set feature gate", "feature is locked to"]],
        &["feature-gates"],
        "a feature gate is set against what this version is locked to",
    ),
    row(
        "unknown-feature-gate",
        &[&["unrecognized feature gate"]],
        &["feature-gates"],
        "a feature gate is not known to this version",
    ),
    // cgroups and swap, before the general refusal of a configuration.
    row(
        "cgroup-v1-refused",
        &[&["configured to not run on a host using cgroup v1"]],
        &["cgroup-version"],
        "the host uses cgroup v1 and failCgroupV1 is true",
    ),
    row(
        "swap-on",
        &[
            &["running with swap on is not supported"],
            &["Running with swap on is not supported"],
        ],
        &["swap-active", "swap-returns-on-reboot"],
        "swap is on and failSwapOn is true",
    ),
    row(
        "swap-unknown",
        &[&["failed to determine if swap is on"]],
        &["swap-active"],
        "/proc/swaps could not be read",
    ),
    row(
        "swap-behavior-invalid",
        &[
            &["swap feature is enabled and LimitedSwap but it is only supported with cgroupv2"],
            &["memorySwap.swapBehavior", "must be one of"],
            &["cannot be set when NodeSwap feature flag is disabled"],
        ],
        &["swap-behavior"],
        "memorySwap.swapBehavior is not legal for this kubelet or cgroup mode",
    ),
    row(
        "config-invalid",
        &[&["failed to validate kubelet configuration"]],
        &["kubelet-config-valid"],
        "the configuration does not pass the kubelet's own validation",
    ),
    // Credentials.
    row(
        "bootstrap-kubeconfig-missing",
        &[&["unable to load bootstrap kubeconfig: stat"]],
        &[
            "kubeconfig-usable",
            "client-cert-expiry",
            "kubelet-conf-embedded-cert",
            "client-cert-store",
        ],
        "the kubeconfig gives no valid certificate, and there is no bootstrap kubeconfig to get one with",
    ),
    row(
        "bootstrap-kubeconfig-malformed",
        &[&["unable to load bootstrap kubeconfig"]],
        &["kubeconfig-usable"],
        "the bootstrap kubeconfig is needed and cannot be used",
    ),
    row(
        "client-certificate-expired",
        &[&[
            "part of the existing bootstrap client certificate in",
            "is expired",
        ]],
        &["kubelet-conf-embedded-cert", "client-cert-expiry"],
        "a certificate that the kubeconfig names or embeds has expired",
    ),
    row(
        "kubeconfig-unreadable",
        &[
            &["unable to read existing bootstrap client config from"],
            &["unable to load TLS configuration from existing bootstrap client config"],
            &["unable to load TLS certificates from existing bootstrap client config"],
            &["unable to read TLS certificates from existing bootstrap client config"],
        ],
        &["kubeconfig-usable", "client-cert-store"],
        "the kubeconfig is malformed, names a file that is missing, or its key, certificate or CA cannot be read",
    ),
    row(
        "invalid-kubeconfig",
        &[&["invalid kubeconfig:"], &["unable to load kubeconfig:"]],
        &["kubeconfig-usable"],
        "the kubeconfig does not exist or cannot be used",
    ),
    row(
        "client-certificate-gone",
        &[
            &["currently active client certificate has expired"],
            &["No valid client certificate is found and the server is responsive, exiting"],
        ],
        &["client-cert-expiry", "cert-rotation"],
        "a running kubelet gave up, for it has no valid client certificate",
    ),
    row(
        "certificate-store-not-a-link",
        &[
            &[
                "expected",
                "kubelet-client-current.pem",
                "to be a symlink but it is a file",
            ],
            &[
                "expected",
                "kubelet-client-updated.pem",
                "to be a symlink but it is a file",
            ],
            &["unable to build bootstrap cert store"],
        ],
        &["client-cert-store"],
        "the certificate store holds a file where a link must be: no rotation can succeed",
    ),
    row(
        "serving-certificate-unreadable",
        &[
            &["failed to load certificate:"],
            &["failed to initialize file based certificate manager"],
            &["Failed to listen and serve", "tls:"],
        ],
        &["serving-cert"],
        "the serving certificate or its key cannot be read, or they do not belong together",
    ),
    row(
        "certificate-key-mismatch",
        &[&["private key does not match public key"]],
        &["client-cert-store", "kubeconfig-usable"],
        "a certificate and a key do not belong together",
    ),
    row(
        "certificate-not-pem",
        &[
            &["failed to find any PEM data"],
            &["could not convert data from", "into cert/key pair"],
        ],
        &["client-cert-store"],
        "a certificate file is empty, torn or no PEM",
    ),
    row(
        "certificate-not-yet-valid",
        &[&[
            "x509: certificate has expired or is not yet valid: current time",
            "is before",
        ]],
        &["clock-sanity"],
        "a certificate is not valid yet: the clock of one side is behind",
    ),
    row(
        "certificate-expired",
        &[&["x509: certificate has expired or is not yet valid"]],
        &["client-cert-expiry", "clock-sanity"],
        "a certificate has expired: the API server's or the kubelet's, by who logs it",
    ),
    row(
        "unknown-authority",
        &[&["x509: certificate signed by unknown authority"]],
        &["client-cert-issuer"],
        "a certificate was signed by a CA that the other side does not trust",
    ),
    row(
        "node-name-mismatch",
        &[&["can only access node lease with the same name as the requesting node"]],
        &["client-cert-identity"],
        "the node's name is not that of its certificate",
    ),
    row(
        "client-ca-unreadable",
        &[
            &["unable to load client CA file"],
            &["error loading CA bundle for", "client-ca-bundle"],
            &[
                "failed to run Kubelet: open",
                "ca.crt: no such file or directory",
            ],
        ],
        &["kubelet-config-paths"],
        "the client CA file does not exist or holds no certificate",
    ),
    row(
        "serving-pair-incomplete",
        &[&["certificate and key must be supplied as a pair"]],
        &["serving-cert"],
        "of the serving certificate and its key, one is missing",
    ),
    row(
        "credential-provider",
        &[&["Failed to register CRI auth plugins"]],
        &["kubelet-config-paths"],
        "the image credential provider's configuration or directory is missing",
    ),
    // The runtime.
    row(
        "docker-driver-mismatch",
        &[&[
            "kubelet cgroup driver:",
            "is different from docker cgroup driver",
        ]],
        &["cgroup-driver-match", "docker-cri-dockerd"],
        "kubelet and docker use different cgroup drivers",
    ),
    row(
        "cgroup-driver-mismatch",
        &[
            &["expected cgroupsPath to be of format", "slice:prefix:name"],
            &["cri-o configured with systemd cgroup manager, but did not receive slice as parent"],
            &[
                "cri-o configured with cgroupfs cgroup manager, but received systemd slice as parent",
            ],
        ],
        &["cgroup-driver-match"],
        "kubelet and container runtime use different cgroup drivers",
    ),
    row(
        "cri-api-missing",
        &[
            &["unknown service runtime.v1.RuntimeService"],
            &["unknown service runtime.v1alpha2.RuntimeService"],
        ],
        &["containerd-cri-enabled"],
        "something answers at the endpoint and serves no CRI: the plugin is disabled, or the runtime is too old",
    ),
    row(
        "cri-unreachable",
        &[
            &["validate service connection", "connection refused"],
            &["validate service connection", "no such file or directory"],
            &["validate service connection", "permission denied"],
            &["validate service connection"],
        ],
        &["runtime-before-kubelet", "cri-endpoint"],
        "no container runtime answers at the endpoint",
    ),
    row(
        "runtime-config-missing",
        &[&["Falling back to using cgroupDriver from kubelet config"]],
        &["cri-runtimeconfig"],
        "the runtime does not tell its cgroup driver, so the kubelet's own setting counts",
    ),
    row(
        "sandbox-changed",
        &[&["Pod sandbox changed, it will be killed and re-created"]],
        &["cgroup-driver-init", "cgroup-driver-match"],
        "sandboxes are made again and again, as under two managers of the same cgroups",
    ),
    // The container manager.
    row(
        "systemd-driver-without-systemd",
        &[&["systemd not running on this host, cannot use systemd cgroups manager"]],
        &["cgroup-driver-init"],
        "the cgroup driver is systemd, and systemd is not PID 1",
    ),
    row(
        "reserved-cgroup",
        &[
            &["Failed to enforce System Reserved Cgroup Limits"],
            &["Failed to enforce Kube Reserved Cgroup Limits"],
            // The compressible part alone.
            &["Failed to enforce", "Reserved Compressible Cgroup Limits"],
        ],
        &["reserved-cgroups", "slice-placement"],
        "a cgroup that reservations are enforced on does not exist or lacks controllers",
    ),
    row(
        "cgroup-controllers-missing",
        &[
            &["Following Cgroup subsystem not mounted"],
            &["has some missing controllers"],
            &["has some missing paths"],
            &["missing required cgroups"],
            &["cannot read cgroup controllers at"],
        ],
        &["cgroup-controllers", "reserved-cgroups"],
        "a cgroup controller that the kubelet needs is not there",
    ),
    row(
        "kubepods-missing",
        &[&["root container [kubepods] doesn't exist"]],
        &["kubelet-crashloop-triage", "cgroup-leftovers"],
        "the cgroup of all pods does not exist: once after boot it passes by itself",
    ),
    row(
        "kernel-flags",
        &[&["invalid kernel flag:"]],
        &["kernel-tunables"],
        "protectKernelDefaults is true, and a sysctl has not the value that the kubelet wants",
    ),
    row(
        "resource-state",
        &[
            &["could not restore state from checkpoint"],
            &["doesn't match with CPUs in state"],
        ],
        &["resource-manager-state"],
        "the state file of a resource manager does not fit the configuration",
    ),
    row(
        "node-allocatable",
        &[&["invalid Node Allocatable configuration"]],
        &["node-allocatable"],
        "reservations exceed what the node has",
    ),
    row(
        "eviction-quantity",
        &[&["quantities must match the regular expression"]],
        &["kubelet-config-valid"],
        "a quantity in the configuration, such as an eviction threshold, is malformed",
    ),
    row(
        "host-limits",
        &[
            &["inotify_init: too many open files"],
            &["inotify_add_watch", "no space left on device"],
            &["cached partitions map"],
            &["open /dev/kmsg"],
        ],
        &["host-limits-fs"],
        "the host lacks something that the kubelet watches by: inotify instances, a block device behind its files, /dev/kmsg",
    ),
    row(
        "port-taken",
        &[&["Failed to listen and serve", "address already in use"]],
        &["ports-free"],
        "another process listens on the kubelet's port",
    ),
    row(
        "resolv-conf-missing",
        &[&["resolv.conf: no such file or directory"]],
        &["kubelet-config-paths"],
        "the resolv.conf that pods get does not exist: no sandbox starts",
    ),
    row(
        "node-ip-missing",
        &[&["failed to validate nodeIP"], &["bad --node-ip"]],
        &["network-node-ip"],
        "--node-ip is no address of this host",
    ),
    // What systemd says.
    row(
        "ordering-cycle",
        &[
            &["Found ordering cycle on"],
            &["deleted to break ordering cycle"],
        ],
        &["kubelet-unit-deps"],
        "units are ordered in a circle, and systemd drops one of them from the boot",
    ),
    row(
        "dependency-failed",
        &[&["Dependency failed for"]],
        &["kubelet-unit-deps"],
        "a unit that this one requires did not start; it is not tried again",
    ),
    row(
        "start-limit-hit",
        &[&["Start request repeated too quickly"]],
        &["kubelet-unit-restart"],
        "the start limit is reached; systemd does not try again",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_stand_once() {
        let ids: BTreeSet<_> = TABLE.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), TABLE.len());
        for row in TABLE {
            assert!(
                !row.policies.is_empty() && !row.meaning.is_empty(),
                "{}",
                row.id
            );
            assert!(row.cores.iter().all(|core| !core.is_empty()), "{}", row.id);
        }
    }

    #[test]
    fn lines() {
        for (line, id) in [
            (
                r#"runc create failed: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/kubepods/x\" instead"#,
                "cgroup-driver-mismatch",
            ),
            (
                r#"Failed to enforce Kube Reserved Compressible Cgroup Limits on \"/runtime\": could not read controllers"#,
                "reserved-cgroup",
            ),
            (
                "kubelet.service: Start request repeated too quickly.",
                "start-limit-hit",
            ),
            (
                "x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2025-01-01T00:00:00Z",
                "certificate-not-yet-valid",
            ),
            (
                "x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z",
                "certificate-expired",
            ),
            (
                "rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService",
                "cri-api-missing",
            ),
            (
                r#"expected "/p/kubelet-client-current.pem" to be a symlink but it is a file"#,
                "certificate-store-not-a-link",
            ),
            (
                r#"failed to run Kubelet: misconfiguration: kubelet cgroup driver: "cgroupfs" is different from docker cgroup driver: "systemd""#,
                "docker-driver-mismatch",
            ),
        ] {
            assert_eq!(find(line).map(|row| row.id), Some(id), "{line}");
        }
        assert!(find("Started kubelet").is_none());
    }
}
