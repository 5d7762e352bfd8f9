//! What is wrong with containerd's files: settings that this release does not
//! read where they stand, and CRI switched off.

use nodepol_model::{Location, Unavailable};

use super::cri::{self, CriHandler};
use super::files::{self, PLUGIN_V1, PLUGIN_V2, PLUGIN_V3, PLUGIN_V3_IMAGES, Parsed};
use super::load::Loaded;
use crate::evidence::Evidence;
use crate::runtime::tree::{Kind, Tree};
use crate::sourced::Problem;

/// Plugins without which containerd serves no CRI.
const CRI_PLUGINS: [&str; 4] = [PLUGIN_V1, PLUGIN_V2, PLUGIN_V3, PLUGIN_V3_IMAGES];

/// Everything that is wrong, in the order of files and lines.
///
/// # Errors
/// [`Unavailable`] if it cannot be told which drop-ins exist.
pub(crate) fn find(
    evidence: &Evidence,
    path: &str,
    loaded: &Loaded,
    handlers: &[CriHandler],
) -> Result<Vec<Problem>, Unavailable> {
    let mut problems = loaded.problems.clone();
    for file in &loaded.files {
        ignored_sections(loaded, file, &mut problems);
    }
    disabled(loaded, &mut problems);
    not_imported(evidence, path, loaded, &mut problems)?;
    if !loaded.is_refused() {
        handler_problems(loaded, handlers, &mut problems);
    }
    problems.sort();
    problems.dedup();
    Ok(problems)
}

fn problem(kind: &'static str, message: String, at: Location) -> Problem {
    Problem {
        fatal: false,
        ..Problem::fatal(kind, message, at)
    }
}

/// The plugins of which this release reads CRI's runtimes in a file.
fn read_plugins(loaded: &Loaded, file: &Parsed) -> Vec<&'static str> {
    let release = loaded.release;
    if !release.is_2() {
        return vec![loaded.cri];
    }
    // 2.0 to 2.2 migrate once, after merging, and by the version that is left:
    // a file without a version counts as the newest there.
    let migrated = if release.migrates_each_file() {
        file.version < 4
    } else {
        loaded
            .files
            .iter()
            .rev()
            .map(|file| file.version)
            .find(|version| *version > 1)
            == Some(2)
    };
    match (migrated, file.version <= 1) {
        (true, true) => vec![PLUGIN_V1, PLUGIN_V2, PLUGIN_V3],
        (true, false) => vec![PLUGIN_V2, PLUGIN_V3],
        (false, _) => vec![PLUGIN_V3],
    }
}

fn ignored_sections(loaded: &Loaded, file: &Parsed, problems: &mut Vec<Problem>) {
    let Some(plugins) = file.tree.get("plugins") else {
        return;
    };
    let read = read_plugins(loaded, file);
    let right = read.last().copied().unwrap_or(PLUGIN_V3);
    for plugin in [PLUGIN_V1, PLUGIN_V2, PLUGIN_V3] {
        let Some(table) = plugins.get(plugin) else {
            continue;
        };
        let Some(runtimes) = cri::has_runtimes(table) else {
            continue;
        };
        let version = match file.version {
            0 => "no `version` line".to_owned(),
            version => format!("version = {version}"),
        };
        if !read.contains(&plugin) {
            problems.push(problem(
                "ignored-section",
                format!(
                    "containerd {} does not read the runtimes of [plugins.\"{plugin}\"] in a \
                     file with {version}: what stands here has no effect. It reads \
                     [plugins.\"{right}\".containerd.runtimes]",
                    loaded.release.line(),
                ),
                runtimes.at.clone(),
            ));
        } else if plugin != PLUGIN_V3
            && loaded.release.is_2()
            && plugins
                .get(PLUGIN_V3)
                .is_some_and(|new| new.path(&["containerd", "runtimes"]).is_some())
        {
            problems.push(problem(
                "ignored-section",
                format!(
                    "[plugins.\"{PLUGIN_V3}\"] has runtimes as well: containerd {} takes those \
                     and drops every runtime of [plugins.\"{plugin}\"]",
                    loaded.release.line(),
                ),
                runtimes.at.clone(),
            ));
        }
    }
}

fn disabled(loaded: &Loaded, problems: &mut Vec<Problem>) {
    // In a file of version 1, 1.x matches by the short name.
    let short = !loaded.release.is_2() && loaded.cri == PLUGIN_V1;
    for (name, at) in &loaded.disabled {
        let hits = if short {
            name == PLUGIN_V1
        } else if loaded.release.is_2() {
            CRI_PLUGINS.iter().any(|plugin| plugin == name) && name != PLUGIN_V1
        } else {
            name == PLUGIN_V2
        };
        if hits {
            problems.push(problem(
                "cri-disabled",
                format!(
                    "disabled_plugins names \"{name}\": containerd runs and serves no CRI; \
                     remove it from the list"
                ),
                at.clone(),
            ));
        }
    }
}

/// Drop-ins in conf.d that no file imports. `containerd config default` prints
/// that import, but only a file on disk makes it happen.
fn not_imported(
    evidence: &Evidence,
    path: &str,
    loaded: &Loaded,
    problems: &mut Vec<Problem>,
) -> Result<(), Unavailable> {
    let directory = files::parent(path);
    for drop_in in files::glob(evidence, &format!("{directory}/conf.d/*.toml"))? {
        if loaded.files.iter().all(|file| file.path != drop_in) && !loaded.is_refused() {
            problems.push(problem(
                "not-imported",
                format!(
                    "containerd does not read {drop_in}: {path} does not import it; add \
                     imports = [\"{directory}/conf.d/*.toml\"] at its top"
                ),
                Location::source(drop_in),
            ));
        }
    }
    Ok(())
}

fn handler_problems(loaded: &Loaded, handlers: &[CriHandler], problems: &mut Vec<Problem>) {
    let (default, at) = cri::default_name(loaded);
    if !handlers.iter().any(|found| found.handler.name == default) {
        problems.push(problem(
            "default-runtime-missing",
            format!(
                "no corresponding runtime configured in `containerd.runtimes` for \
                 `default_runtime_name = \"{default}\"`: the CRI plugin does not load"
            ),
            at,
        ));
    }
    if !loaded.release.is_2()
        && let Some(cri) = cri::section(loaded)
        && let Some(setting) = cri::switched_on(cri, "systemd_cgroup")
        && handlers
            .iter()
            .find(|found| found.handler.is_default)
            .is_some_and(|found| {
                found.handler.kind.as_deref() != Some("io.containerd.runtime.v1.linux")
            })
    {
        problems.push(problem(
            "plugin-systemd-cgroup",
            "`systemd_cgroup` only works for runtime io.containerd.runtime.v1.linux: the CRI \
             plugin does not load; remove it and set SystemdCgroup in the options of the handler"
                .to_owned(),
            setting.at.clone(),
        ));
    }
    for found in handlers {
        if let Some(at) = &found.wrong_type {
            problems.push(problem(
                "wrong-type",
                format!(
                    "SystemdCgroup of the handler \"{}\" is not true or false: its options \
                     cannot be read",
                    found.handler.name
                ),
                at.clone(),
            ));
        }
        if found.handler.kind.is_none() {
            problems.push(problem(
                "partial-runtime",
                format!(
                    "the handler \"{}\" has no runtime_type: its sandboxes fail. What a file says \
                     of a handler replaces the built-in entry; add runtime_type = \
                     \"io.containerd.runc.v2\"",
                    found.handler.name
                ),
                found.handler.at.clone(),
            ));
        }
    }
    let runtimes = cri::section(loaded).and_then(cri::has_runtimes);
    for (name, table) in runtimes.into_iter().flat_map(Tree::entries) {
        misplaced(name, table, problems);
    }
}

/// The setting under another name, or one level too high.
fn misplaced(name: &str, table: &Tree, problems: &mut Vec<Problem>) {
    let wanted = format!("[….runtimes.{name}.options] SystemdCgroup");
    let mut found = Vec::new();
    for key in ["SystemdCgroup", "systemd_cgroup"] {
        found.extend(table.get(key));
    }
    if let Some(options) = table.get("options") {
        found.extend(options.get("systemd_cgroup"));
    }
    for setting in found {
        if matches!(setting.kind, Kind::Leaf(_)) {
            problems.push(Problem {
                nearest: Some("SystemdCgroup".to_owned()),
                ..problem(
                    "unknown-field",
                    format!("containerd does not read this key; it reads {wanted}"),
                    setting.at.clone(),
                )
            });
        }
    }
}
