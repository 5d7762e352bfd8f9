//! Builds a project: finds its compiler, compiles, encodes, and makes sure that
//! what comes out is a policy.

mod c;
mod go;
mod javascript;
mod rust;
mod types;
mod typescript;

use std::io::Write as _;
use std::process::{Command, ExitStatus, Stdio};

use nodepol_sandbox::{Description, Grants, Inspection, Limits, Prepared, Sandbox};

use crate::component::stripped;
use crate::error::AuthorError;
use crate::language::Language;
use crate::project::Project;

/// A policy that was built and loaded.
#[derive(Debug)]
pub struct Built {
    /// What its bytes show: size, permissions, digest.
    pub inspection: Inspection,
    /// Who it says it is.
    pub description: Description,
    /// Ready to run.
    pub prepared: Prepared,
}

/// A component that was built and loaded. Nothing of it has run.
#[derive(Debug)]
pub struct Loaded {
    inspection: Inspection,
    prepared: Prepared,
}

/// Builds the project's component into [`Project::component`]. What compilers
/// print goes to standard error.
///
/// # Errors
/// A compiler that is missing or complains, or a component that is no policy.
pub fn build(project: &Project, sandbox: &Sandbox) -> Result<Loaded, AuthorError> {
    let wasm = match project.manifest.language {
        Language::Rust => rust::build(project)?,
        Language::C => c::build(project)?,
        Language::Go => go::build(project)?,
        Language::JavaScript => javascript::build(project)?,
        Language::TypeScript => typescript::build(project)?,
    };
    let wasm = stripped(&wasm)?;
    let loaded = load(project, sandbox, &wasm)?;
    let path = project.component();
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(AuthorError::write(directory))?;
    }
    std::fs::write(&path, &wasm).map_err(AuthorError::write(&path))?;
    Ok(loaded)
}

/// Loads a component of the project as a policy set that grants what its world
/// imports would.
///
/// # Errors
/// If it is no policy, or reads more than its world says.
pub fn load(project: &Project, sandbox: &Sandbox, wasm: &[u8]) -> Result<Loaded, AuthorError> {
    let grants = Grants {
        files: project.grants().files,
        ..Grants::standard()
    };
    let prepared = sandbox.load(wasm, &grants)?;
    let inspection = prepared.inspection().clone();
    let undeclared: Vec<_> = imports(&inspection)
        .filter(|name| !project.interfaces.contains(*name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !undeclared.is_empty() {
        return Err(AuthorError::Undeclared {
            imports: undeclared.join(", "),
        });
    }
    Ok(Loaded {
        inspection,
        prepared,
    })
}

impl Loaded {
    /// Asks it who it is: the first time that it runs.
    ///
    /// # Errors
    /// If it fails, or is another policy than the project's.
    pub fn describe(self, project: &Project, sandbox: &Sandbox) -> Result<Built, AuthorError> {
        let description = sandbox
            .describe(&self.prepared, &Limits::default())
            .map_err(AuthorError::Describe)?;
        if description.id != project.manifest.id {
            return Err(AuthorError::OtherId {
                manifest: project.manifest.id.clone(),
                described: description.id,
            });
        }
        Ok(Built {
            inspection: self.inspection,
            description,
            prepared: self.prepared,
        })
    }
}

/// The interfaces that a component may read through, `log` left out.
pub(crate) fn imports(inspection: &Inspection) -> impl Iterator<Item = &str> {
    inspection
        .imports
        .iter()
        .filter(|import| import.class == nodepol_sandbox::inspect::ImportClass::Capability)
        .filter_map(|import| import.interface.as_deref())
        .filter(|name| *name != "log")
}

/// Runs a compiler. Standard output is left to nodepol's own result.
fn run(command: &mut Command) -> Result<(), AuthorError> {
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|source| not_started(command, source))?;
    ended(command, status)
}

/// Runs a compiler that talks even if all is well: what it says is shown if it
/// is not.
fn run_quietly(command: &mut Command) -> Result<(), AuthorError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| not_started(command, source))?;
    if !output.status.success() {
        let mut stderr = std::io::stderr().lock();
        // Nobody reads it: then there is nobody to tell that.
        let _ = stderr.write_all(&output.stdout);
        let _ = stderr.write_all(&output.stderr);
    }
    ended(command, output.status)
}

fn not_started(command: &Command, source: std::io::Error) -> AuthorError {
    AuthorError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

fn ended(command: &Command, status: ExitStatus) -> Result<(), AuthorError> {
    if status.success() {
        return Ok(());
    }
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Err(AuthorError::Compiler {
        command: words.join(" "),
        status: status.to_string(),
    })
}
