//! Many snapshots, generated from one: each of another node.
//!
//! They are made while they are judged, so that a hundred thousand of them take
//! no room; what it costs to make them is not counted.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::measure::{Cost, children, parsed, take_environment};

/// What nodes of a stream have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nodes {
    /// A fleet: one image. Each has a name and a time of its own; one of ten
    /// has a swap file, and one of fifty another configuration of its kubelet.
    Fleet,
    /// Strangers: each runs another release of its system.
    Strangers,
}

impl Nodes {
    const ALL: [(&'static str, Self); 2] = [("fleet", Self::Fleet), ("strangers", Self::Strangers)];

    fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, nodes)| *nodes == self)
            .map_or("", |(name, _)| name)
    }
}

/// Stands where each node gets its own number.
const NUMBER: &str = "0123456789-of-the-bench";

/// A snapshot, cut where its number belongs.
struct Cut(Vec<String>);

impl Cut {
    fn new(document: &Value) -> Self {
        let text = document.to_string() + "\n";
        Self(text.split(NUMBER).map(str::to_owned).collect())
    }
}

/// Snapshots of nodes.
pub(crate) struct Template {
    usual: Cut,
    swapping: Cut,
    configured: Cut,
}

impl Template {
    /// Takes the snapshot in `text` as the template of all others.
    pub(crate) fn new(text: &[u8], nodes: Nodes) -> Result<Self> {
        let mut usual: Value = serde_json::from_slice(text).context("no snapshot was taken")?;
        let number = format!("{NUMBER}\n");
        put(&mut usual, "/etc/hostname", &format!("node-{number}"))?;
        usual["takenAt"] = json!(format!("2026-01-01T00:00:00.{NUMBER}Z"));
        if nodes == Nodes::Strangers {
            put(
                &mut usual,
                "/etc/os-release",
                &format!("ID=linux\nBUILD_ID={number}"),
            )?;
        }
        let mut swapping = usual.clone();
        put(&mut swapping, "/etc/fstab", "/swapfile none swap sw 0 0\n")?;
        let mut configured = usual.clone();
        let files = configured["files"].as_object_mut();
        for (_, file) in files.context("it has no files")? {
            if let Some(text) = file.pointer_mut("/present/node/regular/text")
                && let Some(known) = text.as_str()
                && known.contains("KubeletConfiguration")
            {
                *text = json!(format!("{known}\n"));
            }
        }
        Ok(Self {
            usual: Cut::new(&usual),
            swapping: Cut::new(&swapping),
            configured: Cut::new(&configured),
        })
    }

    /// Bytes of one of them.
    pub(crate) fn size(&self) -> usize {
        self.usual.0.iter().map(String::len).sum()
    }

    fn write(&self, count: usize, stream: impl std::io::Write) -> std::io::Result<()> {
        let mut stream = BufWriter::with_capacity(1 << 20, stream);
        for number in 0..count {
            let Cut(parts) = match number {
                _ if number % 50 == 7 => &self.configured,
                _ if number % 10 == 3 => &self.swapping,
                _ => &self.usual,
            };
            stream.write_all(parts.join(&format!("{number:09}")).as_bytes())?;
        }
        stream.flush()
    }
}

/// Puts a text where a file's text is, or where there is no file.
fn put(snapshot: &mut Value, path: &str, text: &str) -> Result<()> {
    let files = snapshot["files"]
        .as_object_mut()
        .context("it has no files")?;
    let file = json!({"present": {
        "mode": 0o644, "uid": 0, "gid": 0, "size": text.len(),
        "modified": "2026-01-01T00:00:00Z", "node": {"regular": {"text": text}},
    }});
    files.insert(path.to_owned(), file);
    Ok(())
}

/// Runs a command that reads `count` snapshots like the one in the file
/// `snapshot` from its standard input, in a child of this program.
pub(crate) fn judge(
    command: &Command,
    count: usize,
    nodes: Nodes,
    snapshot: &Path,
) -> Result<Cost> {
    let mut child = Command::new(std::env::current_exe()?);
    child
        .arg("__judge")
        .arg(count.to_string())
        .arg(nodes.name())
        .arg(snapshot)
        .arg(command.get_program())
        .args(command.get_args());
    take_environment(&mut child, command);
    parsed(child)
}

/// The child: makes the snapshots, runs the command on them and prints its cost.
pub(crate) fn in_child(words: &[String]) -> Result<ExitCode> {
    let [count, nodes, snapshot, program, arguments @ ..] = words else {
        bail!("usage: xtask __judge COUNT NODES SNAPSHOT PROGRAM ARGUMENTS...");
    };
    let count: usize = count.parse()?;
    let mut all = Nodes::ALL.into_iter();
    let nodes = all.find(|(name, _)| name == nodes);
    let (_, nodes) = nodes.context("there are no such nodes")?;
    let template = Template::new(&std::fs::read(snapshot)?, nodes)?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let stdin = child.stdin.take().context("it has no standard input")?;
    template.write(count, stdin)?;
    child.wait()?;
    children(started.elapsed(), 1)?.print();
    Ok(ExitCode::SUCCESS)
}
