//! `nodepol plugin new`: a project to begin with.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use nodepol_author::{Language, NewProject, create};

use crate::{component, output};

/// The arguments of `nodepol plugin new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The id of the policy, in kebab-case
    name: String,

    /// The language: rust, c, go, javascript or typescript
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,

    /// Where the project goes [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,

    /// For Rust: depend on the SDK in DIR (`plugins/sdk` of a checkout) and not
    /// on a copy of its sources in the project
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Writes the project and says what to do next.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn run(arguments: &New) -> Result<()> {
    if component::find(&arguments.name).is_some() {
        bail!(
            "`{}` is a standard policy of nodepol; choose another name",
            arguments.name
        );
    }
    if arguments.sdk.is_some() && arguments.lang != Language::Rust {
        bail!("`--sdk` is for Rust; in {} there is none", arguments.lang);
    }
    let directory = arguments
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from(&arguments.name));
    create(&NewProject {
        id: &arguments.name,
        language: arguments.lang,
        directory: &directory,
        sdk: arguments.sdk.as_deref(),
    })?;
    let install = match arguments.lang {
        Language::JavaScript | Language::TypeScript => "    npm install\n",
        Language::Rust | Language::C | Language::Go => "",
    };
    output::write(
        None,
        &format!(
            "{}: a policy in {}. Next:\n\n    cd {}\n{install}    nodepol plugin test\n",
            directory.display(),
            arguments.lang,
            nodepol_author::word(&directory)
        ),
    )
}
