//! The whole tool on a real system: systemd as PID 1, a kubelet.service that
//! crashes in a loop, and `nodepol` inside, as an administrator would run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::journal::JournalFacts;
use nodepol_tests::bed::boot::Booted;
use nodepol_tests::bed::layer::Layer;
use serde_json::Value as Json;

const KUBELET_SERVICE: &str = "[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=200ms

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

/// For the containerd that this machine may have: it would use cgroupfs.
const CONTAINERD: &str = "version = 2
[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]
  runtime_type = \"io.containerd.runc.v2\"
  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]
    SystemdCgroup = true
";

/// What a kubelet 1.36 says of itself and, without its configuration, of that.
const KUBELET: &str = "#!/bin/sh
if [ \"$1\" = --version ]; then echo 'Kubernetes v1.36.2'; exit 0; fi
echo 'E0101 00:00:00.000000 1 run.go:72] \"command failed\" err=\"failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file \\\"/var/lib/kubelet/config.yaml\\\", error: open /var/lib/kubelet/config.yaml: no such file or directory\"' >&2
exit 1
";

fn layer() -> Layer {
    let layer = Layer::new().expect("a layer");
    layer
        .program("/usr/bin/kubelet", KUBELET)
        .expect("a program");
    layer
        .file("/usr/lib/systemd/system/kubelet.service", KUBELET_SERVICE)
        .expect("a file");
    layer
        .file(
            "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            KUBEADM_CONF,
        )
        .expect("a file");
    layer
        .file("/etc/containerd/config.toml", CONTAINERD)
        .expect("a file");
    layer
        .link(
            "/etc/systemd/system/multi-user.target.wants/kubelet.service",
            "/usr/lib/systemd/system/kubelet.service",
        )
        .expect("a link");
    layer
}

fn nodepol(bed: &Booted, arguments: &[&str]) -> (i32, String, String) {
    let mut argv = vec!["/run/share/nodepol"];
    argv.extend(arguments);
    let output = bed.run(&argv).expect("nsenter");
    (
        output.status.code().expect("no signal"),
        String::from_utf8(output.stdout).expect("UTF-8"),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}

fn policy<'a>(report: &'a Json, id: &str) -> &'a Json {
    let policies = report["policies"].as_array().expect("policies");
    policies
        .iter()
        .find(|policy| policy["id"] == id)
        .unwrap_or_else(|| panic!("{id}: {report:#}"))
}

#[test]
fn a_kubelet_that_waits_for_kubeadm_is_no_failure() {
    let layer = layer();
    let share = tempfile::tempdir().expect("a directory");
    std::fs::copy(nodepol_tests::binary(), share.path().join("nodepol")).expect("a copy");
    let Some(bed) = Booted::start_with_or_skip(layer.path(), Some(share.path())) else {
        return;
    };
    bed.settle().expect("nsenter");

    let (code, stdout, stderr) = nodepol(&bed, &["eval", "--format", "json"]);
    let report: Json = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
    nodepol_tests::assert_valid("report", &report);
    assert_eq!(report["phase"]["name"], "pre-join", "{report:#}");
    for (id, horizon, verdict) in [
        ("kubelet-crashloop-triage", "now", "waiting"),
        ("kubelet-unit-loadable", "now", "pass"),
        ("kubelet-unit-enabled", "nextBoot", "pass"),
        ("kubelet-unit-restart", "now", "pass"),
        ("kubeadm-dropin", "now", "pass"),
    ] {
        let said = policy(&report, id);
        assert_eq!(said["verdict"][horizon], verdict, "{said:#}");
    }
    for policy in report["policies"].as_array().expect("policies") {
        assert!(policy["error"].is_null(), "{policy:#}");
        // The bed has no controllers and no /dev/kmsg, its /proc/sys is read-only, and
        // whatever containerd this machine has does not start in it.
        let id = policy["id"].as_str().expect("an id");
        if [
            "cgroup-controllers",
            "host-limits-fs",
            "kernel-tunables",
            "runtime-before-kubelet",
        ]
        .contains(&id)
        {
            continue;
        }
        assert_ne!(policy["verdict"]["now"], "fail", "{policy:#}");
        assert_ne!(policy["verdict"]["nextBoot"], "fail", "{policy:#}");
    }
    assert!([0, 1, 3].contains(&code), "{code}: {stdout}");

    // What was gathered is the whole world of the policies: read back, it gives
    // the same report.
    let (code, _, stderr) = nodepol(&bed, &["snapshot", "-o", "/run/share/node.json"]);
    assert_eq!(code, 0, "{stderr}");
    let snapshot = std::fs::read(share.path().join("node.json")).expect("a snapshot");
    nodepol_tests::assert_valid(
        "snapshot",
        &serde_json::from_slice(&snapshot).expect("JSON"),
    );
    // What journald kept of the kubelet is a line of the table.
    let kept: nodepol_model::Snapshot = serde_json::from_slice(&snapshot).expect("a snapshot");
    let journal = JournalFacts::new(Arc::new(Evidence::new(Arc::new(kept))));
    let known = journal.known_lines().expect("a journal");
    assert!(
        known
            .iter()
            .any(|line| line.signature == "config-file-missing"),
        "{known:#?}"
    );
    let replay = [
        "eval",
        "--snapshot",
        "/run/share/node.json",
        "--format",
        "json",
    ];
    let (_, first, _) = nodepol(&bed, &replay);
    let (_, second, _) = nodepol(&bed, &replay);
    assert_eq!(first, second);
    let replayed: Json = serde_json::from_str(&first).expect("JSON");
    for policy_report in report["policies"].as_array().expect("policies") {
        let id = policy_report["id"].as_str().expect("an id");
        let again = policy(&replayed, id);
        assert_eq!(
            policy_report["verdict"], again["verdict"],
            "{id}: {again:#}"
        );
    }
}
