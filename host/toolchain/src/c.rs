//! C: clang and wasm-ld of LLVM, or `zig cc`, which has both. Neither a C library
//! nor WASI is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;
use crate::install::Packages;
use crate::path::which;

/// The versions of LLVM that are looked for, the newest first.
const VERSIONS: std::ops::Range<u32> = 14..40;

/// A compiler of C that can build policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clang {
    /// clang, and `wasm-ld` of the same LLVM.
    Llvm {
        /// The compiler.
        clang: PathBuf,
        /// The linker.
        linker: PathBuf,
    },
    /// `zig cc`: clang and its linker in one program.
    Zig(PathBuf),
}

impl Clang {
    /// Finds the newest pair of clang and its linker; `zig` where there is none.
    ///
    /// # Errors
    /// [`Missing`], with the commands that install one.
    pub fn find() -> Result<Self, Missing> {
        let plain = which("clang").zip(which("wasm-ld"));
        let newest = VERSIONS.rev().find_map(|version| {
            which(&format!("clang-{version}")).zip(which(&format!("wasm-ld-{version}")))
        });
        newest
            .or(plain)
            .filter(|(clang, _)| knows_wasm(clang))
            .map(|(clang, linker)| Self::Llvm { clang, linker })
            // The second is what the package of PyPI calls it.
            .or_else(|| which("zig").or_else(|| which("python-zig")).map(Self::Zig))
            .ok_or_else(|| missing(Packages::find()))
    }

    /// The compiler for freestanding WebAssembly that is as small as it gets; the
    /// caller adds sources and `-o`.
    pub fn command(&self) -> Command {
        let mut command = match self {
            Self::Llvm { clang, linker } => {
                let mut command = Command::new(clang);
                command
                    .args(["--target=wasm32-unknown-unknown", "-mbulk-memory", "-flto"])
                    .arg("-Wl,--stack-first")
                    .arg(format!("-fuse-ld={}", linker.display()));
                command
            }
            Self::Zig(zig) => {
                let mut command = Command::new(zig);
                command.args([
                    "cc",
                    "-target",
                    "wasm32-freestanding",
                    "-mcpu=generic+bulk_memory",
                ]);
                command
            }
        };
        command.args([
            "-nostdlib",
            "-ffreestanding",
            "-Oz",
            "-Wl,--no-entry",
            "-Wl,--strip-all",
            "-Wl,-z,stack-size=65536",
        ]);
        command
    }
}

fn missing(packages: Option<Packages>) -> Missing {
    Missing {
        what: "clang for WebAssembly, with its linker wasm-ld,".to_owned(),
        install: vec![
            match packages {
                // Homebrew keeps its own clang out of PATH.
                Some(Packages::Brew) => {
                    "brew install llvm lld && export PATH=\"$(brew --prefix llvm)/bin:$PATH\""
                        .to_owned()
                }
                Some(packages) => packages.install("clang lld"),
                None => "the packages `clang` and `lld` of your system".to_owned(),
            },
            "pip install ziglang".to_owned(),
        ],
    }
}

fn knows_wasm(clang: &Path) -> bool {
    let output = Command::new(clang).arg("--print-targets").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("wasm32"))
}
