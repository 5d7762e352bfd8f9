//! /proc/swaps, as the kernel prints it (mm/swapfile.c, `swap_show`).

use nodepol_model::Location;

use super::Device;

/// The name of the file.
pub(super) const PATH: &str = "/proc/swaps";

/// What the kernel appends to the name of a swap file that was unlinked
/// (`seq_file_path` of an unlinked file).
const DELETED: &str = " (deleted)";

/// The rows of a `/proc/swaps` text. The first line is the header; the kubelet
/// takes every further line for a device, so a row of which the columns cannot
/// be read is a device too, with zeros for what it does not say.
pub fn parse(text: &str) -> Vec<Device> {
    (1..)
        .zip(text.lines())
        .skip(1)
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| row(number, line))
        .collect()
}

fn row(number: u32, line: &str) -> Device {
    // From the right, for blanks in a name are escaped but ` (deleted)` is not.
    let mut fields = line.split_whitespace().rev();
    let priority = fields.next().and_then(|text| text.parse().ok());
    let used = fields.next().and_then(kibibytes);
    let size = fields.next().and_then(kibibytes);
    let kind = fields.next();
    let (path, kind) = match (priority, used, size, kind) {
        (Some(_), Some(_), Some(_), Some(kind)) => {
            (line.get(..kind_start(line)).unwrap_or(line), kind)
        }
        _ => (line, ""),
    };
    let name = unescape(path.trim());
    let path = name.strip_suffix(DELETED).unwrap_or(&name).to_owned();
    Device {
        path,
        kind: kind.to_owned(),
        size_bytes: size.unwrap_or(0),
        used_bytes: used.unwrap_or(0),
        priority: priority.unwrap_or(0),
        at: Location {
            source: PATH.to_owned(),
            line: Some(number),
            column: None,
            pointer: None,
        },
    }
}

/// Where the fourth field from the right starts.
fn kind_start(line: &str) -> usize {
    let mut rest = line.trim_end();
    for _ in 0..3 {
        rest = rest
            .rsplit_once(char::is_whitespace)
            .map_or("", |(head, _)| head.trim_end());
    }
    rest.rfind(char::is_whitespace).map_or(0, |at| at + 1)
}

fn kibibytes(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(1024)
}

/// `\040` and its like: the kernel writes blanks, tabs, line feeds and
/// backslashes in octal (`seq_escape`, `mangle_path`); getmntent(3) reads the
/// same escapes in fstab(5).
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let octal = match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if first == b'\\' => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
