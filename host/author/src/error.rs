//! What can go wrong between an author and a component.

use std::path::PathBuf;

use nodepol_cases::CaseError;
use nodepol_model::report::PolicyError;
use nodepol_sandbox::LoadError;
use nodepol_toolchain::Missing;

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
    /// There are no cases.
    #[error("{0} has no case; write one, or `nodepol plugin record --from SNAPSHOT NAME`")]
    NoCases(PathBuf),
    /// A case has no `expect:` and none is written.
    #[error("{0}: what to expect cannot be written: {1}")]
    Bless(PathBuf, String),
    /// A snapshot does not answer as the whole one does when it is cut down.
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
