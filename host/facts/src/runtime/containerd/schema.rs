//! The types of containerd's settings. One value of another type, and it does
//! not start: the file cannot be decoded (`loadConfigFile`), or the settings of
//! a plugin cannot (`Config.Decode`, which the server calls for every plugin
//! that is not disabled).
//!
//! Only what every release of a line has stands here (1.6 and 1.7; 2.0 and
//! later): a key that a release does not know may have any type.

use super::release::Release;
use crate::runtime::decode::Type::{self, Free, Integer, Map, Table, Text, Texts, Truth};
use crate::runtime::decode::{Field, Names};

const SOCKET: &[Field] = &[("address", Text), ("uid", Integer), ("gid", Integer)];
const STREAM_PROCESSOR: Type = Table(&[&[
    ("accepts", Texts),
    ("returns", Text),
    ("path", Text),
    ("args", Texts),
    ("env", Texts),
]]);

/// `Config`, but for `plugins` and `proxy_plugins`.
const TOP: &[Field] = &[
    ("version", Integer),
    ("root", Text),
    ("state", Text),
    ("temp", Text),
    (
        "grpc",
        Table(&[
            SOCKET,
            &[
                ("tcp_address", Text),
                ("tcp_tls_ca", Text),
                ("tcp_tls_cert", Text),
                ("tcp_tls_key", Text),
                ("max_recv_message_size", Integer),
                ("max_send_message_size", Integer),
            ],
        ]),
    ),
    ("ttrpc", Table(&[SOCKET])),
    (
        "debug",
        Table(&[SOCKET, &[("level", Text), ("format", Text)]]),
    ),
    (
        "metrics",
        Table(&[&[("address", Text), ("grpc_histogram", Truth)]]),
    ),
    ("disabled_plugins", Texts),
    ("required_plugins", Texts),
    ("oom_score", Integer),
    ("cgroup", Table(&[&[("path", Text)]])),
    ("timeouts", Map(&Text)),
    ("imports", Texts),
    ("stream_processors", Map(&STREAM_PROCESSOR)),
];
const PROXY: &[Field] = &[("type", Text), ("address", Text)];

const TOP_1: Type = Table(&[
    TOP,
    &[
        ("plugin_dir", Text),
        // `map[string]toml.Tree`.
        ("plugins", Map(&Free)),
        ("proxy_plugins", Map(&Table(&[PROXY]))),
    ],
]);
const TOP_2: Type = Table(&[
    TOP,
    &[
        // `map[string]interface{}`: each plugin is decoded later.
        ("plugins", Free),
        (
            "proxy_plugins",
            Map(&Table(&[
                PROXY,
                &[
                    ("platform", Text),
                    ("exports", Map(&Text)),
                    ("capabilities", Texts),
                ],
            ])),
        ),
    ],
]);

/// `Runtime`.
const HANDLER: &[Field] = &[
    ("runtime_type", Text),
    ("runtime_path", Text),
    ("pod_annotations", Texts),
    ("container_annotations", Texts),
    ("options", Free),
    ("privileged_without_host_devices", Truth),
    ("base_runtime_spec", Text),
    ("cni_conf_dir", Text),
    ("cni_max_conf_num", Integer),
];
const HANDLER_1: Type = Table(&[HANDLER, &[("runtime_engine", Text), ("runtime_root", Text)]]);
const HANDLER_2: Type = Table(&[
    HANDLER,
    &[
        ("privileged_without_host_devices_all_devices_allowed", Truth),
        ("snapshotter", Text),
        ("sandboxer", Text),
    ],
]);

/// `CniConfig`.
const CNI: &[Field] = &[
    ("bin_dir", Text),
    ("conf_dir", Text),
    ("max_conf_num", Integer),
    ("conf_template", Text),
    ("ip_pref", Text),
];

/// What is in the one plugin of 1.x and in that of the runtimes of 2.x.
const RUNTIME: &[Field] = &[
    ("enable_selinux", Truth),
    ("selinux_category_range", Integer),
    ("max_container_log_line_size", Integer),
    ("disable_apparmor", Truth),
    ("restrict_oom_score_adj", Truth),
    ("disable_proc_mount", Truth),
    ("unset_seccomp_profile", Text),
    ("tolerate_missing_hugetlb_controller", Truth),
    ("disable_hugetlb_controller", Truth),
    ("device_ownership_from_security_context", Truth),
    ("ignore_image_defined_volumes", Truth),
    ("netns_mounts_under_state_dir", Truth),
    ("enable_unprivileged_ports", Truth),
    ("enable_unprivileged_icmp", Truth),
];

const AUTH: Type = Table(&[&[
    ("username", Text),
    ("password", Text),
    ("auth", Text),
    ("identitytoken", Text),
]]);
const REGISTRY: &[Field] = &[
    ("config_path", Text),
    ("mirrors", Map(&Table(&[&[("endpoint", Texts)]]))),
    ("auths", Map(&AUTH)),
    ("headers", Map(&Texts)),
];
const TLS: Type = Table(&[&[
    ("insecure_skip_verify", Truth),
    ("ca_file", Text),
    ("cert_file", Text),
    ("key_file", Text),
]]);

/// What is in the one plugin of 1.x and in that of the images of 2.x.
const IMAGES: &[Field] = &[
    ("image_decryption", Table(&[&[("key_model", Text)]])),
    ("max_concurrent_downloads", Integer),
    ("stats_collect_period", Integer),
];
const SNAPSHOTS: &[Field] = &[
    ("snapshotter", Text),
    ("disable_snapshot_annotations", Truth),
    ("discard_unpacked_layers", Truth),
];
/// What is in the one plugin of 1.x and in the one of that name in 2.x.
const SERVER: &[Field] = &[
    ("disable_tcp_service", Truth),
    ("stream_server_address", Text),
    ("stream_server_port", Text),
    ("stream_idle_timeout", Text),
    ("enable_tls_streaming", Truth),
    (
        "x509_key_pair_streaming",
        Table(&[&[("tls_cert_file", Text), ("tls_key_file", Text)]]),
    ),
];

/// `PluginConfig` of 1.x.
pub(super) const CRI_1: Type = Table(&[
    RUNTIME,
    IMAGES,
    SERVER,
    &[
        ("sandbox_image", Text),
        ("systemd_cgroup", Truth),
        ("disable_cgroup", Truth),
        ("cni", Table(&[CNI])),
        (
            "registry",
            Table(&[
                REGISTRY,
                &[("configs", Map(&Table(&[&[("auth", AUTH), ("tls", TLS)]])))],
            ]),
        ),
        (
            "containerd",
            Table(&[
                SNAPSHOTS,
                &[
                    ("default_runtime_name", Text),
                    ("default_runtime", HANDLER_1),
                    ("untrusted_workload_runtime", HANDLER_1),
                    ("runtimes", Map(&HANDLER_1)),
                    ("no_pivot", Truth),
                    ("ignore_rdt_not_enabled_errors", Truth),
                ],
            ]),
        ),
    ],
]);

/// `RuntimeConfig` of 2.x.
pub(super) const RUNTIME_2: Type = Table(&[
    RUNTIME,
    &[
        ("enable_cdi", Truth),
        ("cdi_spec_dirs", Texts),
        ("drain_exec_sync_io_timeout", Text),
        ("ignore_deprecation_warnings", Texts),
        (
            "cni",
            Table(&[
                CNI,
                &[("setup_serially", Truth), ("use_internal_loopback", Truth)],
            ]),
        ),
        (
            "containerd",
            Table(&[&[
                ("default_runtime_name", Text),
                ("runtimes", Map(&HANDLER_2)),
                ("ignore_blockio_not_enabled_errors", Truth),
                ("ignore_rdt_not_enabled_errors", Truth),
            ]]),
        ),
    ],
]);

/// `ImageConfig` of 2.x.
pub(super) const IMAGES_2: Type = Table(&[
    IMAGES,
    SNAPSHOTS,
    &[
        ("image_pull_progress_timeout", Text),
        ("image_pull_with_sync_fs", Truth),
        ("pinned_images", Map(&Text)),
        (
            "runtime_platforms",
            Map(&Table(&[&[("platform", Text), ("snapshotter", Text)]])),
        ),
        (
            "registry",
            Table(&[REGISTRY, &[("configs", Map(&Table(&[&[("auth", AUTH)]])))]]),
        ),
    ],
]);

/// `ServerConfig` of 2.x.
pub(super) const SERVER_2: Type = Table(&[SERVER]);

/// Settings of the old plugin that go to that of the images, where 2.x migrates
/// them (`migrateConfig` of plugins/cri/images).
pub(super) const MIGRATED_IMAGES_2: Type = Table(&[
    IMAGES,
    &[
        ("image_pull_progress_timeout", Text),
        ("image_pull_with_sync_fs", Truth),
        ("sandbox_image", Text),
        (
            "registry",
            Table(&[REGISTRY, &[("configs", Map(&Table(&[&[("auth", AUTH)]])))]]),
        ),
        ("containerd", Table(&[SNAPSHOTS])),
    ],
]);

/// Whether a setting of the old plugin does not go to that of the runtimes, where
/// 2.x migrates it (`migrateConfig` of plugins/cri/runtime).
pub(super) fn goes_elsewhere(key: &str) -> bool {
    const OTHERS: [&str; 4] = [
        "sandbox_image",
        "registry",
        "image_pull_progress_timeout",
        "image_pull_with_sync_fs",
    ];
    let mut moved = IMAGES.iter().chain(SNAPSHOTS).chain(SERVER);
    OTHERS.contains(&key) || moved.any(|(name, _)| *name == key)
}

/// The type of a whole file.
pub(super) fn top(release: Release) -> Type {
    if release.is_2() { TOP_2 } else { TOP_1 }
}

/// How a release finds the keys: 1.x has go-toml v1, 2.x has v2.
pub(super) fn names(release: Release) -> Names {
    if release.is_2() {
        Names::AnyCase
    } else {
        Names::AsWritten
    }
}
