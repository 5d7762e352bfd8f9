//! The node of these tests: a kubelet that waits for kubeadm, one that has given
//! up, and units in every state that a file can be in.

use nodepol_tests::bed::layer::Layer;

/// Says what a kubelet without a configuration says, and ends as it does.
const KUBELET: &str = "#!/bin/sh
echo 'E0101 00:00:00.000000 1 run.go:72] \"command failed\" err=\"failed to load kubelet config file\"' >&2
exit 1
";

const KUBELET_SERVICE: &str = "[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target dev-zram0.swap dev-nodepol.swap
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
RestartSec=100ms

[Install]
WantedBy=multi-user.target
";

const KUBEADM_CONF: &str = "[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
";

/// Fails until its start limit is hit, and carries a value other than the
/// default for what can be set without keeping it from starting.
const LIMITED_SERVICE: &str = "[Unit]
Description=A kubelet with a start limit
After=network-online.target
PartOf=multi-user.target
RequiresMountsFor=/var/lib/kubelet
ConditionPathExists=/usr/bin/kubelet
ConditionPathExists=!/nodepol/none
ConditionPathExists=|/etc/hostname
ConditionFileNotEmpty=|/nodepol/none
AssertPathIsDirectory=/etc
StartLimitIntervalSec=1min 30s
StartLimitBurst=3
StartLimitAction=none
JobTimeoutSec=1h 1min 1s 500ms

[Service]
Type=simple
ExecCondition=/bin/true
ExecStartPre=-/bin/false
ExecStartPre=+/bin/sh -c 'echo \"two words\"; true'
ExecStart=/usr/bin/kubelet --flag \"two words\" ${HOME}
ExecStartPost=/bin/true
Restart=on-failure
RestartSec=150ms
RestartPreventExitStatus=2 SIGTERM
RestartForceExitStatus=SIGPIPE
SuccessExitStatus=75 TEMPFAIL SIGKILL
TimeoutStartSec=infinity
TimeoutStopSec=1.5s
WatchdogSec=30
KillMode=mixed
Environment=PLAIN=1 \"QUOTED=two words\" \"HTTPS_PROXY=http://user:hunter2@proxy.example:3128\"
EnvironmentFile=-/etc/default/kubelet
PassEnvironment=LANG
UnsetEnvironment=PLAIN
Slice=runtime.slice
Delegate=pids
IODeviceLatencyTargetSec=/dev/null 25ms
IOAccounting=yes
CPUWeight=200
CPUQuota=150%
MemoryMin=16M
MemoryMax=1G
TasksMax=infinity
LimitNOFILE=1024:65536
OOMScoreAdjust=-999
OOMPolicy=continue
WorkingDirectory=/etc
CapabilityBoundingSet=~CAP_SYS_BOOT
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
";

const RUNTIME_SLICE: &str = "[Unit]
Before=slices.target

[Slice]
IODeviceLatencyTargetSec=/dev/null 10ms
MemoryLow=64M
";

/// Never started: what would keep it from running is set as well.
const CONFINED_SERVICE: &str = "[Unit]
Description=Never started
Requisite=multi-user.target
BindsTo=dbus.socket
Conflicts=rescue.service
OnFailure=edited.service
FailureAction=none
DefaultDependencies=no

[Service]
Type=notify
ExecStart=/bin/sh -c 'true; echo $$HOME'
RuntimeMaxSec=2w 3d 4h
User=nobody
Group=nogroup
DynamicUser=no
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateNetwork=yes
PrivateUsers=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
MountFlags=shared
RootDirectory=/nodepol/none
AppArmorProfile=-unconfined
SELinuxContext=-system_u:system_r:kubelet_t:s0
PIDFile=/run/confined.pid
";

const EDITED_SERVICE: &str = "[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
";

const DEVICE_SWAP: &str = "[Unit]
Description=Swap on a device that is not there
[Swap]
What=/dev/nodepol
Priority=5
Options=discard,nofail
TimeoutSec=7s
";

const FILE_SWAP: &str = "[Unit]
DefaultDependencies=no
[Swap]
What=/nodepol/none
";

const BAD_SERVICE: &str = "[Service]
ExecStart=/bin/true
ExecStart=/bin/false
";

/// The units of which every property is compared.
pub(crate) const UNITS: &[&str] = &[
    "limited.service",
    "confined.service",
    "edited.service",
    "bad.service",
    "nothing.service",
    "masked.service",
    "dbus.socket",
    "dbus.service",
    "dev-nodepol.swap",
    "dev-zram0.swap",
    "nodepol-none.swap",
    "runtime.slice",
    "system.slice",
    "-.slice",
    "-.mount",
    "tmp.mount",
    "multi-user.target",
    "swap.target",
    "nothing.target",
];

/// Lays the files of the node.
pub(crate) fn layer() -> std::io::Result<Layer> {
    let layer = Layer::new()?;
    let unit = |name: &str, text: &str| layer.file(&format!("/etc/systemd/system/{name}"), text);
    layer.program("/usr/bin/kubelet", KUBELET)?;
    layer.file("/usr/lib/systemd/system/kubelet.service", KUBELET_SERVICE)?;
    layer.file(
        "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
        KUBEADM_CONF,
    )?;
    unit("limited.service", LIMITED_SERVICE)?;
    unit("runtime.slice", RUNTIME_SLICE)?;
    unit("confined.service", CONFINED_SERVICE)?;
    unit("edited.service", EDITED_SERVICE)?;
    unit(
        "edited.service.d/10-first.conf",
        "[Service]\nEnvironment=A=1\n",
    )?;
    unit("bad.service", BAD_SERVICE)?;
    unit("dev-nodepol.swap", DEVICE_SWAP)?;
    unit("nodepol-none.swap", FILE_SWAP)?;
    layer.file(
        "/usr/lib/systemd/system/runtime-only.service",
        "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    )?;
    layer.link("/etc/systemd/system/dev-zram0.swap", "/dev/null")?;
    layer.link("/etc/systemd/system/masked.service", "/dev/null")?;
    layer.link(
        "/etc/systemd/system/default.target",
        "/lib/systemd/system/multi-user.target",
    )?;
    let wants = "/etc/systemd/system/multi-user.target.wants";
    layer.link(
        &format!("{wants}/kubelet.service"),
        "/lib/systemd/system/kubelet.service",
    )?;
    layer.link(
        &format!("{wants}/limited.service"),
        "/etc/systemd/system/limited.service",
    )?;
    layer.file(
        "/var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--v=2\"\n",
    )?;
    Ok(layer)
}
