//! Rust: rustup's target, or the compiler that Debian builds WebAssembly with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Missing;
use crate::install::Packages;
use crate::path::which;

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
        let found = version();
        if found.is_some_and(|found| found >= oldest()) && Self::has_target() {
            return Ok(Self::Rustup);
        }
        Self::debian().ok_or_else(|| missing(found, which("rustup").is_some(), Packages::find()))
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
            // A small stack: two thirds of a fresh instance is clearing it. Addresses
            // that are no longer padded: a twelfth of the code.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Clink-arg=-zstack-size=65536 -Clink-arg=--compress-relocations",
            )
            .env("CARGO_TARGET_DIR", target)
            // They would replace the flags above, and are meant for this machine.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
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

fn missing(found: Option<(u32, u32)>, has_rustup: bool, packages: Option<Packages>) -> Missing {
    let mut install = Vec::new();
    let (major, minor) = oldest();
    let mut what = format!("Rust {major}.{minor} or later with the target {TARGET}");
    let old = found.filter(|found| *found < oldest());
    if let Some((major, minor)) = old {
        what.push_str(&format!(
            " (Rust {major}.{minor} is there, which is too old)"
        ));
    }
    match (has_rustup, old.is_some()) {
        (true, true) => install.push(format!("rustup update && rustup target add {TARGET}")),
        (true, false) => install.push(format!("rustup target add {TARGET}")),
        (false, _) => install.push(format!(
            "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --target \
             {TARGET} && . ~/.cargo/env"
        )),
    }
    match packages {
        Some(Packages::Apt) => {
            install.push(Packages::Apt.install(&format!("{} lld", DEBIAN_PACKAGES.join(" "))));
        }
        Some(Packages::Dnf) => {
            install.push(Packages::Dnf.install(&format!("cargo rust-std-static-{TARGET} lld")))
        }
        _ => {}
    }
    Missing { what, install }
}

/// The oldest version that compiles the SDK.
fn oldest() -> (u32, u32) {
    numbers(env!("CARGO_PKG_RUST_VERSION")).unwrap_or_default()
}

/// The version of the compiler in use.
fn version() -> Option<(u32, u32)> {
    numbers(rustc(&["--version"])?.strip_prefix("rustc ")?)
}

/// `1` and `95` of `1.95.0 (…)`.
fn numbers(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', ' ', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_gets_its_commands() {
        let first = |found, has_rustup, packages| {
            let missing = missing(found, has_rustup, packages);
            (missing.what, missing.install)
        };
        let (what, install) = first(Some((1, 95)), true, None);
        assert!(!what.contains("too old"), "{what}");
        assert_eq!(install, ["rustup target add wasm32-unknown-unknown"]);

        let (what, install) = first(Some((1, 63)), true, Some(Packages::Apt));
        assert!(
            what.contains("(Rust 1.63 is there, which is too old)"),
            "{what}"
        );
        assert_eq!(
            install,
            [
                "rustup update && rustup target add wasm32-unknown-unknown",
                "apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld",
            ]
        );

        let (_, install) = first(None, false, Some(Packages::Dnf));
        assert!(install[0].contains("https://sh.rustup.rs"), "{install:?}");
        assert!(
            install[0].contains("--target wasm32-unknown-unknown"),
            "{install:?}"
        );
        assert!(install[1].starts_with("dnf install cargo "), "{install:?}");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(numbers("1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(numbers("1.96"), Some((1, 96)));
        assert_eq!(numbers("nightly"), None);
        assert!(oldest() >= (1, 85), "the manifest says it");
    }
}
