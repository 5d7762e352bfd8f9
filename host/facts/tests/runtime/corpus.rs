//! Real nodes and files, against what is stated of them.

use std::path::Path;

use nodepol_model::Horizon;
use serde_json::Value as Json;

use crate::node::{Facts, Units, facts, real, snapshot};
use crate::tree;

/// What differs, and why it is right.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "minikube-iso-docker: runtime",
        "cri-dockerd's socket is not the one that the kubelet names",
    ),
    (
        "typhoon-flatcar-worker: runtime",
        "containerd is in the image's /usr, which the tree lacks",
    ),
    (
        "eks-al2023-ctrd1-k129-dropin: runtime",
        "its socket is not the one that the kubelet names",
    ),
];

#[derive(Default)]
struct Tally {
    compared: usize,
    agree: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn compare(&mut self, what: &str, ours: &Json, theirs: &Json) {
        self.compared += 1;
        if ours == theirs {
            self.agree += 1;
        } else if let Some((_, why)) = EXPLAINED.iter().find(|(name, _)| *name == what) {
            println!("{what}: we say {ours}, stated is {theirs}: {why}");
        } else {
            self.wrong
                .push(format!("{what}: we say {ours}, stated is {theirs}"));
        }
    }

    fn done(&self, name: &str) {
        println!("{name}: {} of {} agree", self.agree, self.compared);
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

const FLAVOURS: &[(&str, &str)] = &[
    ("capi-image-ubuntu", "kubeadm"),
    ("eks-al2023-ctrd1-k129-dropin", "eks"),
    ("eks-al2023-ctrd2-k135-setempty", "eks"),
    ("flatcar-eks-docker", "flatcar-eks"),
    ("hard-way-node-0", "plain"),
    ("kind-node", "kubeadm"),
    ("kubeadm-rpm-preinit-default-containerd", "kubeadm"),
    ("kubeone-flatcar", "kubeadm"),
    ("kubespray-containerd", "kubespray"),
    ("kubespray-ctrd17-cgroupfs-swapallowed", "kubespray"),
    ("kubespray-docker-cri-dockerd", "kubespray"),
    ("microk8s-snap", "microk8s"),
    ("microshift", "microshift"),
    ("minikube-iso-docker", "kubeadm"),
    ("rke2-agent", "rke2"),
    ("typhoon-fcos-worker", "typhoon"),
    ("typhoon-flatcar-worker", "typhoon"),
];

#[test]
fn nodes_are_read_as_stated() {
    let Some(corpus) = tree::corpus() else { return };
    let mut tally = Tally::default();
    for (name, root) in tree::nodes(&corpus) {
        let truth = tree::json(&root.join("TRUTH.json"));
        let found: Facts = real(tree::snapshot(&root));
        let at = Horizon::NextBoot;
        let selected = found.runtimes.selected(at).ok().flatten();
        tally.compare(
            &format!("{name}: runtime"),
            &Json::from(selected.as_ref().map(|runtime| runtime.name.clone())),
            &truth["runtime"],
        );
        let runtime = truth["runtime"].as_str().unwrap_or_default();
        let driver = found.runtimes.cgroup_driver(at, runtime).ok().flatten();
        tally.compare(
            &format!("{name}: runtime_cgroup_driver"),
            &Json::from(driver.map(|driver| driver.value)),
            &truth["runtime_cgroup_driver"],
        );
        let all = found.runtimes.all(at).expect("known");
        let stated = all.iter().find(|found| found.name == runtime);
        if let Some(version) = truth.get("containerd_config_version") {
            tally.compare(
                &format!("{name}: containerd_config_version"),
                &Json::from(stated.and_then(|runtime| runtime.config_version)),
                version,
            );
        }
        let endpoint = found
            .runtimes
            .endpoint(at)
            .ok()
            .map(|endpoint| endpoint.value);
        if let Some(mismatch) = truth.get("endpoint_mismatch") {
            let differs = stated.and_then(|runtime| runtime.endpoint.clone()) != endpoint;
            tally.compare(
                &format!("{name}: endpoint_mismatch"),
                &Json::from(differs),
                mismatch,
            );
        }
        if let Some(socket) = truth.get("runtime_socket").and_then(Json::as_str) {
            let ours = stated.and_then(|runtime| runtime.endpoint.clone());
            tally.compare(
                &format!("{name}: runtime_socket"),
                &Json::from(ours),
                &Json::from(format!("unix://{socket}")),
            );
        }
        if let Some(stated) = truth.get("kubelet_runtime_endpoint").and_then(Json::as_str) {
            let stated = stated.replace("/var/run/", "/run/");
            tally.compare(
                &format!("{name}: kubelet_runtime_endpoint"),
                &Json::from(endpoint),
                &Json::from(stated),
            );
        }
        let flavour = FLAVOURS
            .iter()
            .find(|(tree, _)| *tree == name)
            .map(|(_, flavour)| *flavour);
        tally.compare(
            &format!("{name}: flavour"),
            &Json::from(found.node.flavour().value),
            &Json::from(flavour),
        );
        let embedded = matches!(flavour, Some("microk8s" | "microshift" | "rke2"));
        tally.compare(
            &format!("{name}: embedded"),
            &Json::from(found.node.embedded_kubelet()),
            &Json::from(embedded),
        );
    }
    tally.done("nodes");
}

#[test]
fn files_are_read_as_stated() {
    let Some(corpus) = tree::corpus() else { return };
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/INDEX.tsv");
    let given = std::env::var_os("NODEPOL_CORPUS_INDEX").map(std::path::PathBuf::from);
    let index = given
        .into_iter()
        .chain([corpus.join("INDEX.tsv"), beside])
        .find_map(|path| std::fs::read_to_string(path).ok());
    let Some(index) = index else {
        println!("skipped: the corpus has no INDEX.tsv");
        return;
    };
    let mut tally = Tally::default();
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (Some(path), Some(kind), Some(stated)) =
            (columns.first(), columns.get(5), columns.get(8))
        else {
            continue;
        };
        let Ok(stated) = serde_json::from_str::<Json>(stated) else {
            continue;
        };
        let Ok(text) = std::fs::read_to_string(corpus.join(path)) else {
            continue;
        };
        match *kind {
            "containerd-v1" | "containerd-v2" | "containerd-v3" | "containerd-v4" => {
                containerd_file(&mut tally, path, &text, &stated)
            }
            "crio" => crio_file(&mut tally, path, &text, &stated),
            "docker-daemon" => docker_file(&mut tally, path, &text, &stated),
            _ => {}
        }
    }
    tally.done("files");
    assert!(tally.compared > 50, "only {} were compared", tally.compared);
}

fn containerd_file(tally: &mut Tally, path: &str, text: &str, stated: &Json) {
    let version = match stated["version"].as_u64() {
        Some(3) => "2.2.0",
        Some(4) => "2.3.0",
        _ => "1.7.33",
    };
    let files = [
        ("/etc/systemd/system/containerd.service", ""),
        ("/etc/containerd/config.toml", text),
    ];
    let units = Units::default().start("containerd.service", "containerd");
    let found = facts(snapshot(&files), units, Some(version)).runtimes;
    let at = Horizon::NextBoot;
    if let Some(driver) = stated.get("runtime_cgroup_driver") {
        let ours = found
            .cgroup_driver(at, "containerd")
            .ok()
            .flatten()
            .map(|driver| driver.value);
        tally.compare(&format!("{path}: driver"), &Json::from(ours), driver);
    }
    if let Some(disabled) = stated.get("cri_disabled") {
        let ours = found
            .problems("containerd")
            .expect("readable")
            .iter()
            .any(|problem| problem.kind == "cri-disabled");
        tally.compare(
            &format!("{path}: cri_disabled"),
            &Json::from(ours),
            disabled,
        );
    }
    let all = found.all(at).expect("known");
    tally.compare(
        &format!("{path}: version"),
        &Json::from(all[0].config_version),
        &stated["version"],
    );
    if let Some(socket) = stated.get("socket").and_then(Json::as_str) {
        let socket = socket
            .strip_prefix("/var")
            .filter(|rest| rest.starts_with("/run/"))
            .unwrap_or(socket);
        tally.compare(
            &format!("{path}: socket"),
            &Json::from(all[0].endpoint.clone()),
            &Json::from(format!("unix://{socket}")),
        );
    }
}

fn crio_file(tally: &mut Tally, path: &str, text: &str, stated: &Json) {
    let files = [
        ("/usr/lib/systemd/system/crio.service", ""),
        ("/etc/crio/crio.conf", text),
    ];
    let found = facts(snapshot(&files), Units::default(), None).runtimes;
    if let Some(manager) = stated.get("cgroup_manager").and_then(Json::as_str) {
        let manager = if manager.starts_with("absent") {
            "systemd"
        } else {
            manager
        };
        let ours = found
            .cgroup_driver(Horizon::NextBoot, "cri-o")
            .ok()
            .flatten()
            .map(|driver| driver.value);
        tally.compare(
            &format!("{path}: cgroup_manager"),
            &Json::from(ours),
            &Json::from(manager),
        );
    }
}

fn docker_file(tally: &mut Tally, path: &str, text: &str, stated: &Json) {
    let files = [
        ("/usr/lib/systemd/system/docker.service", ""),
        ("/etc/docker/daemon.json", text),
        ("/etc/os-release", "ID=debian\nVERSION_ID=12\n"),
        ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n"),
    ];
    let found = facts(snapshot(&files), Units::default(), None).runtimes;
    let ours = found
        .cgroup_driver(Horizon::NextBoot, "docker")
        .expect("readable")
        .expect("installed");
    let said = (ours.origin.source != "default").then_some(ours.value);
    tally.compare(
        &format!("{path}: driver"),
        &Json::from(said),
        &stated["cgroup_driver"],
    );
}
