//! Nodes of our own.

use nodepol_facts::kubelet::{Kubelet, SettingValue};
use nodepol_facts::kubelet_driver::{Driver, RuntimeConfig, cgroup_driver};
use nodepol_facts::sourced::Sourced;
use nodepol_model::snapshot::{LoadedUnit, ProgramOutput, Systemd};
use nodepol_model::{Horizon, Location, Part, Unavailable};
use serde_json::json;

use crate::node::{Given, kubelet, of, snapshot};

const HEAD: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

fn config(body: &str) -> String {
    format!("{HEAD}{body}")
}

fn setting(kubelet: &Kubelet, pointer: &str) -> SettingValue {
    kubelet
        .setting(Horizon::NextBoot, pointer)
        .expect("it is known")
        .expect("it is set")
}

#[test]
fn a_flag_beats_a_drop_in_beats_the_file_beats_the_default() {
    let kubelet = kubelet(
        &[
            (
                "/etc/k/config.yaml",
                &config("cgroupDriver: cgroupfs\nmaxPods: 50\nport: 0\n"),
            ),
            (
                "/etc/k/d/10-a.conf",
                &config("cgroupDriver: systemd\nmaxPods: 60\n"),
            ),
            ("/etc/k/d/sub/b.conf", &config("maxPods: 70\n")),
            ("/etc/k/d/z.yaml", "not: [read"),
        ],
        "/usr/bin/kubelet --config=/etc/k/config.yaml --config-dir=/etc/k/d --max-pods=80",
        "1.36",
    );
    let driver = setting(&kubelet, "/cgroupDriver");
    assert_eq!(driver.value, json!("systemd"));
    assert_eq!(driver.origin.source, "/etc/k/d/10-a.conf");
    assert_eq!(
        (driver.origin.line, driver.origin.column),
        (Some(3), Some(15))
    );
    assert_eq!(driver.overridden[0].value, "\"cgroupfs\"");
    let pods = setting(&kubelet, "/maxPods");
    assert_eq!(pods.value, json!(80));
    assert_eq!(pods.origin, Location::line("/unit", 1));
    let old: Vec<&str> = pods
        .overridden
        .iter()
        .map(|old| old.value.as_str())
        .collect();
    assert_eq!(old, ["70", "60", "50"]);
    // Zero is unset where Go has no pointer.
    let port = setting(&kubelet, "/port");
    assert_eq!((port.value, port.is_default), (json!(10250), true));
    assert_eq!(port.overridden[0].origin.line, Some(5));
    assert!(
        kubelet
            .config_problems(Horizon::NextBoot)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn drop_ins_merge_maps_replace_lists_and_take_away() {
    let kubelet = kubelet(
        &[
            (
                "/c",
                &config("kubeReserved: {cpu: 1, memory: 1Gi}\nclusterDNS: [10.0.0.1, 10.0.0.2]\nfailSwapOn: false\nfeatureGates: {A: true, B: true}\n")
                    .replace("cpu: 1", "cpu: '1'"),
            ),
            (
                "/d/a.conf",
                &config("kubeReserved: {memory: 2Gi}\nclusterDNS: [10.0.0.3]\nfailSwapOn: null\nevictionHard: {memory.available: 1Gi}\ncgroupdriver: systemd\n"),
            ),
        ],
        "kubelet --config /c --config-dir /d --feature-gates=B=false,C=true",
        "1.36",
    );
    assert_eq!(
        setting(&kubelet, "/kubeReserved").value,
        json!({"cpu": "1", "memory": "2Gi"})
    );
    assert_eq!(setting(&kubelet, "/clusterDNS").value, json!(["10.0.0.3"]));
    assert_eq!(setting(&kubelet, "/clusterDNS/0").value, json!("10.0.0.3"));
    let swap = setting(&kubelet, "/failSwapOn");
    assert_eq!((swap.value, swap.is_default), (json!(true), true));
    assert_eq!(swap.overridden[0].value, "false");
    assert_eq!(
        setting(&kubelet, "/featureGates").value,
        json!({"A": true, "B": false, "C": true})
    );
    assert_eq!(
        setting(&kubelet, "/featureGates/B").overridden[0].value,
        "true"
    );
    // The drop-in is merged over the defaults that the main file got.
    let eviction = setting(&kubelet, "/evictionHard").value;
    assert_eq!(eviction["memory.available"], "1Gi");
    assert_eq!(eviction["nodefs.available"], "10%");
    assert_eq!(
        setting(&kubelet, "/evictionHard/memory.available").value,
        json!("1Gi")
    );
    // Drop-ins do not mind case.
    assert_eq!(setting(&kubelet, "/cgroupDriver").value, json!("systemd"));
}

#[test]
fn a_map_flag_replaces_the_map() {
    let kubelet = kubelet(
        &[("/c", &config("systemReserved: {cpu: 100m, memory: 1Gi}\n"))],
        "kubelet --config=/c --system-reserved=memory=2Gi",
        "1.36",
    );
    assert_eq!(
        setting(&kubelet, "/systemReserved").value,
        json!({"memory": "2Gi"})
    );
}

#[test]
fn without_a_file_the_legacy_defaults_hold() {
    let bare = kubelet(&[], "kubelet --v=2", "1.36");
    assert_eq!(setting(&bare, "/readOnlyPort").value, json!(10255));
    assert_eq!(
        setting(&bare, "/authorization/mode").value,
        json!("AlwaysAllow")
    );
    assert_eq!(setting(&bare, "/failCgroupV1").value, json!(true));
    assert_eq!(bare.config_path(Horizon::NextBoot), Ok(None));
    assert_eq!(bare.config_present(Horizon::NextBoot), Ok(false));
    let with = kubelet(&[("/c", HEAD)], "kubelet --config=/c", "1.34");
    assert_eq!(setting(&with, "/readOnlyPort").value, json!(0));
    assert_eq!(
        setting(&with, "/authentication/anonymous/enabled").value,
        json!(false)
    );
    assert_eq!(setting(&with, "/failCgroupV1").value, json!(false));
    assert_eq!(
        setting(&with, "/evictionHard").value["memory.available"],
        "100Mi"
    );
}

#[test]
fn a_default_that_hangs_on_the_version_is_unknown_without_it() {
    let kubelet = kubelet(&[("/c", HEAD)], "kubelet --config=/c", "");
    assert_eq!(kubelet.get_version(), Ok(None));
    assert!(kubelet.setting(Horizon::NextBoot, "/failCgroupV1").is_err());
    assert_eq!(setting(&kubelet, "/failSwapOn").value, json!(true));
}

#[test]
fn relative_paths_start_at_the_file() {
    let kubelet = kubelet(
        &[(
            "/etc/k/c.yaml",
            &config(
                "staticPodPath: manifests\nresolvConf: /etc/r\nauthentication: {x509: {clientCAFile: ../pki/ca.crt}}\n",
            ),
        )],
        "kubelet --config=etc/k/c.yaml",
        "1.36",
    );
    assert_eq!(
        kubelet
            .config_path(Horizon::NextBoot)
            .unwrap()
            .unwrap()
            .value,
        "/etc/k/c.yaml"
    );
    assert_eq!(
        setting(&kubelet, "/staticPodPath").value,
        json!("/etc/k/manifests")
    );
    assert_eq!(setting(&kubelet, "/resolvConf").value, json!("/etc/r"));
    assert_eq!(
        setting(&kubelet, "/authentication/x509/clientCAFile").value,
        json!("/etc/pki/ca.crt")
    );
}

#[test]
fn what_the_kubelet_refuses_leaves_nothing_known() {
    let broken = |files: &[(&str, &str)], start, version| {
        let kubelet = kubelet(files, start, version);
        assert!(kubelet.setting(Horizon::NextBoot, "/failSwapOn").is_err());
        kubelet.config_problems(Horizon::NextBoot).unwrap()
    };
    let wrong = config("failSwapOn: maybe\n");
    assert_eq!(
        broken(&[("/c", &wrong)], "kubelet --config=/c", "1.36")[0].kind,
        "wrong-type"
    );
    assert_eq!(
        broken(&[("/c", "")], "kubelet --config=/c", "1.36")[0].kind,
        "empty-file"
    );
    assert!(broken(&[], "kubelet --config=/c", "1.36").is_empty());
    let with = "kubelet --config=/c --config-dir=/d";
    assert_eq!(
        broken(&[("/c", HEAD)], with, "1.36")[0].kind,
        "missing-directory"
    );
    let headless = [("/c", HEAD), ("/d/a.conf", "maxPods: 5\n")];
    assert_eq!(broken(&headless, with, "1.36")[0].kind, "wrong-kind");
    let legal = [("/c", HEAD), ("/d/a.conf", HEAD)];
    let zeros = config("maxPods: 5\0\0\0\0");
    assert_eq!(
        broken(&[("/c", &zeros)], "kubelet --config=/c", "1.36")[0].message,
        "yaml: line 3: control characters are not allowed"
    );
    let directory = [("/c/x", HEAD)];
    assert_eq!(
        broken(&directory, "kubelet --config=/c", "1.36")[0].message,
        "read /c: is a directory"
    );
    let dangling = [("/c", HEAD), ("/d/a.conf", "->/nowhere")];
    assert_eq!(broken(&dangling, with, "1.36")[0].kind, "unreadable-file");
    assert_eq!(broken(&legal, with, "1.29")[0].kind, "unsupported-flag");
}

#[test]
fn a_linked_directory_of_drop_ins_is_passed_over() {
    let body = config("maxPods: 5\n");
    let files = [
        ("/c", HEAD),
        ("/real/a.conf", body.as_str()),
        ("/link.d", "->/real"),
    ];
    let without = kubelet(&files, "kubelet --config=/c --config-dir=/link.d", "1.36");
    assert_eq!(setting(&without, "/maxPods").value, json!(110));
    let with = kubelet(&files, "kubelet --config=/c --config-dir=/link.d/", "1.36");
    assert_eq!(setting(&with, "/maxPods").value, json!(5));
}

#[test]
fn drop_ins_of_1_28_need_the_door_open() {
    let body = config("maxPods: 5\n");
    let mut starts = Given::start("kubelet --config=/c --config-dir=/d");
    starts.variables.insert(
        "KUBELET_CONFIG_DROPIN_DIR_ALPHA".to_owned(),
        "on".to_owned(),
    );
    let kubelet = of(
        snapshot(&[("/c", HEAD), ("/d/a.conf", &body)]),
        starts,
        "1.28",
    );
    assert_eq!(setting(&kubelet, "/maxPods").value, json!(5));
}

#[test]
fn now_is_the_running_process() {
    let mut snapshot = snapshot(&[
        ("/proc/42/cmdline", "/usr/bin/kubelet\0--config=/old\0"),
        ("/proc/42/cgroup", "0::/system.slice/kubelet.service\n"),
        ("/old", &config("failSwapOn: false\n")),
        ("/new", HEAD),
    ]);
    let mut systemd = Systemd::default();
    systemd.units.insert(
        "kubelet.service".to_owned(),
        Part::Present(LoadedUnit {
            unit_file_state: None,
            properties: [("MainPID".to_owned(), json!(42))].into(),
        }),
    );
    snapshot.systemd = Part::Present(systemd);
    snapshot.programs.insert(
        "kubelet --version".to_owned(),
        Part::Present(ProgramOutput {
            path: "/usr/bin/kubelet".to_owned(),
            status: Some(0),
            stdout: "Kubernetes v1.36.2\n".to_owned(),
            stderr: String::new(),
        }),
    );
    let kubelet = of(snapshot, Given::start("/usr/bin/kubelet --config=/new"), "");
    assert_eq!(kubelet.get_version().unwrap().unwrap().text, "1.36.2");
    let process = kubelet.running().unwrap().unwrap();
    assert_eq!(
        process.cgroup.as_deref(),
        Some("/system.slice/kubelet.service")
    );
    let path = |at| kubelet.flag(at, "config").unwrap().unwrap().value;
    assert_eq!(path(Horizon::Now), "/old");
    assert_eq!(path(Horizon::NextBoot), "/new");
    let swap = kubelet
        .setting(Horizon::Now, "/failSwapOn")
        .unwrap()
        .unwrap();
    assert_eq!(swap.value, json!(false));
}

#[test]
fn a_tree_knows_no_now() {
    let kubelet = kubelet(&[("/c", HEAD)], "kubelet --config=/c", "1.36");
    assert!(kubelet.argv(Horizon::Now).is_err());
    assert!(kubelet.running().is_err());
}

#[test]
fn a_node_without_a_kubelet_has_no_settings() {
    let kubelet = of(
        snapshot(&[("/etc/hostname", "n\n")]),
        Given::default(),
        "1.36",
    );
    let why = kubelet
        .setting(Horizon::NextBoot, "/failSwapOn")
        .unwrap_err();
    assert_eq!(why.source_name, "kubelet.service");
    assert_eq!(kubelet.summary().settings, None);
}

#[test]
fn the_summary_names_every_field_that_is_set() {
    let kubelet = kubelet(
        &[("/c", &config("memorySwap: {swapBehavior: NoSwap}\n"))],
        "kubelet --config=/c --cgroup-driver=systemd",
        "1.36",
    );
    let summary = serde_json::to_value(kubelet.summary()).unwrap();
    let settings = &summary["settings"];
    assert_eq!(settings["memorySwap.swapBehavior"]["origin"]["line"], 3);
    assert_eq!(settings["cgroupDriver"]["value"], "systemd");
    assert_eq!(settings["failSwapOn"]["origin"]["source"], "default");
    assert!(settings.get("syncFrequency").is_none());
    assert_eq!(summary["configPath"]["value"], "/c");
}

struct Runtime {
    answers: Option<bool>,
    driver: Option<&'static str>,
}

impl RuntimeConfig for Runtime {
    fn answers(&self, _: Horizon) -> Result<bool, Unavailable> {
        self.answers
            .ok_or_else(|| Unavailable::new("containerd", "no version"))
    }

    fn cgroup_driver(&self, _: Horizon) -> Result<Sourced<String>, Unavailable> {
        self.driver
            .map(|driver| Sourced::new(driver.to_owned(), Location::source("/r")))
            .ok_or_else(|| Unavailable::new("containerd", "no file"))
    }
}

#[test]
fn the_driver_is_the_runtimes_where_the_kubelet_asks() {
    let driver = |version, answers, driver| -> Result<Driver, Unavailable> {
        let kubelet = kubelet(
            &[("/c", &config("cgroupDriver: systemd\n"))],
            "kubelet --config=/c",
            version,
        );
        let runtime = Runtime { answers, driver };
        cgroup_driver(&kubelet, &runtime, Horizon::NextBoot, false)
    };
    let value = |found: Result<Driver, Unavailable>| {
        found.map(|found| (found.value, found.from_runtime)).ok()
    };
    let theirs = Some(("cgroupfs".to_owned(), true));
    let own = Some(("systemd".to_owned(), false));
    assert_eq!(value(driver("1.36", Some(true), Some("cgroupfs"))), theirs);
    assert_eq!(value(driver("1.36", Some(false), Some("cgroupfs"))), own);
    assert_eq!(value(driver("1.36", Some(true), None)), None);
    assert_eq!(value(driver("1.30", Some(true), Some("cgroupfs"))), own);
    assert_eq!(value(driver("", Some(true), Some("cgroupfs"))), None);
    assert_eq!(value(driver("", None, Some("systemd"))), own);
    assert_eq!(value(driver("1.36", None, Some("cgroupfs"))), None);
    assert_eq!(value(driver("", Some(false), None)), own);
}

#[test]
fn a_group_of_gates_decides_whether_the_kubelet_asks() {
    let driver = |gates: &str, version| {
        let kubelet = kubelet(
            &[(
                "/c",
                &config(&format!(
                    "cgroupDriver: cgroupfs\nfeatureGates: {{{gates}}}\n"
                )),
            )],
            "kubelet --config=/c",
            version,
        );
        let runtime = Runtime {
            answers: Some(true),
            driver: Some("systemd"),
        };
        let found = cgroup_driver(&kubelet, &runtime, Horizon::NextBoot, false);
        found.map(|found| (found.value, found.from_runtime)).ok()
    };
    let theirs = Some(("systemd".to_owned(), true));
    let own = Some(("cgroupfs".to_owned(), false));
    assert_eq!(driver("AllBeta: false", "1.31"), own);
    assert_eq!(driver("AllAlpha: false", "1.31"), theirs);
    assert_eq!(driver("AllBeta: false", "1.34"), theirs);
    assert_eq!(driver("AllAlpha: true", "1.29"), theirs);
    assert_eq!(driver("AllBeta: true", "1.29"), own);
    assert_eq!(driver("AllAlpha: true", "1.27"), own);
    assert_eq!(
        driver("AllAlpha: true, KubeletCgroupDriverFromCRI: false", "1.29"),
        own
    );
}

#[test]
fn before_a_join_the_driver_is_the_one_that_kubeadm_writes() {
    let driver = |command, before_join| {
        let kubelet = kubelet(&[], command, "1.30");
        let runtime = Runtime {
            answers: Some(false),
            driver: Some("cgroupfs"),
        };
        let found = cgroup_driver(&kubelet, &runtime, Horizon::NextBoot, before_join);
        found.map(|found| (found.value, found.at.source)).ok()
    };
    let said = |value: &str, source: &str| Some((value.to_owned(), source.to_owned()));
    assert_eq!(
        driver("kubelet --config=/c", true),
        said("systemd", "kubeadm")
    );
    assert_eq!(driver("kubelet --config=/c", false), None);
    let flag = driver("kubelet --config=/c --cgroup-driver=cgroupfs", true);
    assert_eq!(flag.map(|(value, _)| value).as_deref(), Some("cgroupfs"));
}
