//! Where results go: standard output, or a file that is there whole or not at all.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The width of a report that does not go to a terminal.
const WIDTH: usize = 100;

/// Writes `text` to `file`, or to standard output if there is none (or `-`).
///
/// A reader that closes the pipe early has seen enough: that is no error.
///
/// # Errors
/// If the file, or standard output, cannot be written.
pub(crate) fn write(file: Option<&Path>, text: &str) -> Result<()> {
    match file.filter(|file| *file != Path::new("-")) {
        None => to_stdout(text).context("cannot write to standard output"),
        Some(file) => to_file(file, text)
            .with_context(|| format!("{}: cannot be written", file.display())),
    }
}

fn to_stdout(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn to_file(file: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let target: PathBuf = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    if target.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        // `/dev/stderr`, a FIFO: there is nothing to replace.
        let mut open = std::fs::OpenOptions::new().write(true).open(&target)?;
        return open.write_all(text.as_bytes());
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new()
        .prefix(".nodepol-")
        // The umask takes its part of it.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(&target)?;
    Ok(())
}

/// Whether a text that goes to `file` is coloured: only on a terminal, and not
/// if `NO_COLOR` or `CLICOLOR=0` is set.
pub(crate) fn color(file: Option<&Path>) -> bool {
    file.is_none()
        && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// The columns of the terminal, if that is where the text goes.
pub(crate) fn width(file: Option<&Path>) -> usize {
    if file.is_some() || !std::io::stdout().is_terminal() {
        return WIDTH;
    }
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
}
