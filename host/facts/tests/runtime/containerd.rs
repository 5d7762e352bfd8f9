//! What each release of containerd makes of its files.

use nodepol_model::Horizon;

use crate::node::{Units, facts, snapshot};

const CONFIG: &str = "/etc/containerd/config.toml";
const V2_ON: &str = "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
const V3_ON: &str = "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
const V1_ON: &str = "[plugins.cri.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.cri.containerd.runtimes.runc.options]\nSystemdCgroup = true\n";

/// Driver (or why there is none) and the kinds of problems.
fn read(
    files: &[(&str, &str)],
    version: Option<&str>,
) -> (Result<String, String>, Vec<&'static str>) {
    let units = Units::default().start("containerd.service", "/usr/bin/containerd");
    let mut all = vec![("/etc/systemd/system/containerd.service", "")];
    all.extend(files);
    let facts = facts(snapshot(&all), units, version);
    let driver = facts
        .runtimes
        .cgroup_driver(Horizon::NextBoot, "containerd")
        .map(|driver| driver.expect("it is installed").value)
        .map_err(|unavailable| unavailable.to_string());
    let problems = facts.runtimes.problems("containerd").expect("readable");
    (
        driver,
        problems.iter().map(|problem| problem.kind).collect(),
    )
}

#[test]
fn where_each_release_reads_the_driver() {
    let v2 = format!("version = 2\n{V2_ON}");
    let v3_old = format!("version = 3\n{V2_ON}");
    let v3 = format!("version = 3\n{V3_ON}");
    let v2_new = format!("version = 2\n{V3_ON}");
    let v4 = format!("version = 4\n{V3_ON}");
    let v4_old = format!("version = 4\n{V2_ON}");
    let both = format!(
        "version = 2\n{V2_ON}[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.other]\nruntime_type = \"x\"\n"
    );
    let ignored: &[&str] = &["ignored-section"];
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("1.6.20", &v2, "systemd", &[]),
        ("1.7.33", &v2, "systemd", &[]),
        ("2.1.0", &v2, "systemd", &[]),
        ("2.3.4", &v2, "systemd", &[]),
        // Without a version line the long names are not read by 1.x.
        ("1.7.33", V2_ON, "cgroupfs", ignored),
        ("2.1.0", V2_ON, "cgroupfs", ignored),
        ("2.3.4", V2_ON, "systemd", &[]),
        ("1.7.33", V1_ON, "systemd", &[]),
        // Renamed, but not brought to the new plugin.
        ("2.1.0", V1_ON, "cgroupfs", ignored),
        ("2.3.4", V1_ON, "systemd", &[]),
        ("2.1.0", &v3_old, "cgroupfs", ignored),
        ("2.3.4", &v3_old, "systemd", &[]),
        ("2.1.0", &v3, "systemd", &[]),
        ("2.1.0", &v2_new, "systemd", &[]),
        ("1.7.10", &v3, "cgroupfs", ignored),
        ("2.3.4", &v4, "systemd", &[]),
        ("2.3.4", &v4_old, "cgroupfs", ignored),
        ("2.1.0", &both, "cgroupfs", ignored),
        ("2.3.4", &both, "cgroupfs", ignored),
    ];
    for (version, text, driver, kinds) in cases {
        let (found, problems) = read(&[(CONFIG, text)], Some(version));
        assert_eq!(found.as_deref(), Ok(*driver), "{version}:\n{text}");
        assert_eq!(problems, *kinds, "{version}:\n{text}");
    }
}

#[test]
fn what_keeps_containerd_from_starting() {
    let cases: &[(&str, &str, &str)] = &[
        ("1.7.33", "version = 3\n", "version-too-high"),
        ("2.1.0", "version = 4\n", "version-too-high"),
        ("2.3.4", "version = 5\n", "version-too-high"),
        (
            "2.1.0",
            "version = 2\ndisabled_plugins = [\"cri\"]\n",
            "invalid-plugin-uri",
        ),
        (
            "1.7.33",
            "version = 2\n[plugins.cri]\n",
            "invalid-plugin-uri",
        ),
        ("2.1.0", "version = 2\na = = 1\n", "toml-syntax"),
        (
            "2.1.0",
            "version = 2\nimports = [\"gone.toml\"]\n",
            "import-missing",
        ),
        (
            "2.1.0",
            "version = 2\nimports = [\"/etc/containerd/[*\"]\n",
            "import-pattern",
        ),
        (
            "1.6.20",
            "version = 2\nrequired_plugins = [\"cri\"]\n",
            "invalid-plugin-uri",
        ),
        (
            "2.3.4",
            "version = 3\nrequired_plugins = [\"cri\"]\n",
            "invalid-plugin-uri",
        ),
        (
            "1.6.20",
            "version = 2\nrequired_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
            "required-plugin-disabled",
        ),
        (
            "1.6.20",
            "version = 2\n[timeouts]\n\"io.containerd.timeout.shim.load\" = \"5\"\n",
            "bad-timeout",
        ),
    ];
    for (version, text, kind) in cases {
        let (driver, problems) = read(&[(CONFIG, text)], Some(version));
        assert!(driver.is_err(), "{version}: {text}");
        assert!(problems.contains(kind), "{version}: {text}: {problems:?}");
    }
}

#[test]
fn a_value_of_another_type_keeps_it_from_starting() {
    let v2 = |rest: &str| format!("version = 2\n{rest}{V2_ON}");
    let v3 = |rest: &str| format!("version = 3\n{rest}{V3_ON}");
    let old = "[plugins.\"io.containerd.grpc.v1.cri\"]\n";
    let new = "[plugins.\"io.containerd.cri.v1.runtime\"]\n";
    let images = "[plugins.\"io.containerd.cri.v1.images\"]\n";
    for (version, text) in [
        ("1.6.20", v2("disabled_plugins = \"cri\"\n")),
        ("1.6.20", v2("oom_score = \"x\"\n")),
        ("1.6.20", v2("[grpc]\naddress = 5\n")),
        ("1.6.20", v2("[timeouts]\na = 5\n")),
        ("1.6.20", v2("[proxy_plugins.x]\ntype = 5\n")),
        ("1.6.20", v2("imports = \"a.toml\"\n")),
        ("1.6.20", v2(&format!("{old}enable_selinux = \"x\"\n"))),
        ("1.6.20", "version = 2\nplugins = \"x\"\n".to_owned()),
        ("2.1.0", v3("imports = \"x\"\n")),
        ("2.3.4", v3("Imports = \"x\"\n")),
        ("2.1.0", v3(&format!("{new}enable_selinux = \"x\"\n"))),
        ("2.3.4", v3(&format!("{new}Enable_SELinux = \"x\"\n"))),
        ("2.1.0", v3(&format!("{images}snapshotter = 5\n"))),
        ("2.1.0", v3(&format!("{old}stream_server_port = 5\n"))),
        ("2.1.0", v2(&format!("{old}enable_selinux = \"x\"\n"))),
        (
            "2.1.0",
            v2(&format!("{old}max_concurrent_downloads = \"x\"\n")),
        ),
        ("2.3.4", v2(&format!("{old}sandbox_image = 5\n"))),
        ("2.1.0", "version = 3\nplugins = 5\n".to_owned()),
    ] {
        let (driver, problems) = read(&[(CONFIG, &text)], Some(version));
        assert!(driver.is_err(), "{version}: {text}");
        assert!(
            problems.contains(&"wrong-type"),
            "{version}: {text}: {problems:?}"
        );
    }
    for (version, text) in [
        // A plugin that is disabled is not decoded.
        (
            "1.6.20",
            format!(
                "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n{old}enable_selinux = 5\n"
            ),
        ),
        // It went to the images, as an integer; the runtimes have it as a text.
        ("2.3.4", v2(&format!("{old}stats_collect_period = 10\n"))),
        // What a release does not know may have any type.
        ("2.3.4", v3(&format!("{new}systemd_cgroup = \"x\"\n"))),
        ("1.6.20", v2("foo = [1]\n")),
        ("1.6.20", v2("Root = 5\n")),
    ] {
        let (_, problems) = read(&[(CONFIG, &text)], Some(version));
        assert!(
            !problems.contains(&"wrong-type"),
            "{version}: {text}: {problems:?}"
        );
    }
}

#[test]
fn names_are_compared_as_go_toml_compares_them() {
    let other = V3_ON
        .replace("containerd.runtimes", "Containerd.Runtimes")
        .replace("runtime_type", "Runtime_Type");
    let text = format!("Version = 3\n{other}");
    assert_eq!(
        read(&[(CONFIG, &text)], Some("2.1.0")).0.as_deref(),
        Ok("systemd")
    );
    let other = V2_ON.replace("containerd.runtimes", "Containerd.Runtimes");
    let text = format!("Version = 2\n{other}");
    assert_eq!(
        read(&[(CONFIG, &text)], Some("1.6.20")).0.as_deref(),
        Ok("cgroupfs")
    );
    let text = format!(
        "VERSION = 2\n{}",
        V2_ON.replace("containerd.runtimes", "CONTAINERD.RUNTIMES")
    );
    assert_eq!(
        read(&[(CONFIG, &text)], Some("1.6.20")).0.as_deref(),
        Ok("systemd")
    );
}

#[test]
fn cri_can_be_disabled() {
    for (version, text) in [
        ("1.7.33", "disabled_plugins = [\"cri\"]\n"),
        (
            "1.7.33",
            "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
        ),
        ("2.1.0", "disabled_plugins = [\"cri\"]\n"),
        (
            "2.3.4",
            "version = 3\ndisabled_plugins = [\"io.containerd.cri.v1.images\"]\n",
        ),
    ] {
        let (_, problems) = read(&[(CONFIG, text)], Some(version));
        assert_eq!(problems, ["cri-disabled"], "{version}: {text}");
    }
    let (_, problems) = read(
        &[(
            CONFIG,
            "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
        )],
        Some("1.7.33"),
    );
    assert!(problems.is_empty(), "1.x matches short names in version 1");
}

#[test]
fn imports_replace_or_merge() {
    let root = format!("version = 2\nimports = [\"conf.d/*.toml\"]\n{V2_ON}");
    let nvidia = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia]\nruntime_type = \"io.containerd.runc.v2\"\n";
    let files = [
        (CONFIG, root.as_str()),
        ("/etc/containerd/conf.d/n.toml", nvidia),
    ];
    let (driver, problems) = read(&files, Some("1.7.33"));
    // The whole table is replaced: runc is gone, and is the default.
    assert_eq!(driver.as_deref(), Ok("cgroupfs"));
    assert_eq!(
        problems,
        ["default-runtime-missing", "import-replaces-table"]
    );
    let (driver, problems) = read(&files, Some("2.1.0"));
    assert_eq!((driver.as_deref(), problems.len()), (Ok("systemd"), 0));
    let higher = [
        (CONFIG, root.as_str()),
        ("/etc/containerd/conf.d/n.toml", "version = 3\n"),
    ];
    assert!(
        read(&higher, Some("2.3.4"))
            .1
            .contains(&"import-version-higher")
    );
    assert!(read(&higher, Some("2.4.0")).0.is_ok());
}

#[test]
fn drop_ins_that_nothing_imports() {
    let files = [
        (CONFIG, "version = 3\n"),
        ("/etc/containerd/conf.d/a.toml", V3_ON),
    ];
    let (driver, problems) = read(&files, Some("2.2.0"));
    assert_eq!(
        (driver.as_deref(), problems),
        (Ok("cgroupfs"), vec!["not-imported"])
    );
}

#[test]
fn import_cycles_end() {
    let files = [
        (
            CONFIG,
            "version = 2\nimports = [\"config.toml\", \"b.toml\"]\n",
        ),
        ("/etc/containerd/b.toml", "imports = [\"config.toml\"]\n"),
    ];
    assert_eq!(read(&files, Some("2.1.0")).0.as_deref(), Ok("cgroupfs"));
}

#[test]
fn the_default_handler_decides() {
    let text = format!(
        "version = 3\n{V3_ON}[plugins.\"io.containerd.cri.v1.runtime\".containerd]\ndefault_runtime_name = \"nvidia\"\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.nvidia]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.nvidia.options]\nBinaryName = \"n\"\n"
    );
    let units = Units::default().start("containerd.service", "containerd");
    let files = [
        ("/etc/systemd/system/containerd.service", ""),
        (CONFIG, text.as_str()),
    ];
    let facts = facts(snapshot(&files), units, Some("2.1.0"));
    let driver = facts
        .runtimes
        .cgroup_driver(Horizon::NextBoot, "containerd")
        .unwrap()
        .unwrap();
    assert_eq!(driver.value, "cgroupfs");
    let edits = facts.runtimes.systemd_driver_edits("containerd").unwrap();
    let pointers: Vec<_> = edits.iter().map(|edit| edit.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/plugins/io.containerd.cri.v1.runtime/containerd/runtimes/nvidia/options/SystemdCgroup"]
    );
}

#[test]
fn without_a_version_all_releases_must_agree() {
    let v2 = format!("version = 2\n{V2_ON}");
    assert_eq!(read(&[(CONFIG, &v2)], None).0.as_deref(), Ok("systemd"));
    // 2.0 to 2.2 ignore it, 2.3 honours it; 1.7 would not start.
    let v3_old = format!("version = 3\n{V2_ON}");
    let why = read(&[(CONFIG, &v3_old)], None).0.unwrap_err();
    assert!(why.contains("containerd --version"), "{why}");
    assert_eq!(read(&[], None).0.as_deref(), Ok("cgroupfs"));
}

#[test]
fn edits_make_it_systemd() {
    let drop_in = [
        (CONFIG, "version = 2\n"),
        ("/etc/systemd/system/containerd.service", ""),
    ];
    let units = Units::default().start("containerd.service", "containerd");
    let facts = facts(snapshot(&drop_in), units, Some("1.7.33"));
    let edits = facts.runtimes.systemd_driver_edits("containerd").unwrap();
    let pointers: Vec<_> = edits.iter().map(|edit| edit.pointer.as_str()).collect();
    let table = "/plugins/io.containerd.grpc.v1.cri/containerd/runtimes/runc";
    assert_eq!(
        pointers,
        [
            format!("{table}/runtime_type"),
            format!("{table}/options/SystemdCgroup")
        ]
    );
}
