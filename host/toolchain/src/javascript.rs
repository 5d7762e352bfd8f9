//! JavaScript: `componentize-qjs`, which puts a policy together with a small
//! engine, QuickJS; and the compiler of TypeScript.

use std::path::{Path, PathBuf};

use crate::Missing;
use crate::install::{Packages, word};
use crate::path::{is_program, which};

/// `componentize-qjs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qjs(pub PathBuf);

impl Qjs {
    /// Finds the one that a project has in `node_modules`, else one in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with the command that installs it.
    pub fn find(project: &Path) -> Result<Self, Missing> {
        let what = "componentize-qjs, which makes components of JavaScript,";
        find(project, "componentize-qjs", what).map(Self)
    }
}

/// `tsc`, the compiler of TypeScript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tsc(pub PathBuf);

impl Tsc {
    /// Finds the one that a project has in `node_modules`, else one in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with the command that installs it.
    pub fn find(project: &Path) -> Result<Self, Missing> {
        find(project, "tsc", "tsc, the compiler of TypeScript,").map(Self)
    }
}

fn find(project: &Path, program: &str, what: &str) -> Result<PathBuf, Missing> {
    project
        .ancestors()
        .map(|directory| directory.join("node_modules/.bin").join(program))
        .find(|program| is_program(program))
        .or_else(|| which(program))
        .ok_or_else(|| missing(what, project, which("npm").is_some(), Packages::find()))
}

fn missing(what: &str, project: &Path, has_npm: bool, packages: Option<Packages>) -> Missing {
    let install = format!("cd {} && npm install", word(project));
    Missing {
        what: what.to_owned(),
        install: vec![if has_npm {
            install
        } else {
            match packages {
                Some(Packages::Brew) => format!("brew install node && {install}"),
                Some(packages) => format!("{} && {install}", packages.install("nodejs npm")),
                None => format!("{install}    (with Node.js and npm of https://nodejs.org)"),
            }
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_for_the_project() {
        let project = Path::new("/srv/my policy");
        assert_eq!(
            missing("tsc", project, true, Some(Packages::Apt)).install,
            ["cd '/srv/my policy' && npm install"]
        );
        assert_eq!(
            missing("tsc", project, false, Some(Packages::Apk)).install,
            ["apk add nodejs npm && cd '/srv/my policy' && npm install"]
        );
    }
}
