//! Secrets planted in every source never come out: not in a snapshot, not in a
//! report, not in the facts, not in a log line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::Path;
use std::process::Command;

/// Parts of the planted secrets that nothing harmless contains.
const CANARIES: [&str; 9] = [
    "canary",
    "MHcCAQEEI",
    "0123456789abcdef",
    "eyJhbGciOiJSUzI1NiJ9",
    "AKIAIOSFODNN7EXAMPLE",
    "hunter2",
    "Y2FuYXJ5",
    "c2VjcmV0LWtleS1ieXRlcw",
    "QmVhcmVyLXNlY3JldA",
];

const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIcanaryc2VjcmV0LWtleS1ieXRlcw\n-----END EC PRIVATE KEY-----\n";

fn plant(root: &Path) {
    let key_data = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(KEY)
    };
    let files = [
        ("etc/kubernetes/pki/ca.key", KEY.to_owned()),
        ("var/lib/kubelet/pki/kubelet-client-current.pem", KEY.to_owned()),
        ("var/lib/kubelet/pki/kubelet.key", KEY.to_owned()),
        (
            "etc/kubernetes/kubelet.conf",
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\nclusters:\n- name: c\n  cluster: {{server: 'https://admin:hunter2@10.0.0.1:6443'}}\nusers:\n- name: u\n  user:\n    client-key-data: {key_data}\n    token: canary-token\n    password: hunter2\n"
            ),
        ),
        (
            "etc/kubernetes/bootstrap-kubelet.conf",
            "users:\n- name: b\n  user:\n    token: abcdef.0123456789abcdef\n".to_owned(),
        ),
        (
            "etc/containerd/config.toml",
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r\".auth]\n  username = \"u\"\n  password = \"hunter2\"\n  identitytoken = \"canary-identity\"\n  auth = \"Y2FuYXJ5OmNhbmFyeQ==\"\n".to_owned(),
        ),
        (
            "etc/systemd/system/kubelet.service.d/20-proxy.conf",
            "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2@proxy:3128 AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE API_TOKEN=canary\n".to_owned(),
        ),
        ("etc/default/kubelet", "KUBELET_EXTRA_ARGS=--token=abcdef.0123456789abcdef\n".to_owned()),
        ("etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf $KUBELET_EXTRA_ARGS\nEnvironmentFile=-/etc/default/kubelet\n".to_owned()),
        (
            "var/lib/kubelet/config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodURLHeader:\n  Authorization: [Bearer eyJhbGciOiJSUzI1NiJ9.canary.canary]\nbogusPassword: hunter2\n".to_owned(),
        ),
        ("etc/docker/daemon.json", "{\"exec-opts\": [], \"proxies\": {\"https-proxy\": \"http://u:hunter2@p\"}}".to_owned()),
        ("root/.docker/config.json", "{\"auths\": {\"r\": {\"auth\": \"Y2FuYXJ5OmNhbmFyeQ==\"}}}".to_owned()),
        ("etc/fstab", "//server/share /mnt cifs username=u,password=hunter2 0 0\n".to_owned()),
        ("proc/cmdline", "root=/dev/sda1 api.token=canary-cmdline\n".to_owned()),
        ("etc/os-release", "ID=debian\n".to_owned()),
    ];
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn planted_secrets_never_come_out() {
    let root = tempfile::tempdir().unwrap();
    plant(root.path());
    let root = root.path().to_str().unwrap();
    let snapshot = tempfile::NamedTempFile::new().unwrap();
    let written = snapshot.path().to_str().unwrap();
    for arguments in [
        &["snapshot", "--root", root][..],
        &["snapshot", "--root", root, "-o", written],
        &["facts", "--root", root],
        &["facts", "--root", root, "--format", "json"],
        &["eval", "--root", root, "--format", "json"],
        &["eval", "--root", root, "--explain", "-v"],
        &["eval", "--snapshot", written],
    ] {
        let output = Command::new(nodepol_tests::binary())
            .args(arguments)
            .output()
            .expect("nodepol runs");
        let said = [
            output.stdout,
            output.stderr,
            std::fs::read(written).unwrap(),
        ]
        .concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.len() > 100, "{arguments:?} says nothing: {said}");
        for canary in CANARIES {
            let found = said.lines().find(|line| line.contains(canary));
            assert_eq!(found, None, "{arguments:?} lets {canary} out");
        }
    }
}
