//! The sources of the standard policies as modules of one crate.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// Each policy as a module, and the table `table` of their ids and what each
/// calls `member`, in order of their ids. The crate gives `policy!` its meaning.
pub(crate) fn as_modules(
    plugins: &Path,
    out: &Path,
    member: &str,
    table: &str,
) -> Result<String, Box<dyn Error>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(plugins)? {
        let id = entry?.file_name().to_string_lossy().into_owned();
        if id != "sdk" && plugins.join(&id).join("src/lib.rs").is_file() {
            ids.push(id);
        }
    }
    ids.sort();
    let (mut modules, mut rows) = (String::new(), String::new());
    for id in ids {
        let name = id.replace('-', "_");
        let copy = out.join("policies").join(&name);
        copy_as_module(&plugins.join(&id).join("src"), &copy, &name)?;
        let path = copy.join("lib.rs");
        writeln!(modules, "#[path = {path:?}]\nmod {name};")?;
        writeln!(rows, "    ({id:?}, {name}::{member}),")?;
    }
    Ok(format!(
        "{modules}\n/// Every policy, in order of their ids.\nstatic {table} = &[\n{rows}];\n"
    ))
}

/// Copies the sources of a crate, in which its root is a module of that name.
fn copy_as_module(from: &Path, to: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_as_module(&source, &target, name)?;
        } else {
            let text = std::fs::read_to_string(&source)?;
            let text = text
                .replace("crate::", &format!("crate::{name}::"))
                .replace("nodepol_plugin::policy!", "policy!");
            std::fs::write(target, text)?;
        }
    }
    Ok(())
}
