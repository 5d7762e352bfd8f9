//! zram-generator(8): which zram devices its configuration turns into swap.
//!
//! It reads the first `systemd/zram-generator.conf` of `/etc`, `/usr/local/lib`
//! and `/usr/lib`, then the drop-ins of all of them by name (src/config.rs). A
//! `.conf` that is empty or leads to `/dev/null` counts as read, so that it
//! hides the packaged one. `/run` is left out: it is empty at the next boot.

use std::collections::BTreeMap;

use nodepol_model::snapshot::{File, FileNode};
use nodepol_model::{Location, Part, Unavailable};

use crate::evidence::Evidence;

/// The strongest last.
const BASES: &[&str] = &["/usr/lib", "/usr/local/lib", "/etc"];

/// Where distributions install the generator.
const GENERATORS: &[&str] = &[
    "/usr/lib/systemd/system-generators/zram-generator",
    "/lib/systemd/system-generators/zram-generator",
    "/usr/lib/systemd/system-generators/systemd-zram-generator",
    "/usr/local/lib/systemd/system-generators/zram-generator",
];

/// A zram device that becomes swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZramSwap {
    /// `zram0`.
    pub(super) name: String,
    /// The section that declares it.
    pub(super) at: Location,
    pub(super) text: String,
}

#[derive(Debug, Default)]
struct Device {
    at: Location,
    text: String,
    mount_point: bool,
    fs_type: Option<String>,
    limit_mib: Option<u64>,
    zero: bool,
}

/// The devices, sorted by name. Empty if the generator is not installed.
///
/// # Errors
/// [`Unavailable`] if a file of the configuration could not be read.
pub(super) fn devices(
    evidence: &Evidence,
    switch: Option<bool>,
    memory_mib: Option<u64>,
) -> Result<Vec<ZramSwap>, Unavailable> {
    if switch == Some(false) || !installed(evidence)? {
        return Ok(Vec::new());
    }
    let mut devices: BTreeMap<String, Device> = BTreeMap::new();
    let fragments = fragments(evidence)?;
    for path in &fragments {
        let _ = evidence.text(path);
    }
    for path in fragments {
        if leads_to_null(evidence, &path) {
            continue;
        }
        match evidence.text(&path) {
            Part::Present(text) => read(&path, text, &mut devices),
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        }
    }
    if switch == Some(true) && !devices.contains_key("zram0") {
        devices.insert(
            "zram0".to_owned(),
            Device {
                at: Location::source("/proc/cmdline"),
                text: "systemd.zram".to_owned(),
                ..Device::default()
            },
        );
    }
    Ok(devices
        .into_iter()
        .filter(|(_, device)| {
            let swap =
                !device.mount_point && device.fs_type.as_deref().is_none_or(|kind| kind == "swap");
            let too_large = matches!(
                (device.limit_mib, memory_mib),
                (Some(limit), Some(memory)) if limit < memory
            );
            swap && !device.zero && !too_large
        })
        .map(|(name, device)| ZramSwap {
            name,
            at: device.at,
            text: device.text,
        })
        .collect())
}

fn installed(evidence: &Evidence) -> Result<bool, Unavailable> {
    // All of them are looked at before the first fault ends this.
    for path in GENERATORS {
        let _ = evidence.stat_metadata(path);
    }
    for path in GENERATORS {
        match evidence.stat_metadata(path) {
            _ if leads_to_null(evidence, path) => return Ok(false),
            Part::Present(_) => return Ok(true),
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(*path, why)),
        }
    }
    Ok(false)
}

fn leads_to_null(evidence: &Evidence, path: &str) -> bool {
    matches!(
        evidence.lstat(path),
        Part::Present(File { node: FileNode::Symlink(target), .. }) if target == "/dev/null"
    )
}

/// The files, in the order in which they are read.
fn fragments(evidence: &Evidence) -> Result<Vec<String>, Unavailable> {
    let mut fragments: BTreeMap<String, String> = BTreeMap::new();
    // All of them are looked at before the first fault ends this.
    for base in BASES {
        let _ = evidence.stat(&format!("{base}/systemd/zram-generator.conf"));
        let _ = evidence.names(&format!("{base}/systemd/zram-generator.conf.d"));
    }
    for base in BASES {
        let main = format!("{base}/systemd/zram-generator.conf");
        match evidence.stat(&main) {
            // The empty name sorts first; a stronger base replaces a weaker one.
            _ if leads_to_null(evidence, &main) => {
                fragments.insert(String::new(), main);
            }
            Part::Present(_) => {
                fragments.insert(String::new(), main);
            }
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(main, why)),
        }
        let directory = format!("{base}/systemd/zram-generator.conf.d");
        match evidence.names(&directory) {
            Part::Present(names) => {
                for name in names.iter().filter(|name| name.ends_with(".conf")) {
                    fragments.insert(name.clone(), format!("{directory}/{name}"));
                }
            }
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
        }
    }
    Ok(fragments.into_values().collect())
}

fn read(path: &str, text: &str, devices: &mut BTreeMap<String, Device>) {
    let mut section: Option<String> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
        {
            section = name
                .strip_prefix("zram")
                .is_some_and(|number| number.parse::<u64>().is_ok())
                .then(|| name.to_owned());
            if let Some(name) = &section {
                devices.entry(name.clone()).or_insert_with(|| Device {
                    at: Location::line(path, number),
                    text: line.to_owned(),
                    ..Device::default()
                });
            }
            continue;
        }
        let Some(device) = section.as_ref().and_then(|name| devices.get_mut(name)) else {
            continue;
        };
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "mount-point" => device.mount_point = true,
            "fs-type" => device.fs_type = Some(value.to_owned()),
            "host-memory-limit" | "memory-limit" => device.limit_mib = value.parse().ok(),
            "zram-size" | "zram-fraction" => {
                device.zero = value.parse::<f64>().is_ok_and(|size| size == 0.0);
            }
            _ => {}
        }
    }
}
