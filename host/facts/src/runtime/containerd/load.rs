//! What a release of containerd makes of its files: imports followed, merged
//! and migrated by its own rules.

mod refused;

use std::collections::{BTreeSet, VecDeque};

use nodepol_model::{Location, Unavailable};

use super::files::{self, Fault, PLUGIN_V1, PLUGIN_V2, PLUGIN_V3, PLUGIN_V3_IMAGES, Parsed};
use super::release::Release;
use super::schema;
use crate::evidence::Evidence;
use crate::runtime::decode::{self, Mistyped, Names, Type};
use crate::runtime::tree::{Kind, Tree};
use crate::sourced::Problem;

/// The configuration that containerd works with.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) release: Release,
    /// The plugins, merged and migrated.
    pub(crate) plugins: Tree,
    /// The plugin under which CRI settings are read.
    pub(crate) cri: &'static str,
    /// What the first file says of itself; 1 if nothing; none if there is no file.
    pub(crate) root_version: Option<u32>,
    /// `disabled_plugins` of all files, each where it stands.
    pub(crate) disabled: Vec<(String, Location)>,
    /// The socket, if a file names one.
    pub(crate) address: Option<(String, Location)>,
    /// The files that were read, in order.
    pub(crate) files: Vec<Parsed>,
    pub(crate) problems: Vec<Problem>,
}

impl Loaded {
    /// Whether containerd refuses to start with it.
    pub(crate) fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.fatal)
    }
}

/// Reads `path` as a release would. `required`: a flag names it, so that its
/// absence is a fault.
///
/// # Errors
/// [`Unavailable`] if a file could not be read, or there are too many.
pub(crate) fn load(
    evidence: &Evidence,
    path: &str,
    required: bool,
    release: Release,
) -> Result<Loaded, Unavailable> {
    let mut state = State::new(release);
    let mut seen = BTreeSet::new();
    let mut pending = VecDeque::from([(path.to_owned(), None::<Location>)]);
    while let Some((path, importer)) = pending.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        if seen.len() > 256 {
            return Err(Unavailable::new(path, "too many files are imported"));
        }
        let read = files::parse(evidence, &path, release)
            .and_then(|file| Ok((files::imports(evidence, &file, release)?, file)));
        match read {
            Ok((imports, file)) => {
                pending.extend(imports.into_iter().map(|(path, at)| (path, Some(at))));
                state.add(file);
            }
            Err(Fault::Unavailable(unavailable)) => return Err(unavailable),
            Err(fault) => {
                state.fault(&path, fault, importer, required);
                break;
            }
        }
    }
    Ok(state.finish())
}

/// What `containerd config dump` printed: it is merged and migrated already.
pub(crate) fn dumped(text: &str, source: &str, release: Release) -> Result<Loaded, Unavailable> {
    let file = files::parse_text(text, source, release).map_err(|_| {
        Unavailable::new(
            source,
            "what it printed is not TOML; run it by hand and see",
        )
    })?;
    let mut state = State::new(release);
    state.add(file);
    Ok(state.finish())
}

struct State {
    release: Release,
    /// `out.Version`.
    version: u32,
    /// The version of the first file that has one.
    first: u32,
    plugins: Tree,
    disabled: Vec<(String, Location)>,
    required: Vec<(String, Location)>,
    address: Option<(String, Location)>,
    files: Vec<Parsed>,
    problems: Vec<Problem>,
}

impl State {
    fn new(release: Release) -> Self {
        Self {
            release,
            version: match (release.is_2(), release.migrates_each_file()) {
                (false, _) => 1,
                (true, false) => 3,
                (true, true) => 4,
            },
            first: 0,
            plugins: Tree::empty(),
            disabled: Vec::new(),
            required: Vec::new(),
            address: None,
            files: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, kind: &'static str, message: String, at: Location, fatal: bool) {
        self.problems.push(Problem {
            fatal,
            ..Problem::fatal(kind, message, at)
        });
    }

    /// What keeps a file from being loaded.
    fn fault(&mut self, path: &str, fault: Fault, importer: Option<Location>, required: bool) {
        match fault {
            Fault::Missing => self.missing(path, importer, required),
            Fault::Syntax(at, why) => self.problem(
                "toml-syntax",
                format!("containerd cannot read {path}: {why}"),
                at,
                true,
            ),
            Fault::Types(mistyped) => self.mistyped(mistyped),
            Fault::Pattern(at, pattern) => self.problem(
                "import-pattern",
                format!(
                    "\"{pattern}\" is no pattern (syntax error in pattern): containerd does not \
                     start"
                ),
                at,
                true,
            ),
            // The caller has no answer at all then.
            Fault::Unavailable(_) => {}
        }
    }

    fn mistyped(&mut self, mistyped: Vec<Mistyped>) {
        for Mistyped { message, at } in mistyped {
            let message = format!("{message}: containerd does not start");
            self.problem("wrong-type", message, at, true);
        }
    }

    fn missing(&mut self, path: &str, importer: Option<Location>, required: bool) {
        if let Some(at) = importer {
            self.problem(
                "import-missing",
                format!("{path} is imported and does not exist: containerd does not start"),
                at,
                true,
            );
        } else if required {
            self.problem(
                "config-missing",
                format!("--config names {path}, which does not exist: containerd does not start"),
                Location::source(path),
                true,
            );
        }
    }

    fn add(&mut self, file: Parsed) {
        let mut version = file.version;
        let plugins = file
            .tree
            .get("plugins")
            .cloned()
            .unwrap_or_else(Tree::empty);
        let mut disabled = names(&file, "disabled_plugins");
        let mut required = names(&file, "required_plugins");
        let mut plugins = plugins;
        let mut address = file
            .tree
            .path(&["grpc", "address"])
            .and_then(|tree| Some((tree.text()?.to_owned(), tree.at.clone())))
            .filter(|(address, _)| !address.is_empty());
        if self.release.is_2() {
            if self.release.migrates_each_file() {
                self.check_import_version(&file);
            }
            if version <= 1 {
                plugins = renamed(plugins);
                for (name, _) in disabled.iter_mut().chain(&mut required) {
                    *name = files::renamed(name);
                }
                version = self.version;
            }
            if self.release.migrates_each_file() {
                if file.version < 4 {
                    self.migrate_cri(&mut plugins);
                } else {
                    address = None;
                }
                if let Some(named) = plugins
                    .path(&["io.containerd.server.v1.grpc", "address"])
                    .and_then(|tree| Some((tree.text()?.to_owned(), tree.at.clone())))
                {
                    address = Some(named);
                }
                version = version.max(self.version);
            }
            self.plugins.merge(plugins);
        } else {
            self.replace(plugins);
        }
        if version != 0 {
            self.version = version;
        }
        for entry in disabled {
            if !self.disabled.iter().any(|(name, _)| *name == entry.0) {
                self.disabled.push(entry);
            }
        }
        self.required.extend(required);
        self.address = address.or(self.address.take());
        self.files.push(file);
    }

    /// 2.3 refuses an import that is newer than the first file.
    fn check_import_version(&mut self, file: &Parsed) {
        if self.first == 0 {
            self.first = file.version;
        }
        if self.release.refuses_higher_imports() && file.version > self.first {
            self.problem(
                "import-version-higher",
                format!(
                    "drop-in config version {} higher than root config version {}: containerd 2.3 \
                     does not start; give both files the same `version`",
                    file.version, self.first
                ),
                Location::source(&file.path).with_pointer("/version"),
                true,
            );
        }
    }

    /// 1.x: the table of a plugin replaces what other files said of that plugin.
    fn replace(&mut self, plugins: Tree) {
        let Kind::Table(plugins) = plugins.kind else {
            return;
        };
        for (name, plugin) in plugins {
            if let Some(earlier) = self.plugins.remove(&name)
                && (name == PLUGIN_V1 || name == PLUGIN_V2)
            {
                self.problem(
                    "import-replaces-table",
                    format!(
                        "containerd 1.x replaces the whole table of the plugin \"{name}\" in {} \
                         by this one: everything that is set there is lost; repeat it here",
                        earlier.at.source
                    ),
                    plugin.at.clone(),
                    false,
                );
            }
            self.plugins.insert(&name, plugin);
        }
    }

    /// What 2.x makes of the plugin that CRI had in 1.x. It is done to each of
    /// its heirs, so that a fault of any stops it.
    fn migrate_cri(&mut self, plugins: &mut Tree) {
        let heir = schema::MIGRATED_IMAGES_2;
        if let Some(mut old) = plugins.get(PLUGIN_V2).cloned() {
            let mistyped = decode::apply(&mut old, heir, &in_plugins(PLUGIN_V2), Names::AnyCase);
            self.mistyped(mistyped);
        }
        migrate_cri(plugins);
    }

    /// The server decodes what is set for each plugin that is not disabled.
    fn check_plugins(&mut self, cri: &str) {
        let of: &[(&str, Type)] = if self.release.is_2() {
            &[
                (PLUGIN_V3, schema::RUNTIME_2),
                (PLUGIN_V3_IMAGES, schema::IMAGES_2),
                (PLUGIN_V2, schema::SERVER_2),
            ]
        } else {
            &[(cri, schema::CRI_1)]
        };
        for (plugin, of) in of {
            if self.disabled.iter().any(|(name, _)| name == plugin) {
                continue;
            }
            if let Some(settings) = self.plugins.get_mut(plugin) {
                let mistyped = decode::apply(
                    settings,
                    *of,
                    &in_plugins(plugin),
                    schema::names(self.release),
                );
                self.mistyped(mistyped);
            }
        }
    }

    fn finish(mut self) -> Loaded {
        self.check();
        let cri = if self.release.is_2() {
            if !self.release.migrates_each_file() && self.version < 3 {
                let mut plugins = std::mem::replace(&mut self.plugins, Tree::empty());
                self.migrate_cri(&mut plugins);
                self.plugins = plugins;
            }
            PLUGIN_V3
        } else if self.version <= 1 {
            PLUGIN_V1
        } else {
            PLUGIN_V2
        };
        self.check_plugins(cri);
        Loaded {
            release: self.release,
            plugins: self.plugins,
            cri,
            root_version: self.files.first().map(|file| file.version.max(1)),
            disabled: self.disabled,
            address: self.address,
            files: self.files,
            problems: self.problems,
        }
    }
}

/// How a file names a plugin's table.
fn in_plugins(plugin: &str) -> String {
    format!("plugins.\"{plugin}\"")
}

/// The names in a list of plugins.
fn names(file: &Parsed, list: &str) -> Vec<(String, Location)> {
    let Some(found) = file.tree.get(list) else {
        return Vec::new();
    };
    let found = found.texts().into_iter().map(|(name, node)| {
        let at =
            Location::position(&file.path, node.line, node.column).with_pointer(format!("/{list}"));
        (name.to_owned(), at)
    });
    found.collect()
}

fn renamed(plugins: Tree) -> Tree {
    let at = plugins.at;
    let kind = match plugins.kind {
        Kind::Table(table) => Kind::Table(
            table
                .into_iter()
                .map(|(name, plugin)| (files::renamed(&name), plugin))
                .collect(),
        ),
        leaf @ Kind::Leaf(_) => leaf,
    };
    Tree { at, kind }
}

/// `migrateConfig` of plugins/cri/runtime: the settings of the old plugin, but
/// for those that the new one has already. Under `containerd` and `cni` this goes
/// key by key, so that `runtimes` of the old one count only if the new one has
/// none.
fn migrate_cri(plugins: &mut Tree) {
    let Some(old) = plugins
        .get(PLUGIN_V2)
        .filter(|tree| tree.is_table())
        .cloned()
    else {
        return;
    };
    let Some(new) = plugins.table(PLUGIN_V3) else {
        return;
    };
    let deep = ["containerd", "cni"];
    for (key, value) in old.entries() {
        let moved = schema::goes_elsewhere(key) || deep.contains(&key.as_str());
        if !moved && new.get(key).is_none() {
            new.insert(key, value.clone());
        }
    }
    for key in deep {
        let Some(old) = old.get(key).filter(|tree| tree.is_table()) else {
            continue;
        };
        let Some(new) = new.table(key) else {
            continue;
        };
        for (key, value) in old.entries() {
            if !schema::goes_elsewhere(key) && new.get(key).is_none() {
                new.insert(key, value.clone());
            }
        }
    }
}
