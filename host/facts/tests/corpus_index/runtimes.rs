//! The handlers of containerd and CRI-O: which there are, which is the default,
//! and the cgroup driver of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::kubelet::Assumptions;
use nodepol_facts::runtime::Handler;
use nodepol_facts::sourced::Version;
use nodepol_facts::{Facts, Question};
use nodepol_model::{Horizon, Location};
use serde_json::{Value as Json, json};

use crate::index::{Row, Tally, rows};
use crate::tree;

fn facts(files: &[(&str, &str)], containerd: Option<&str>) -> Facts {
    let question = Question {
        assumptions: Assumptions {
            kubelet: None,
            containerd: containerd
                .and_then(|version| Version::parse(version, Location::source("--assume"))),
        },
        at: Some(Timestamp::UNIX_EPOCH),
    };
    Facts::new(Arc::new(tree::node(files)), question)
}

fn default_of(handlers: &[Handler]) -> Option<&Handler> {
    handlers.iter().find(|handler| handler.is_default)
}

fn containerd(tally: &mut Tally, row: &Row) {
    let version = match row.truth["version"].as_u64() {
        Some(3) => "2.2.0",
        Some(4) => "2.3.0",
        _ => "1.7.33",
    };
    let text = row.text();
    let files = [
        (
            "/etc/systemd/system/containerd.service",
            "[Service]\nExecStart=/usr/bin/containerd\n",
        ),
        ("/etc/containerd/config.toml", text.as_str()),
    ];
    let facts = facts(&files, Some(version));
    if row.truth["cri_disabled"] == json!(true) {
        return;
    }
    let handlers = facts
        .runtimes
        .handlers(Horizon::NextBoot, "containerd")
        .unwrap_or_else(|e| panic!("{}: {e}", row.path));
    let what = |field: &str| format!("{}: {field}", row.path);
    if let Some(known) = row.truth["default_runtime_name"].as_str() {
        let known = known.trim_end_matches("(default)");
        let ours = default_of(&handlers).map(|handler| handler.name.as_str());
        tally.compare(&what("default handler"), &json!(ours), &json!(known));
    }
    if let Some(known) = row.truth["runtimes"].as_object() {
        for (name, driver) in known {
            let ours = handlers.iter().find(|handler| handler.name == *name);
            tally.compare(
                &what(&format!("handler {name}")),
                &json!(ours.is_some()),
                &json!(true),
            );
            if let (Some(ours), Some(systemd)) = (ours, driver.as_bool()) {
                let known = if systemd { "systemd" } else { "cgroupfs" };
                tally.compare(
                    &what(&format!("driver of {name}")),
                    &json!(ours.cgroup_driver),
                    &json!(known),
                );
            }
        }
    }
    if let Some(systemd) = row.truth["default_runtime_SystemdCgroup"].as_bool() {
        let ours = default_of(&handlers).and_then(|handler| handler.cgroup_driver.clone());
        let known = if systemd { "systemd" } else { "cgroupfs" };
        tally.compare(&what("driver of the default"), &json!(ours), &json!(known));
    }
}

fn crio(tally: &mut Tally, row: &Row) {
    let text = row.text();
    let files = [
        (
            "/usr/lib/systemd/system/crio.service",
            "[Service]\nExecStart=/usr/bin/crio\n",
        ),
        ("/etc/crio/crio.conf", text.as_str()),
    ];
    let facts = facts(&files, None);
    let handlers = facts
        .runtimes
        .handlers(Horizon::NextBoot, "cri-o")
        .unwrap_or_else(|e| panic!("{}: {e}", row.path));
    let by_name: BTreeMap<&str, &Handler> = handlers
        .iter()
        .map(|handler| (handler.name.as_str(), handler))
        .collect();
    for name in row.truth["runtimes"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        tally.compare(
            &format!("{}: handler {name}", row.path),
            &json!(by_name.contains_key(name)),
            &json!(true),
        );
    }
    if let Some(known) = row.truth["default_runtime"].as_str() {
        // Without one CRI-O takes what it was built with.
        if known != "absent" {
            let ours = default_of(&handlers).map(|handler| handler.name.as_str());
            tally.compare(
                &format!("{}: default handler", row.path),
                &json!(ours),
                &Json::from(known),
            );
        }
    }
}

#[test]
fn handlers() {
    let is_wanted = |kind: &str| kind.starts_with("containerd-v") || kind == "crio";
    let Some(rows) = rows(is_wanted) else { return };
    let mut tally = Tally::default();
    for row in rows {
        if row.kind == "crio" {
            crio(&mut tally, &row);
        } else {
            containerd(&mut tally, &row);
        }
    }
    let explained = [(
        "nvidia-container-toolkit/tests/container/shared/etc/containerd/config_v1.toml: \
         default handler",
        "the table `default_runtime` makes the handler `default`",
    )];
    tally.finish("handlers", &explained);
}
