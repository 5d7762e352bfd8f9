//! The types of CRI-O's settings (`tomlConfig` of pkg/config). One value of
//! another type in any file, and it does not start. Only what every release since
//! 1.28 has stands here: a key that a release does not know may have any type.

use crate::runtime::decode::Field;
use crate::runtime::decode::Type::{self, Any, Free, Integer, Map, Table, Text, Texts, Truth};

/// A file.
pub(super) const FILE: Type = Table(&[&[("crio", Table(&[ROOT, TABLES]))]]);

const ROOT: &[Field] = &[
    ("root", Text),
    ("runroot", Text),
    ("storage_driver", Text),
    ("storage_option", Texts),
    ("log_dir", Text),
    ("version_file", Text),
    ("version_file_persist", Text),
    ("clean_shutdown_file", Text),
    ("internal_wipe", Truth),
    ("internal_repair", Truth),
];
const TABLES: &[Field] = &[
    ("api", Table(&[API])),
    ("runtime", Table(&[RUNTIME])),
    ("image", Table(&[IMAGE])),
    ("network", Table(&[NETWORK])),
    ("metrics", Table(&[METRICS])),
    ("tracing", Table(&[TRACING])),
    ("stats", Table(&[&[("stats_collection_period", Integer)]])),
    ("nri", Table(&[NRI])),
];
const API: &[Field] = &[
    ("listen", Text),
    ("stream_address", Text),
    ("stream_port", Text),
    ("stream_enable_tls", Truth),
    ("stream_tls_cert", Text),
    ("stream_tls_key", Text),
    ("stream_tls_ca", Text),
    ("stream_idle_timeout", Text),
    ("grpc_max_send_msg_size", Integer),
    ("grpc_max_recv_msg_size", Integer),
];
const RUNTIME: &[Field] = &[
    ("absent_mount_sources_to_reject", Texts),
    ("add_inheritable_capabilities", Truth),
    ("additional_devices", Texts),
    ("allowed_devices", Texts),
    ("apparmor_profile", Text),
    ("bind_mount_prefix", Text),
    ("blockio_config_file", Text),
    ("cdi_spec_dirs", Texts),
    ("cgroup_manager", Text),
    ("conmon", Text),
    ("conmon_cgroup", Text),
    ("conmon_env", Texts),
    ("container_attach_socket_dir", Text),
    ("container_exits_dir", Text),
    ("ctr_stop_timeout", Integer),
    ("decryption_keys_path", Text),
    ("default_capabilities", Texts),
    ("default_env", Texts),
    ("default_mounts_file", Text),
    ("default_runtime", Text),
    ("default_sysctls", Texts),
    ("default_ulimits", Texts),
    ("device_ownership_from_security_context", Truth),
    ("disable_hostport_mapping", Truth),
    ("drop_infra_ctr", Truth),
    ("enable_criu_support", Truth),
    ("enable_pod_events", Truth),
    ("gid_mappings", Text),
    ("hooks_dir", Texts),
    ("hostnetwork_disable_selinux", Truth),
    ("infra_ctr_cpuset", Text),
    ("irqbalance_config_file", Text),
    ("irqbalance_config_restore_file", Text),
    ("log_filter", Text),
    ("log_level", Text),
    ("log_size_max", Integer),
    ("log_to_journald", Truth),
    ("minimum_mappable_gid", Integer),
    ("minimum_mappable_uid", Integer),
    ("namespaces_dir", Text),
    ("no_pivot", Truth),
    ("pids_limit", Integer),
    ("pinns_path", Text),
    ("rdt_config_file", Text),
    ("read_only", Truth),
    ("runtimes", Map(&HANDLER)),
    ("seccomp_profile", Text),
    ("selinux", Truth),
    ("separate_pull_cgroup", Text),
    ("shared_cpuset", Text),
    ("uid_mappings", Text),
    ("workloads", Map(&Free)),
];
const HANDLER: Type = Table(&[&[
    ("allowed_annotations", Texts),
    ("monitor_cgroup", Text),
    ("monitor_env", Texts),
    ("monitor_exec_cgroup", Text),
    ("monitor_path", Text),
    ("platform_runtime_paths", Map(&Text)),
    ("privileged_without_host_devices", Truth),
    ("runtime_config_path", Text),
    ("runtime_path", Text),
    ("runtime_pull_image", Truth),
    ("runtime_root", Text),
    ("runtime_type", Text),
]]);
const IMAGE: &[Field] = &[
    ("big_files_temporary_dir", Text),
    ("default_transport", Text),
    ("global_auth_file", Text),
    ("image_volumes", Text),
    ("insecure_registries", Texts),
    ("pause_command", Text),
    ("pause_image", Text),
    ("pause_image_auth_file", Text),
    ("pinned_images", Texts),
    ("signature_policy", Text),
    ("signature_policy_dir", Text),
];
const NETWORK: &[Field] = &[
    ("cni_default_network", Text),
    ("network_dir", Text),
    ("plugin_dir", Text),
    ("plugin_dirs", Texts),
];
const METRICS: &[Field] = &[
    ("enable_metrics", Truth),
    ("metrics_cert", Text),
    ("metrics_collectors", Texts),
    ("metrics_host", Text),
    ("metrics_key", Text),
    ("metrics_port", Integer),
    ("metrics_socket", Text),
];
const TRACING: &[Field] = &[
    ("enable_tracing", Truth),
    ("tracing_endpoint", Text),
    ("tracing_sampling_rate_per_million", Integer),
];
const NRI: &[Field] = &[
    ("enable_nri", Truth),
    ("nri_disable_connections", Truth),
    ("nri_listen", Text),
    ("nri_plugin_config_dir", Text),
    ("nri_plugin_dir", Text),
    // `time.Duration`: an integer, or a text such as "2s".
    ("nri_plugin_registration_timeout", Any),
    ("nri_plugin_request_timeout", Any),
];
