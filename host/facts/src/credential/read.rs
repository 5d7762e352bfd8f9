//! Files as the kubelet's `os.ReadFile` finds them.

use nodepol_model::snapshot::{Content, FileNode};
use nodepol_model::{Part, Unavailable};

use crate::evidence::Evidence;

/// What reading a file gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// Its canonical path and its text.
    Text(String, &'a str),
    /// Its canonical path; it holds something that is no text.
    Binary(String),
    /// Nothing is there.
    Absent,
    /// A directory.
    Directory,
}

/// Reads `path`, links followed.
///
/// # Errors
/// [`Unavailable`] if the snapshot does not know what is there.
pub(super) fn read<'a>(evidence: &'a Evidence, path: &str) -> Result<Read<'a>, Unavailable> {
    let (canonical, file) = match evidence.stat(path) {
        Part::Present(found) => found,
        Part::Absent => return Ok(Read::Absent),
        Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
    };
    match &file.node {
        FileNode::Directory(_) => Ok(Read::Directory),
        FileNode::Regular(Content::Text(text)) => Ok(Read::Text(canonical, text)),
        FileNode::Regular(Content::Binary(_)) => Ok(Read::Binary(canonical)),
        // Asking for the text makes it wanted where only its metadata is there.
        _ => match evidence.text(path) {
            Part::Present(text) => Ok(Read::Text(canonical, text)),
            Part::Absent => Ok(Read::Absent),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        },
    }
}

/// A path as the kubelet sees it: systemd starts it in `/`.
pub(super) fn absolute(path: &str) -> String {
    join("/", path)
}

/// Go's `filepath.Join`, or the second path alone if it is absolute.
pub(super) fn join(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
