//! Real files, against what is known of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nodepol_facts::document::{json, yaml};
use nodepol_facts::kubelet::{Assumptions, Kubelet};
use nodepol_facts::systemd::Units;
use nodepol_model::Horizon;
use serde_json::{Value, json};

use crate::node::kubelet;
use crate::tree;

const AT: Horizon = Horizon::NextBoot;

/// What was compared with what is known.
#[derive(Default)]
struct Tally {
    agree: usize,
    compared: usize,
    disagree: Vec<String>,
}

impl Tally {
    fn compare(&mut self, what: &str, known: &Value, found: &Value) {
        self.compared += 1;
        if known == found {
            self.agree += 1;
        } else {
            self.disagree
                .push(format!("{what}: known {known}, found {found}"));
        }
    }

    fn done(self, what: &str) {
        println!("{what}: {} of {} agree", self.agree, self.compared);
        assert!(self.disagree.is_empty(), "{}", self.disagree.join("\n"));
        assert!(self.compared > 0);
    }
}

/// A setting by its dotted name; null where it is not known or unset.
fn setting(kubelet: &Kubelet, dotted: &str) -> Value {
    let pointer = format!("/{}", dotted.replace('.', "/"));
    match kubelet.setting(AT, &pointer) {
        Ok(Some(found)) => found.value,
        Ok(None) | Err(_) => Value::Null,
    }
}

#[test]
fn trees() {
    let Some(corpus) = tree::corpus() else { return };
    let mut tally = Tally::default();
    for (name, root) in tree::nodes(&corpus) {
        let truth = tree::json(&root.join("TRUTH.json"));
        let evidence = tree::evidence(&root);
        let units = Arc::new(Units::new(Arc::clone(&evidence)));
        let kubelet = Kubelet::new(evidence, units, Assumptions::default());
        // MicroShift's kubelet is built in: what it is told stands in no file of
        // the node.
        let built_in = name == "microshift";
        let mut compare = |key: &str, found: Value| {
            if let Some(known) = truth.get(key) {
                let known = if built_in { &Value::Null } else { known };
                tally.compare(&format!("{name}: {key}"), known, &found);
            }
        };
        compare("kubelet_cgroup_driver", setting(&kubelet, "cgroupDriver"));
        compare("fail_swap_on", setting(&kubelet, "failSwapOn"));
        let path = kubelet.config_path(AT).ok().flatten();
        compare("config_path", json!(path.map(|path| path.value)));
        let directory = kubelet.flag(AT, "config-dir").ok().flatten();
        compare("config_dir", json!(directory.map(|path| path.value)));
        compare("config_present", json!(kubelet.config_present(AT).ok()));
        compare(
            "kubelet_runtime_endpoint",
            setting(&kubelet, "containerRuntimeEndpoint"),
        );
        let file = kubelet
            .argv(AT)
            .ok()
            .and_then(|argv| Some(argv.first()?.origin.source.clone()));
        compare("kubelet_args_file", json!(file));
        if let Some(Value::Object(effective)) = truth.get("effective_after_dropin") {
            for (dotted, known) in effective {
                tally.compare(
                    &format!("{name}: {dotted}"),
                    known,
                    &setting(&kubelet, dotted),
                );
            }
        }
        if let Ok(problems) = kubelet.config_problems(AT) {
            assert!(
                problems.iter().all(|problem| !problem.fatal),
                "{name}: {problems:?}"
            );
        }
    }
    tally.done("trees");
}

#[test]
fn configurations() {
    let Some(corpus) = tree::corpus() else { return };
    let index = ["INDEX.tsv", "../INDEX.tsv"]
        .iter()
        .map(|name| corpus.join(name))
        .chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/INDEX.tsv")])
        .chain(std::env::var_os("NODEPOL_CORPUS_INDEX").map(Into::into))
        .find(|path| path.is_file());
    let Some(index) = index else {
        println!("skipped: no INDEX.tsv beside the corpus");
        return;
    };
    let mut tally = Tally::default();
    for line in fs::read_to_string(index).expect("the index").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [path, .., kind, template, _, truth] = columns[..] else {
            continue;
        };
        if template != "n" || truth.is_empty() {
            continue;
        }
        let text = || fs::read_to_string(corpus.join(path)).expect("the file");
        let truth: Value = match serde_json::from_str(truth) {
            Ok(truth) => truth,
            Err(_) => continue,
        };
        match kind {
            "kubelet-config" => config(path, &text(), &truth, &mut tally),
            "kubelet-dropin" => drop_in(path, &text(), &truth, &mut tally),
            _ => {}
        }
    }
    tally.done("configurations");
}

fn config(path: &str, text: &str, truth: &Value, tally: &mut Tally) {
    // kubeadm's own files hold several documents, one of them the kubelet's.
    let text = text
        .split("\n---\n")
        .find(|part| part.contains("kind: KubeletConfiguration"))
        .unwrap_or(text);
    let kubelet = kubelet(&[("/config", text)], "kubelet --config=/config", "");
    let problems = kubelet.config_problems(AT).expect("it is readable");
    let fatal = problems.iter().any(|problem| problem.fatal);
    let legal = truth["apiVersion"] == "kubelet.config.k8s.io/v1beta1";
    tally.compare(
        &format!("{path}: accepted ({problems:?})"),
        &json!(legal),
        &json!(!fatal),
    );
    if !legal {
        return;
    }
    let doubles: Vec<&str> = problems
        .iter()
        .filter(|problem| problem.kind == "duplicate-field")
        .filter_map(|problem| problem.at.pointer.as_deref()?.rsplit('/').next())
        .collect();
    let known = truth
        .get("duplicate_keys")
        .cloned()
        .unwrap_or_else(|| json!([]));
    tally.compare(&format!("{path}: doubles"), &known, &json!(doubles));
    for (key, dotted) in [
        ("cgroupDriver_effective_from_file", "cgroupDriver"),
        ("failSwapOn_effective", "failSwapOn"),
        ("swapBehavior", "memorySwap.swapBehavior"),
    ] {
        tally.compare(
            &format!("{path}: {key}"),
            &truth[key],
            &setting(&kubelet, dotted),
        );
    }
    // The index knows of the endpoint what the file says.
    let pointer = "/containerRuntimeEndpoint";
    let endpoint = kubelet.setting(AT, pointer).expect("known").expect("set");
    let said = if endpoint.is_default {
        Value::Null
    } else {
        endpoint.value
    };
    let empty = |value: &Value| {
        if value == "" {
            Value::Null
        } else {
            value.clone()
        }
    };
    tally.compare(
        &format!("{path}: endpoint"),
        &empty(&truth["containerRuntimeEndpoint"]),
        &said,
    );
}

fn drop_in(path: &str, text: &str, truth: &Value, tally: &mut Tally) {
    let base = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let files = [("/config", base), ("/d/10.conf", text)];
    let kubelet = kubelet(&files, "kubelet --config=/config --config-dir=/d", "");
    for (field, known) in truth["sets"].as_object().into_iter().flatten() {
        match known {
            Value::Object(inner) => {
                for (key, known) in inner {
                    let dotted = format!("{field}.{key}");
                    tally.compare(
                        &format!("{path}: {dotted}"),
                        known,
                        &setting(&kubelet, &dotted),
                    );
                }
            }
            known => tally.compare(
                &format!("{path}: {field}"),
                known,
                &setting(&kubelet, field),
            ),
        }
    }
}

/// The kubelet's own test data: an empty configuration and what defaulting makes
/// of it in 1.36.
#[test]
fn defaults() {
    let Some(corpus) = tree::corpus() else { return };
    let data = "microshift/deps/github.com/openshift/kubernetes/pkg/kubelet/apis/config/scheme/testdata/KubeletConfiguration";
    let read = |name: &str| fs::read_to_string(corpus.join(data).join(name)).expect("the file");
    let kubelet = kubelet(
        &[("/c", &read("before/v1beta1.yaml"))],
        "kubelet --config=/c",
        "1.36",
    );
    let after = yaml::parse(&read("after/v1beta1.yaml"))
        .expect("YAML")
        .root
        .to_json();
    let mut tally = Tally::default();
    leaves(&after, "", &mut |pointer, known| {
        if !matches!(pointer, "/apiVersion" | "/kind") && !pointer.ends_with("/infoBufferSize") {
            let found = kubelet
                .setting(AT, pointer)
                .expect("known")
                .map(|found| found.value);
            tally.compare(pointer, known, &json!(found));
        }
    });
    tally.done("defaults of 1.36");
}

fn leaves(value: &Value, at: &str, each: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                leaves(value, &format!("{at}/{key}"), each);
            }
        }
        value => each(at, value),
    }
}

#[test]
fn no_file_makes_a_reader_panic_or_hang() {
    let Some(corpus) = tree::corpus() else { return };
    let mut pending = vec![corpus];
    let (mut files, mut slowest) = (0, Duration::ZERO);
    while let Some(path) = pending.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            pending.extend(
                fs::read_dir(&path)
                    .expect("a directory")
                    .map(|entry| entry.expect("an entry").path()),
            );
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let start = Instant::now();
        let _ = yaml::parse(&text);
        let _ = json::parse(&text);
        slowest = slowest.max(start.elapsed());
        files += 1;
    }
    println!("{files} files read, the slowest in {slowest:?}");
    assert!(files > 100);
    assert!(slowest < Duration::from_secs(10));
}
