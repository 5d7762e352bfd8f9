//! The command line that the boot loader is configured to pass.

use nodepol_model::{Location, Part, Unavailable};

use crate::evidence::Evidence;
use crate::shell_word::unquote;
use crate::sourced::Sourced;

/// Directories of boot loader entries (the Boot Loader Specification, type 1).
const ENTRIES: [&str; 4] = [
    "/boot/loader/entries",
    "/efi/loader/entries",
    "/boot/efi/loader/entries",
    "/boot/firmware/loader/entries",
];
/// What GRUB really reads.
const GRUB: [&str; 2] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];
/// The environment block in which Fedora's GRUB keeps `kernelopts`.
const GRUB_ENVIRONMENT: [&str; 2] = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];
/// Files that are the command line itself.
const PLAIN: [&str; 3] = [
    "/boot/firmware/cmdline.txt",
    "/boot/cmdline.txt",
    "/etc/kernel/cmdline",
];

/// The words of a command line; double quotes hold blanks together, as in the
/// kernel's `next_arg`.
pub(crate) fn words(text: &str, at: &Location) -> Vec<Sourced<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(Sourced::new(std::mem::take(&mut word), at.clone()));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(Sourced::new(word, at.clone()));
    }
    words
}

/// What the next boot gets, by the first boot loader that is configured.
pub(crate) fn configured(evidence: &Evidence) -> Result<Vec<Sourced<String>>, Unavailable> {
    for directory in ENTRIES {
        if let Some(words) = entry(evidence, directory)? {
            return Ok(words);
        }
    }
    for path in GRUB {
        if let Some(text) = evidence.text(path).known(path)?
            && let Some(words) = grub_menu(text, path)
        {
            return Ok(words);
        }
    }
    if let Some(words) = grub_defaults(evidence)? {
        return Ok(words);
    }
    for path in PLAIN {
        if let Some(text) = evidence.text(path).known(path)? {
            return Ok((1..)
                .zip(text.lines())
                .filter(|(_, line)| !line.trim_start().starts_with('#'))
                .flat_map(|(line, text)| words(text, &Location::line(path, line)))
                .collect());
        }
    }
    Err(Unavailable::new(
        "/boot",
        "no configuration of a boot loader is there that names a kernel command line",
    ))
}

/// The entry that GRUB saved as its default, else the last by name: the newest
/// kernel.
fn entry(
    evidence: &Evidence,
    directory: &str,
) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    let names = match evidence.names(directory) {
        Part::Present(names) => names,
        Part::Absent => return Ok(None),
        Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
    };
    let environment = grub_environment(evidence)?;
    let variable = |name: &str| {
        environment
            .iter()
            .find(|variable| variable.0 == name)
            .map(|variable| variable.1.clone())
    };
    let saved = variable("saved_entry").map(|id| format!("{id}.conf"));
    let entries = || names.iter().filter(|name| name.ends_with(".conf"));
    let Some(name) = entries()
        .find(|name| Some(name.as_str()) == saved.as_deref())
        .or_else(|| entries().rfind(|name| !name.contains("rescue")))
    else {
        return Ok(None);
    };
    let path = format!("{directory}/{name}");
    let text = match evidence.text(&path) {
        Part::Present(text) => text,
        Part::Absent => return Ok(None),
        Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
    };
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let Some(options) = text.trim_start().strip_prefix("options") else {
            continue;
        };
        for word in words(options, &Location::line(&path, line)) {
            match word.value.strip_prefix('$').and_then(variable) {
                Some(value) => found.extend(words(&value, &word.origin)),
                None => found.push(word),
            }
        }
    }
    Ok(Some(found))
}

fn grub_environment(evidence: &Evidence) -> Result<Vec<(String, String)>, Unavailable> {
    for path in GRUB_ENVIRONMENT {
        if let Some(text) = evidence.text(path).known(path)? {
            let variables = text.lines().filter_map(|line| line.split_once('='));
            return Ok(variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect());
        }
    }
    Ok(Vec::new())
}

/// The kernel of the first menu entry.
fn grub_menu(text: &str, path: &str) -> Option<Vec<Sourced<String>>> {
    (1..).zip(text.lines()).find_map(|(line, text)| {
        let mut parts = text.split_whitespace();
        matches!(parts.next()?, "linux" | "linux16" | "linuxefi").then(|| ())?;
        parts.next()?;
        let rest = parts.collect::<Vec<_>>().join(" ");
        let found = words(&rest, &Location::line(path, line));
        Some(
            found
                .into_iter()
                .filter(|word| !word.value.starts_with('$'))
                .collect(),
        )
    })
}

/// `/etc/default/grub` and the files beside it, as `update-grub` reads them.
fn grub_defaults(evidence: &Evidence) -> Result<Option<Vec<Sourced<String>>>, Unavailable> {
    const VARIABLES: [&str; 2] = ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"];
    let mut files = vec!["/etc/default/grub".to_owned()];
    if let Part::Present(names) = evidence.names("/etc/default/grub.d") {
        let names = names.iter().filter(|name| name.ends_with(".cfg"));
        files.extend(names.map(|name| format!("/etc/default/grub.d/{name}")));
    }
    let mut values: [Option<Vec<Sourced<String>>>; 2] = [None, None];
    for path in files {
        let Some(text) = evidence.text(&path).known(&path)?.copied() else {
            continue;
        };
        for (line, text) in (1..).zip(text.lines()) {
            let Some((name, value)) = text.trim().split_once('=') else {
                continue;
            };
            let at = Location::line(&path, line);
            for (variable, slot) in VARIABLES.iter().zip(&mut values) {
                if name == *variable {
                    // A file may add to what came before it.
                    let before = slot.take().unwrap_or_default();
                    let itself = [format!("${variable}"), format!("${{{variable}}}")];
                    let mut new = Vec::new();
                    for word in words(&unquote(value), &at) {
                        if itself.contains(&word.value) {
                            new.extend(before.iter().cloned());
                        } else {
                            new.push(word);
                        }
                    }
                    *slot = Some(new);
                }
            }
        }
    }
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    Ok(Some(values.into_iter().flatten().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let found = words("a=\"b c\" d\n", &Location::source("x"));
        let found: Vec<_> = found.into_iter().map(|word| word.value).collect();
        assert_eq!(found, ["a=b c", "d"]);
    }

    #[test]
    fn the_first_entry_of_the_menu_counts() {
        let text =
            "menuentry 'A' {\n\tlinux /vmlinuz root=/dev/sda1 ro $vars quiet\n}\nlinux /old x\n";
        let found = grub_menu(text, "/boot/grub/grub.cfg").unwrap();
        let values: Vec<_> = found.iter().map(|word| word.value.as_str()).collect();
        assert_eq!(values, ["root=/dev/sda1", "ro", "quiet"]);
        assert_eq!(found[0].origin.line, Some(2));
    }
}
