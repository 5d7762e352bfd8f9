//! Many snapshots, generated from one: each of another node.
//!
//! They are made while they are judged, so that a hundred thousand of them take
//! no room; what it costs to make them is not counted.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::{Cost, children, parsed};

/// A name that no node has: it stands where each gets its own.
const NAME: &str = "node-of-the-bench";

/// A snapshot, cut at its hostname.
pub(crate) struct Template(Vec<String>);

impl Template {
    /// Takes the snapshot in `text` as the template of all others.
    pub(crate) fn new(text: &[u8]) -> Result<Self> {
        let mut document: Value = serde_json::from_slice(text).context("no snapshot was taken")?;
        if let Some(content) = document.pointer_mut("/files/~1etc~1hostname") {
            rename(content, &format!("{NAME}\n"));
        }
        let text = document.to_string() + "\n";
        Ok(Self(text.split(NAME).map(str::to_owned).collect()))
    }

    /// Bytes of one of them.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    fn write(&self, count: usize, stream: impl std::io::Write) -> std::io::Result<()> {
        let mut stream = BufWriter::with_capacity(1 << 20, stream);
        for number in 0..count {
            stream.write_all(self.0.join(&format!("node-{number}")).as_bytes())?;
        }
        stream.flush()
    }
}

/// Puts a text where the file's own text is.
fn rename(value: &mut Value, name: &str) {
    match value {
        Value::String(text) if text.ends_with('\n') => *text = name.to_owned(),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, name)),
        _ => {}
    }
}

/// Runs a command that reads `count` snapshots like the one in the file
/// `snapshot` from its standard input, in a child of this program.
pub(crate) fn judge(command: &Command, count: usize, snapshot: &Path) -> Result<Cost> {
    let mut child = Command::new(std::env::current_exe()?);
    child
        .arg("__judge")
        .arg(count.to_string())
        .arg(snapshot)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            child.env(name, value);
        }
    }
    parsed(child)
}

/// The child: makes the snapshots, runs the command on them and prints its cost.
pub(crate) fn in_child(words: &[String]) -> Result<ExitCode> {
    let [count, snapshot, program, arguments @ ..] = words else {
        bail!("usage: xtask __judge COUNT SNAPSHOT PROGRAM ARGUMENTS...");
    };
    let count: usize = count.parse()?;
    let template = Template::new(&std::fs::read(snapshot)?)?;
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
