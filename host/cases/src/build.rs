//! Makes the snapshot that a case describes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use nodepol_model::cri::{
    Cri, CriCondition, CriRefusal, CriReply, CriRuntimeConfig, CriStatus, CriVersion,
};
use nodepol_model::snapshot::{
    Content, File, FileNode, Filesystem, Journal, JournalEntry, LoadedUnit, ProgramOutput, Source,
    SpecialKind, Systemd,
};
use nodepol_model::{Part, Snapshot};

use crate::certificate;
use crate::format::{
    Case, CaseError, CriSpec, FileSpec, FilesystemSpec, JournalSpec, OtherFile, SystemdSpec,
};

/// The snapshot that a case describes. `path` names the case in errors.
///
/// # Errors
/// [`CaseError::Content`] if a file, mode or certificate makes no sense,
/// [`CaseError::Snapshot`] if the snapshot that it names cannot be read.
pub fn snapshot(case: &Case, path: &Path) -> Result<Snapshot, CaseError> {
    if let Some(file) = &case.snapshot {
        return read(path, file);
    }
    build(case).map_err(|message| CaseError::Content {
        path: path.to_owned(),
        message,
    })
}

/// The snapshot in a file that the case at `path` names.
fn read(path: &Path, file: &Path) -> Result<Snapshot, CaseError> {
    let failed = |reason: String| CaseError::Snapshot {
        path: path.to_owned(),
        snapshot: file.to_owned(),
        reason,
    };
    let bytes = std::fs::read(path.parent().unwrap_or(Path::new("")).join(file))
        .map_err(|error| failed(error.to_string()))?;
    Snapshot::from_json(&bytes).map_err(|error| failed(error.to_string()))
}

fn build(case: &Case) -> Result<Snapshot, String> {
    let taken_at = case
        .taken_at
        .ok_or("`taken-at` is missing, here and in its bases")?;
    let source = case.source.unwrap_or(Source::Live);
    let texts = certificate::placeholders(&case.certificates)?;
    let mut snapshot = Snapshot::empty(source, taken_at);
    snapshot.taken_by = "a case".to_owned();
    snapshot.files = files(&case.files, &texts, taken_at)?;
    snapshot.systemd = systemd(case.systemd.as_ref(), source);
    snapshot.journal = journal(case.journal.as_ref(), taken_at);
    for (name, printed) in &case.programs {
        let part = printed.as_ref().map_or(Part::Absent, |stdout| {
            Part::Present(ProgramOutput {
                path: format!("/usr/bin/{}", name.split(' ').next().unwrap_or(name)),
                status: Some(0),
                stdout: stdout.clone(),
                stderr: String::new(),
            })
        });
        snapshot.programs.insert(name.clone(), part);
    }
    for (path, spec) in &case.filesystems {
        let percent = |whole: u64, part: u8| whole / 100 * u64::from(part);
        let (magic, bytes_left, inodes_left) = match spec {
            FilesystemSpec::Magic(magic) => (magic.clone(), 60, 80),
            FilesystemSpec::Usage {
                magic,
                bytes_left,
                inodes_left,
            } => (magic.clone(), *bytes_left, *inodes_left),
        };
        let filesystem = Filesystem {
            magic,
            bytes: 100 << 30,
            bytes_available: percent(100 << 30, bytes_left),
            inodes: 6 << 20,
            inodes_free: percent(6 << 20, inodes_left),
        };
        snapshot
            .filesystems
            .insert(path.clone(), Part::Present(filesystem));
    }
    for (url, spec) in &case.cri {
        let part = spec.as_ref().map_or(Ok(Part::Absent), cri)?;
        snapshot.cri.insert(url.clone(), part);
    }
    Ok(snapshot)
}

/// What a runtime answers. One that is healthy has its network ready.
fn cri(spec: &CriSpec) -> Result<Part<Cri>, String> {
    if let Some(why) = &spec.unreadable {
        return Ok(Part::Unreadable(why.clone()));
    }
    if let Some(status) = &spec.refuses {
        return Ok(Part::Present(Cri {
            version: refused(status),
            runtime_config: refused(status),
            status: refused(status),
        }));
    }
    let version = spec.version.as_deref().unwrap_or_default();
    let (name, version) = version
        .split_once(' ')
        .ok_or("`version` of a runtime is its name and its version: `containerd 2.1.4`")?;
    let ready = |kind: &str| CriCondition {
        kind: kind.to_owned(),
        status: true,
        reason: String::new(),
        message: String::new(),
    };
    Ok(Part::Present(Cri {
        version: CriReply::Answer(CriVersion {
            runtime_name: name.to_owned(),
            runtime_version: version.to_owned(),
            runtime_api_version: "v1".to_owned(),
        }),
        runtime_config: match &spec.cgroup_driver {
            Some(driver) => CriReply::Answer(CriRuntimeConfig {
                cgroup_driver: Some(driver.clone()),
            }),
            None => refused("Unimplemented: unknown method RuntimeConfig"),
        },
        status: CriReply::Answer(CriStatus {
            conditions: ["RuntimeReady", "NetworkReady"].map(ready).to_vec(),
            containerd: spec.containerd.clone(),
        }),
    }))
}

/// A gRPC status, as `CODE: MESSAGE`.
fn refused<T>(status: &str) -> CriReply<T> {
    let (code, message) = status.split_once(": ").unwrap_or((status, ""));
    CriReply::Refused(CriRefusal {
        code: code.to_owned(),
        message: message.to_owned(),
    })
}

/// Every file, every directory above one, and no other: a closed world.
fn files(
    specs: &BTreeMap<String, FileSpec>,
    texts: &BTreeMap<String, String>,
    taken_at: Timestamp,
) -> Result<BTreeMap<String, Part<File>>, String> {
    let mut files = BTreeMap::new();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    names.entry("/".to_owned()).or_default();
    let present = specs.iter().filter_map(|(path, spec)| match spec {
        FileSpec::Text(text) => Some((
            path,
            OtherFile {
                text: Some(text.clone()),
                ..OtherFile::default()
            },
        )),
        FileSpec::Other(other) => Some((path, other.clone())),
        FileSpec::Gone => None,
    });
    for (path, spec) in present {
        if !path.starts_with('/') || path.ends_with('/') {
            return Err(format!("{path:?} is not an absolute path of a file"));
        }
        let mut below = path.as_str();
        while let Some((parent, name)) = below.rsplit_once('/') {
            let directory = if parent.is_empty() { "/" } else { parent };
            names
                .entry(directory.to_owned())
                .or_default()
                .insert(name.to_owned());
            below = parent;
        }
        if spec.directory && spec.unreadable.is_none() {
            names.entry(path.clone()).or_default();
        } else {
            files.insert(path.clone(), file(path, &spec, texts, taken_at)?);
        }
    }
    for (directory, entries) in names {
        // A directory under something that is no directory cannot be.
        files.entry(directory).or_insert_with(|| {
            let listed = Part::Present(entries.into_iter().collect());
            Part::Present(entry(FileNode::Directory(listed), 0o755, taken_at))
        });
    }
    Ok(files)
}

fn file(
    path: &str,
    spec: &OtherFile,
    texts: &BTreeMap<String, String>,
    taken_at: Timestamp,
) -> Result<Part<File>, String> {
    let modified = spec
        .modified
        .unwrap_or(taken_at - SignedDuration::from_hours(24));
    let mode = match &spec.mode {
        Some(mode) => u32::from_str_radix(mode, 8)
            .map_err(|_| format!("{path}: mode {mode:?} is not octal"))?,
        None if spec.program.is_some() => 0o755,
        None => 0o644,
    };
    let node = if let Some(target) = &spec.link {
        FileNode::Symlink(target.clone())
    } else if let Some(machine) = &spec.program {
        FileNode::Regular(Content::Binary(elf_header(machine)?))
    } else if spec.socket {
        FileNode::Special(SpecialKind::Socket)
    } else if let Some(why) = spec.unreadable.as_ref().filter(|_| spec.directory) {
        FileNode::Directory(Part::Unreadable(why.clone()))
    } else if let Some(why) = &spec.unreadable {
        FileNode::Regular(Content::Unreadable(why.clone()))
    } else {
        let text = spec.text.clone().unwrap_or_default();
        FileNode::Regular(Content::Text(fill(text, texts)))
    };
    Ok(Part::Present(entry(node, mode, modified)))
}

fn entry(node: FileNode, mode: u32, modified: Timestamp) -> File {
    let size = match &node {
        FileNode::Regular(Content::Text(text)) => text.len() as u64,
        _ => 4096,
    };
    File {
        mode,
        uid: 0,
        gid: 0,
        size,
        modified,
        node,
    }
}

/// Puts certificates in the place of their names. One that stands on a line of
/// its own keeps the line's indentation, as a YAML block needs it.
fn fill(text: String, texts: &BTreeMap<String, String>) -> String {
    if !text.contains("${") {
        return text;
    }
    texts.iter().fold(text, |text, (placeholder, value)| {
        text.replace(placeholder, value)
    })
}

/// The first 20 bytes of a 64-bit little-endian executable (elf(5)): up to and
/// with `e_machine`.
fn elf_header(machine: &str) -> Result<String, String> {
    let e_machine = match machine {
        "x86_64" => "3e00",
        "aarch64" => "b700",
        other => {
            return Err(format!(
                "no program for {other:?} is known, only x86_64 and aarch64"
            ));
        }
    };
    Ok(format!(
        "7f454c46020101000000000000000000{}{e_machine}01000000",
        "0200"
    ))
}

/// No manager runs in a tree, whatever the live node that it stands on has.
fn systemd(spec: Option<&SystemdSpec>, source: Source) -> Part<Systemd> {
    if source == Source::Tree {
        return Part::Absent;
    }
    let Some(spec) = spec else {
        return Part::Unreadable("the case has no systemd".to_owned());
    };
    if let Some(why) = &spec.unreadable {
        return Part::Unreadable(why.clone());
    }
    let unit = |properties: &BTreeMap<String, serde_json::Value>| LoadedUnit {
        unit_file_state: properties
            .get("UnitFileState")
            .and_then(|state| state.as_str())
            .map(str::to_owned),
        properties: properties.clone(),
    };
    Part::Present(Systemd {
        manager: spec.manager.clone(),
        default_target: spec.default_target.clone(),
        units: spec
            .units
            .iter()
            .map(|(name, properties)| (name.clone(), Part::Present(unit(properties))))
            .collect(),
    })
}

/// One line a second, the last one just before the snapshot.
fn journal(spec: Option<&JournalSpec>, taken_at: Timestamp) -> Part<Journal> {
    let lines = match spec {
        None => return Part::Absent,
        Some(JournalSpec::Unreadable { unreadable }) => {
            return Part::Unreadable(unreadable.clone());
        }
        Some(JournalSpec::Lines(lines)) => lines,
    };
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let entries = lines.iter().zip(0..).map(|(line, index)| {
        let (identifier, message) = match line.strip_prefix("systemd: ") {
            Some(message) => ("systemd", message),
            None => ("kubelet", line.as_str()),
        };
        JournalEntry {
            time: taken_at - SignedDuration::from_secs(count - index),
            unit: "kubelet.service".to_owned(),
            identifier: Some(identifier.to_owned()),
            invocation_id: None,
            priority: Some(6),
            message: message.to_owned(),
        }
    });
    Part::Present(Journal {
        boot_id: Some("00000000000000000000000000000001".to_owned()),
        truncated: false,
        entries: entries.collect(),
    })
}
