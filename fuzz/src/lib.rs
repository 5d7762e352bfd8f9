//! The readers of nodepol's facts, each as a function of bytes: the bytes stand
//! in a file of a node, and every fact that rests on it is asked for.
//!
//! `cargo fuzz` drives them without end; a test of `nodepol-facts` gives them
//! the seeds, changed at random.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::journal::{klog, signatures};
use nodepol_facts::{Facts, Question};
use nodepol_model::snapshot::{Content, File, FileNode, Journal, JournalEntry, Source};
use nodepol_model::{Horizon, Part, Snapshot};

/// A reader, and the name of its target and of the directory of its seeds.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, sorted.
pub const TARGETS: [Target; 11] = [
    ("containerd", containerd),
    ("crio", crio),
    ("docker", docker),
    ("environment_file", environment_file),
    ("fstab", fstab),
    ("journal", journal),
    ("kubeconfig", kubeconfig),
    ("kubelet_config", kubelet_config),
    ("pem", pem),
    ("snapshot", snapshot),
    ("unit", unit),
];

const KUBELET: &str = "/usr/lib/systemd/system/kubelet.service";
const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const START: &str = "[Service]\nEnvironmentFile=-/etc/default/kubelet\n\
    ExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml \
    --kubeconfig=/etc/kubernetes/kubelet.conf $KUBELET_EXTRA_ARGS ${ONE}\n\
    [Install]\nWantedBy=multi-user.target\n";

/// A unit, and the same as its drop-in.
pub fn unit(bytes: &[u8]) {
    let text = text(bytes);
    ask(node(&[
        (KUBELET, &text),
        ("/etc/systemd/system/kubelet.service.d/10.conf", &text),
        ("/etc/systemd/system/data.mount", &text),
        ("/etc/systemd/system/dev-sda.swap", &text),
        ("/etc/systemd/system/t@.socket", &text),
    ]));
}

/// An `EnvironmentFile=`.
pub fn environment_file(bytes: &[u8]) {
    ask(node(&[
        (KUBELET, START),
        ("/etc/default/kubelet", &text(bytes)),
    ]));
}

/// A KubeletConfiguration in YAML or JSON.
pub fn kubelet_config(bytes: &[u8]) {
    ask(node(&[(KUBELET, START), (CONFIG, &text(bytes))]));
}

/// containerd's configuration, and the same as a file that it imports.
pub fn containerd(bytes: &[u8]) {
    let text = text(bytes);
    ask(node(&[
        (KUBELET, START),
        (
            "/usr/lib/systemd/system/containerd.service",
            "[Service]\nExecStart=/usr/bin/containerd\n",
        ),
        ("/etc/containerd/config.toml", &text),
        ("/etc/containerd/conf.d/x.toml", &text),
    ]));
}

/// CRI-O's configuration, and the same as a drop-in.
pub fn crio(bytes: &[u8]) {
    let text = text(bytes);
    ask(node(&[
        (KUBELET, START),
        (
            "/usr/lib/systemd/system/crio.service",
            "[Service]\nExecStart=/usr/bin/crio\n",
        ),
        ("/etc/crio/crio.conf", &text),
        ("/etc/crio/crio.conf.d/10.conf", &text),
    ]));
}

/// Docker's `daemon.json`.
pub fn docker(bytes: &[u8]) {
    ask(node(&[
        (KUBELET, START),
        (
            "/usr/lib/systemd/system/docker.service",
            "[Service]\nExecStart=/usr/bin/dockerd\n",
        ),
        ("/etc/docker/daemon.json", &text(bytes)),
    ]));
}

/// fstab.
pub fn fstab(bytes: &[u8]) {
    ask(node(&[(KUBELET, START), ("/etc/fstab", &text(bytes))]));
}

/// The kubelet's kubeconfig.
pub fn kubeconfig(bytes: &[u8]) {
    ask(node(&[(KUBELET, START), (KUBECONFIG, &text(bytes))]));
}

/// Certificates and keys in PEM.
pub fn pem(bytes: &[u8]) {
    let text = text(bytes);
    let snapshot = node(&[
        (KUBELET, START),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", &text),
        ("/etc/kubernetes/pki/ca.crt", &text),
    ]);
    let facts = Facts::new(Arc::new(snapshot), Question::default());
    let _ = facts.certs.in_file("/etc/kubernetes/pki/ca.crt");
    ask_facts(&facts);
}

/// The kubelet's log, line by line.
pub fn journal(bytes: &[u8]) {
    let text = text(bytes);
    let mut snapshot = node(&[(KUBELET, START)]);
    let mut entries = Vec::new();
    for line in text.lines() {
        let _ = klog::parse(line);
        let _ = klog::is_fatal(line);
        let _ = signatures::find(line);
        entries.push(JournalEntry {
            time: Timestamp::UNIX_EPOCH,
            unit: "kubelet.service".to_owned(),
            identifier: Some("kubelet".to_owned()),
            invocation_id: None,
            priority: None,
            message: line.to_owned(),
        });
    }
    snapshot.journal = Part::Present(Journal {
        boot_id: None,
        truncated: false,
        entries,
    });
    ask(snapshot);
}

/// A snapshot as JSON.
pub fn snapshot(bytes: &[u8]) {
    if let Ok(snapshot) = Snapshot::from_json(bytes) {
        ask(snapshot);
    }
}

/// Bytes as a text: what is no UTF-8 is not what is tried here.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A node of these files and no others, every directory listed.
fn node(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::empty(Source::Tree, Timestamp::UNIX_EPOCH);
    snapshot.systemd = Part::Absent;
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, text) in files {
        let content = Content::Text((*text).to_owned());
        let node = FileNode::Regular(content);
        snapshot.files.insert((*path).to_owned(), file(node));
        let mut below = *path;
        while let Some((parent, name)) = below.rsplit_once('/') {
            let key = if parent.is_empty() { "/" } else { parent };
            let listed = names.entry(key).or_default();
            if !listed.iter().any(|known| known == name) {
                listed.push(name.to_owned());
            }
            below = parent;
        }
    }
    for (path, mut names) in names {
        names.sort();
        let node = FileNode::Directory(Part::Present(names));
        snapshot.files.insert(path.to_owned(), file(node));
    }
    snapshot
}

fn file(node: FileNode) -> Part<File> {
    Part::Present(File {
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        modified: Timestamp::UNIX_EPOCH,
        node,
    })
}

fn ask(snapshot: Snapshot) {
    ask_facts(&Facts::new(Arc::new(snapshot), Question::default()));
}

/// Asks for everything. The answers do not matter; that there is one does.
pub fn ask_facts(facts: &Facts) {
    let at = Horizon::NextBoot;
    let mut units = facts.units.names();
    units.push("t@x.socket".to_owned());
    for unit in &units {
        let _ = facts.units.get(at, unit);
        let _ = facts.units.service(at, unit);
        let _ = facts.units.file_state(at, unit);
        let _ = facts.units.enabled_by(unit);
        let _ = facts.units.pulled_in_by(unit);
        let _ = facts.units.conditions(at, unit);
        let _ = facts.units.commands(at, unit, "ExecStart");
        let _ = facts.units.environment(at, unit);
        let _ = facts.units.environment_problems(at, unit);
        let _ = facts.units.dependencies(at, unit, "After");
        let _ = facts.units.ordering_cycle(unit);
    }
    let _ = facts.kubelet.argv(at);
    let _ = facts.kubelet.flag_problems(at);
    let _ = facts.kubelet.gate_problems(at);
    let _ = facts.kubelet.config_problems(at);
    let _ = facts.kubelet.setting(at, "/cgroupDriver");
    let _ = facts.kubelet.summary();
    let _ = facts.kubelet_cgroup_driver(at);
    for summary in facts.runtimes.summary() {
        let name = &summary.runtime.name;
        let _ = facts.runtimes.handlers(at, name);
        let _ = facts.runtimes.problems(name);
        let _ = facts.runtimes.systemd_driver_edits(name);
    }
    let _ = facts.swap.summary();
    let _ = facts.mounts.at_next_boot();
    let _ = facts.certs.summary(at);
    let _ = facts.certs.at_start(at);
    let _ = facts.journal.known_lines();
    let _ = facts.journal.last_fatal();
    let _ = facts.configs.documents();
    let _ = facts.cgroups.summary();
    let _ = facts.node.summary();
}
