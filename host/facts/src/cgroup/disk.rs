//! The whole disk behind a path.

use nodepol_model::{Location, Part, Unavailable};

use crate::evidence::{Evidence, Resolved};
use crate::sourced::Sourced;

const MOUNTS: &str = "/proc/self/mountinfo";
/// As deep as device mappers are stacked on each other here.
const MAX_STACK: usize = 8;

/// A row of /proc/self/mountinfo (proc(5)).
#[derive(Debug, Clone)]
pub(super) struct Mount {
    pub(super) point: String,
    pub(super) filesystem: String,
    device: String,
    line: u32,
}

/// The mounts, in their order.
pub(super) fn mounts(evidence: &Evidence) -> Result<Vec<Mount>, Unavailable> {
    let text = evidence.text(MOUNTS);
    let text = text
        .known(MOUNTS)?
        .ok_or_else(|| Unavailable::new(MOUNTS, "no kernel runs from this tree"))?;
    Ok((1..)
        .zip(text.lines())
        .filter_map(|(line, row)| {
            let (mount, source) = row.split_once(" - ")?;
            let mut fields = mount.split(' ').skip(2);
            let device = fields.next()?.to_owned();
            let point = unescape(fields.nth(1)?);
            Some(Mount {
                point,
                filesystem: source.split(' ').next()?.to_owned(),
                device,
                line,
            })
        })
        .collect())
}

/// `\040` and the like.
fn unescape(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match (code, after.get(3..)) {
            (Some(code), Some(after)) => {
                plain.push(char::from(code));
                rest = after;
            }
            _ => {
                plain.push('\\');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// `MAJOR:MINOR name` of the disk that holds a path.
pub(super) fn of(evidence: &Evidence, path: &str) -> Result<Sourced<String>, Unavailable> {
    let path = match evidence.resolve(path) {
        Resolved::At(path) | Resolved::Nowhere(path) => path,
        Resolved::Unknown(unavailable) => return Err(unavailable),
    };
    let mounts = mounts(evidence)?;
    let mount = mounts
        .iter()
        .filter(|mount| {
            mount.point == "/"
                || path
                    .strip_prefix(mount.point.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        // Of mounts on one point, the last is on top.
        .max_by_key(|mount| (mount.point.len(), mount.line))
        .ok_or_else(|| Unavailable::new(MOUNTS, format!("nothing is mounted for {path}")))?;
    if mount.device.starts_with("0:") {
        return Err(Unavailable::new(
            MOUNTS,
            format!(
                "{} is {}, which may lie on several disks or on none",
                mount.point, mount.filesystem
            ),
        ));
    }
    let mut device = format!("/sys/dev/block/{}", mount.device);
    for _ in 0..MAX_STACK {
        let mut directory = match evidence.resolve(&device) {
            Resolved::At(directory) => directory,
            Resolved::Nowhere(_) => {
                return Err(Unavailable::new(
                    device,
                    "the kernel has no such block device",
                ));
            }
            Resolved::Unknown(unavailable) => return Err(unavailable),
        };
        if evidence
            .lstat(&format!("{directory}/partition"))
            .present()
            .is_some()
        {
            directory.truncate(directory.rfind('/').unwrap_or(0));
        }
        let slaves = format!("{directory}/slaves");
        match evidence.names(&slaves) {
            Part::Present([]) | Part::Absent => {
                let path = format!("{directory}/dev");
                let numbers = evidence.text(&path);
                let numbers = numbers
                    .known(&path)?
                    .ok_or_else(|| Unavailable::new(&path, "it does not exist"))?;
                let name = directory.rsplit('/').next().unwrap_or_default();
                return Ok(Sourced::new(
                    format!("{} {name}", numbers.trim()),
                    Location::line(MOUNTS, mount.line),
                ));
            }
            Part::Present([only]) => device = format!("{slaves}/{only}"),
            Part::Present(_) => {
                return Err(Unavailable::new(slaves, "it lies on several disks"));
            }
            Part::Unreadable(why) => return Err(Unavailable::new(slaves, why)),
        }
    }
    Err(Unavailable::new(device, "too many devices are stacked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes() {
        assert_eq!(unescape("/a\\040b\\134"), "/a b\\");
        assert_eq!(unescape("\\x"), "\\x");
    }
}
