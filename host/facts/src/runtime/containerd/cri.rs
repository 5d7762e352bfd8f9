//! The runtime handlers that containerd's CRI plugin has, and the cgroup
//! driver that follows from them (internal/cri/config, RuntimeConfig of
//! internal/cri/server).

use nodepol_model::Location;

use super::load::Loaded;
use crate::document::{Value, escape_token};
use crate::runtime::Handler;
use crate::runtime::tree::{Kind, Tree};

/// The handler that is there if no file defines any.
const DEFAULT_HANDLER: &str = "runc";
const RUNC_V2: &str = "io.containerd.runc.v2";
/// These take the options of runc, too, as long as they existed (1.x).
const RUNC_V1: &str = "io.containerd.runc.v1";
const LINUX_V1: &str = "io.containerd.runtime.v1.linux";

/// A handler, and what the effective configuration says of it.
#[derive(Debug, Clone)]
pub(crate) struct CriHandler {
    pub(crate) handler: Handler,
    /// RuntimeConfig can take its answer from this one.
    pub(crate) answers: bool,
    /// Where SystemdCgroup would have to stand for it, if a file defines it.
    pub(crate) place: Option<Location>,
    /// Whether a file has the wrong type for SystemdCgroup.
    pub(crate) wrong_type: Option<Location>,
}

/// The CRI plugin's settings.
pub(crate) fn section(loaded: &Loaded) -> Option<&Tree> {
    loaded.plugins.get(loaded.cri)
}

/// The name of the handler that pods get, and where it is said.
pub(crate) fn default_name(loaded: &Loaded) -> (String, Location) {
    let containerd = section(loaded).and_then(|cri| cri.get("containerd"));
    if !loaded.release.is_2()
        && let Some(table) = containerd.and_then(|tree| tree.get("default_runtime"))
        && runtime_type(table).is_some_and(|name| !name.is_empty())
    {
        // Deprecated, and it wins (ValidatePluginConfig).
        return ("default".to_owned(), table.at.clone());
    }
    containerd
        .and_then(|tree| tree.get("default_runtime_name"))
        .and_then(|tree| Some((tree.text()?.to_owned(), tree.at.clone())))
        .unwrap_or_else(|| (DEFAULT_HANDLER.to_owned(), Location::source("default")))
}

/// Every handler, the default one first, the others by name: the order in
/// which RuntimeConfig looks at them.
pub(crate) fn handlers(loaded: &Loaded) -> Vec<CriHandler> {
    let is_2 = loaded.release.is_2();
    let cri = section(loaded);
    let containerd = cri.and_then(|cri| cri.get("containerd"));
    let runtimes = containerd.and_then(|tree| tree.get("runtimes"));
    let (default, _) = default_name(loaded);
    let systemd_cgroup = cri
        .and_then(|cri| cri.get("systemd_cgroup"))
        .filter(|_| !is_2);
    let mut found = Vec::new();
    for (name, table) in runtimes.into_iter().flat_map(Tree::entries) {
        found.push(handler(name, table, is_2, systemd_cgroup));
    }
    if !is_2 {
        for (name, key) in [
            ("default", "default_runtime"),
            ("untrusted", "untrusted_workload_runtime"),
        ] {
            if let Some(table) = containerd.and_then(|tree| tree.get(key))
                && runtime_type(table).is_some_and(|name| !name.is_empty())
            {
                found.push(handler(name, table, is_2, systemd_cgroup));
            }
        }
    }
    // 2.x decodes over its defaults; 1.x replaces the map if a file has one.
    let has_default = found
        .iter()
        .any(|found| found.handler.name == DEFAULT_HANDLER);
    if !has_default && (is_2 || runtimes.is_none()) {
        found.push(CriHandler {
            handler: Handler {
                name: DEFAULT_HANDLER.to_owned(),
                kind: Some(RUNC_V2.to_owned()),
                cgroup_driver: Some("cgroupfs".to_owned()),
                is_default: false,
                at: Location::source("default"),
            },
            answers: true,
            place: None,
            wrong_type: None,
        });
    }
    for handler in &mut found {
        handler.handler.is_default = handler.handler.name == default;
    }
    found.sort_by(|a, b| {
        (!a.handler.is_default, &a.handler.name).cmp(&(!b.handler.is_default, &b.handler.name))
    });
    found
}

fn runtime_type(table: &Tree) -> Option<&str> {
    table.get("runtime_type").and_then(Tree::text)
}

fn handler(name: &str, table: &Tree, is_2: bool, systemd_cgroup: Option<&Tree>) -> CriHandler {
    let built_in = is_2 && name == DEFAULT_HANDLER;
    let kind = runtime_type(table)
        .filter(|kind| !kind.is_empty())
        .or(built_in.then_some(RUNC_V2));
    let options = table.get("options").filter(|tree| tree.is_table());
    let is_runc = kind == Some(RUNC_V2) || (!is_2 && kind == Some(RUNC_V1));
    let setting = options.and_then(|options| systemd_cgroup_of(options, is_2));
    let wrong_type = setting
        .filter(|setting| setting.truth().is_none())
        .map(|setting| setting.at.clone());
    let driver = if is_runc {
        match setting {
            Some(setting) => setting.truth().map(|on| (on, setting.at.clone())),
            None => Some((false, options.unwrap_or(table).at.clone())),
        }
    } else if kind == Some(LINUX_V1) && !is_2 {
        let on = systemd_cgroup.and_then(Tree::truth).unwrap_or(false);
        Some((on, systemd_cgroup.unwrap_or(table).at.clone()))
    } else {
        None
    };
    let place = setting.map_or_else(
        || {
            let pointer = table.at.pointer.as_deref().unwrap_or_default();
            let at = options.unwrap_or(table).at.clone();
            at.with_pointer(format!("{pointer}/options/SystemdCgroup"))
        },
        |setting| setting.at.clone(),
    );
    CriHandler {
        handler: Handler {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            cgroup_driver: driver
                .as_ref()
                .map(|(on, _)| if *on { "systemd" } else { "cgroupfs" }.to_owned()),
            is_default: false,
            at: driver.map_or_else(|| table.at.clone(), |(_, at)| at),
        },
        // A handler without an options table decodes as nothing.
        answers: is_runc && wrong_type.is_none() && (options.is_some() || built_in),
        place: is_runc.then_some(place),
        wrong_type: wrong_type.filter(|_| is_runc),
    }
}

/// `SystemdCgroup` in the options. go-toml v2 takes any case of it, v1 a few.
fn systemd_cgroup_of(options: &Tree, is_2: bool) -> Option<&Tree> {
    const NAME: &str = "SystemdCgroup";
    options.get(NAME).or_else(|| {
        options
            .entries()
            .find(|(key, _)| {
                if is_2 {
                    key.eq_ignore_ascii_case(NAME)
                } else {
                    matches!(
                        key.as_str(),
                        "systemdcgroup" | "SYSTEMDCGROUP" | "systemdCgroup"
                    )
                }
            })
            .map(|(_, value)| value)
    })
}

/// What decides the driver.
pub(crate) enum Answer {
    /// A handler says it.
    Handler(&'static str, Location),
    /// No handler does: 2.x looks whether systemd runs.
    Detected,
}

/// The driver that pods get (1.x) or that RuntimeConfig answers (2.x).
pub(crate) fn answer(loaded: &Loaded, handlers: &[CriHandler]) -> Answer {
    let is_2 = loaded.release.is_2();
    let decides = handlers.iter().find_map(|found| {
        let driver = found.handler.cgroup_driver.as_deref()?;
        let driver = if driver == "systemd" {
            "systemd"
        } else {
            "cgroupfs"
        };
        (!is_2 || found.answers).then(|| (driver, found.handler.at.clone()))
    });
    match decides {
        Some((driver, at)) => Answer::Handler(driver, at),
        None if is_2 => Answer::Detected,
        None => Answer::Handler("cgroupfs", Location::source("default")),
    }
}

/// The pointer at which a plugin reads a handler's SystemdCgroup.
pub(crate) fn pointer(plugin: &str, handler: &str) -> String {
    format!(
        "/plugins/{}/containerd/runtimes/{}/options/SystemdCgroup",
        escape_token(plugin),
        escape_token(handler)
    )
}

/// Whether something that looks like a runtime setting stands below.
pub(crate) fn has_runtimes(plugin: &Tree) -> Option<&Tree> {
    plugin
        .path(&["containerd", "runtimes"])
        .filter(|tree| matches!(&tree.kind, Kind::Table(table) if !table.is_empty()))
}

/// A truth value that is on, wherever it stands directly in a table.
pub(crate) fn switched_on<'a>(table: &'a Tree, key: &str) -> Option<&'a Tree> {
    table
        .get(key)
        .filter(|tree| matches!(tree.kind, Kind::Leaf(Value::Boolean(true))))
}
