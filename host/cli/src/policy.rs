//! Policies, loaded and ready to be evaluated.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Result;
use nodepol_model::report::{PluginIdentity, PolicyError, PolicyErrorKind};
use nodepol_model::{Phase, Severity};
use nodepol_sandbox as sandbox;
use nodepol_sandbox::{
    Argument, Cache, Card, CompileLimits, Compiler, Description, Grants, Inspection, Interface,
    Prepared, Sandbox, Standard,
};

use crate::component::{self, Component};
use crate::policy_set::{Entry, Mistake, Mistakes, PolicySet, Source, reason};
use crate::rights;

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
    /// Every parameter that it declares.
    pub(crate) arguments: Vec<Argument>,
    /// What it may use.
    pub(crate) limits: sandbox::Limits,
    code: Code,
}

/// The code of a policy.
#[derive(Debug)]
enum Code {
    Loaded(Box<Prepared>),
    /// A standard one: all of them are loaded when the first is evaluated.
    Standard {
        all: Arc<Shipped>,
        card: Box<Card>,
        grants: Grants,
        member: OnceLock<Result<Prepared, PolicyError>>,
    },
}

impl Ready {
    /// The component, ready to run.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub(crate) fn prepared(&self, sandbox: &Sandbox) -> Result<&Prepared, PolicyError> {
        match &self.code {
            Code::Loaded(prepared) => Ok(prepared),
            Code::Standard {
                all,
                card,
                grants,
                member,
            } => member
                .get_or_init(|| Ok(all.standard(sandbox)?.member(card, grants)?))
                .as_ref()
                .map_err(Clone::clone),
        }
    }
}

/// The component with all standard policies.
#[derive(Debug, Default)]
struct Shipped(OnceLock<Result<Standard, PolicyError>>);

impl Shipped {
    /// It, ready to run.
    fn standard(&self, sandbox: &Sandbox) -> Result<&Standard, PolicyError> {
        self.0
            .get_or_init(|| match &component::EMBEDDED {
                Some(embedded) => Ok(sandbox.load_standard(embedded)?),
                None => Err(PolicyError {
                    kind: PolicyErrorKind::NotLoadable,
                    message: component::NONE.to_owned(),
                }),
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Loads it now, if it may have to be compiled, which is too late when rights
    /// are given up.
    fn prepare(&self, sandbox: &Sandbox) {
        let in_place = |embedded| sandbox.runs_in_place(embedded);
        if !component::EMBEDDED.as_ref().is_some_and(in_place) {
            // An error is each policy's own when it is evaluated.
            let _ = self.standard(sandbox);
        }
    }
}

/// A sandbox that compiles foreign components in a child process.
///
/// # Errors
/// If WebAssembly cannot be run on this machine.
pub(crate) fn sandbox() -> Result<Sandbox> {
    sandbox_within(CompileLimits::default())
}

/// The same for authors, who wait longer for a large component of their own.
///
/// # Errors
/// If WebAssembly cannot be run on this machine.
pub(crate) fn authors_sandbox() -> Result<Sandbox> {
    sandbox_within(CompileLimits {
        time: Duration::from_secs(600),
        ..CompileLimits::default()
    })
}

fn sandbox_within(limits: CompileLimits) -> Result<Sandbox> {
    let compiler = match std::env::current_exe() {
        Ok(exe) => Compiler::Child { exe, limits },
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

/// The components of a set. Nothing of them has run.
pub(crate) struct Components<'a> {
    set: &'a PolicySet,
    /// With the entries that name them; the standard ones first, so that no
    /// other can take the id of one of them.
    found: Vec<(&'a Entry, Found)>,
}

/// A component that a set names.
enum Found {
    Standard(Box<Policy>),
    Foreign(Box<Foreign>),
}

/// A component in a file.
struct Foreign {
    origin: String,
    name: String,
    digest: String,
    inspection: Option<Inspection>,
    loaded: Result<Prepared, PolicyError>,
}

/// Finds, inspects and compiles the components of `set`, of which `mistakes` are
/// known so far. Files that cannot be read are more of them.
///
/// # Errors
/// All mistakes of the set, if it has any.
pub(crate) fn find<'a>(
    sandbox: &Sandbox,
    set: &'a PolicySet,
    mut mistakes: Mistakes,
) -> Result<Components<'a>, Mistakes> {
    let mut found = Vec::new();
    let all = Arc::new(Shipped::default());
    let mut sources = set.entries.iter().map(|entry| &entry.source);
    if sources.any(|source| matches!(source, Source::Standard(_))) {
        all.prepare(sandbox);
    }
    for entry in &set.entries {
        match &entry.source {
            Source::Standard(id) => {
                // Whoever read the set knows all ids: one that there is not is
                // told already.
                if let Some(component) = component::find(id) {
                    let policy = standard(entry, component, &all, &mut mistakes);
                    found.push((entry, Found::Standard(Box::new(policy))));
                }
            }
            Source::File(path) => match std::fs::read(path) {
                Ok(wasm) => found.push((entry, foreign(sandbox, entry, path, &wasm))),
                Err(error) => mistakes.push(Mistake::new(
                    entry.at.clone(),
                    format!("{}: {}", path.display(), reason(&error)),
                )),
            },
        }
    }
    found.sort_by_key(|(_, found)| matches!(found, Found::Foreign(_)));
    let components = Components { set, found };
    if mistakes.is_empty() {
        return Ok(components);
    }
    // No node will be looked at; only to tell all mistakes at once the policies
    // are asked who they are.
    rights::give_up(&rights::Needs::default());
    match describe_with(sandbox, components, mistakes) {
        Err(mistakes) => Err(mistakes),
        Ok(_) => Err(Mistakes::default()),
    }
}

fn foreign(sandbox: &Sandbox, entry: &Entry, path: &Path, wasm: &[u8]) -> Found {
    Found::Foreign(Box::new(Foreign {
        origin: path.display().to_string(),
        name: stem(path),
        digest: sandbox::inspect::digest(wasm),
        inspection: sandbox::inspect(wasm).ok(),
        loaded: sandbox.load(wasm, &grants(entry)).map_err(Into::into),
    }))
}

/// Asks every component who it is, and gives it what the set gives it. In order
/// of their ids.
///
/// A component that is refused, traps or describes itself badly is a policy
/// with an error: the others are judged nevertheless.
///
/// # Errors
/// All mistakes of the set that show only now: parameters that a policy does not
/// have, ids that stand twice, waivers of policies that nobody knows.
pub(crate) fn describe(
    sandbox: &Sandbox,
    components: Components<'_>,
) -> Result<Vec<Policy>, Mistakes> {
    describe_with(sandbox, components, Mistakes::default())
}

fn describe_with(
    sandbox: &Sandbox,
    components: Components<'_>,
    mut mistakes: Mistakes,
) -> Result<Vec<Policy>, Mistakes> {
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for (entry, found) in components.found {
        let policy = match found {
            Found::Standard(policy) => *policy,
            Found::Foreign(foreign) => {
                let Foreign {
                    origin,
                    name,
                    digest,
                    inspection,
                    loaded,
                } = *foreign;
                let limits = limits(entry);
                let described = loaded.and_then(|prepared| {
                    let description = sandbox.describe(&prepared, &limits)?;
                    if component::find(&description.id).is_some() {
                        return Err(PolicyError {
                            kind: PolicyErrorKind::BadAnswer,
                            message: format!(
                                "it calls itself `{}`, which is a standard policy; give it an \
                                 id of its own",
                                description.id
                            ),
                        });
                    }
                    Ok(Ready {
                        arguments: arguments(entry, &description, &mut mistakes),
                        description,
                        code: Code::Loaded(Box::new(prepared)),
                        limits,
                    })
                });
                let identity = PluginIdentity { origin, digest };
                assemble(entry, &name, identity, inspection, described)
            }
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
    check_waivers(
        components.set,
        &|id| policies.contains_key(id),
        &mut mistakes,
    );
    mistakes.none_or(policies.into_values().collect())
}

/// Complains about waivers of policies that nobody knows.
fn check_waivers(set: &PolicySet, is_here: &dyn Fn(&str) -> bool, mistakes: &mut Mistakes) {
    for waiver in &set.waivers {
        if is_here(&waiver.policy) || component::find(&waiver.policy).is_some() {
            continue;
        }
        let hint = match nodepol_report::nearest(&waiver.policy, component::ids()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`nodepol list` shows all".to_owned(),
        };
        mistakes.push(Mistake::new(
            waiver.at.clone(),
            format!("it waives the unknown policy `{}`; {hint}", waiver.policy),
        ));
    }
}

/// The name of a file, as the id of a policy that cannot say its own.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "policy".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// A standard policy: its card says what it would say itself.
fn standard(
    entry: &Entry,
    component: &Component,
    all: &Arc<Shipped>,
    mistakes: &mut Mistakes,
) -> Policy {
    let card = component.card();
    let inspection = card.as_ref().ok().map(|card| card.inspection.clone());
    let grants = grants(entry);
    let ready = card.and_then(|card| {
        sandbox::permit(&card.inspection, &grants)?;
        Ok(Ready {
            arguments: arguments(entry, &card.description, mistakes),
            description: card.description.clone(),
            limits: limits(entry),
            code: Code::Standard {
                all: Arc::clone(all),
                card: Box::new(card),
                grants,
                member: OnceLock::new(),
            },
        })
    });
    let identity = PluginIdentity {
        origin: "standard".to_owned(),
        digest: inspection
            .as_ref()
            .map(|it| it.digest.clone())
            .unwrap_or_default(),
    };
    assemble(entry, component.id, identity, inspection, ready)
}

fn assemble(
    entry: &Entry,
    name: &str,
    identity: PluginIdentity,
    inspection: Option<Inspection>,
    ready: Result<Ready, PolicyError>,
) -> Policy {
    let description = ready.as_ref().ok().map(|ready| &ready.description);
    Policy {
        id: description.map_or_else(|| name.to_owned(), |it| it.id.clone()),
        identity,
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

/// The set that the command line names, and its mistakes.
pub(crate) fn set(names: &[String]) -> (PolicySet, Mistakes) {
    PolicySet::load(names, &component::ids())
}

/// The policies of a set that the command line names, for a command that looks
/// at no node.
///
/// # Errors
/// The mistakes of the set.
pub(crate) fn of(sandbox: &Sandbox, names: &[String]) -> Result<Vec<Policy>, Mistakes> {
    let (set, mistakes) = set(names);
    let components = find(sandbox, &set, mistakes)?;
    rights::give_up(&rights::Needs::default());
    describe(sandbox, components)
}
