//! C: clang and wasm-ld of LLVM. Neither a C library nor WASI is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;
use crate::install::Packages;
use crate::path::which;

/// The versions of LLVM that are looked for, the newest first.
const VERSIONS: std::ops::Range<u32> = 14..40;

/// A clang that can build policies, and its linker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clang {
    /// The compiler.
    pub clang: PathBuf,
    /// `wasm-ld`.
    pub linker: PathBuf,
}

impl Clang {
    /// Finds the newest pair of both.
    ///
    /// # Errors
    /// [`Missing`], with the command that installs them.
    pub fn find() -> Result<Self, Missing> {
        let plain = which("clang").zip(which("wasm-ld"));
        let newest = VERSIONS.rev().find_map(|version| {
            which(&format!("clang-{version}")).zip(which(&format!("wasm-ld-{version}")))
        });
        newest
            .or(plain)
            .filter(|(clang, _)| knows_wasm(clang))
            .map(|(clang, linker)| Self { clang, linker })
            .ok_or_else(|| missing(Packages::find()))
    }

    /// clang for freestanding WebAssembly that is as small as it gets; the
    /// caller adds sources and `-o`.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.clang);
        command
            .args([
                "--target=wasm32-unknown-unknown",
                "-nostdlib",
                "-ffreestanding",
                "-mbulk-memory",
                "-Oz",
                "-flto",
                "-Wl,--no-entry",
                "-Wl,--strip-all",
                "-Wl,--stack-first",
                "-Wl,-z,stack-size=65536",
            ])
            .arg(format!("-fuse-ld={}", self.linker.display()));
        command
    }
}

fn missing(packages: Option<Packages>) -> Missing {
    Missing {
        what: "clang for WebAssembly, with its linker wasm-ld,".to_owned(),
        install: vec![match packages {
            // Homebrew keeps its own clang out of PATH.
            Some(Packages::Brew) => {
                "brew install llvm lld && export PATH=\"$(brew --prefix llvm)/bin:$PATH\""
                    .to_owned()
            }
            Some(packages) => packages.install("clang lld"),
            None => "the packages `clang` and `lld` of your system".to_owned(),
        }],
    }
}

fn knows_wasm(clang: &Path) -> bool {
    let output = Command::new(clang).arg("--print-targets").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("wasm32"))
}
