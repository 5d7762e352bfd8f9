//! Rust: rustup's target, or the compiler that Debian builds WebAssembly with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;

/// The target that policies are compiled for: WebAssembly and nothing else.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The packages of a Debian that build WebAssembly without rustup's servers.
pub const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Variables by which the cargo that runs this would steer the one it starts.
const INHERITED: [&str; 6] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
];

/// A Rust compiler that can build policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rust {
    /// The one that is in use, with the target's standard library.
    Rustup,
    /// The distribution's, which builds the standard library from its source.
    Debian {
        /// A linker for WebAssembly.
        linker: PathBuf,
    },
}

impl Rust {
    /// Finds one.
    ///
    /// # Errors
    /// [`Missing`], with the commands that install one.
    pub fn find() -> Result<Self, Missing> {
        if Self::has_target() {
            return Ok(Self::Rustup);
        }
        Self::debian().ok_or_else(|| {
            let mut install = Vec::new();
            if rustc(&["--version"]).is_none() {
                install.push(
                    "the installer of https://rustup.rs, then `rustup target add \
                     wasm32-unknown-unknown`"
                        .to_owned(),
                );
            } else {
                install.push(format!("rustup target add {TARGET}"));
            }
            if Path::new("/etc/debian_version").exists() {
                install.push(format!(
                    "apt-get install --no-install-recommends {} lld",
                    DEBIAN_PACKAGES.join(" ")
                ));
            }
            Missing {
                what: format!("a Rust compiler for {TARGET}"),
                install,
            }
        })
    }

    /// Whether the compiler in use has the standard library of the target.
    pub fn has_target() -> bool {
        sysroot().is_some_and(|root| root.join("lib/rustlib").join(TARGET).join("lib").is_dir())
    }

    /// The distribution's compiler, if it is installed with a linker.
    pub fn debian() -> Option<Self> {
        let installed = Path::new("/usr/bin/rustc").exists()
            && Path::new("/usr/bin/cargo").exists()
            && Path::new("/usr/lib/rustlib/src/rust/library/std").exists();
        if !installed {
            return None;
        }
        let own = sysroot().map(|root| root.join("lib/rustlib").join(host()).join("bin/rust-lld"));
        let linker = own
            .into_iter()
            .chain(
                (14..30)
                    .rev()
                    .map(|version| PathBuf::from(format!("/usr/bin/wasm-ld-{version}"))),
            )
            .chain(std::iter::once(PathBuf::from("/usr/bin/wasm-ld")))
            .find(|linker| linker.exists())?;
        Some(Self::Debian { linker })
    }

    /// `cargo build` for WebAssembly into `target`, a directory of its own: two
    /// compilers must not share one. The caller adds packages and a profile.
    pub fn cargo_build(&self, target: &Path) -> Command {
        let mut command = match self {
            Self::Rustup => {
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            }
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        command
            .args(["build", "--target", TARGET])
            // A small stack: two thirds of a fresh instance is clearing it.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Clink-arg=-zstack-size=65536",
            )
            .env("CARGO_TARGET_DIR", target);
        if let Self::Debian { linker } = self {
            for variable in INHERITED {
                command.env_remove(variable);
            }
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

/// What rustc prints; none if there is no rustc, or it fails.
fn rustc(arguments: &[&str]) -> Option<String> {
    let output = Command::new("rustc").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn sysroot() -> Option<PathBuf> {
    rustc(&["--print", "sysroot"]).map(PathBuf::from)
}

fn host() -> String {
    rustc(&["--version", "--verbose"])
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .unwrap_or_default()
}
