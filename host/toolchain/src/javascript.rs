//! JavaScript: `componentize-qjs`, which puts a policy together with a small
//! engine, QuickJS.

use std::path::{Path, PathBuf};

use crate::Missing;
use crate::path::{is_program, which};

const PROGRAM: &str = "componentize-qjs";

/// `componentize-qjs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qjs(pub PathBuf);

impl Qjs {
    /// Finds the one that a project has in `node_modules`, else one in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with the command that installs it.
    pub fn find(project: &Path) -> Result<Self, Missing> {
        project
            .ancestors()
            .map(|directory| directory.join("node_modules/.bin").join(PROGRAM))
            .find(|program| is_program(program))
            .or_else(|| which(PROGRAM))
            .map(Self)
            .ok_or_else(|| Missing {
                what: format!("{PROGRAM}, which makes components of JavaScript,"),
                install: vec![if which("npm").is_some() {
                    "npm install    (in the project's directory)".to_owned()
                } else if Path::new("/etc/debian_version").exists() {
                    "apt-get install npm, then `npm install` in the project's directory".to_owned()
                } else {
                    "Node.js 20 or later with npm, then `npm install` in the project's directory"
                        .to_owned()
                }],
            })
    }
}
