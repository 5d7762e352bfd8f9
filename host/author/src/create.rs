//! Writes a new project.

use std::path::{Path, PathBuf};

use crate::embedded::{CARGO_LOCK, SDK, TEMPLATES, WIT, WIT_BINDGEN};
use crate::error::AuthorError;
use crate::language::Language;
use crate::project::is_id;

/// The path by which the SDK's sources name the WIT, here and in a project.
const SDK_WIT: (&str, &str) = (
    "path: \"../../wit\"",
    "path: \"../wit/deps/nodepol-policy\"",
);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewProject<'a> {
    /// The id of the policy.
    pub id: &'a str,
    /// What it will be written in.
    pub language: Language,
    /// Where the project goes.
    pub directory: &'a Path,
    /// For Rust: the SDK's directory, if not a copy of its sources in the project.
    pub sdk: Option<&'a Path>,
}

/// Writes a project that builds and passes its own cases as it is. It holds all
/// that it needs besides a compiler, the WIT and the SDK's sources too: it can
/// be built on a machine that has no checkout of nodepol.
///
/// # Errors
/// If the id is none, something is in the way, or a file cannot be written.
pub fn create(new: &NewProject<'_>) -> Result<Vec<PathBuf>, AuthorError> {
    if !is_id(new.id) {
        return Err(AuthorError::BadId(new.id.to_owned()));
    }
    if taken(new.id, new.language) {
        return Err(AuthorError::TakenId {
            name: new.id.to_owned(),
            language: new.language,
        });
    }
    let in_the_way = std::fs::read_dir(new.directory)
        .map_or(new.directory.exists(), |mut entries| {
            entries.next().is_some()
        });
    if in_the_way {
        return Err(AuthorError::Exists(new.directory.to_owned()));
    }
    let mut files = Vec::new();
    let language = format!("{}/", new.language);
    for (name, content) in TEMPLATES {
        let Some(name) = name
            .strip_prefix("common/")
            .or_else(|| name.strip_prefix(&language))
            .or_else(|| of_javascript(name, new.language))
        else {
            continue;
        };
        files.push((
            name.strip_suffix(".template").unwrap_or(name).to_owned(),
            filled(content, new),
        ));
    }
    for (name, content) in WIT {
        files.push((
            format!("wit/deps/nodepol-policy/{name}"),
            (*content).to_owned(),
        ));
    }
    if new.language == Language::Rust {
        // The versions that this nodepol was built with; cargo drops the rest.
        files.push(("Cargo.lock".to_owned(), CARGO_LOCK.to_owned()));
        if new.sdk.is_none() {
            files.push(("sdk/Cargo.toml".to_owned(), sdk_manifest()));
            for (name, content) in SDK {
                files.push((
                    format!("sdk/src/{name}"),
                    content.replace(SDK_WIT.0, SDK_WIT.1),
                ));
            }
        }
    }
    let mut written = Vec::new();
    for (name, content) in files {
        let path = new.directory.join(&name);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(AuthorError::write(directory))?;
        }
        std::fs::write(&path, content).map_err(AuthorError::write(&path))?;
        written.push(path);
    }
    written.sort();
    Ok(written)
}

/// What TypeScript takes as it is from JavaScript.
fn of_javascript(name: &str, language: Language) -> Option<&str> {
    let name = name.strip_prefix("javascript/")?;
    (language == Language::TypeScript && name == "src/nodepol.js").then_some(name)
}

/// Whether a name means something else where the language needs it.
fn taken(id: &str, language: Language) -> bool {
    // Words of paths, and the crate that a project depends on.
    language == Language::Rust && ["crate", "self", "super", "nodepol-plugin"].contains(&id)
}

/// The id as WIT writes it: words of WIT itself get a `%`.
fn wit_name(id: &str) -> String {
    let package = format!("package local:{id};\n");
    match wit_parser::UnresolvedPackageGroup::parse("world.wit", &package) {
        Ok(_) => id.to_owned(),
        Err(_) => format!("%{id}"),
    }
}

/// What a machine of a CI system needs besides nodepol, as steps of a workflow.
const fn ci_setup(language: Language) -> &'static str {
    match language {
        Language::Rust => "      - run: rustup target add wasm32-unknown-unknown\n",
        Language::C => {
            "      - run: sudo apt-get update && sudo apt-get install --yes \
             --no-install-recommends clang lld\n"
        }
        Language::Go => {
            "      - uses: actions/setup-go@v5\n        with:\n          go-version: stable\n"
        }
        Language::JavaScript | Language::TypeScript => {
            "      - uses: actions/setup-node@v4\n        with:\n          node-version: lts/*\n      \
             - run: npm install\n"
        }
    }
}

fn filled(template: &str, new: &NewProject<'_>) -> String {
    let sdk = new.sdk.map_or_else(
        || "sdk".to_owned(),
        |sdk| {
            std::path::absolute(sdk)
                .unwrap_or_else(|_| sdk.to_owned())
                .display()
                .to_string()
        },
    );
    template
        .replace("{{id}}", new.id)
        .replace("{{wit}}", &wit_name(new.id))
        .replace("{{setup}}\n", ci_setup(new.language))
        .replace("{{type}}", &type_name(new.id))
        .replace("{{sdk}}", &sdk)
        .replace("{{language}}", new.language.as_str())
}

/// `AcmeProxy` of `acme-proxy`.
pub(crate) fn type_name(id: &str) -> String {
    id.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}

fn sdk_manifest() -> String {
    format!(
        "# The SDK of nodepol {version}, as its `nodepol plugin new` wrote it.\n\
         [package]\n\
         name = \"nodepol-plugin\"\n\
         version = \"{version}\"\n\
         edition = \"2024\"\n\
         license = \"Apache-2.0\"\n\
         publish = false\n\
         \n\
         [dependencies]\n\
         {WIT_BINDGEN}\n\
         \n\
         [lints.rust]\n\
         missing_docs = \"warn\"\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_finds_the_wit_in_a_project() {
        let library = SDK.iter().find(|(name, _)| *name == "lib.rs");
        assert!(library.is_some_and(|(_, content)| content.contains(SDK_WIT.0)));
        assert_eq!(type_name("acme-proxy2"), "AcmeProxy2");
    }

    #[test]
    fn words_of_wit_are_names_too() {
        assert_eq!(wit_name("acme-proxy"), "acme-proxy");
        assert_eq!(wit_name("acme-2"), "acme-2");
        assert_eq!(wit_name("record"), "%record");
    }
}
