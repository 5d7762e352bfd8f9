//! What is read from every node before facts ask for more.
//!
//! The list only saves rounds: whatever is missing from it, facts name as a
//! `Want`. It holds what no fact can ask for by name, directories above all,
//! and what a person who opens the snapshot of a broken node looks for.

use Depth::{Content, Metadata, Tree};

use crate::files::Depth;

/// Paths of every node, live or a tree, and how much of each is read.
pub(crate) const PATHS: &[(&str, Depth)] = &[
    // Who the node is.
    ("/etc/os-release", Content),
    ("/usr/lib/os-release", Content),
    ("/etc/hostname", Content),
    ("/etc/hosts", Content),
    ("/etc/resolv.conf", Content),
    ("/etc/machine-id", Content),
    ("/etc/fstab", Content),
    // The kubelet and its credentials.
    ("/etc/default/kubelet", Content),
    ("/etc/sysconfig/kubelet", Content),
    ("/var/lib/kubelet", Metadata),
    ("/var/lib/kubelet/config.yaml", Content),
    ("/var/lib/kubelet/kubelet-config.yaml", Content),
    ("/var/lib/kubelet/kubeconfig", Content),
    ("/var/lib/kubelet/kubeadm-flags.env", Content),
    ("/var/lib/kubelet/instance-config.yaml", Content),
    ("/var/lib/kubelet/cpu_manager_state", Content),
    ("/var/lib/kubelet/memory_manager_state", Content),
    ("/var/lib/kubelet/pki", Tree),
    ("/etc/kubernetes", Tree),
    // The runtimes.
    ("/etc/containerd", Tree),
    ("/usr/share/containerd/config.toml", Content),
    ("/etc/crio", Tree),
    ("/usr/share/defaults/crio", Tree),
    ("/etc/sysconfig/crio", Content),
    ("/etc/default/crio", Content),
    ("/etc/docker", Tree),
    ("/etc/default/docker", Content),
    ("/etc/sysconfig/docker", Content),
    ("/run/containerd/containerd.sock", Metadata),
    ("/run/crio/crio.sock", Metadata),
    ("/run/cri-dockerd.sock", Metadata),
    ("/var/run/docker.sock", Metadata),
    ("/usr/local/bin/kubelet", Metadata),
    ("/usr/bin/kubelet", Metadata),
    ("/opt/bin/kubelet", Metadata),
    ("/usr/bin/kubeadm", Metadata),
    ("/usr/local/bin/containerd", Metadata),
    ("/usr/bin/containerd", Metadata),
    ("/bin/containerd", Metadata),
    ("/opt/bin/containerd", Metadata),
    ("/usr/local/bin/crio", Metadata),
    ("/usr/bin/crio", Metadata),
    ("/bin/crio", Metadata),
    ("/opt/bin/crio", Metadata),
    ("/usr/local/bin/dockerd", Metadata),
    ("/usr/bin/dockerd", Metadata),
    ("/bin/dockerd", Metadata),
    ("/opt/bin/dockerd", Metadata),
    ("/usr/local/bin/cri-dockerd", Metadata),
    ("/opt/bin/cri-dockerd", Metadata),
    // Who brought the kubelet, or carries one inside.
    ("/etc/rancher/k3s", Content),
    ("/var/lib/rancher/k3s", Content),
    ("/etc/rancher/rke2", Content),
    ("/var/lib/rancher/rke2", Content),
    ("/etc/default/rke2-agent", Content),
    ("/etc/default/rke2-server", Content),
    ("/etc/sysconfig/rke2-agent", Content),
    ("/etc/sysconfig/rke2-server", Content),
    ("/etc/k0s", Content),
    ("/var/lib/k0s", Content),
    ("/var/snap/microk8s", Content),
    ("/var/snap/microk8s/current/args/containerd", Content),
    ("/var/snap/microk8s/current/args/kubelet", Content),
    (
        "/var/snap/microk8s/current/credentials/kubelet.config",
        Content,
    ),
    ("/var/snap/k8s", Content),
    ("/etc/microshift", Content),
    ("/etc/openshift", Content),
    ("/etc/machine-config-daemon", Content),
    ("/usr/share/amazon/eks", Content),
    ("/usr/share/amazon/eks/kubelet-config.json", Content),
    ("/usr/share/amazon/eks/kubelet-kubeconfig", Content),
    ("/usr/share/oem/eks", Content),
    ("/etc/eks", Content),
    ("/etc/eks/kubelet/environment", Content),
    ("/opt/azure/containers", Content),
    ("/opt/kops", Content),
    ("/var/cache/nodeup", Content),
    ("/home/kubernetes/bin/kubelet", Metadata),
    // The manager itself and its configuration.
    ("/sbin/init", Metadata),
    ("/usr/sbin/init", Metadata),
    ("/lib/systemd", Content),
    ("/usr/lib/systemd", Content),
    ("/usr/lib64/systemd", Content),
    ("/etc/systemd/system.conf", Content),
    ("/run/systemd/system.conf", Content),
    ("/usr/local/lib/systemd/system.conf", Content),
    ("/etc/systemd/system.conf.d", Tree),
    ("/run/systemd/system.conf.d", Tree),
    ("/usr/local/lib/systemd/system.conf.d", Content),
    ("/usr/lib/systemd/system.conf.d", Tree),
    ("/etc/systemd/system-preset", Tree),
    ("/run/systemd/system-preset", Tree),
    ("/usr/local/lib/systemd/system-preset", Tree),
    ("/usr/lib/systemd/system-preset", Tree),
    ("/etc/systemd/zram-generator.conf", Content),
    ("/etc/systemd/zram-generator.conf.d", Tree),
    ("/run/systemd/zram-generator.conf", Content),
    ("/run/systemd/zram-generator.conf.d", Tree),
    ("/usr/lib/systemd/zram-generator.conf", Content),
    ("/usr/lib/systemd/zram-generator.conf.d", Tree),
    ("/etc/dphys-swapfile", Content),
    ("/etc/default/zramswap", Content),
    (
        "/usr/lib/systemd/system-generators/zram-generator",
        Metadata,
    ),
    (
        "/usr/lib/systemd/system-generators/systemd-zram-generator",
        Metadata,
    ),
    (
        "/usr/local/lib/systemd/system-generators/zram-generator",
        Metadata,
    ),
    ("/lib/systemd/system-generators/zram-generator", Metadata),
    // What else may turn swap on.
    ("/etc/crontab", Content),
    ("/etc/cron.d", Content),
    ("/var/spool/cron", Content),
    ("/var/spool/cron/crontabs", Content),
    ("/etc/rc.local", Content),
    ("/etc/rc.d/rc.local", Content),
    ("/etc/waagent.conf", Content),
    ("/etc/cloud/cloud.cfg.d", Content),
    ("/etc/cloud/cloud-init.disabled", Metadata),
    ("/var/lib/cloud/instance/sem/config_mounts", Metadata),
    // The next boot: kernel command line, sysctls, modules.
    ("/etc/default/grub", Content),
    ("/etc/default/grub.d", Tree),
    ("/etc/kernel/cmdline", Content),
    ("/usr/lib/kernel/cmdline", Content),
    ("/boot/loader/entries", Tree),
    ("/efi/loader/entries", Tree),
    ("/boot/efi/loader/entries", Tree),
    ("/boot/grub/grub.cfg", Content),
    ("/boot/grub2/grub.cfg", Content),
    ("/boot/firmware/cmdline.txt", Content),
    ("/boot/firmware/loader/entries", Content),
    ("/boot/cmdline.txt", Content),
    ("/etc/sysctl.conf", Content),
    ("/etc/sysctl.d", Tree),
    ("/run/sysctl.d", Tree),
    ("/usr/local/lib/sysctl.d", Tree),
    ("/usr/lib/sysctl.d", Tree),
    ("/lib/sysctl.d", Tree),
    ("/etc/modules", Content),
    ("/etc/modules-load.d", Tree),
    ("/run/modules-load.d", Tree),
    ("/usr/local/lib/modules-load.d", Tree),
    ("/usr/lib/modules-load.d", Tree),
    ("/lib/modules-load.d", Tree),
    ("/lib/modules", Content),
    // Who configures the network, and where programs are.
    ("/etc/netplan", Content),
    ("/etc/systemd/network", Tree),
    ("/usr/lib/systemd/network", Tree),
    ("/etc/network", Content),
    ("/etc/NetworkManager/system-connections", Content),
    ("/etc/sysconfig/network-scripts", Content),
    ("/etc/sysconfig/network", Content),
    ("/bin", Content),
    ("/usr/bin", Content),
    ("/sbin/iptables", Metadata),
    ("/usr/sbin/iptables", Metadata),
    // The running kernel. A tree may hold these as texts.
    ("/proc/1/comm", Content),
    ("/proc/cmdline", Content),
    ("/proc/cgroups", Content),
    ("/proc/meminfo", Content),
    ("/proc/modules", Content),
    ("/proc/mounts", Content),
    ("/proc/net/fib_trie", Content),
    ("/proc/net/if_inet6", Content),
    ("/proc/net/ipv6_route", Content),
    ("/proc/net/route", Content),
    ("/proc/net/tcp", Content),
    ("/proc/net/tcp6", Content),
    ("/proc/self/mountinfo", Content),
    ("/proc/swaps", Content),
    ("/proc/sys/fs/inotify/max_user_instances", Content),
    ("/proc/sys/fs/inotify/max_user_watches", Content),
    ("/proc/sys/kernel/hostname", Content),
    ("/proc/sys/kernel/keys/root_maxbytes", Content),
    ("/proc/sys/kernel/keys/root_maxkeys", Content),
    ("/proc/sys/kernel/osrelease", Content),
    ("/proc/sys/kernel/panic", Content),
    ("/proc/sys/kernel/panic_on_oops", Content),
    ("/proc/sys/kernel/random/boot_id", Content),
    ("/proc/sys/net/bridge/bridge-nf-call-ip6tables", Content),
    ("/proc/sys/net/bridge/bridge-nf-call-iptables", Content),
    ("/proc/sys/net/ipv4/ip_forward", Content),
    ("/proc/sys/net/ipv6/conf/all/forwarding", Content),
    ("/proc/sys/vm/overcommit_memory", Content),
    ("/proc/sys/vm/panic_on_oom", Content),
    ("/proc/uptime", Content),
    ("/sys/fs/cgroup", Content),
    ("/sys/fs/cgroup/cgroup.controllers", Content),
    ("/sys/fs/cgroup/cgroup.subtree_control", Content),
    ("/sys/fs/cgroup/cpu.stat", Content),
    ("/sys/fs/cgroup/unified/cgroup.controllers", Content),
    ("/sys/block", Content),
    ("/sys/devices/system/cpu/online", Content),
    ("/sys/firmware/devicetree/base/model", Content),
    ("/dev/kmsg", Metadata),
    ("/run/systemd/system", Content),
    ("/run/systemd/resolve/resolv.conf", Content),
];

/// The same of a tree, of which no program tells its version.
pub(crate) const OF_TREES: &[(&str, Depth)] = &[("/var/lib/dpkg/status", Content)];

/// statfs(2) of these is taken on a live node.
pub(crate) const FILESYSTEMS: &[&str] = &["/", "/sys/fs/cgroup", "/var/lib/kubelet"];

/// Where the runtimes serve CRI if nothing else is said.
pub(crate) const CRI_SOCKETS: &[&str] = &[
    "unix:///run/containerd/containerd.sock",
    "unix:///run/crio/crio.sock",
    CRI_DOCKERD,
];

const CRI_DOCKERD: &str = "unix:///run/cri-dockerd.sock";

/// Sockets on which systemd listens, and the service that a connection starts.
pub(crate) const STARTED_BY_SOCKET: &[(&str, &str)] = &[(CRI_DOCKERD, "cri-docker.service")];

/// The directories of unit files, as `man systemd.unit` lists them, generators
/// included. All of their texts are read: what a boot starts, and what turns
/// swap on, may stand in any of them.
pub(crate) const UNIT_DIRECTORIES: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Units that systemd is asked about from the start.
pub(crate) const UNITS: &[&str] = &[
    "basic.target",
    "containerd.service",
    "cri-docker.service",
    "cri-docker.socket",
    "crio.service",
    "default.target",
    "docker.service",
    "docker.socket",
    "kubelet.service",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "swap.target",
    "sysinit.target",
];

/// The service whose whole log is read.
pub(crate) const KUBELET: &str = "kubelet.service";

/// Services of which the journal keeps what the manager says of them.
pub(crate) const RUNTIMES: &[&str] = &[
    "containerd.service",
    "cri-docker.service",
    "cri-docker.socket",
    "crio.service",
    "docker.service",
    "docker.socket",
];

/// A program that is asked something that changes nothing.
pub(crate) struct Program {
    /// Its key in the snapshot.
    pub(crate) key: &'static str,
    /// The name of its file.
    pub(crate) name: &'static str,
    /// The service that runs it, and so knows where it is.
    pub(crate) service: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [&'static str],
    /// Whether the `--config` of the service's `ExecStart` is put before them.
    pub(crate) with_config: bool,
    /// Whether it asks its service, which a connection could start: done only
    /// where the service runs.
    pub(crate) asks_service: bool,
}

const fn version(key: &'static str, name: &'static str, service: &'static str) -> Program {
    Program {
        key,
        name,
        service,
        arguments: &["--version"],
        with_config: false,
        asks_service: false,
    }
}

/// The programs that are asked on a live node.
pub(crate) const PROGRAMS: &[Program] = &[
    version("kubelet --version", "kubelet", KUBELET),
    Program {
        key: "kubeadm version",
        name: "kubeadm",
        service: "",
        arguments: &["version", "--output", "short"],
        with_config: false,
        asks_service: false,
    },
    version("containerd --version", "containerd", "containerd.service"),
    Program {
        key: "containerd config dump",
        name: "containerd",
        service: "containerd.service",
        arguments: &["config", "dump"],
        with_config: true,
        asks_service: false,
    },
    version("crio --version", "crio", "crio.service"),
    Program {
        key: "crio config",
        name: "crio",
        service: "crio.service",
        arguments: &["config"],
        with_config: true,
        asks_service: false,
    },
    version("dockerd --version", "dockerd", "docker.service"),
    version("docker --version", "docker", ""),
    Program {
        key: "docker info",
        name: "docker",
        service: "docker.service",
        arguments: &["info", "--format", "{{.CgroupDriver}} {{.ServerVersion}}"],
        with_config: false,
        asks_service: true,
    },
    version("cri-dockerd --version", "cri-dockerd", "cri-docker.service"),
    version("runc --version", "runc", ""),
];
