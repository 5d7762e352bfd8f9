//! CRI-O, and docker with cri-dockerd.

use nodepol_model::Horizon;

use crate::node::{Units, facts, snapshot};

const CRIO: (&str, &str) = ("/usr/lib/systemd/system/crio.service", "");
const DOCKER: (&str, &str) = ("/usr/lib/systemd/system/docker.service", "");

fn crio_driver(
    files: &[(&str, &str)],
    units: Units,
) -> (Result<String, String>, Vec<&'static str>) {
    let mut all = vec![CRIO];
    all.extend(files);
    let facts = facts(snapshot(&all), units, None);
    let driver = facts.runtimes.cgroup_driver(Horizon::NextBoot, "cri-o");
    let problems = facts.runtimes.problems("cri-o").unwrap();
    (
        driver
            .map(|driver| driver.unwrap().value)
            .map_err(|why| why.to_string()),
        problems.iter().map(|problem| problem.kind).collect(),
    )
}

#[test]
fn crio_applies_every_file_in_lexical_order() {
    let systemd = "[crio.runtime]\ncgroup_manager = \"systemd\"\n";
    let cgroupfs = "[crio.runtime]\ncgroup_manager = \"cgroupfs\"\nconmon_cgroup = \"pod\"\n";
    let none = Units::default();
    assert_eq!(crio_driver(&[], none.clone()).0.as_deref(), Ok("systemd"));
    // A backup counts, and sorts after the original.
    let files = [
        ("/etc/crio/crio.conf.d/10-a.conf", systemd),
        ("/etc/crio/crio.conf.d/10-a.conf.bak", cgroupfs),
    ];
    assert_eq!(
        crio_driver(&files, none.clone()).0.as_deref(),
        Ok("cgroupfs")
    );
    let nested = [
        ("/etc/crio/crio.conf.d/10/x", cgroupfs),
        ("/etc/crio/crio.conf.d/05", systemd),
        ("/etc/crio/crio.conf", systemd),
    ];
    assert_eq!(
        crio_driver(&nested, none.clone()).0.as_deref(),
        Ok("cgroupfs")
    );
    // A flag wins over every file.
    let flag = none
        .clone()
        .start("crio.service", "crio --cgroup-manager=systemd");
    assert_eq!(crio_driver(&nested, flag).0.as_deref(), Ok("systemd"));
    let mut variable = none.clone();
    variable
        .environment
        .entry("crio.service".to_owned())
        .or_default()
        .insert("CONTAINER_CGROUP_MANAGER".to_owned(), "systemd".to_owned());
    assert_eq!(crio_driver(&nested, variable).0.as_deref(), Ok("systemd"));
    let never = [("/etc/crio/conf.d/99-nvidia.toml", cgroupfs)];
    assert_eq!(
        crio_driver(&never, none),
        (Ok("systemd".to_owned()), vec!["not-imported"])
    );
}

#[test]
fn crio_refuses_a_wrong_group_for_conmon() {
    for (text, starts) in [
        (
            "cgroup_manager = \"cgroupfs\"\nconmon_cgroup = \"system.slice\"\n",
            true,
        ),
        (
            "cgroup_manager = \"cgroupfs\"\nconmon_cgroup = \"my.slice\"\n",
            false,
        ),
        (
            "cgroup_manager = \"systemd\"\nconmon_cgroup = \"my.slice\"\n",
            true,
        ),
        (
            "cgroup_manager = \"systemd\"\nconmon_cgroup = \"/mine\"\n",
            false,
        ),
        ("cgroup_manager = \"other\"\n", false),
    ] {
        let text = format!("[crio.runtime]\n{text}");
        let files = [("/etc/crio/crio.conf", text.as_str())];
        assert_eq!(
            crio_driver(&files, Units::default()).0.is_ok(),
            starts,
            "{text}"
        );
    }
}

#[test]
fn docker_takes_flag_or_file_or_decides_by_itself() {
    let file = "{\"exec-opts\": [\"a=b\", \"native.cgroupdriver=cgroupfs\"]}";
    let driver = |files: &[(&str, &str)], units: Units| {
        let mut all = vec![DOCKER];
        all.extend(files);
        let facts = facts(snapshot(&all), units, None);
        let driver = facts.runtimes.cgroup_driver(Horizon::NextBoot, "docker");
        driver.map(|driver| driver.unwrap().value)
    };
    let none = Units::default().start("docker.service", "dockerd -H fd://");
    assert_eq!(
        driver(&[("/etc/docker/daemon.json", file)], none.clone()).as_deref(),
        Ok("cgroupfs")
    );
    let flag = Units::default().start(
        "docker.service",
        "dockerd --exec-opt native.cgroupdriver=systemd",
    );
    assert_eq!(driver(&[], flag.clone()).as_deref(), Ok("systemd"));
    assert!(
        driver(&[("/etc/docker/daemon.json", file)], flag).is_err(),
        "dockerd refuses both"
    );
    // v2 by the distribution, and systemd is init.
    let debian = ("/etc/os-release", "ID=debian\nVERSION_ID=12\n");
    let grub = ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet\"\n");
    assert_eq!(
        driver(&[debian, grub], none.clone()).as_deref(),
        Ok("systemd")
    );
    let old = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"systemd.unified_cgroup_hierarchy=0\"\n",
    );
    let library = ("/usr/lib/systemd/libsystemd-shared-252.so", "");
    assert_eq!(
        driver(&[debian, old, library], none.clone()).as_deref(),
        Ok("cgroupfs")
    );
    assert!(driver(&[], none).is_err(), "nothing tells the mode");
}

#[test]
fn cri_dockerd_listens_on_its_socket_unit() {
    let mut units = Units::default()
        .start("docker.service", "dockerd")
        .start(
            "cri-docker.service",
            "cri-dockerd --container-runtime-endpoint fd://",
        )
        .start(
            "kubelet.service",
            "kubelet --container-runtime-endpoint=/var/run/cri-dockerd.sock",
        );
    units.assignments.insert(
        ("cri-docker.socket".to_owned(), "ListenStream".to_owned()),
        vec!["%t/cri-dockerd.sock".to_owned()],
    );
    let files = [
        DOCKER,
        ("/usr/lib/systemd/system/cri-docker.service", ""),
        ("/usr/lib/systemd/system/kubelet.service", ""),
    ];
    let facts = facts(snapshot(&files), units, None);
    let selected = facts.runtimes.selected(Horizon::NextBoot).unwrap().unwrap();
    assert_eq!(selected.name, "docker");
    assert_eq!(
        selected.endpoint.as_deref(),
        Some("unix:///run/cri-dockerd.sock")
    );
}
