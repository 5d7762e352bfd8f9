//! A machine with systemd as PID 1, booted in half a second from this one's own
//! files.
//!
//! The root of this machine is the read-only lower layer of an overlay, and a
//! directory of fixtures lies above it; all that the machine writes stays in
//! memory. It has namespaces for mounts, PIDs, host name, IPC, network and
//! control groups, so its `/proc`, its units and its bus are its own. What this
//! machine itself has enabled does not start there. Not its own are the kernel
//! (`/proc/sys` and `/sys` are read-only; swap would be the host's) and the
//! control group controllers, of which there may be few.
//!
//! It needs root, systemd, a D-Bus daemon and cgroup v2 (mounted anywhere that
//! systemd would); systemd need not run on the host.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const SUPERVISE: &str = include_str!("supervise.sh");
const INIT: &str = include_str!("init.sh");
/// How long a boot may take until systemd is on its bus; half a second if idle.
const BOOT: Duration = Duration::from_secs(30);
/// How long the end may take: a kill and the removal of empty control groups.
const END: Duration = Duration::from_secs(15);
/// How long a command within may run, in seconds.
const RUN: &str = "30";

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum NotBooted {
    /// It cannot be had here: a test that needs it has nothing to say.
    #[error("needs root and mount namespaces ({0})")]
    Skip(String),
    /// It should have come up: a test that needs it has failed.
    #[error("the machine did not come up: {0}")]
    Failed(String),
}

impl From<io::Error> for NotBooted {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A machine that runs. Dropping it kills everything in it and removes its
/// control groups; its mounts go with it. That also happens when the process
/// that holds it is killed.
#[derive(Debug)]
pub struct Booted {
    init: u32,
    supervisor: Child,
    work: TempDir,
}

impl Booted {
    /// Boots a machine with the files of `fill` over this one's. Back when its
    /// systemd is on its bus; units may still be starting (see [`Self::settle`]).
    ///
    /// # Errors
    /// [`NotBooted`]: what is missing to try, or why it did not come up.
    pub fn start(fill: &Path) -> Result<Self, NotBooted> {
        Self::start_with(fill, None)
    }

    /// As [`Self::start`], with the directory `share` of this machine at
    /// `/run/share` of the other (a binary under test, results).
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(fill: &Path, share: Option<&Path>) -> Result<Self, NotBooted> {
        if let Some(missing) = missing() {
            return Err(NotBooted::Skip(missing));
        }
        let work = tempfile::Builder::new().prefix("nodepol-bed-").tempdir()?;
        let at = |name: &str| work.path().join(name);
        for directory in ["root", "ov"] {
            fs::create_dir(at(directory))?;
        }
        std::os::unix::fs::symlink(fs::canonicalize(fill)?, at("up"))?;
        if let Some(share) = share {
            std::os::unix::fs::symlink(fs::canonicalize(share)?, at("share"))?;
        }
        fs::write(at("supervise.sh"), SUPERVISE)?;
        fs::write(at("init.sh"), INIT)?;
        let log = File::create(at("log"))?;
        let supervisor = Command::new("sh")
            .arg(at("supervise.sh"))
            .arg(work.path())
            .arg(at("init.sh"))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A signal to the group of the test must not stop it from cleaning up.
            .process_group(0)
            .spawn()?;
        let mut booted = Self {
            init: 0,
            supervisor,
            work,
        };
        booted.wait_for_bus().map_err(|why| {
            let log = fs::read_to_string(booted.work.path().join("log")).unwrap_or_default();
            NotBooted::Failed(format!("{why}\n{log}"))
        })?;
        Ok(booted)
    }

    /// As [`Self::start`] for a test: says on the terminal, past the capture of
    /// the test harness, if it must be skipped, and then gives `None`.
    /// `NODEPOL_BED=required` makes a skip a failure.
    ///
    /// # Panics
    /// If the machine should have come up and did not.
    #[must_use]
    pub fn start_or_skip(fill: &Path) -> Option<Self> {
        Self::start_with_or_skip(fill, None)
    }

    /// As [`Self::start_or_skip`], with a directory of this machine at `/run/share`.
    ///
    /// # Panics
    /// If the machine should have come up and did not.
    #[must_use]
    pub fn start_with_or_skip(fill: &Path, share: Option<&Path>) -> Option<Self> {
        match Self::start_with(fill, share) {
            Ok(booted) => Some(booted),
            Err(skip @ NotBooted::Skip(_)) if !required() => {
                let _ = writeln!(io::stderr(), "skipped: {skip}");
                None
            }
            #[expect(clippy::panic, reason = "this is how a test fails")]
            Err(failed) => panic!("{failed}"),
        }
    }

    /// The D-Bus address of its system bus, as reached from this machine.
    #[must_use]
    pub fn bus_address(&self) -> String {
        format!("unix:path={}", self.bus_socket().display())
    }

    /// Its root directory, as reached from this machine.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.init))
    }

    /// The PID of its systemd on this machine.
    #[must_use]
    pub fn init_pid(&self) -> u32 {
        self.init
    }

    /// Runs a command in it and waits for its end, 30 s at most.
    ///
    /// # Errors
    /// What `nsenter` could not be started for. A command that is not there or
    /// fails is an [`Output`] like any other.
    pub fn run(&self, argv: &[&str]) -> io::Result<Output> {
        Command::new("timeout")
            .args(["--kill-after=1", RUN, "nsenter", "--all", "--target"])
            .arg(self.init.to_string())
            .arg("--")
            .args(argv)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
    }

    /// Waits until systemd has done what its boot has queued; gives its state
    /// (`running`, or `degraded` if a unit failed).
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn settle(&self) -> io::Result<String> {
        let output = self.run(&["systemctl", "is-system-running", "--wait"])?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn bus_socket(&self) -> PathBuf {
        self.root().join("run/dbus/system_bus_socket")
    }

    fn wait_for_bus(&mut self) -> Result<(), String> {
        let end = Instant::now() + BOOT;
        while Instant::now() < end {
            if self.init == 0 {
                self.init = self.number("init").unwrap_or(0);
            } else if self.bus_socket().exists() && self.is_on_bus() {
                return Ok(());
            }
            if let Some(machine) = self.number("machine")
                && has_ended(machine)
            {
                return Err("it ended while it booted".to_owned());
            }
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Err(format!("its supervisor ended: {status}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!("no systemd on its bus after {} s", BOOT.as_secs()))
    }

    /// A number that one of the scripts has written, with the end of its line.
    fn number(&self, name: &str) -> Option<u32> {
        fs::read_to_string(self.work.path().join(name))
            .ok()?
            .strip_suffix('\n')?
            .parse()
            .ok()
    }

    /// Whether systemd has taken its name on the bus; the socket is there before.
    fn is_on_bus(&self) -> bool {
        let bus = "org.freedesktop.DBus";
        let argv = [
            "busctl",
            "--timeout=2",
            "call",
            bus,
            "/org/freedesktop/DBus",
            bus,
        ];
        let call = ["NameHasOwner", "s", "org.freedesktop.systemd1"];
        self.run(&[&argv[..], &call[..]].concat())
            .is_ok_and(|output| output.stdout.starts_with(b"b true"))
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        drop(self.supervisor.stdin.take());
        let end = Instant::now() + END;
        while Instant::now() < end {
            if let Some(status) = self.supervisor.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.supervisor.kill()?;
        self.supervisor.wait()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        match self.end() {
            Ok(status) if status.success() => {}
            outcome => {
                let log = fs::read_to_string(self.work.path().join("log")).unwrap_or_default();
                let _ = writeln!(
                    io::stderr(),
                    "the test bed was not cleaned up: {outcome:?}\n{log}"
                );
            }
        }
    }
}

/// Whether a machine must be had, so that a run in CI cannot pass by skipping.
fn required() -> bool {
    std::env::var_os("NODEPOL_BED").is_some_and(|value| value == "required")
}

/// What this machine lacks to boot another; `None` if it lacks nothing.
fn missing() -> Option<String> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return Some("not root".to_owned());
    }
    for file in [
        "/lib/systemd/systemd",
        "/usr/bin/busctl",
        "/usr/bin/dbus-daemon",
    ] {
        if !Path::new(file).exists() {
            return Some(format!("no {file}; `apt-get install systemd dbus`"));
        }
    }
    if ![
        "/sys/fs/cgroup/unified/cgroup.procs",
        "/sys/fs/cgroup/cgroup.procs",
    ]
    .iter()
    .any(|file| Path::new(file).exists())
    {
        return Some("no cgroup v2 is mounted".to_owned());
    }
    let unshare = Command::new("unshare")
        .args([
            "--mount", "--cgroup", "--pid", "--uts", "--ipc", "--net", "--fork",
        ])
        .args(["mount", "-t", "tmpfs", "nodepol", "/tmp"])
        .output();
    match unshare {
        Err(error) => Some(format!("unshare: {error}")),
        Ok(output) if !output.status.success() => {
            Some(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
        Ok(_) => None,
    }
}

/// Whether a process is gone or a zombie (proc_pid_stat(5), field 3).
fn has_ended(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}
