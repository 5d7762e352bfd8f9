//! Finds a compiler that can build WebAssembly, and installs one where none is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{check, step};
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// The packages of a Debian that build WebAssembly without rustup's servers.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Variables by which the cargo that runs this would steer the one it starts.
const INHERITED: [&str; 6] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
];

/// A compiler that can build components.
pub(crate) enum Toolchain {
    /// The one that runs this, with the target's standard library.
    Rustup,
    /// The distribution's, which builds the standard library from its source.
    Debian {
        /// A linker for WebAssembly.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds one, or installs one.
    pub(crate) fn find() -> Result<Self> {
        if has_target()? {
            return Ok(Self::Rustup);
        }
        if let Some(toolchain) = Self::debian() {
            return Ok(toolchain);
        }
        step(&format!(
            "installing the compiler's {TARGET} target with rustup"
        ));
        let rustup = Command::new("rustup")
            .args(["target", "add", TARGET])
            .status();
        if rustup.is_ok_and(|status| status.success()) && has_target()? {
            return Ok(Self::Rustup);
        }
        if Path::new("/etc/debian_version").exists() && is_root() {
            step(&format!(
                "rustup cannot; installing {}",
                DEBIAN_PACKAGES.join(", ")
            ));
            check(apt_get().arg("update"))?;
            check(
                apt_get()
                    .args(["install", "--yes", "--no-install-recommends"])
                    .args(DEBIAN_PACKAGES),
            )?;
            if let Some(toolchain) = Self::debian() {
                return Ok(toolchain);
            }
        }
        bail!(
            "no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian, as root, \
             `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    fn debian() -> Option<Self> {
        let installed = Path::new("/usr/bin/rustc").exists()
            && Path::new("/usr/bin/cargo").exists()
            && Path::new("/usr/lib/rustlib/src/rust/library/std").exists();
        if !installed {
            return None;
        }
        let own = sysroot()
            .ok()?
            .join("lib/rustlib")
            .join(host())
            .join("bin/rust-lld");
        let linker = std::iter::once(own)
            .chain(
                (14..30)
                    .rev()
                    .map(|version| PathBuf::from(format!("/usr/bin/wasm-ld-{version}"))),
            )
            .find(|linker| linker.exists())?;
        Some(Self::Debian { linker })
    }

    /// A cargo that builds for WebAssembly; the caller adds packages.
    pub(crate) fn cargo_build(&self, workspace: &Workspace) -> Command {
        let mut command = match self {
            Self::Rustup => {
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            }
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        command
            .current_dir(&workspace.root)
            .args(["build", "--profile", "component", "--target", TARGET])
            // A small stack: two thirds of a fresh instance is clearing it.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Clink-arg=-zstack-size=65536",
            )
            .env("CARGO_TARGET_DIR", guest_target(workspace));
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

    /// Where the core modules are after a build.
    pub(crate) fn output(workspace: &Workspace) -> PathBuf {
        guest_target(workspace).join(TARGET).join("component")
    }
}

/// A target directory of its own: the two compilers must not share one.
fn guest_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("guest")
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustc")
        .args(arguments)
        .output()
        .context("cannot run rustc")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn sysroot() -> Result<PathBuf> {
    Ok(rustc(&["--print", "sysroot"])?.into())
}

fn host() -> String {
    rustc(&["--version", "--verbose"])
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .unwrap_or_default()
}

fn has_target() -> Result<bool> {
    Ok(sysroot()?
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null());
    command
}
