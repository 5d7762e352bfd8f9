//! Keeps a copy of the public interface as it was released.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The line that names the package and its version, in every file of `wit/`.
const PACKAGE: &str = "package nodepol:policy@";

/// Copies `wit/*.wit` to `wit/frozen/VERSION/`. A copy that is there is never
/// written over: what was released stays what it was.
pub(crate) fn freeze(workspace: &Workspace) -> Result<()> {
    let wit = workspace.root.join("wit");
    let mut files = Vec::new();
    for entry in fs::read_dir(&wit).context("cannot read wit/")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            files.push((path, text));
        }
    }
    let version = files
        .iter()
        .flat_map(|(_, text)| text.lines())
        .find_map(|line| line.strip_prefix(PACKAGE)?.strip_suffix(';'))
        .context("no file of wit/ names the package's version")?;
    let copy = wit.join("frozen").join(version);
    if copy.exists() {
        bail!(
            "{version} is frozen already, in {}; raise the version in wit/ first",
            copy.display()
        );
    }
    fs::create_dir_all(&copy).with_context(|| format!("cannot create {}", copy.display()))?;
    for (path, text) in &files {
        let name = path.file_name().context("a file without a name")?;
        fs::write(copy.join(name), text)
            .with_context(|| format!("cannot write to {}", copy.display()))?;
    }
    println!("{}", copy.display());
    Ok(())
}
