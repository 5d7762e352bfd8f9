//! Command lines and scripts that run swapon(8) or swapoff(8).

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Location, Part, Unavailable};

use super::{Activation, programs};
use crate::evidence::Evidence;

/// Whether a command line runs `program`, or may, and does more than to print.
pub(super) fn runs(argv: &[String], program: &str) -> bool {
    programs::runs_of(argv, program)
        .iter()
        .any(|run| !run.arguments.iter().any(|argument| shows(argument)))
}

/// Whether a line of a shell script runs `program`.
pub(super) fn mentions(line: &str, program: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with('#') {
        return false;
    }
    let mut words = line.split(|c: char| c.is_whitespace() || ";&|()`\"'".contains(c));
    while let Some(word) = words.next() {
        if word.starts_with('#') {
            return false;
        }
        if word.rsplit('/').next() == Some(program) {
            return !words.clone().next().is_some_and(shows);
        }
    }
    false
}

/// An option with which swapon only prints.
fn shows(argument: &str) -> bool {
    matches!(
        argument,
        "-s" | "--summary" | "-h" | "--help" | "-V" | "--version"
    ) || argument.starts_with("--show")
}

/// `rc.local`, which systemd-rc-local-generator(8) starts if it is executable.
pub(super) fn rc_local(evidence: &Evidence) -> Result<Vec<Activation>, Unavailable> {
    let mut found: Vec<Activation> = Vec::new();
    let mut seen = None;
    const PATHS: [&str; 2] = ["/etc/rc.local", "/etc/rc.d/rc.local"];
    for path in PATHS {
        let _ = evidence.stat(path);
    }
    for path in PATHS {
        let (canonical, file) = match evidence.stat(path) {
            Part::Present(stat) => stat,
            Part::Absent => continue,
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        if file.mode & 0o111 == 0
            || !matches!(file.node, FileNode::Regular(_))
            || seen.as_ref() == Some(&canonical)
        {
            continue;
        }
        let text = known_text(evidence, path)?;
        found.extend(lines(
            &canonical,
            text,
            "rc-local",
            Some("rc-local.service"),
            |line| mentions(line, "swapon"),
        ));
        seen = Some(canonical);
    }
    Ok(found)
}

/// Lines `@reboot … swapon …` of crontab(5).
pub(super) fn cron(evidence: &Evidence) -> Result<Vec<Activation>, Unavailable> {
    const DIRECTORIES: [&str; 3] = ["/etc/cron.d", "/var/spool/cron", "/var/spool/cron/crontabs"];
    let mut paths = vec!["/etc/crontab".to_owned()];
    // All of them are looked at before the first fault ends this.
    for directory in DIRECTORIES {
        let _ = evidence.names(directory);
    }
    for directory in DIRECTORIES {
        match evidence.names(directory) {
            Part::Present(names) => {
                paths.extend(names.iter().map(|name| format!("{directory}/{name}")));
            }
            Part::Absent => {}
            Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
        }
    }
    for path in &paths {
        let _ = evidence.text(path);
    }
    let mut found = Vec::new();
    for path in paths {
        if matches!(evidence.stat(&path), Part::Present((_, file)) if matches!(file.node, FileNode::Directory(_)))
        {
            continue;
        }
        let text = known_text(evidence, &path)?;
        found.extend(lines(&path, text, "cron", None, |line| {
            line.trim_start()
                .strip_prefix("@reboot")
                .is_some_and(|rest| mentions(rest, "swapon"))
        }));
    }
    Ok(found)
}

/// The text of a file; empty if it does not exist.
pub(super) fn known_text<'a>(evidence: &'a Evidence, path: &str) -> Result<&'a str, Unavailable> {
    match evidence.text(path) {
        Part::Present(text) => Ok(text),
        Part::Absent => Ok(""),
        Part::Unreadable(why) => Err(Unavailable::new(path, why)),
    }
}

fn lines(
    path: &str,
    text: &str,
    kind: &'static str,
    unit: Option<&str>,
    active: impl Fn(&str) -> bool,
) -> Vec<Activation> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| active(line))
        .map(|(number, line)| Activation {
            kind,
            what: path.to_owned(),
            unit: unit.map(str::to_owned),
            at: Location::line(path, number),
            text: Some(line.trim().to_owned()),
            before_kubelet: false,
            device_present: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn commands_that_turn_swap_on() {
        for line in [
            "/sbin/swapon|-a",
            "swapon|/swapfile",
            "/bin/sh|-c|mkswap /dev/zram0 && /usr/sbin/swapon -p 5 /dev/zram0",
        ] {
            assert!(runs(&argv(line), "swapon"), "{line}");
        }
        for line in [
            "/sbin/swapoff|-a",
            "swapon|--show=NAME",
            "/usr/bin/swapon-helper",
            "/bin/echo|swapon",
            "/bin/sh|-c|echo swapon",
            "/bin/sh|-c|swapon -s",
            "/bin/sh|-c|true # swapon -a",
        ] {
            assert!(!runs(&argv(line), "swapon"), "{line}");
        }
    }
}
