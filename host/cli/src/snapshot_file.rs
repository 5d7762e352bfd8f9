//! Reads a snapshot that was taken before.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nodepol_model::Snapshot;
use nodepol_model::snapshot::ReadError;

/// The largest snapshot. One of a node with much on it has some megabytes.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// Reads the snapshot in `file`, or on standard input if it is `-`.
///
/// # Errors
/// If it cannot be read or is no snapshot, with what to do about it.
pub(crate) fn read(file: &Path) -> Result<Snapshot> {
    let (name, bytes) = if file == Path::new("-") {
        let name = "standard input".to_owned();
        let bytes = limited(std::io::stdin().lock()).with_context(|| name.clone())?;
        (name, bytes)
    } else {
        let name = file.display().to_string();
        let metadata = std::fs::metadata(file)
            .map_err(|error| anyhow::anyhow!("{name}: {}", crate::policy_set::reason(&error)))?;
        if metadata.is_dir() {
            bail!("{name}: it is a directory; `--root {name}` judges the files below it");
        }
        let open = std::fs::File::open(file)
            .map_err(|error| anyhow::anyhow!("{name}: {}", crate::policy_set::reason(&error)))?;
        let bytes = limited(open).with_context(|| name.clone())?;
        (name, bytes)
    };
    parse(&bytes).with_context(|| format!("{name}: cannot be read as a snapshot"))
}

fn limited(reader: impl std::io::Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        bail!(
            "it is larger than {} MiB, and no snapshot is; take one with `nodepol snapshot`",
            MAX_BYTES >> 20
        );
    }
    Ok(bytes)
}

/// A snapshot, from its document.
///
/// # Errors
/// If it is none, with what to do about it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Snapshot> {
    if bytes.trim_ascii().is_empty() {
        bail!("it is empty; take one with `nodepol snapshot -o FILE`");
    }
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        bail!("it is compressed; unpack it first, as in `zcat FILE | nodepol eval --snapshot -`");
    }
    match Snapshot::from_json(bytes) {
        Err(ReadError::Json(error)) if error.is_eof() => bail!(
            "it ends too early, in line {} (after {} bytes): it was cut off; copy it again",
            error.line(),
            bytes.len()
        ),
        Err(ReadError::Json(_)) if std::str::from_utf8(bytes).is_err() => {
            bail!("it is binary, and a snapshot is JSON; take one with `nodepol snapshot`")
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use nodepol_model::snapshot::Source;

    use super::*;

    fn refused(bytes: &[u8]) -> String {
        format!("{:#}", parse(bytes).unwrap_err())
    }

    #[test]
    fn what_is_no_snapshot_is_told_apart() {
        let snapshot = Snapshot::empty(Source::Live, jiff::Timestamp::UNIX_EPOCH);
        let json = snapshot.to_json().unwrap();
        assert_eq!(parse(json.as_bytes()).unwrap(), snapshot);
        let half = json.len() / 2;
        assert!(refused(&json.as_bytes()[..half]).contains("cut off"));
        assert!(refused(b" \n").contains("empty"));
        assert!(refused(&[0x1f, 0x8b, 8]).contains("compressed"));
        assert!(refused(&[0x7f, b'E', b'L', b'F', 0xff]).contains("binary"));
        assert!(refused(b"nonsense").contains("not a snapshot"));
        assert!(refused(br#"{"apiVersion":"nodepol.dev/v1","kind":"Report"}"#).contains("Report"));
        assert!(refused(br#"{"apiVersion":"v2","kind":"Snapshot"}"#).contains("v2"));
        let deep = "[".repeat(100_000);
        assert!(!refused(deep.as_bytes()).is_empty());
    }
}
