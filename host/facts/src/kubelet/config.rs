//! The configuration file and its drop-ins, and what comes of them
//! (`loadConfigFile`, `mergeKubeletConfigurations` and
//! `kubeletConfigFlagPrecedence` in `cmd/kubelet/app/server.go`).

use nodepol_model::snapshot::{Content, FileNode};
use nodepol_model::{Location, Part, Unavailable};
use serde_json::{Value as Json, json};

use super::decode::{self, Role};
use super::defaults;
use super::effective::{Effective, clean};
use super::flag_table::FlagKind;
use super::flag_values::parse_bool;
use super::flags::Flags;
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced};

/// The fields that hold a path; relative ones start at the main file's
/// directory (`KubeletConfigurationPathRefs`).
const PATHS: [&str; 7] = [
    "/staticPodPath",
    "/authentication/x509/clientCAFile",
    "/tlsCertFile",
    "/tlsPrivateKeyFile",
    "/resolvConf",
    "/volumePluginDir",
    "/podLogsDir",
];

/// Bounds of a walk through a directory of drop-ins.
const MAX_DEPTH: usize = 32;
const MAX_FILES: usize = 4096;

/// What the kubelet makes of its files and flags.
#[derive(Debug)]
pub(crate) struct Config {
    /// The value of `--config`, absolute.
    pub(crate) path: Option<Sourced<String>>,
    /// Whether that file is there.
    pub(crate) present: Result<bool, Unavailable>,
    /// What is wrong, or why it cannot be told.
    pub(crate) problems: Result<Vec<Problem>, Unavailable>,
    /// The values in effect, unless the kubelet refuses to start before them.
    pub(crate) effective: Result<Effective, Unavailable>,
    /// What the flags alone come to, while the file does not exist.
    pub(crate) by_flags: Option<Effective>,
}

/// Everything that the answer hangs on.
pub(crate) struct Inputs<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) flags: &'a Flags,
    /// The minor version of 1.x.
    pub(crate) minor: Option<u32>,
    /// Whether the environment opens the door to drop-ins (1.28 and 1.29).
    pub(crate) drop_in_alpha: Result<bool, Unavailable>,
    /// Where relative paths of flags start.
    pub(crate) working_directory: &'a str,
}

impl Config {
    /// Reads the files that the flags name.
    pub(crate) fn load(inputs: &Inputs<'_>) -> Self {
        let path = named(inputs.flags, "config", inputs.working_directory);
        let directory = named(inputs.flags, "config-dir", inputs.working_directory);
        let mut config = Self {
            path,
            present: Ok(false),
            problems: Ok(Vec::new()),
            effective: Ok(Effective::default()),
            by_flags: None,
        };
        let mut effective = Effective::default();
        if let Some(path) = config.path.clone() {
            if let Err(why) = config.main(inputs, &path.value, &mut effective) {
                config.effective = Err(why);
            }
        } else {
            effective.fill(defaults::legacy());
        }
        fill(&mut effective, inputs.minor);
        if let Some(directory) = directory {
            effective.omit_empty();
            let merged = config.drop_ins(inputs, &directory, &mut effective);
            if let (Ok(_), Err(why)) = (&config.effective, merged) {
                config.effective = Err(why);
            }
            effective.decode();
            config.weigh_case(&effective);
            fill(&mut effective, inputs.minor);
        }
        effective.restore();
        apply(inputs.flags, &mut effective);
        if config.effective.is_ok() {
            config.effective = Ok(effective);
        } else if config.present == Ok(false) {
            let mut by_flags = Effective::default();
            fill(&mut by_flags, inputs.minor);
            apply(inputs.flags, &mut by_flags);
            config.by_flags = Some(by_flags);
        }
        config
    }

    fn main(
        &mut self,
        inputs: &Inputs<'_>,
        path: &str,
        effective: &mut Effective,
    ) -> Result<(), Unavailable> {
        let text = match text_of(inputs.evidence, path) {
            Ok(Some(text)) => text,
            Ok(None) => {
                return Err(Unavailable::new(
                    path,
                    "it does not exist, and the kubelet does not start without it",
                ));
            }
            Err(Unfit::Refused(message)) => {
                self.present = Ok(true);
                return Err(self.refuse(path, message));
            }
            Err(Unfit::Unknown(why)) => {
                self.present = match inputs.evidence.stat(path) {
                    Part::Present(_) => Ok(true),
                    Part::Absent | Part::Unreadable(_) => Err(why.clone()),
                };
                self.problems = Err(why.clone());
                return Err(why);
            }
        };
        self.present = Ok(true);
        let (document, problems) = decode::read(text, path, Role::Main, inputs.minor);
        let refused = refusal(path, &problems);
        self.add(problems);
        refused?;
        let Some(document) = document else {
            return Ok(());
        };
        effective.merge(&document.root, path, false);
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        for pointer in PATHS {
            effective.resolve_path(pointer, parent);
        }
        let merges = effective
            .get("/mergeDefaultEvictionSettings")?
            .is_some_and(|setting| setting.value == Json::Bool(true));
        if merges || document.root.get("evictionHard").is_none_or(is_null) {
            effective.fill(defaults::eviction(inputs.minor));
        }
        Ok(())
    }

    fn drop_ins(
        &mut self,
        inputs: &Inputs<'_>,
        directory: &Sourced<String>,
        effective: &mut Effective,
    ) -> Result<(), Unavailable> {
        self.check_flag(inputs, directory)?;
        let root = directory.value.as_str();
        let mut files = Vec::new();
        match walk(inputs.evidence, root, &mut files) {
            Ok(()) => {}
            Err(Walk::Missing(path)) => {
                let message = format!(
                    "failed to walk through kubelet dropin directory {root:?}: lstat {path}: no such file or directory"
                );
                let at = directory.origin.clone();
                self.add(vec![Problem::fatal("missing-directory", message, at)]);
                return Err(Unavailable::new(
                    root,
                    "it does not exist, and the kubelet does not start without it",
                ));
            }
            Err(Walk::Unknown(why)) => {
                self.problems = Err(why.clone());
                return Err(why);
            }
        }
        for path in files.into_iter().filter(|path| is_drop_in(path)) {
            let text = match text_of(inputs.evidence, &path) {
                Ok(Some(text)) => text,
                Ok(None) => {
                    return Err(
                        self.refuse(&path, format!("open {path}: no such file or directory"))
                    );
                }
                Err(Unfit::Refused(message)) => return Err(self.refuse(&path, message)),
                Err(Unfit::Unknown(why)) => {
                    self.problems = Err(why.clone());
                    return Err(why);
                }
            };
            let (document, problems) = decode::read(text, &path, Role::DropIn, inputs.minor);
            let refused = refusal(&path, &problems);
            self.add(problems);
            refused?;
            if let Some(document) = document {
                effective.merge(&document.root, &path, true);
            }
        }
        Ok(())
    }

    /// `--config-dir` is there since 1.28, and behind a door until 1.30.
    fn check_flag(
        &mut self,
        inputs: &Inputs<'_>,
        directory: &Sourced<String>,
    ) -> Result<(), Unavailable> {
        let message = match inputs.minor {
            Some(minor) if minor < 28 => {
                "failed to parse kubelet flag: unknown flag: --config-dir".to_owned()
            }
            Some(28 | 29) => match &inputs.drop_in_alpha {
                Ok(true) => return Ok(()),
                Ok(false) => "the flag --config-dir needs KUBELET_CONFIG_DROPIN_DIR_ALPHA in the \
                              kubelet's environment before 1.30"
                    .to_owned(),
                Err(why) => {
                    self.problems = Err(why.clone());
                    return Err(why.clone());
                }
            },
            _ => return Ok(()),
        };
        self.add(vec![Problem::fatal(
            "unsupported-flag",
            message.clone(),
            directory.origin.clone(),
        )]);
        Err(Unavailable::new(directory.value.clone(), message))
    }

    /// Notes that the kubelet cannot read a file.
    fn refuse(&mut self, path: &str, message: String) -> Unavailable {
        let why = format!("the kubelet cannot read it: {message}");
        self.add(vec![Problem::fatal(
            "unreadable-file",
            message,
            Location::source(path),
        )]);
        Unavailable::new(path, why)
    }

    /// Tells of keys of another case which of them count.
    fn weigh_case(&mut self, effective: &Effective) {
        for problem in self.problems.iter_mut().flatten() {
            if problem.kind == "wrong-case" && !effective.comes_from(&problem.at) {
                let key = problem.at.pointer.as_deref().unwrap_or_default();
                problem.message = format!(
                    "{:?} is ignored: {:?}, which is set elsewhere or by default, wins",
                    key.trim_start_matches('/').replace('/', "."),
                    problem.nearest.as_deref().unwrap_or_default()
                );
            }
        }
    }

    fn add(&mut self, problems: Vec<Problem>) {
        if let Ok(known) = &mut self.problems {
            known.extend(problems);
        }
    }
}

/// A directory of drop-ins, as the kubelet walks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIns {
    /// The flag's value, absolute.
    pub path: Sourced<String>,
    /// It is a link, which the walk does not follow: nothing in it is read.
    pub is_link: bool,
    /// The files that are read, in the order in which they apply.
    pub read: Vec<String>,
    /// Files that look like configuration and are passed over, for their names
    /// do not end in `.conf`.
    pub passed_over: Vec<String>,
}

/// What `--config-dir` names, whether or not this kubelet has that flag.
pub(crate) fn drop_in_directory(
    evidence: &Evidence,
    flags: &Flags,
    working_directory: &str,
) -> Result<Option<DropIns>, Unavailable> {
    let Some(path) = named(flags, "config-dir", working_directory) else {
        return Ok(None);
    };
    let is_link = !path.value.ends_with('/')
        && matches!(
            evidence.lstat(&path.value),
            Part::Present(file) if matches!(file.node, FileNode::Symlink(_))
        );
    let mut files = Vec::new();
    match walk(evidence, &path.value, &mut files) {
        Ok(()) | Err(Walk::Missing(_)) => {}
        Err(Walk::Unknown(why)) => return Err(why),
    }
    let (read, passed_over) = files.into_iter().partition(|path| is_drop_in(path));
    Ok(Some(DropIns {
        path,
        is_link,
        read,
        passed_over,
    }))
}

fn is_drop_in(path: &str) -> bool {
    path.ends_with(".conf")
}

/// Why a file gives no text.
enum Unfit {
    /// The kubelet cannot make anything of it either; in its words.
    Refused(String),
    Unknown(Unavailable),
}

/// The text of a file; none if it does not exist.
fn text_of<'e>(evidence: &'e Evidence, path: &str) -> Result<Option<&'e str>, Unfit> {
    match evidence.stat(path) {
        Part::Present((_, file)) => match &file.node {
            FileNode::Directory(_) => {
                return Err(Unfit::Refused(format!("read {path}: is a directory")));
            }
            FileNode::Regular(Content::Binary(_)) => {
                return Err(Unfit::Refused("yaml: invalid UTF-8".to_owned()));
            }
            _ => {}
        },
        Part::Absent => return Ok(None),
        Part::Unreadable(why) => return Err(Unfit::Unknown(Unavailable::new(path, why))),
    }
    match evidence.text(path) {
        Part::Present(text) => Ok(Some(text)),
        Part::Absent => Ok(None),
        Part::Unreadable(why) => Err(Unfit::Unknown(Unavailable::new(path, why))),
    }
}

fn is_null(node: &crate::document::Node) -> bool {
    matches!(node.value, crate::document::Value::Null)
}

/// A flag that names a path; relative ones start at the kubelet's working
/// directory.
fn named(flags: &Flags, name: &str, working_directory: &str) -> Option<Sourced<String>> {
    flags
        .get(name)
        .filter(|path| !path.value.is_empty())
        .map(|path| {
            path.map(|path| {
                let slash = if path.ends_with('/') && path.len() > 1 {
                    "/"
                } else {
                    ""
                };
                let whole = if path.starts_with('/') {
                    path
                } else {
                    format!("{working_directory}/{path}")
                };
                format!("{}{slash}", clean(&whole))
            })
        })
}

fn refusal(path: &str, problems: &[Problem]) -> Result<(), Unavailable> {
    match problems.iter().find(|problem| problem.fatal) {
        Some(problem) => Err(Unavailable::new(
            path,
            format!("the kubelet refuses it: {}", problem.message),
        )),
        None => Ok(()),
    }
}

/// Why a walk stopped.
enum Walk {
    Missing(String),
    Unknown(Unavailable),
}

/// `filepath.WalkDir`, keeping what ends in `.conf`, and what looks like meant to.
/// Links are not followed: a directory behind one is passed over, a file behind
/// one is read.
fn walk(evidence: &Evidence, root: &str, files: &mut Vec<String>) -> Result<(), Walk> {
    // The pending paths, the next one last.
    let mut pending = vec![(root.to_owned(), 0)];
    let mut seen = 0;
    while let Some((path, depth)) = pending.pop() {
        seen += 1;
        if seen > MAX_FILES || depth > MAX_DEPTH {
            return Err(Walk::Unknown(Unavailable::new(
                root,
                "too many files below it",
            )));
        }
        // With a slash at its end lstat(2) follows a link as well.
        let found = if path.ends_with('/') {
            evidence.stat(&path).map(|(_, file)| file)
        } else {
            evidence.lstat(&path)
        };
        let file = match found {
            Part::Present(file) => file,
            Part::Absent => return Err(Walk::Missing(path)),
            Part::Unreadable(why) => return Err(Walk::Unknown(Unavailable::new(path, why))),
        };
        match &file.node {
            FileNode::Directory(Part::Present(names)) => {
                let parent = path.trim_end_matches('/');
                for name in names.iter().rev() {
                    pending.push((format!("{parent}/{name}"), depth + 1));
                }
            }
            FileNode::Directory(Part::Absent) => {}
            FileNode::Directory(Part::Unreadable(why)) => {
                return Err(Walk::Unknown(Unavailable::new(path, why)));
            }
            _ if [".conf", ".yaml", ".yml", ".json"]
                .iter()
                .any(|end| path.ends_with(end)) =>
            {
                files.push(path);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Lays the defaults under what is set.
fn fill(effective: &mut Effective, minor: Option<u32>) {
    // Two defaults hang on another field.
    let set = |pointer: &str| {
        effective
            .get(pointer)
            .ok()
            .flatten()
            .filter(|setting| !setting.is_default)
            .map(|setting| setting.value)
    };
    let report = set("/nodeStatusUpdateFrequency")
        .filter(|value| !matches!(value.as_str(), None | Some("0" | "0s" | "")))
        .unwrap_or_else(|| json!("5m0s"));
    let serial = set("/maxParallelImagePulls")
        .and_then(|value| value.as_i64())
        .is_none_or(|pulls| pulls < 2);
    effective.fill(vec![
        ("/nodeStatusReportFrequency", Some(report)),
        ("/serializeImagePulls", Some(Json::Bool(serial))),
    ]);
    effective.fill(defaults::of(minor));
}

/// Flags go above all files. A map flag replaces the map, but for the feature
/// gates, which keep what no flag names.
fn apply(flags: &Flags, effective: &mut Effective) {
    for (spec, value, origin) in flags.fields() {
        match (spec.kind, &value) {
            (FlagKind::BoolMap, _) => {
                for (key, entry) in flags.entries(spec.name) {
                    if let Some(value) = parse_bool(&entry.value) {
                        effective.set_entry(spec.field, &key, Json::Bool(value), entry.origin);
                    }
                }
            }
            (FlagKind::VModule, Json::Array(more)) => {
                effective.append(spec.field, more, origin);
            }
            (
                FlagKind::Map | FlagKind::OneEntry | FlagKind::LessMap | FlagKind::Headers,
                Json::Object(entries),
            ) => {
                effective.clear(spec.field);
                for (key, value) in entries {
                    effective.set_entry(spec.field, key, value.clone(), origin.clone());
                }
            }
            _ => effective.set(spec.field, value, origin),
        }
    }
}
