//! Whether a program can be run.
//!
//! Source: `man execve` (ENOENT, EACCES, ENOEXEC, interpreters), `man elf`,
//! `man proc` (`/proc/self/mountinfo`).

use nodepol_model::snapshot::{Content, File, FileNode};
use nodepol_model::{Part, Unavailable};

use super::Units;
use super::record::ProgramState;
use super::start::PATH;
use crate::evidence::{Evidence, Resolved};

/// Interpreters that name interpreters: the kernel follows so many
/// (`BINPRM_MAX_RECURSION`).
const MAX_INTERPRETERS: usize = 5;

/// Programs that any system has, to tell what it is built for.
const REFERENCES: [&str; 4] = [
    "/sbin/init",
    "/bin/sh",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
];

impl Units {
    /// What keeps a program from being run. A name without a slash is looked up
    /// as systemd does.
    ///
    /// # Errors
    /// [`Unavailable`] if the file or what decides about it could not be read.
    pub fn program(&self, path: &str) -> Result<ProgramState, Unavailable> {
        if path.contains('/') {
            return state(&self.evidence, path);
        }
        let mut first = None;
        for directory in PATH {
            match state(&self.evidence, &format!("{directory}/{path}"))? {
                ProgramState::Missing => {}
                ProgramState::Runnable => return Ok(ProgramState::Runnable),
                other => {
                    first.get_or_insert(other);
                }
            }
        }
        Ok(first.unwrap_or(ProgramState::Missing))
    }
}

fn state(evidence: &Evidence, path: &str) -> Result<ProgramState, Unavailable> {
    let mut at = path.to_owned();
    for step in 0..MAX_INTERPRETERS {
        match one(evidence, &at)? {
            Step::Done(ProgramState::Missing | ProgramState::Dangling(_)) if step > 0 => {
                return Ok(ProgramState::MissingInterpreter(at));
            }
            Step::Done(state) => return Ok(state),
            Step::Interpreter(next) => at = next,
        }
    }
    Ok(ProgramState::NotAProgram)
}

enum Step {
    Done(ProgramState),
    /// A script, run by this.
    Interpreter(String),
}

fn one(evidence: &Evidence, path: &str) -> Result<Step, Unavailable> {
    let (canonical, file) = match evidence.stat_metadata(path) {
        Part::Present(found) => found,
        Part::Absent if holds_no_programs(evidence) => {
            return Err(Unavailable::new(path, "this tree holds no programs at all"));
        }
        Part::Absent => return Ok(Step::Done(absent(evidence, path))),
        Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
    };
    let FileNode::Regular(content) = &file.node else {
        return Ok(Step::Done(ProgramState::NotAFile));
    };
    // Root may execute a file as soon as anybody may.
    if file.mode & 0o111 == 0 {
        return Ok(Step::Done(ProgramState::NotExecutable));
    }
    if let Some(mount) = no_exec(evidence, &canonical) {
        return Ok(Step::Done(ProgramState::NoExec(mount)));
    }
    let done = match content {
        Content::Text(text) => match interpreter(text) {
            Some(interpreter) => return Ok(Step::Interpreter(interpreter)),
            None => ProgramState::NotAProgram,
        },
        Content::Binary(hex) => {
            let header = bytes(hex);
            if header.starts_with(b"#!") {
                let line: Vec<u8> = header.iter().copied().take_while(|b| *b != b'\n').collect();
                match interpreter(&String::from_utf8_lossy(&line)) {
                    Some(interpreter) => return Ok(Step::Interpreter(interpreter)),
                    None => ProgramState::NotAProgram,
                }
            } else {
                match machine(&header) {
                    Some(built_for) => elf(evidence, &header, built_for),
                    None => ProgramState::NotAProgram,
                }
            }
        }
        // No ELF file: if it is a script, its first line is needed.
        Content::NotRead => {
            let why = match evidence.text(path) {
                Part::Unreadable(why) => why,
                Part::Present(_) | Part::Absent => "its first bytes were not gathered".to_owned(),
            };
            return Err(Unavailable::new(path, why));
        }
        Content::Unreadable(why) => return Err(Unavailable::new(path, why)),
    };
    Ok(Step::Done(done))
}

/// A tree of configuration alone says nothing about programs: whatever boots
/// has at least a shell.
fn holds_no_programs(evidence: &Evidence) -> bool {
    !evidence.is_live()
        && ["/usr/bin", "/bin"]
            .iter()
            .all(|path| evidence.stat(path) == Part::Absent)
}

fn absent(evidence: &Evidence, path: &str) -> ProgramState {
    let link = evidence.lstat(path);
    match (link, evidence.resolve(path)) {
        (
            Part::Present(File {
                node: FileNode::Symlink(_),
                ..
            }),
            Resolved::Nowhere(target),
        ) => ProgramState::Dangling(target),
        _ => ProgramState::Missing,
    }
}

/// An ELF program for another machine than the node's, or of which the dynamic
/// loader is missing.
fn elf(evidence: &Evidence, header: &[u8], built_for: String) -> ProgramState {
    if let Some(runs) = node_machine(evidence)
        && !compatible(&built_for, &runs)
    {
        return ProgramState::WrongArchitecture(built_for, runs);
    }
    match loader(header) {
        Some(loader) if matches!(evidence.stat_metadata(&loader), Part::Absent) => {
            ProgramState::MissingInterpreter(loader)
        }
        _ => ProgramState::Runnable,
    }
}

/// A 64-bit x86 runs programs of its 32-bit kin, and so does ARM.
fn compatible(built_for: &str, runs: &str) -> bool {
    built_for == runs || matches!((built_for, runs), ("i386", "x86_64") | ("arm", "aarch64"))
}

/// What the node runs: as its kernel says, else as its own programs are built.
pub(super) fn node_machine(evidence: &Evidence) -> Option<String> {
    if let Part::Present(arch) = evidence.text("/proc/sys/kernel/arch") {
        return Some(arch.trim().to_owned());
    }
    if let Part::Present(uname) = evidence.program("uname -m") {
        return Some(uname.stdout.trim().to_owned());
    }
    REFERENCES.into_iter().find_map(|path| {
        let Part::Present((_, file)) = evidence.stat_metadata(path) else {
            return None;
        };
        match &file.node {
            FileNode::Regular(Content::Binary(hex)) => machine(&bytes(hex)),
            _ => None,
        }
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes();
    digits
        .chunks_exact(2)
        .filter_map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect()
}

/// `e_machine` of an ELF header, as `uname -m` calls it.
fn machine(header: &[u8]) -> Option<String> {
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let number = number(header, 18, 2, is_little(header))?;
    let wide = header.get(4) == Some(&2);
    Some(match (number, wide) {
        (3, _) => "i386".to_owned(),
        (8, _) => "mips".to_owned(),
        (20, _) => "ppc".to_owned(),
        (21, _) => if is_little(header) {
            "ppc64le"
        } else {
            "ppc64"
        }
        .to_owned(),
        (22, _) => "s390x".to_owned(),
        (40, _) => "arm".to_owned(),
        (62, _) => "x86_64".to_owned(),
        (183, _) => "aarch64".to_owned(),
        (243, true) => "riscv64".to_owned(),
        (243, false) => "riscv32".to_owned(),
        (258, _) => "loongarch64".to_owned(),
        (other, _) => format!("ELF machine {other}"),
    })
}

fn is_little(header: &[u8]) -> bool {
    header.get(5) == Some(&1)
}

fn number(bytes: &[u8], at: usize, length: usize, little: bool) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    Some(if little {
        field.iter().rev().fold(0, fold)
    } else {
        field.iter().fold(0, fold)
    })
}

/// The dynamic loader that a program names (`PT_INTERP`), if it is among the
/// bytes that were gathered.
fn loader(header: &[u8]) -> Option<String> {
    let little = is_little(header);
    let wide = header.get(4) == Some(&2);
    let (table, size, count) = if wide {
        (
            number(header, 32, 8, little)?,
            number(header, 54, 2, little)?,
            number(header, 56, 2, little)?,
        )
    } else {
        (
            number(header, 28, 4, little)?,
            number(header, 42, 2, little)?,
            number(header, 44, 2, little)?,
        )
    };
    for index in 0..count {
        let entry = usize::try_from(table.checked_add(index.checked_mul(size)?)?).ok()?;
        if number(header, entry, 4, little)? != 3 {
            continue;
        }
        let (offset, length) = if wide {
            (
                number(header, entry.checked_add(8)?, 8, little)?,
                number(header, entry.checked_add(32)?, 8, little)?,
            )
        } else {
            (
                number(header, entry.checked_add(4)?, 4, little)?,
                number(header, entry.checked_add(16)?, 4, little)?,
            )
        };
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        let path = header.get(start..end)?;
        let path = path.split(|byte| *byte == 0).next()?;
        return String::from_utf8(path.to_vec()).ok();
    }
    None
}

/// What a script's first line names.
fn interpreter(text: &str) -> Option<String> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let path = line.trim_start_matches([' ', '\t']);
    // The kernel takes a carriage return as part of the name, and fails.
    let path = path.split([' ', '\t']).next()?;
    (!path.is_empty()).then(|| path.to_owned())
}

/// The mount point that a path is on, if it is mounted with `noexec`. Where no
/// mounts are recorded nothing is known to forbid it.
fn no_exec(evidence: &Evidence, path: &str) -> Option<String> {
    let Part::Present(text) = evidence.text("/proc/self/mountinfo") else {
        return None;
    };
    let mut nearest: Option<(&str, bool)> = None;
    for line in text.lines() {
        let mut fields = line.split(' ');
        let (Some(mount), Some(options)) = (fields.nth(4), fields.next()) else {
            continue;
        };
        let covers = mount == "/"
            || path
                .strip_prefix(mount)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // A later mount on the same point hides an earlier one.
        if covers && nearest.is_none_or(|(known, _)| mount.len() >= known.len()) {
            nearest = Some((mount, options.split(',').any(|option| option == "noexec")));
        }
    }
    nearest
        .filter(|(_, no_exec)| *no_exec)
        .map(|(mount, _)| mount.to_owned())
}
