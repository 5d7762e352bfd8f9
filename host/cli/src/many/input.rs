//! Where snapshots come from: a directory, or lines.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::policy_set::reason;
use crate::snapshot_file::MAX_BYTES;

/// One snapshot of a stream.
pub(crate) struct Item {
    /// Its file, or its line.
    pub(crate) name: String,
    /// The document, or why it cannot be read.
    pub(crate) bytes: Result<Vec<u8>, String>,
}

/// A stream of snapshots.
pub(crate) enum Snapshots {
    /// The files `*.json` of a directory, in order of their names.
    Files(std::vec::IntoIter<PathBuf>),
    /// One document a line.
    Lines {
        name: String,
        reader: Box<dyn BufRead + Send>,
        line: u64,
    },
}

impl Snapshots {
    /// Opens `source`: a directory, a file of lines, or standard input (`-`).
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn open(source: &Path) -> Result<Self> {
        if source == Path::new("-") {
            return Ok(Self::Lines {
                name: "standard input".to_owned(),
                reader: Box::new(BufReader::new(std::io::stdin())),
                line: 0,
            });
        }
        let name = source.display().to_string();
        let told = |error: &std::io::Error| anyhow::anyhow!("{name}: {}", reason(error));
        if std::fs::metadata(source)
            .map_err(|error| told(&error))?
            .is_dir()
        {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(source).map_err(|error| told(&error))? {
                let path = entry.with_context(|| name.clone())?.path();
                if path.extension().is_some_and(|it| it == "json") {
                    files.push(path);
                }
            }
            if files.is_empty() {
                bail!("{name}: it holds no snapshot (`*.json`)");
            }
            files.sort();
            return Ok(Self::Files(files.into_iter()));
        }
        let file = std::fs::File::open(source).map_err(|error| told(&error))?;
        Ok(Self::Lines {
            name,
            reader: Box::new(BufReader::with_capacity(1 << 16, file)),
            line: 0,
        })
    }

    /// What of the file system it still reads.
    pub(crate) fn reads<'a>(&self, source: &'a Path) -> Option<&'a Path> {
        match self {
            Self::Files(_) => Some(source),
            Self::Lines { .. } => None,
        }
    }
}

impl Iterator for Snapshots {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        match self {
            Self::Files(files) => {
                let path = files.next()?;
                Some(Item {
                    name: path.display().to_string(),
                    bytes: file(&path),
                })
            }
            Self::Lines { name, reader, line } => loop {
                *line += 1;
                let bytes = match next_line(reader.as_mut()) {
                    Ok(None) => return None,
                    Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => continue,
                    Ok(Some(bytes)) => Ok(bytes),
                    Err(why) => Err(why),
                };
                return Some(Item {
                    name: format!("{name}:{line}"),
                    bytes,
                });
            },
        }
    }
}

fn too_large() -> String {
    format!(
        "it is larger than {} MiB, and no snapshot is",
        MAX_BYTES >> 20
    )
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| reason(&error);
    // A FIFO in its place must not hang.
    let metadata = std::fs::metadata(path).map_err(told)?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    std::fs::read(path).map_err(told)
}

/// The next line, without its end; of one that is too long nothing is kept, and
/// it is read to its end.
fn next_line(reader: &mut dyn BufRead) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    let read = reader
        .take(MAX_BYTES + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| reason(&error));
    match read {
        Ok(0) => Ok(None),
        Ok(_) if bytes.ends_with(b"\n") => {
            bytes.pop();
            Ok(Some(bytes))
        }
        Ok(read) if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) => {
            drop(bytes);
            skip_line(reader);
            Err(too_large())
        }
        // The last line needs no end.
        Ok(_) => Ok(Some(bytes)),
        Err(why) => Err(why),
    }
}

fn skip_line(reader: &mut dyn BufRead) {
    loop {
        let (used, ended) = match reader.fill_buf() {
            Ok([]) | Err(_) => return,
            Ok(buffer) => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), false),
            },
        };
        reader.consume(used);
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_empty_ones_skipped() {
        let text: &[u8] = b"one\n\n  \ntwo\nthree";
        let lines = Snapshots::Lines {
            name: "it".to_owned(),
            reader: Box::new(text),
            line: 0,
        };
        let names: Vec<_> = lines
            .map(|item| (item.name, String::from_utf8(item.bytes.unwrap()).unwrap()))
            .collect();
        let name = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            names,
            [
                name("it:1", "one"),
                name("it:4", "two"),
                name("it:5", "three")
            ]
        );
    }
}
