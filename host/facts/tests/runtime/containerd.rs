//! What each release of containerd makes of its files.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use nodepol_facts::document::toml;
use nodepol_model::Horizon;

use crate::node::{Units, facts, snapshot};
use crate::tree;

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
    ];
    for (version, text, kind) in cases {
        let (driver, problems) = read(&[(CONFIG, text)], Some(version));
        assert!(driver.is_err(), "{version}: {text}");
        assert!(problems.contains(kind), "{version}: {text}: {problems:?}");
    }
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

/// Our reading against that of a real containerd 1.x, over generated files.
#[test]
fn agrees_with_containerd_itself() {
    let Ok(output) = Command::new("containerd").arg("--version").output() else {
        println!("skipped: no containerd on this machine");
        return;
    };
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(version) = version
        .split_whitespace()
        .nth(2)
        .filter(|v| v.starts_with("1."))
    else {
        println!("skipped: only containerd 1.x is compared, not {version}");
        return;
    };
    let mut seed = 7_u64;
    let mut pick = |choices: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % choices
    };
    let (mut started, mut refused) = (0, 0);
    for round in 0..60 {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("etc/containerd");
        std::fs::create_dir_all(directory.join("d")).expect("a directory");
        std::fs::create_dir_all(root.path().join("etc/systemd/system")).expect("a directory");
        std::fs::write(
            root.path().join("etc/systemd/system/containerd.service"),
            "",
        )
        .expect("a file");
        for (index, name) in ["config.toml", "d/a.toml", "d/b.toml"].iter().enumerate() {
            let mut text = String::new();
            match pick(8) {
                0 => {}
                1 => text.push_str("version = 1\n"),
                _ => text.push_str("version = 2\n"),
            }
            if index == 0 && pick(4) > 0 {
                let import = ["d/a.toml", "d/b.toml", "config.toml"][pick(3) as usize];
                let more = if pick(5) == 0 {
                    "gone.toml"
                } else {
                    "d/b.toml"
                };
                let _ = writeln!(text, "imports = [\"{import}\", \"{more}\"]");
            }
            for plugin in ["io.containerd.grpc.v1.cri", "cri"] {
                if pick(if plugin == "cri" { 6 } else { 2 }) != 0 {
                    continue;
                }
                let base = format!("plugins.\"{plugin}\".containerd");
                if pick(3) == 0 {
                    let _ = writeln!(text, "[{base}]\ndefault_runtime_name = \"nvidia\"");
                }
                for handler in ["runc", "nvidia"] {
                    match pick(4) {
                        0 => {}
                        1 => {
                            let _ = writeln!(
                                text,
                                "[{base}.runtimes.{handler}]\nruntime_type = \"io.containerd.runc.v2\""
                            );
                        }
                        on => {
                            let _ = writeln!(
                                text,
                                "[{base}.runtimes.{handler}]\nruntime_type = \"io.containerd.runc.v2\"\n[{base}.runtimes.{handler}.options]\nSystemdCgroup = {}",
                                on == 2
                            );
                        }
                    }
                }
            }
            std::fs::write(directory.join(name), text).expect("a file");
        }
        match compare(root.path(), version) {
            Ok(true) => started += 1,
            Ok(false) => refused += 1,
            Err(why) => panic!("round {round}: {why}"),
        }
    }
    println!("agree: {started} started, {refused} refused, of 60");
    assert!(started > 10 && refused > 3, "both kinds must come up");
}

/// Whether containerd starts with it; an error if we say otherwise.
fn compare(root: &Path, version: &str) -> Result<bool, String> {
    let output = Command::new("containerd")
        .arg("-c")
        .arg(root.join("etc/containerd/config.toml"))
        .args(["config", "dump"])
        .output()
        .map_err(|error| error.to_string())?;
    let units = Units::default().start("containerd.service", "containerd");
    let facts = facts(tree::snapshot(root), units, Some(version));
    let ours = facts.runtimes.handlers(Horizon::NextBoot, "containerd");
    // `config dump` bears with a missing file and prints what it has then; the
    // daemon does not.
    let problems = facts
        .runtimes
        .problems("containerd")
        .map_err(|e| e.to_string())?;
    if problems
        .iter()
        .any(|problem| problem.kind == "import-missing")
    {
        return if ours.is_err() {
            Ok(false)
        } else {
            Err("it must not start".to_owned())
        };
    }
    if !output.status.success() {
        return match ours {
            Err(_) => Ok(false),
            Ok(_) => Err(format!(
                "containerd refuses: {}",
                String::from_utf8_lossy(&output.stderr)
            )),
        };
    }
    let ours = ours.map_err(|why| format!("containerd starts, we say: {why}"))?;
    let dumped =
        toml::parse(&String::from_utf8_lossy(&output.stdout)).map_err(|e| e.to_string())?;
    let containerd = dumped
        .at("/plugins/io.containerd.grpc.v1.cri/containerd")
        .ok_or("no CRI plugin in the dump")?;
    let theirs: Vec<(String, bool)> = containerd
        .get("runtimes")
        .map(|runtimes| {
            let on = |node: &nodepol_facts::document::Node| {
                node.at("/options/SystemdCgroup")
                    .and_then(|on| on.as_bool())
                    .unwrap_or(false)
            };
            let entries = runtimes.entries().iter();
            entries
                .map(|entry| (entry.key.clone(), on(&entry.value)))
                .collect()
        })
        .unwrap_or_default();
    let mut mine: Vec<(String, bool)> = ours
        .iter()
        .map(|handler| {
            (
                handler.name.clone(),
                handler.cgroup_driver.as_deref() == Some("systemd"),
            )
        })
        .collect();
    mine.sort();
    let mut sorted = theirs.clone();
    sorted.sort();
    if mine != sorted {
        return Err(format!("handlers: we say {mine:?}, containerd {sorted:?}"));
    }
    let default = containerd
        .get("default_runtime_name")
        .and_then(|name| name.as_str());
    let our_default = ours
        .iter()
        .find(|handler| handler.is_default)
        .map(|handler| handler.name.as_str());
    if our_default.is_some() && our_default != default {
        return Err(format!(
            "default: we say {our_default:?}, containerd {default:?}"
        ));
    }
    Ok(true)
}
