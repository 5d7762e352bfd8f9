//! Whole nodes and the whole report about each.
//!
//! `nodes/NAME/node.yaml` is a node, written like the cases of policies;
//! `expect.yaml` says which policies must speak, which finding leads, and that
//! nothing else cries; `report.txt` is what a person reads, and `facts.txt`,
//! where there is one, what `nodepol facts` prints. After a change,
//! `NODEPOL_BLESS=1` writes them anew: look at the difference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodepol_cases::Case;
use serde::Deserialize;
use serde_json::Value as Json;

/// What must be said of a node, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expected {
    /// What is wrong with the node, or that nothing is.
    about: String,
    /// Options of `nodepol eval`.
    #[serde(default)]
    options: Vec<String>,
    /// `policy/finding` that the report leads with; none if nothing is wrong.
    leads: Option<String>,
    /// The policies of which the gravest verdict is this.
    #[serde(default)]
    fail: BTreeSet<String>,
    #[serde(default)]
    warn: BTreeSet<String>,
    #[serde(default)]
    waiting: BTreeSet<String>,
    #[serde(default)]
    unknown: BTreeSet<String>,
    /// Lines of the report under which the causes' consequences are folded.
    #[serde(default)]
    folded: Vec<String>,
}

struct Node {
    name: String,
    directory: PathBuf,
    snapshot: tempfile::NamedTempFile,
    expected: Expected,
}

impl Node {
    fn read(directory: &Path) -> Self {
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = std::fs::read_to_string(directory.join("expect.yaml")).unwrap();
        let expected = serde_yaml::from_str(&expected).unwrap_or_else(|e| panic!("{name}: {e}"));
        let path = directory.join("node.yaml");
        let case = Case::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let snapshot =
            nodepol_cases::snapshot(&case, &path).unwrap_or_else(|error| panic!("{error}"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), snapshot.to_json().unwrap()).unwrap();
        Self {
            name,
            directory: directory.to_owned(),
            snapshot: file,
            expected,
        }
    }

    fn run(&self, command: &str, format: &str, options: &[String]) -> (i32, String) {
        let output = Command::new(nodepol_tests::binary())
            .args([command, "--format", format, "--snapshot"])
            .arg(self.snapshot.path())
            .args(options)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.is_empty(), "{}: {stderr}", self.name);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }

    /// What the report says that it should not, or does not say.
    fn differences(&self) -> Vec<String> {
        let options = &self.expected.options;
        let (code, json) = self.run("eval", "json", options);
        let json: Json = serde_json::from_str(&json).unwrap();
        nodepol_tests::assert_valid("report", &json);
        let mut differences = Vec::new();
        for (verdict, expected) in [
            ("fail", &self.expected.fail),
            ("warn", &self.expected.warn),
            ("waiting", &self.expected.waiting),
            ("unknown", &self.expected.unknown),
        ] {
            let said = policies_that_say(&json, verdict);
            if said != *expected {
                differences.push(format!("{verdict}: {said:?}, not {expected:?}"));
            }
        }
        for policy in json["policies"].as_array().unwrap() {
            if !policy["error"].is_null() {
                differences.push(format!("{}: {}", policy["id"], policy["error"]));
            }
        }
        let (text_code, text) = self.run("eval", "text", options);
        if text_code != code {
            differences.push(format!("exit code {code} as JSON, {text_code} as text"));
        }
        let leads = text.lines().find_map(finding_of);
        if leads.as_deref() != self.expected.leads.as_deref() {
            differences.push(format!(
                "it leads with {leads:?}, not {:?}",
                self.expected.leads
            ));
        }
        for finding in &self.expected.folded {
            if !text.contains(&format!("hence {finding} ")) {
                differences.push(format!("{finding} is not told under its cause"));
            }
        }
        differences.extend(self.compare("report.txt", &text));
        let (_, facts) = self.run("facts", "json", &[]);
        nodepol_tests::assert_valid("facts", &serde_json::from_str(&facts).unwrap());
        if self.directory.join("facts.txt").exists() {
            let (code, facts) = self.run("facts", "text", &[]);
            assert_eq!(code, 0, "{}: {facts}", self.name);
            differences.extend(self.compare("facts.txt", &facts));
        }
        differences
    }

    fn compare(&self, file: &str, text: &str) -> Option<String> {
        let path = self.directory.join(file);
        let text = &without_certificates(text);
        if std::env::var_os("NODEPOL_BLESS").is_some() {
            std::fs::write(&path, text).unwrap();
            return None;
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        (known != *text).then(|| {
            let line = known
                .lines()
                .zip(text.lines())
                .position(|(known, said)| known != said)
                .unwrap_or_else(|| known.lines().count().min(text.lines().count()));
            format!(
                "{}:{}: it differs from here:\n{text}",
                path.display(),
                line + 1
            )
        })
    }
}

/// The gravest of a policy's two verdicts, in the order of the report.
fn gravest(policy: &Json) -> &str {
    let order = ["fail", "unknown", "warn", "waiting", "pass"];
    let said = [
        policy["verdict"]["now"].as_str(),
        policy["verdict"]["nextBoot"].as_str(),
    ];
    order
        .into_iter()
        .find(|verdict| said.contains(&Some(verdict)))
        .unwrap_or("not-applicable")
}

fn policies_that_say(report: &Json, verdict: &str) -> BTreeSet<String> {
    report["policies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|policy| gravest(policy) == verdict)
        .map(|policy| policy["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Certificates are made anew for each run; a picture may show one as base64.
fn without_certificates(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.split_once("LS0tLS1") {
            Some((start, _)) => format!("{start}(a certificate)\n"),
            None => line.to_owned(),
        })
        .collect()
}

/// `policy/finding` at the end of the paragraph that tells it.
fn finding_of(line: &str) -> Option<String> {
    let (_, name) = line.strip_suffix(']')?.rsplit_once('[')?;
    (name.contains('/') && !name.contains(' ')).then(|| name.to_owned())
}

#[test]
fn every_node_gets_its_report() {
    let nodes = nodepol_tests::workspace().join("tests/nodes");
    let mut directories: Vec<_> = std::fs::read_dir(nodes)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("node.yaml").exists())
        .collect();
    directories.sort();
    assert!(!directories.is_empty());
    let mut failures = Vec::new();
    for directory in &directories {
        let node = Node::read(directory);
        let differences = node.differences();
        println!(
            "{}: {}{}",
            node.name,
            node.expected.about,
            if differences.is_empty() {
                ""
            } else {
                " FAILED"
            }
        );
        if !differences.is_empty() {
            failures.push(format!("{}\n    {}", node.name, differences.join("\n    ")));
        }
    }
    println!("{} nodes, {} wrong", directories.len(), failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
