//! JavaScript: `jco`, which puts a policy together with a small engine.

use std::path::{Path, PathBuf};

use crate::Missing;
use crate::path::{is_program, which};

/// `jco`, the component toolchain of the Bytecode Alliance for JavaScript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jco(pub PathBuf);

impl Jco {
    /// Finds the one that a project has in `node_modules`, else one in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with the command that installs it.
    pub fn find(project: &Path) -> Result<Self, Missing> {
        project
            .ancestors()
            .map(|directory| directory.join("node_modules/.bin/jco"))
            .find(|program| is_program(program))
            .or_else(|| which("jco"))
            .map(Self)
            .ok_or_else(|| Missing {
                what: "jco, which builds components of JavaScript,".to_owned(),
                install: vec![if which("npm").is_some() {
                    "npm install    (in the project's directory)".to_owned()
                } else {
                    "Node.js 20 or later with npm, then `npm install` in the project's directory"
                        .to_owned()
                }],
            })
    }
}
