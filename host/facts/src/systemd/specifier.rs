//! Specifiers: `%n`, `%i`, … in unit files.
//!
//! Source: `man systemd.unit` (specifiers); `specifier_printf` in
//! `src/shared/specifier.c`, `src/core/unit-printf.c`.

use nodepol_model::Part;

use super::name;
use crate::evidence::Evidence;

/// A specifier of which the value cannot be known from files, such as `%b`, or
/// that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undetermined(pub char);

/// Expands the specifiers of the system manager for a unit. An unknown letter
/// stands for itself, as with systemd.
pub(super) fn expand(text: &str, unit: &str, evidence: &Evidence) -> Result<String, Undetermined> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut expanded = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        let Some(letter) = chars.next() else {
            expanded.push('%');
            break;
        };
        match value(letter, unit, evidence)? {
            Some(value) => expanded.push_str(&value),
            None => expanded.extend(['%', letter]),
        }
    }
    Ok(expanded)
}

fn value(letter: char, unit: &str, evidence: &Evidence) -> Result<Option<String>, Undetermined> {
    let undetermined = || Undetermined(letter);
    let last_of_prefix = || name::prefix(unit).rsplit('-').next().unwrap_or("");
    Ok(Some(match letter {
        '%' => "%".to_owned(),
        'n' => unit.to_owned(),
        'N' => name::stem(unit).to_owned(),
        'p' => name::prefix(unit).to_owned(),
        'P' => name::unescape(name::prefix(unit)).ok_or_else(undetermined)?,
        'i' => name::instance(unit).unwrap_or("").to_owned(),
        'I' => name::unescape(name::instance(unit).unwrap_or("")).ok_or_else(undetermined)?,
        'j' => last_of_prefix().to_owned(),
        'J' => name::unescape(last_of_prefix()).ok_or_else(undetermined)?,
        'f' => {
            let text = name::instance(unit).unwrap_or_else(|| name::prefix(unit));
            name::unescape_path(text).ok_or_else(undetermined)?
        }
        't' => "/run".to_owned(),
        'S' => "/var/lib".to_owned(),
        'C' => "/var/cache".to_owned(),
        'L' => "/var/log".to_owned(),
        'E' => "/etc".to_owned(),
        'T' => "/tmp".to_owned(),
        'V' => "/var/tmp".to_owned(),
        'd' => format!("/run/credentials/{unit}"),
        'u' | 'g' => "root".to_owned(),
        'U' | 'G' => "0".to_owned(),
        'h' => "/root".to_owned(),
        's' => "/bin/sh".to_owned(),
        'H' | 'q' => hostname(evidence).ok_or_else(undetermined)?,
        'l' => {
            let hostname = hostname(evidence).ok_or_else(undetermined)?;
            hostname.split('.').next().unwrap_or("").to_owned()
        }
        'm' => first_line(evidence, "/etc/machine-id")
            .filter(|id| id.len() == 32)
            .ok_or_else(undetermined)?,
        'v' => first_line(evidence, "/proc/sys/kernel/osrelease").ok_or_else(undetermined)?,
        'o' => os_release(evidence, "ID").ok_or_else(undetermined)?,
        'w' => os_release(evidence, "VERSION_ID").unwrap_or_default(),
        'W' => os_release(evidence, "VARIANT_ID").unwrap_or_default(),
        'B' => os_release(evidence, "BUILD_ID").unwrap_or_default(),
        'M' => os_release(evidence, "IMAGE_ID").unwrap_or_default(),
        'A' => os_release(evidence, "IMAGE_VERSION").unwrap_or_default(),
        // Each boot has its own, and architectures and credentials are not read.
        'b' | 'a' | 'c' | 'r' | 'R' | 'y' | 'Y' => return Err(undetermined()),
        _ => return Ok(None),
    }))
}

pub(super) fn first_line(evidence: &Evidence, path: &str) -> Option<String> {
    let Part::Present(text) = evidence.text(path) else {
        return None;
    };
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .map(str::to_owned)
}

/// The node's name: the kernel's while it runs, else that of the file.
fn hostname(evidence: &Evidence) -> Option<String> {
    first_line(evidence, "/proc/sys/kernel/hostname")
        .or_else(|| first_line(evidence, "/etc/hostname").filter(|line| !line.starts_with('#')))
}

pub(super) fn os_release(evidence: &Evidence, key: &str) -> Option<String> {
    let text = ["/etc/os-release", "/usr/lib/os-release"]
        .into_iter()
        .find_map(|path| evidence.text(path).present().map(|text| (*text).to_owned()))?;
    super::environment::parse("/etc/os-release", &text)
        .into_iter()
        .rfind(|variable| variable.name == key)
        .map(|variable| variable.value)
}
