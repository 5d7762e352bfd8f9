//! Policies, loaded and ready to be evaluated.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use nodepol_model::report::{PluginIdentity, PolicyError};
use nodepol_model::{Phase, Severity};
use nodepol_sandbox as sandbox;
use nodepol_sandbox::{
    Argument, Cache, CompileLimits, Compiler, Description, Grants, Inspection, Interface, Prepared,
    Sandbox,
};

use crate::component;
use crate::policy_set::{Entry, Mistake, Mistakes, PolicySet, Source, reason};

/// One policy of a set.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Its id; the name of its file, if it could not say who it is.
    pub(crate) id: String,
    /// Which component it is.
    pub(crate) identity: PluginIdentity,
    /// What is at stake: as the set says, else as the policy says.
    pub(crate) severity: Severity,
    /// When it is judged: as the set says, else as the policy says.
    pub(crate) phases: Vec<Phase>,
    /// What its bytes show, if they are a component.
    pub(crate) inspection: Option<Inspection>,
    /// Its evaluation, or why there is none.
    pub(crate) ready: Result<Ready, PolicyError>,
}

/// A policy that can be evaluated.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Who it says it is.
    pub(crate) description: Description,
    /// The component.
    pub(crate) prepared: Prepared,
    /// Every parameter that it declares.
    pub(crate) arguments: Vec<Argument>,
    /// What it may use.
    pub(crate) limits: sandbox::Limits,
}

/// A sandbox that compiles foreign components in a child process.
///
/// # Errors
/// If WebAssembly cannot be run on this machine.
pub(crate) fn sandbox() -> Result<Sandbox> {
    let compiler = match std::env::current_exe() {
        Ok(exe) => Compiler::Child {
            exe,
            limits: CompileLimits::default(),
        },
        Err(error) => {
            tracing::warn!("this program cannot find itself to compile policies: {error}");
            Compiler::None
        }
    };
    Ok(Sandbox::new(compiler, cache())?)
}

/// The user's cache; none if there is no place for it that is safe. Without it
/// foreign components are compiled each time.
fn cache() -> Option<Cache> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(std::path::PathBuf::from)
        .filter(|base| base.is_absolute())
        .or_else(|| {
            let root = rustix::process::geteuid().is_root();
            root.then(|| "/var/cache".into())
        })
        .or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    match Cache::open(&base.join("nodepol")) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::debug!("without a cache: {error}");
            None
        }
    }
}

/// Loads every policy of `set`, in order of their ids.
///
/// A component that is refused, traps or describes itself badly is a policy
/// with an error: the others are judged nevertheless. `mistakes` gets those of
/// the set that show only now: files that cannot be read, parameters that a
/// policy does not have, ids that stand twice, waivers of policies that nobody
/// knows.
pub(crate) fn load(sandbox: &Sandbox, set: &PolicySet, mistakes: &mut Mistakes) -> Vec<Policy> {
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for entry in &set.entries {
        let policy = match &entry.source {
            Source::Standard(id) => match component::find(id) {
                Some(component) => {
                    let source = sandbox::Source::Standard {
                        wasm: component.wasm,
                        artifact: component.artifact,
                    };
                    load_one(sandbox, entry, source, id, "standard", mistakes)
                }
                // Whoever read the set knows all ids: it is told already.
                None => continue,
            },
            Source::File(path) => match std::fs::read(path) {
                Ok(wasm) => {
                    let source = sandbox::Source::Foreign { wasm: &wasm };
                    let origin = path.display().to_string();
                    load_one(sandbox, entry, source, &stem(path), &origin, mistakes)
                }
                Err(error) => {
                    mistakes.push(Mistake::new(
                        entry.at.clone(),
                        format!("{}: {}", path.display(), reason(&error)),
                    ));
                    continue;
                }
            },
        };
        if let Some(known) = policies.get(&policy.id) {
            mistakes.push(Mistake::new(
                entry.at.clone(),
                format!(
                    "the policy `{}` is here already, from {}; keep one of them",
                    policy.id, known.identity.origin
                ),
            ));
            continue;
        }
        policies.insert(policy.id.clone(), policy);
    }
    for waiver in &set.waivers {
        let known =
            policies.contains_key(&waiver.policy) || component::find(&waiver.policy).is_some();
        if !known {
            let ids = policies.keys().map(String::as_str).chain(component::ids());
            let hint = match nodepol_report::nearest(&waiver.policy, ids) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`nodepol list` shows all".to_owned(),
            };
            mistakes.push(Mistake::new(
                waiver.at.clone(),
                format!("it waives the unknown policy `{}`; {hint}", waiver.policy),
            ));
        }
    }
    policies.into_values().collect()
}

/// The name of a file, as the id of a policy that cannot say its own.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "policy".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

fn load_one(
    sandbox: &Sandbox,
    entry: &Entry,
    source: sandbox::Source<'_>,
    name: &str,
    origin: &str,
    mistakes: &mut Mistakes,
) -> Policy {
    let wasm = match source {
        sandbox::Source::Standard { wasm, .. } | sandbox::Source::Foreign { wasm } => wasm,
    };
    let inspection = sandbox::inspect(wasm).ok();
    let limits = limits(entry);
    let described = sandbox
        .load(source, &grants(entry))
        .map_err(PolicyError::from)
        .and_then(|prepared| {
            let description = sandbox.describe(&prepared, &limits)?;
            Ok((prepared, description))
        });
    let ready = described.map(|(prepared, description)| Ready {
        arguments: arguments(entry, &description, mistakes),
        description,
        prepared,
        limits,
    });
    let description = ready.as_ref().ok().map(|ready| &ready.description);
    Policy {
        id: description.map_or_else(|| name.to_owned(), |it| it.id.clone()),
        identity: PluginIdentity {
            origin: origin.to_owned(),
            digest: inspection
                .as_ref()
                .map_or_else(|| sandbox::inspect::digest(wasm), |it| it.digest.clone()),
        },
        // Of what cannot say what is at stake, the worst is assumed.
        severity: entry
            .severity
            .or(description.map(|it| it.severity))
            .unwrap_or(Severity::Blocker),
        phases: entry
            .phases
            .clone()
            .or_else(|| description.map(|it| it.phases.clone()))
            .unwrap_or_default(),
        inspection,
        ready,
    }
}

fn grants(entry: &Entry) -> Grants {
    let mut grants = match entry.source {
        Source::Standard(_) => Grants::standard(),
        Source::File(_) => Grants::none(),
    };
    if let Some(interfaces) = &entry.interfaces {
        grants.interfaces = interfaces
            .iter()
            .filter_map(|name| Interface::from_name(name))
            .collect();
    }
    grants.files = entry.files.iter().cloned().collect();
    grants
}

fn limits(entry: &Entry) -> sandbox::Limits {
    let mut limits = sandbox::Limits::default();
    if let Some(fuel) = entry.limits.fuel {
        limits.fuel = fuel;
    }
    if let Some(wall) = entry.limits.wall {
        limits.wall = wall;
    }
    if let Some(memory) = entry.limits.memory {
        limits.memory = memory;
    }
    limits
}

/// The arguments, as far as what is given fits what is declared.
fn arguments(entry: &Entry, description: &Description, mistakes: &mut Mistakes) -> Vec<Argument> {
    let given: BTreeMap<String, serde_json::Value> = entry
        .parameters
        .iter()
        .map(|(name, given)| (name.clone(), given.value.clone()))
        .collect();
    match sandbox::parameters::check(&description.parameters, &given) {
        Ok(arguments) => arguments,
        Err(problems) => {
            for problem in problems {
                let given = entry.parameters.get(problem.name());
                let at = match (&problem, given) {
                    (_, None) => &entry.at,
                    (sandbox::ParameterProblem::Unknown { .. }, Some(given)) => &given.key_at,
                    (_, Some(given)) => &given.value_at,
                };
                mistakes.push(Mistake::new(at.clone(), problem.to_string()));
            }
            Vec::new()
        }
    }
}

/// The policies of a set, as the command line names it.
///
/// # Errors
/// The mistakes of the set, or that there is no sandbox.
pub(crate) fn of(sandbox: &Sandbox, names: &[String]) -> Result<(PolicySet, Vec<Policy>)> {
    let (set, mut mistakes) = PolicySet::load(names, &component::ids());
    let policies = load(sandbox, &set, &mut mistakes);
    Ok(mistakes.none_or((set, policies))?)
}
