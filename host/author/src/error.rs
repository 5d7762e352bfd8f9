//! What can go wrong between an author and a component.

use std::path::PathBuf;

use nodepol_cases::CaseError;
use nodepol_model::report::PolicyError;
use nodepol_sandbox::LoadError;
use nodepol_toolchain::Missing;

use crate::language::Language;

/// Why there is no project, no component, or no result.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no project.
    #[error(
        "{0} has no plugin.yaml, so it is no project of a policy; `nodepol plugin new NAME` makes one"
    )]
    NoProject(PathBuf),
    /// A project would be written over something.
    #[error("{0} is there already; choose another name or directory")]
    Exists(PathBuf),
    /// A case would be written over another.
    #[error("{0} is there already; choose another name for the case, or remove it")]
    CaseExists(PathBuf),
    /// A name that cannot be a case's.
    #[error("`{0}` cannot be the name of a case: write it in kebab-case, such as `worker-7`")]
    BadCaseName(String),
    /// A name that a language or the SDK has taken.
    #[error(
        "`{name}` cannot be the id of a policy in {language}: the name is taken; choose another"
    )]
    TakenId {
        /// The name.
        name: String,
        /// The language.
        language: Language,
    },
    /// A name that cannot be a policy's id.
    #[error(
        "`{0}` cannot be the id of a policy: write it in kebab-case, such as `acme-proxy`, with at \
         most 64 letters"
    )]
    BadId(String),
    /// `plugin.yaml` makes no sense.
    #[error("{path}: {message}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// The project's WIT makes no sense.
    #[error("{path}: {message}")]
    Wit {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A compiler is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A compiler cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A compiler said no; what it said was printed.
    #[error("`{command}` ended with {status}; what it says is above")]
    Compiler {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
    },
    /// Cargo built something else.
    #[error(
        "cargo built no library `{id}`; in {manifest}, write `name = \"{id}\"` below `[package]`, \
         and `crate-type = [\"cdylib\", \"rlib\"]` below `[lib]`"
    )]
    OtherCrate {
        /// The crate's manifest.
        manifest: PathBuf,
        /// What it must be called.
        id: String,
    },
    /// A core module cannot be made a component.
    #[error("it cannot be encoded as a component: {0}")]
    Encode(String),
    /// The component is no policy.
    #[error("the component was built and is no policy: {0}")]
    Load(#[from] LoadError),
    /// The component fails before it judges anything.
    #[error("the component was built and cannot describe itself: {}", .0.message)]
    Describe(PolicyError),
    /// It says another id than `plugin.yaml`.
    #[error("plugin.yaml says `id: {manifest}` and `describe` says `{described}`; make them agree")]
    OtherId {
        /// What the manifest says.
        manifest: String,
        /// What the component says.
        described: String,
    },
    /// It reads more than its world says.
    #[error(
        "the code reads {imports}, which wit/world.wit does not import; add `import \
         nodepol:policy/NAME@{version};` for each, or do not read it",
        version = nodepol_sandbox::inspect::WIT_VERSION
    )]
    Undeclared {
        /// The interfaces.
        imports: String,
    },
    /// A case cannot be used.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// Cases cannot be used: one line for each.
    #[error("{0}")]
    Cases(String),
    /// There are no cases.
    #[error(
        "{0} has no case; write one, or make one of a real node with `nodepol plugin record \
         --from SNAPSHOT`"
    )]
    NoCases(PathBuf),
    /// No case has the name that is asked for.
    #[error("no case has `{text}` in its name; there are {all}")]
    NoneNamed {
        /// What is asked for.
        text: String,
        /// The names that there are.
        all: String,
    },
    /// A file that looks like a case and is not run.
    #[error("{0} is never run: the names of cases end in `.yaml`; rename it")]
    NamedYml(PathBuf),
    /// A snapshot does not answer as the whole one does when it is cut down.
    #[error(
        "what this policy may see of the snapshot gets another answer than the whole of it: this \
         is a fault of nodepol; please report it"
    )]
    NotRecorded,
    /// A snapshot cannot be written.
    #[error("the snapshot cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl AuthorError {
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
