//! What the snapshot tells of a condition that is tested at the next boot.
//!
//! Source: `condition_test_…` in `src/shared/condition.c`, `man systemd.unit`
//! (Conditions and Asserts).

use nodepol_model::Part;
use nodepol_model::snapshot::{File, FileNode};

use super::{glob, program, specifier};
use crate::evidence::Evidence;
use crate::kernel_command_line;

/// What `Condition…=` and `Assert…=` may ask for. Other keys systemd ignores.
const KINDS: [&str; 36] = [
    "ACPower",
    "Architecture",
    "CPUFeature",
    "CPUPressure",
    "CPUs",
    "Capability",
    "ControlGroupController",
    "Credential",
    "DirectoryNotEmpty",
    "Environment",
    "FileIsExecutable",
    "FileNotEmpty",
    "Firmware",
    "FirstBoot",
    "Group",
    "Host",
    "IOPressure",
    "KernelCommandLine",
    "KernelModuleLoaded",
    "KernelVersion",
    "Memory",
    "MemoryPressure",
    "NeedsUpdate",
    "OSRelease",
    "PathExists",
    "PathExistsGlob",
    "PathIsDirectory",
    "PathIsEncrypted",
    "PathIsMountPoint",
    "PathIsReadWrite",
    "PathIsSocket",
    "PathIsSymbolicLink",
    "Security",
    "User",
    "Version",
    "Virtualization",
];

/// Where the next boot finds something else than what is there now.
const VOLATILE: [&str; 6] = ["/run", "/var/run", "/proc", "/sys", "/dev", "/tmp"];

/// The kinds of virtualization that are containers (`virtualization_table`).
const CONTAINERS: [&str; 11] = [
    "systemd-nspawn",
    "lxc-libvirt",
    "lxc",
    "openvz",
    "docker",
    "podman",
    "rkt",
    "wsl",
    "proot",
    "pouch",
    "container-other",
];

/// What a key asks for; none if systemd knows no such key.
pub(super) fn kind(key: &str) -> Option<&'static str> {
    let name = key
        .strip_prefix("Condition")
        .or_else(|| key.strip_prefix("Assert"))?;
    KINDS.into_iter().find(|kind| *kind == name)
}

/// Whether the next boot finds what a condition asks for; none where what was
/// gathered does not tell.
pub(super) fn holds(kind: &str, parameter: &str, evidence: &Evidence) -> Option<bool> {
    match kind {
        "Architecture" => Some(parameter == "native" || architecture(evidence)? == parameter),
        "KernelCommandLine" => on_command_line(parameter, evidence),
        "OSRelease" => os_release(parameter, evidence),
        "Host" => host(parameter, evidence),
        "Virtualization" => virtualization(parameter, evidence),
        // PID 1 asks whether it is root itself.
        "User" => Some(matches!(parameter, "root" | "0" | "@system")),
        "FirstBoot" => {
            let wanted = super::service::boolean(parameter)?;
            machine_id(evidence).map(|_| !wanted)
        }
        _ => path(kind, parameter, evidence),
    }
}

/// As `uname_architecture` in `src/basic/architecture.c` names it.
fn architecture(evidence: &Evidence) -> Option<String> {
    let machine = program::node_machine(evidence)?;
    Some(
        match machine.as_str() {
            "x86_64" => "x86-64",
            "i386" | "i486" | "i586" | "i686" => "x86",
            "aarch64" => "arm64",
            "ppc64le" => "ppc64-le",
            "s390x" => "s390x",
            "riscv64" => "riscv64",
            "loongarch64" => "loongarch64",
            "arm" => "arm",
            arm if arm.starts_with("armv") && arm.ends_with('l') => "arm",
            _ => return None,
        }
        .to_owned(),
    )
}

/// A word of the next boot's kernel command line, or a key with or without a value.
fn on_command_line(parameter: &str, evidence: &Evidence) -> Option<bool> {
    let words = kernel_command_line::configured(evidence).ok()?;
    Some(words.iter().any(|word| {
        word.value == parameter
            || (!parameter.contains('=')
                && word
                    .value
                    .split_once('=')
                    .is_some_and(|(key, _)| key == parameter))
    }))
}

/// Words such as `ID=debian`, all of which must hold.
fn os_release(parameter: &str, evidence: &Evidence) -> Option<bool> {
    let mut all = Some(true);
    for word in parameter.split_whitespace() {
        let word = word.trim_matches(['"', '\'']);
        let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let (key, rest) = word.split_at_checked(end)?;
        let (equal, value) = match (rest.strip_prefix("!="), rest.strip_prefix('=')) {
            (Some(value), _) => (false, value),
            // `==`, `=$` and `<` compare versions and patterns.
            (_, Some(value)) if !value.starts_with(['=', '$']) => (true, value),
            _ => {
                all = None;
                continue;
            }
        };
        if (specifier::os_release(evidence, key)? == value) != equal {
            return Some(false);
        }
    }
    all
}

/// The machine's ID, or a pattern of its name.
fn host(parameter: &str, evidence: &Evidence) -> Option<bool> {
    let digits: String = parameter.chars().filter(|c| *c != '-').collect();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(machine_id(evidence)?.eq_ignore_ascii_case(&digits));
    }
    // The name that a network gives is not known before the boot.
    let name = specifier::first_line(evidence, "/etc/hostname")
        .filter(|line| !line.starts_with('#') && !line.contains('?'))?;
    Some(glob::matches(
        &parameter.to_ascii_lowercase(),
        &name.to_ascii_lowercase(),
    ))
}

/// The ID that a boot finds; none where it is to make one.
fn machine_id(evidence: &Evidence) -> Option<String> {
    specifier::first_line(evidence, "/etc/machine-id")
        .filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn virtualization(parameter: &str, evidence: &Evidence) -> Option<bool> {
    let found = evidence.manager("Virtualization")?.as_str()?;
    let in_container = CONTAINERS.contains(&found);
    if let Some(wanted) = super::service::boolean(parameter) {
        return Some(wanted != found.is_empty());
    }
    match parameter {
        "vm" => Some(!found.is_empty() && !in_container),
        "container" => Some(in_container),
        "private-users" => None,
        name => Some(name == found),
    }
}

/// What is at a path, as far as files that persist tell.
fn path(kind: &str, path: &str, evidence: &Evidence) -> Option<bool> {
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !path.starts_with('/') || VOLATILE.iter().any(|root| below(root)) {
        return None;
    }
    let of = |wanted: fn(&File) -> Option<bool>| match evidence.stat(path) {
        Part::Present((_, file)) => wanted(file),
        Part::Absent => Some(false),
        Part::Unreadable(_) => None,
    };
    match kind {
        "PathExists" => match evidence.stat_metadata(path) {
            Part::Present(_) => Some(true),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        },
        "PathIsDirectory" => of(|file| Some(matches!(file.node, FileNode::Directory(_)))),
        "PathIsSymbolicLink" => match evidence.lstat(path) {
            Part::Present(file) => Some(matches!(file.node, FileNode::Symlink(_))),
            Part::Absent => Some(false),
            Part::Unreadable(_) => None,
        },
        "DirectoryNotEmpty" => of(|file| match &file.node {
            FileNode::Directory(Part::Present(names)) => Some(!names.is_empty()),
            FileNode::Directory(_) => None,
            _ => Some(false),
        }),
        "FileNotEmpty" => {
            of(|file| Some(matches!(file.node, FileNode::Regular(_)) && file.size > 0))
        }
        "FileIsExecutable" => {
            of(|file| Some(matches!(file.node, FileNode::Regular(_)) && file.mode & 0o111 != 0))
        }
        _ => None,
    }
}
