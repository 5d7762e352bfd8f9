//! Many snapshots, generated from one: each of another node.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// A stream of snapshots in a file, and a tenth of it in another.
pub(crate) struct Stream {
    pub(crate) whole: PathBuf,
    pub(crate) tenth: PathBuf,
    /// Bytes of one snapshot.
    pub(crate) size: usize,
}

impl Stream {
    /// Writes `count` snapshots like the one in `text`.
    pub(crate) fn new(text: &[u8], directory: &Path, count: usize) -> Result<Self> {
        let mut document: Value = serde_json::from_slice(text).context("no snapshot was taken")?;
        let mut stream = Self {
            whole: directory.join("snapshots.ndjson"),
            tenth: directory.join("a-tenth.ndjson"),
            size: 0,
        };
        let mut whole = BufWriter::new(std::fs::File::create(&stream.whole)?);
        let mut tenth = BufWriter::new(std::fs::File::create(&stream.tenth)?);
        for number in 0..count {
            if let Some(content) = document.pointer_mut("/files/~1etc~1hostname") {
                rename(content, &format!("node-{number}\n"));
            }
            let mut line = document.to_string();
            line.push('\n');
            stream.size = line.len();
            whole.write_all(line.as_bytes())?;
            if number % 10 == 0 {
                tenth.write_all(line.as_bytes())?;
            }
        }
        whole.flush()?;
        tenth.flush()?;
        Ok(stream)
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
