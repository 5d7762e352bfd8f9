//! What a person types to install something here.

use crate::path::which;

/// The programs that install a system's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packages {
    /// Debian and its kin.
    Apt,
    /// Fedora and its kin.
    Dnf,
    /// SUSE.
    Zypper,
    /// Arch.
    Pacman,
    /// Alpine.
    Apk,
    /// Homebrew.
    Brew,
}

impl Packages {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (
            Self::Apt,
            "apt-get",
            "apt-get install --no-install-recommends",
        ),
        (Self::Dnf, "dnf", "dnf install"),
        (Self::Zypper, "zypper", "zypper install"),
        (Self::Pacman, "pacman", "pacman -S"),
        (Self::Apk, "apk", "apk add"),
        (Self::Brew, "brew", "brew install"),
    ];

    /// The one of this system.
    pub(crate) fn find() -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, program, _)| {
                which(program).is_some() || std::path::Path::new("/usr/bin").join(program).exists()
            })
            .map(|(packages, _, _)| *packages)
    }

    /// The command that installs `packages`.
    pub(crate) fn install(self, packages: &str) -> String {
        let command = Self::ALL
            .iter()
            .find(|(known, _, _)| *known == self)
            .map_or("", |(_, _, command)| *command);
        format!("{command} {packages}")
    }
}

/// A path as one word of a shell.
pub fn word(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(word(Path::new("/srv/acme-agent")), "/srv/acme-agent");
        assert_eq!(word(Path::new("/my code/it's")), r"'/my code/it'\''s'");
    }

    #[test]
    fn every_system_has_its_command() {
        assert_eq!(
            Packages::Apt.install("clang lld"),
            "apt-get install --no-install-recommends clang lld"
        );
        assert_eq!(Packages::Apk.install("clang lld"), "apk add clang lld");
    }
}
