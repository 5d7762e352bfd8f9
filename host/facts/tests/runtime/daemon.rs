//! Our reading of generated files against what containerd itself prints.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use nodepol_facts::document::toml;
use nodepol_model::Horizon;

use crate::node::{Units, facts};
use crate::tree;

/// The version of the containerd on this machine, if it is one to compare with.
pub(crate) fn containerd_1() -> Option<String> {
    let Ok(output) = Command::new("containerd").arg("--version").output() else {
        println!("skipped: no containerd on this machine");
        return None;
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = printed.split_whitespace().nth(2).map(str::to_owned);
    let version = version.filter(|version| version.starts_with("1."));
    if version.is_none() {
        println!("skipped: only containerd 1.x is compared, not {printed}");
    }
    version
}

/// Our reading against that of a real containerd 1.x, over generated files.
#[test]
fn agrees_with_containerd_itself() {
    let Some(version) = containerd_1() else {
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
        match compare(root.path(), &version) {
            Ok(true) => started += 1,
            Ok(false) => refused += 1,
            Err(why) => panic!("round {round}: {why}"),
        }
    }
    println!("agree: {started} started, {refused} refused, of 60");
    assert!(started > 10 && refused > 3, "both kinds must come up");
}

/// What `containerd config dump` does not look at.
const DAEMON_ONLY: [&str; 3] = ["import-missing", "required-plugin-disabled", "bad-timeout"];

/// Whether containerd starts with it; an error if we say otherwise.
pub(crate) fn compare(root: &Path, version: &str) -> Result<bool, String> {
    let output = Command::new("containerd")
        .arg("-c")
        .arg(root.join("etc/containerd/config.toml"))
        .args(["config", "dump"])
        .output()
        .map_err(|error| error.to_string())?;
    let units = Units::default().start("containerd.service", "containerd");
    let facts = facts(tree::snapshot(root), units, Some(version));
    let ours = facts.runtimes.handlers(Horizon::NextBoot, "containerd");
    // `config dump` bears with a missing file and prints what it has then, and
    // looks neither at the plugins nor at time spans; the daemon does.
    let problems = facts
        .runtimes
        .problems("containerd")
        .map_err(|e| e.to_string())?;
    if problems
        .iter()
        .any(|problem| DAEMON_ONLY.contains(&problem.kind))
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
