//! sysctl.d(5), as systemd-sysctl applies it at boot.

use std::collections::BTreeMap;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Location, Part, Unavailable};

use super::pattern::matches;
use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// The strongest first: of files with one name, the first counts.
const DIRECTORIES: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

/// The path of a key below /proc/sys. If its first separator is a slash, dots
/// are themselves; else dots separate and slashes stand for dots.
pub(super) fn path(key: &str) -> String {
    match key.find(['.', '/']) {
        Some(at) if key.get(at..=at) == Some("/") => key.to_owned(),
        _ => key
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect(),
    }
}

/// What the files set a key to. `/etc/sysctl.conf` counts where a drop-in links
/// to it, as Debian's `99-sysctl.conf` does: systemd does not read it.
pub(super) fn configured(
    evidence: &Evidence,
    key: &str,
) -> Result<Option<Sourced<String>>, Unavailable> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for directory in DIRECTORIES {
        match evidence.names(directory) {
            Part::Present(names) => {
                for name in names.iter().filter(|name| name.ends_with(".conf")) {
                    files
                        .entry(name.clone())
                        .or_insert_with(|| format!("{directory}/{name}"));
                }
            }
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
        }
    }
    let (mut exact, mut globbed, mut excluded) = (None, None, false);
    for file in files.into_values() {
        let is_mask = matches!(evidence.lstat(&file), Part::Present(found)
            if matches!(&found.node, FileNode::Symlink(target) if target == "/dev/null"));
        if is_mask {
            continue;
        }
        let Some(text) = evidence.text(&file).known(&file)?.copied() else {
            continue;
        };
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let at = Location::line(&file, line);
            // A leading dash means that a failure is no fault.
            let bare = text.strip_prefix('-').unwrap_or(text);
            match bare.split_once('=') {
                Some((name, value)) => {
                    let name = path(name.trim());
                    let value = Sourced::new(value.trim().to_owned(), at);
                    if name == key {
                        exact = Some(value);
                    } else if name.contains(['*', '?', '[']) && glob_matches(&name, key) {
                        globbed = Some(value);
                    }
                }
                None if text.starts_with('-') => {
                    excluded |= glob_matches(&path(bare.trim()), key);
                }
                None => {}
            }
        }
    }
    // An explicit key wins over a pattern; an exclusion is one from patterns.
    Ok(exact.or(globbed.filter(|_| !excluded)))
}

fn glob_matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), key.split('/').collect());
    pattern.len() == key.len() && pattern.iter().zip(&key).all(|(p, k)| matches(p, k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        assert_eq!(path("net.ipv4.conf.eth0/1.x"), "net/ipv4/conf/eth0.1/x");
        assert_eq!(path("net/ipv4/conf/eth0.1/x"), "net/ipv4/conf/eth0.1/x");
        assert!(glob_matches(
            "net/ipv4/conf/*/rp_filter",
            "net/ipv4/conf/all/rp_filter"
        ));
        assert!(!glob_matches("net/*", "net/ipv4/x"));
    }
}
