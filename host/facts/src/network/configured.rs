//! The addresses in the files that configure interfaces.

use std::net::IpAddr;

use nodepol_model::{Location, Part, Unavailable};

use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// Where these files are, and how their names end.
const PLACES: [(&str, &str); 8] = [
    ("/etc/netplan", ".yaml"),
    ("/etc/systemd/network", ".network"),
    ("/usr/lib/systemd/network", ".network"),
    ("/etc/network", "interfaces"),
    ("/etc/network/interfaces.d", ""),
    ("/etc/NetworkManager/system-connections", ".nmconnection"),
    ("/etc/sysconfig/network-scripts", ""),
    ("/etc/sysconfig/network", ""),
];

/// Names with which interfaces are configured where the directory has others.
const PREFIXED: [&str; 2] = ["/etc/sysconfig/network-scripts", "/etc/sysconfig/network"];

pub(super) fn addresses(evidence: &Evidence) -> Result<Vec<Sourced<String>>, Unavailable> {
    let mut found = Vec::new();
    // All are asked for, so that what was not gathered is read in one go.
    let mut unavailable = None;
    for (directory, end) in PLACES {
        let names = match evidence.names(directory) {
            Part::Present(names) => names,
            Part::Absent => continue,
            // Of an old RHEL: a file of that name.
            Part::Unreadable(why) if why == "it is not a directory" => continue,
            Part::Unreadable(why) => {
                unavailable.get_or_insert(Unavailable::new(directory, why));
                continue;
            }
        };
        for name in names.iter().filter(|name| name.ends_with(end)) {
            if PREFIXED.contains(&directory) && !name.starts_with("ifcfg-") {
                continue;
            }
            let path = format!("{directory}/{name}");
            match evidence.text(&path) {
                Part::Present(text) => found.extend(in_text(&path, text)),
                Part::Absent => {}
                Part::Unreadable(why) if why == "it is a directory" => {}
                Part::Unreadable(why) => {
                    unavailable.get_or_insert(Unavailable::new(path, why));
                }
            }
        }
    }
    match unavailable {
        Some(unavailable) => Err(unavailable),
        None => Ok(found),
    }
}

fn in_text(path: &str, text: &str) -> Vec<Sourced<String>> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        for word in line.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'))) {
            // A key of YAML ends in a colon.
            let word = word.trim_end_matches('.');
            if let Ok(address) = word.parse::<IpAddr>() {
                found.push(Sourced::new(
                    address.to_string(),
                    Location::line(path, number),
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let text = "# 10.0.0.1\nnetwork:\n  bonds:\n    bond0:\n      addresses: [10.0.0.5/24, \"fd00::5/64\"]\naddress1=10.0.0.6/24,10.0.0.1\n";
        let found: Vec<_> = in_text("f", text)
            .into_iter()
            .map(|a| format!("{} {}", a.value, a.origin))
            .collect();
        assert_eq!(
            found,
            [
                "10.0.0.5 f:5",
                "fd00::5 f:5",
                "10.0.0.6 f:6",
                "10.0.0.1 f:6"
            ]
        );
    }
}
