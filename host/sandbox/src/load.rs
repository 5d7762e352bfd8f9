//! From bytes to a component that can be evaluated.

use std::collections::BTreeSet;
use std::sync::Arc;

use nodepol_model::report::{PolicyError, PolicyErrorKind};
use wasmtime::component::Component;

use crate::artifact::{self, LoadArtifactError, Trusted};
use crate::backend::{Backend, Backends};
use crate::bindings::PolicyFullPre;
use crate::bindings::exports::nodepol::policy::check;
use crate::cache::Cache;
use crate::clean::clean_line;
use crate::compile::{CompileError, Compiler};
use crate::engine::Machine;
use crate::host_state::HostState;
use crate::in_place::{Claim, InPlace};
use crate::inspect::{
    ImportClass, InspectError, Inspection, PACKAGE, WIT_VERSION, digest, inspect, is_served,
};
use crate::linker::{Grants, Interface};

/// A component of this repository, embedded in this program.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// The component.
    pub wasm: &'static [u8],
    /// What [`crate::engine::compile_trusted`] made of it. Must be part of this
    /// program: it is run as it is.
    pub artifact: &'static [u8],
}

/// A component that is compiled and linked.
pub(crate) struct Linked {
    pub(crate) pre: PolicyFullPre<HostState>,
    pub(crate) backend: Arc<Backend>,
    /// After what it is a claim to: fields are dropped in their order.
    _claim: Option<Claim>,
}

/// A policy that is ready to run, with what it was granted.
#[derive(Clone)]
pub struct Prepared {
    pub(crate) linked: Arc<Linked>,
    pub(crate) granted_files: Arc<BTreeSet<String>>,
    /// Which policy of its component it is, if that holds several.
    pub(crate) member: Option<check::Argument>,
    inspection: Arc<Inspection>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("inspection", &self.inspection)
            .finish_non_exhaustive()
    }
}

impl Prepared {
    /// A policy of a component.
    pub(crate) fn new(
        linked: Arc<Linked>,
        member: Option<check::Argument>,
        inspection: Arc<Inspection>,
        grants: &Grants,
    ) -> Self {
        Self {
            linked,
            granted_files: Arc::new(grants.files.clone()),
            member,
            inspection,
        }
    }

    /// What its bytes show.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }
}

/// Why a component is not run at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is no component that could be compiled.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It wants something that nodepol gives to no policy.
    #[error(
        "it imports `{import}`: a policy reads the node through {PACKAGE} only, so there is \
         no WASI, no clock and no network; build it without them"
    )]
    Foreign {
        /// The import.
        import: String,
    },
    /// It was built for another version of the interface.
    #[error(
        "it is built for `{name}`, and this nodepol serves {PACKAGE}@{WIT_VERSION}: \
         build it for that version, or use another nodepol"
    )]
    Version {
        /// The import or export.
        name: String,
    },
    /// It imports an interface that this nodepol does not have.
    #[error("it imports `{import}`, which this nodepol does not have: a newer one may")]
    UnknownInterface {
        /// The import.
        import: String,
    },
    /// It imports what it was not granted.
    #[error(
        "it reads {list}, which the policy set does not grant: add {list} to the policy's \
         `grants.interfaces` if it may", list = list(.0)
    )]
    NotGranted(Vec<Interface>),
    /// It does not export `check`.
    #[error(
        "it does not export `{PACKAGE}/check@{WIT_VERSION}`, so it is no policy of nodepol; \
         its world must `include {PACKAGE}/policy@{WIT_VERSION}`"
    )]
    NoCheck,
    /// It exports more than `check`.
    #[error("it exports `{export}`, and a policy exports `{PACKAGE}/check` only")]
    ForeignExport {
        /// The export.
        export: String,
    },
    /// Its imports or exports have other types than they should.
    #[error(
        "it does not fit {PACKAGE}@{WIT_VERSION}: {0}; build it with the interface of \
         this nodepol"
    )]
    Mismatch(String),
    /// It cannot be compiled within the limits.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

fn list(interfaces: &[Interface]) -> String {
    interfaces
        .iter()
        .map(|interface| format!("`{interface}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl LoadError {
    /// What wasmtime says of types that differ.
    pub(crate) fn mismatch(error: &wasmtime::Error) -> Self {
        Self::Mismatch(clean_line(&format!("{error:#}")))
    }

    /// The class under which a report shows it.
    pub fn kind(&self) -> PolicyErrorKind {
        match self {
            Self::Foreign { .. } | Self::NotGranted(_) => PolicyErrorKind::NotGranted,
            _ => PolicyErrorKind::NotLoadable,
        }
    }
}

impl From<LoadError> for PolicyError {
    fn from(error: LoadError) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

/// Refuses a component whose imports or exports are not those of a granted
/// policy.
pub(crate) fn check_permissions(inspection: &Inspection, grants: &Grants) -> Result<(), LoadError> {
    let mut missing = Vec::new();
    for import in &inspection.imports {
        let name = || import.name.clone();
        if import.class == ImportClass::Foreign {
            return Err(LoadError::Foreign { import: name() });
        }
        if !is_served(import.version.as_deref()) {
            return Err(LoadError::Version { name: name() });
        }
        match import.interface.as_deref() {
            Some("log") => {}
            _ if import.class != ImportClass::Capability => {}
            Some(interface) => match Interface::from_name(interface) {
                Some(interface) if grants.interfaces.contains(&interface) => {}
                Some(interface) => missing.push(interface),
                None => return Err(LoadError::UnknownInterface { import: name() }),
            },
            None => return Err(LoadError::Foreign { import: name() }),
        }
    }
    let check = format!("{PACKAGE}/check");
    let mut checks = false;
    for export in &inspection.exports {
        let (path, version) = match export.name.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (export.name.as_str(), None),
        };
        if path != check {
            return Err(LoadError::ForeignExport {
                export: export.name.clone(),
            });
        }
        if !is_served(version) {
            return Err(LoadError::Version {
                name: export.name.clone(),
            });
        }
        checks = true;
    }
    if !checks {
        return Err(LoadError::NoCheck);
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        missing.dedup();
        return Err(LoadError::NotGranted(missing));
    }
    Ok(())
}

/// Whether a component with that inspection may be loaded with those grants.
///
/// # Errors
/// The [`LoadError`] that loading it would give.
pub fn permit(inspection: &Inspection, grants: &Grants) -> Result<(), LoadError> {
    check_permissions(inspection, grants)
}

/// Loads a component that anybody may have written: inspect, permit, compile, link.
pub(crate) fn load(
    backends: &Backends,
    compiler: &Compiler,
    cache: Option<&Cache>,
    wasm: &[u8],
    grants: &Grants,
) -> Result<Prepared, LoadError> {
    let inspection = Arc::new(inspect(wasm)?);
    check_permissions(&inspection, grants)?;
    for machine in [Machine::Native, Machine::Interpreter] {
        if let Some(backend) = backends.get(machine)
            && let Some(component) = compiled(backend, compiler, cache, wasm, &inspection.digest)?
        {
            let linked = link(backend, &component, grants, None)?;
            return Ok(Prepared::new(Arc::new(linked), None, inspection, grants));
        }
    }
    Err(not_executable())
}

/// Loads a component of this program: where it is if that can be, else copied; and
/// compiled anew where it is for another machine.
pub(crate) fn load_embedded(
    backends: &Backends,
    compiler: &Compiler,
    cache: Option<&Cache>,
    embedded: &Embedded,
) -> Result<Linked, LoadError> {
    let Embedded { wasm, artifact } = *embedded;
    let grants = Grants::standard();
    if InPlace::of_this_process().holds_artifact(artifact)
        && let Some(backend) = backends.get(Machine::InPlace)
        && let Some(claim) = Claim::of(artifact)
    {
        match artifact::load_in_place(&backend.engine, artifact) {
            Ok(component) => return link(backend, &component, &grants, Some(claim)),
            Err(error) => tracing::debug!("the standard policies, not in place: {error}"),
        }
    }
    for machine in [Machine::Native, Machine::Interpreter] {
        let Some(backend) = backends.get(machine) else {
            continue;
        };
        // One that does not load is for another build or CPU.
        let copied = (machine == Machine::Native)
            .then(|| artifact::load(&backend.engine, &Trusted::vouch(artifact)));
        let loaded = match copied {
            Some(Err(LoadArtifactError::NotExecutable)) => continue,
            Some(Ok(component)) => Some(component),
            Some(Err(LoadArtifactError::Incompatible(_))) | None => {
                compiled(backend, compiler, cache, wasm, &digest(wasm))?
            }
        };
        if let Some(component) = loaded {
            return link(backend, &component, &grants, None);
        }
    }
    Err(not_executable())
}

fn not_executable() -> LoadError {
    CompileError::Rejected(LoadArtifactError::NotExecutable.to_string()).into()
}

/// Gives a component what it was granted, and nothing else.
fn link(
    backend: &Arc<Backend>,
    component: &Component,
    grants: &Grants,
    claim: Option<Claim>,
) -> Result<Linked, LoadError> {
    let pre = backend
        .linkers
        .of(&backend.engine, grants)
        .and_then(|linker| linker.instantiate_pre(component))
        .and_then(PolicyFullPre::new)
        .map_err(|error| LoadError::mismatch(&error))?;
    Ok(Linked {
        pre,
        backend: Arc::clone(backend),
        _claim: claim,
    })
}

/// From the cache, or compiled and put there; none if its machine code may not
/// be made executable.
fn compiled(
    backend: &Backend,
    compiler: &Compiler,
    cache: Option<&Cache>,
    wasm: &[u8],
    digest: &str,
) -> Result<Option<Component>, CompileError> {
    let engine = &backend.engine;
    let name = format!("{digest}-{}.cwasm", crate::engine::compatibility(engine));
    if let Some(cache) = cache {
        match cache.read(&name) {
            Ok(Some(artifact)) => match artifact::load(engine, &Trusted::vouch(&artifact)) {
                Ok(component) => return Ok(Some(component)),
                Err(LoadArtifactError::NotExecutable) => return Ok(None),
                Err(error) => tracing::debug!("{name} in the cache is of no use: {error}"),
            },
            Ok(None) => {}
            Err(error) => tracing::warn!("{error}; the component is compiled anew"),
        }
    }
    let artifact = compiler.compile(wasm, backend.machine)?;
    let component = match artifact::load(engine, &Trusted::vouch(&artifact)) {
        Ok(component) => component,
        Err(LoadArtifactError::NotExecutable) => return Ok(None),
        Err(error) => return Err(CompileError::Rejected(clean_line(&error.to_string()))),
    };
    if let Some(cache) = cache
        && let Err(error) = cache.write(&name, &artifact)
    {
        tracing::warn!("{error}; the component will be compiled again next time");
    }
    Ok(Some(component))
}
