//! CRI-O, and docker with cri-dockerd.

use nodepol_model::Horizon;

use crate::node::{Units, facts, snapshot};

const CRIO: (&str, &str) = ("/usr/lib/systemd/system/crio.service", "");
const DOCKER: (&str, &str) = ("/usr/lib/systemd/system/docker.service", "");

fn crio_driver(
    files: &[(&str, &str)],
    units: Units,
) -> (Result<String, String>, Vec<&'static str>) {
    crio_of("crio version 1.34.0\n", files, units)
}

fn crio_of(
    version: &str,
    files: &[(&str, &str)],
    units: Units,
) -> (Result<String, String>, Vec<&'static str>) {
    let mut all = vec![CRIO];
    all.extend(files);
    let mut snapshot = snapshot(&all);
    if !version.is_empty() {
        crate::live::print(&mut snapshot, "crio --version", Some(0), version);
    }
    let facts = facts(snapshot, units, None);
    let driver = facts.runtimes.cgroup_driver(Horizon::NextBoot, "cri-o");
    let problems = facts.runtimes.problems("cri-o").unwrap_or_default();
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
fn crio_refuses_a_default_runtime_without_a_table() {
    let file = |text: &'static str| [("/etc/crio/crio.conf.d/1", text)];
    let none = Units::default();
    let runc = file("[crio.runtime]\ndefault_runtime = \"runc\"\n");
    let missing = vec!["default-runtime-missing"];
    // runc is built in up to 1.30, crun since.
    let read = |version| crio_of(version, &runc, Units::default());
    assert_eq!(read("crio version 1.34.0\n").1, missing);
    assert!(read("crio version 1.34.0\n").0.is_err());
    assert_eq!(read("crio version 1.30.14\n").0.as_deref(), Ok("systemd"));
    let why = read("").0.unwrap_err();
    assert!(why.contains("crio --version"), "{why}");
    let nope = file("[crio.runtime]\ndefault_runtime = \"nope\"\n");
    assert_eq!(crio_of("", &nope, none.clone()).1, missing);
    let table = file("[crio.runtime]\ndefault_runtime = \"kata\"\n[crio.runtime.runtimes.kata]\n");
    assert_eq!(crio_of("", &table, none.clone()).1, Vec::<&str>::new());
    let empty = file("[crio.runtime]\ndefault_runtime = \"\"\n");
    assert!(crio_of("", &empty, none.clone()).0.is_ok());
    // A flag names another one, and a flag defines it.
    let flag = |line: &str| none.clone().start("crio.service", line);
    assert_eq!(
        crio_driver(&[], flag("crio --default-runtime=kata")).1,
        missing
    );
    let both = flag("crio --default-runtime=kata --runtimes=x:/x,kata:/usr/bin/kata");
    assert!(crio_driver(&[], both).0.is_ok());
    assert!(
        crio_driver(&table, flag("crio --default-runtime=crun"))
            .0
            .is_ok()
    );
}

#[test]
fn crio_refuses_values_of_another_type() {
    for (text, kinds) in [
        ("[crio.runtime]\npids_limit = \"x\"\n", vec!["wrong-type"]),
        (
            "[crio.runtime]\ndefault_sysctls = \"a=b\"\n",
            vec!["wrong-type"],
        ),
        (
            "[crio.runtime.runtimes]\nrunc = \"x\"\n",
            vec!["wrong-type"],
        ),
        ("[crio.image]\npinned_images = [1]\n", vec!["wrong-type"]),
        ("[crio]\nruntime = 5\n", vec!["wrong-type"]),
        ("[crio.metrics]\nMetrics_Port = \"1\"\n", vec!["wrong-type"]),
        (
            "[crio.runtime]\nfoo = 1\n[crio.nri]\nnri_plugin_request_timeout = \"2s\"\n",
            vec![],
        ),
        ("[other]\npids_limit = \"x\"\n", vec![]),
    ] {
        let files = [("/etc/crio/crio.conf", text)];
        let (driver, problems) = crio_driver(&files, Units::default());
        assert_eq!(driver.is_ok(), kinds.is_empty(), "{text}");
        assert_eq!(problems, kinds, "{text}");
    }
}

#[test]
fn crio_compares_names_without_their_case() {
    let text = "[crio.Runtime]\nCgroup_Manager = \"cgroupfs\"\n";
    let files = [CRIO, ("/etc/crio/crio.conf.d/1", text)];
    let (driver, _) = crio_driver(&files, Units::default());
    assert_eq!(driver.as_deref(), Ok("cgroupfs"));
    let facts = facts(snapshot(&files), Units::default(), None);
    let edits = facts.runtimes.systemd_driver_edits("cri-o").unwrap();
    assert_eq!(edits[0].pointer, "/crio/Runtime/Cgroup_Manager");
}

#[test]
fn crio_takes_an_empty_variable_for_one_that_is_set() {
    let files = [(
        "/etc/crio/crio.conf",
        "[crio.runtime]\ncgroup_manager = \"systemd\"\n",
    )];
    let with = |name: &str| {
        let mut units = Units::default();
        units
            .environment
            .entry("crio.service".to_owned())
            .or_default()
            .insert(name.to_owned(), String::new());
        crio_driver(&files, units)
    };
    assert_eq!(with("CONTAINER_CGROUP_MANAGER").1, ["wrong-value"]);
    assert_eq!(with("CONTAINER_CONFIG_DIR").0.as_deref(), Ok("systemd"));
}

#[test]
fn docker_takes_flag_or_file_or_decides_by_itself() {
    let file = "{\"exec-opts\": [\"native.cgroupdriver=cgroupfs\"]}";
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

/// The driver that daemon.json gives a dockerd of a version, or why none, and the
/// kinds of problems; nothing of these where they are not known.
type DockerReading = (Result<String, String>, Option<Vec<&'static str>>);

fn dockerd(version: &str, text: &str, command: &str) -> DockerReading {
    // systemd is init, with one hierarchy, so that nothing said means systemd.
    let files = [
        DOCKER,
        ("/etc/docker/daemon.json", text),
        ("/etc/os-release", "ID=debian\nVERSION_ID=12\n"),
        ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet\"\n"),
    ];
    let mut snapshot = snapshot(&files);
    if !version.is_empty() {
        crate::live::print(&mut snapshot, "dockerd --version", Some(0), version);
    }
    let units = Units::default().start("docker.service", command);
    let facts = facts(snapshot, units, None);
    let driver = facts.runtimes.cgroup_driver(Horizon::NextBoot, "docker");
    let problems = facts.runtimes.problems("docker").ok();
    (
        driver
            .map(|driver| driver.unwrap().value)
            .map_err(|why| why.to_string()),
        problems.map(|found| found.iter().map(|problem| problem.kind).collect()),
    )
}

#[test]
fn docker_takes_the_first_driver_until_27_and_the_last_since_28() {
    let twice =
        "{\"exec-opts\": [\"native.cgroupdriver=systemd\", \"Native.CgroupDriver = cgroupfs\"]}";
    let driver = |version| dockerd(version, twice, "dockerd").0;
    assert_eq!(
        driver("Docker version 27.5.1, build x").as_deref(),
        Ok("systemd")
    );
    assert_eq!(
        driver("Docker version 28.0.0, build x").as_deref(),
        Ok("cgroupfs")
    );
    let why = driver("").unwrap_err();
    assert!(why.contains("hangs on its version"), "{why}");
    // 28 refuses what it does not know, which earlier ones passed over.
    let other = "{\"exec-opts\": [\"foo=systemd\"]}";
    let problems = |version| dockerd(version, other, "dockerd").1;
    assert_eq!(problems("Docker version 27.5.1, build x"), Some(vec![]));
    assert_eq!(
        problems("Docker version 28.0.0, build x"),
        Some(vec!["wrong-value"])
    );
    assert_eq!(problems(""), None);
}

#[test]
fn docker_reads_an_empty_file_and_a_byte_order_mark_since_23() {
    let marked = "\u{feff}{\"exec-opts\": [\"native.cgroupdriver=cgroupfs\"]}";
    for (text, driver) in [("", "systemd"), ("  \n", "systemd"), (marked, "cgroupfs")] {
        let (found, problems) = dockerd("Docker version 24.0.9, build x", text, "dockerd");
        assert_eq!(
            (found.as_deref(), problems),
            (Ok(driver), Some(vec![])),
            "{text:?}"
        );
        let (found, problems) = dockerd("Docker version 20.10.27, build x", text, "dockerd");
        assert!(found.is_err(), "{text:?}");
        assert_eq!(problems, Some(vec!["json-syntax"]), "{text:?}");
        assert_eq!(dockerd("", text, "dockerd").1, None, "{text:?}");
    }
}

#[test]
fn docker_refuses_names_types_and_what_stands_twice() {
    let flags = "dockerd -H fd:// --containerd=/run/containerd/containerd.sock --add-runtime a=b";
    for (text, kinds) in [
        ("{\"exec-opts\": [], \"foo\": 1}", vec!["unknown-field"]),
        ("{\"Exec-Opts\": []}", vec!["unknown-field"]),
        (
            "{\"exec-opts\": \"native.cgroupdriver=systemd\"}",
            vec!["wrong-type"],
        ),
        ("{\"log-opts\": {\"max-file\": 3}}", vec!["wrong-type"]),
        ("{\"live-restore\": \"true\"}", vec!["wrong-type"]),
        ("[]", vec!["wrong-type"]),
        ("{\"hosts\": [\"fd://\"]}", vec!["flag-and-file"]),
        ("{\"containerd\": \"/x\"}", vec!["flag-and-file"]),
        // Of an object that is no option the keys are options.
        ("{\"foo\": {\"hosts\": []}}", vec!["flag-and-file"]),
        (
            "{\"proxies\": {\"http-proxy\": \"a\"}, \"tlsverify\": null}",
            vec![],
        ),
        ("{\"runtimes\": {\"nvidia\": {\"path\": \"a\"}}}", vec![]),
        (
            "{\"log-opts\": {\"max-file\": \"3\"}, \"features\": {\"a\": true}}",
            vec![],
        ),
        ("null", vec![]),
    ] {
        let (driver, problems) = dockerd("Docker version 27.5.1, build x", text, flags);
        assert_eq!(driver.is_ok(), kinds.is_empty(), "{text}");
        assert_eq!(problems, Some(kinds), "{text}");
    }
    let one = "{\"exec-opts\": [\"a=b\"]}";
    let flag = "dockerd --exec-opt native.cgroupdriver=cgroupfs";
    // Every version refuses that.
    for version in ["Docker version 27.5.1, build x", ""] {
        assert_eq!(dockerd(version, one, flag).1, Some(vec!["flag-and-file"]));
    }
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
