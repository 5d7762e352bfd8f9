//! Programs that are asked for their version: bounded in time and in output.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nodepol_model::Part;
use nodepol_model::snapshot::ProgramOutput;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::options::Options;
use crate::redact;

/// How often a program that keeps its output open is looked after.
const TICK: Duration = Duration::from_millis(20);
/// Bytes of what a program prints as errors.
const ERROR_BYTES: usize = 4096;

/// Runs `path` with `arguments`: no shell, an environment with nothing but
/// `PATH`, no input, a process group of its own that is killed at the deadline
/// or once the program has ended.
pub(crate) fn run(path: &str, arguments: &[String], options: &Options) -> Part<ProgramOutput> {
    let deadline = Instant::now() + options.program_deadline;
    let spawned = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", options.program_directories.join(":"))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Part::Absent,
        Err(error) => return Part::Unreadable(format!("{path} cannot be run: {error}")),
    };
    let watched = watch(&mut child, options, deadline);
    // The leader is not reaped yet, so its number cannot belong to another group.
    if let Some(pid) = pid_of(&child) {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
    let status = child.wait();
    match (watched, status) {
        (Err(why), _) => Part::Unreadable(format!("{path} {}: {why}", arguments.join(" "))),
        (Ok(_), Err(error)) => Part::Unreadable(format!("{path}: {error}")),
        (Ok((stdout, stderr)), Ok(status)) => {
            let stdout = String::from_utf8_lossy(&stdout);
            let stderr = String::from_utf8_lossy(&stderr);
            Part::Present(ProgramOutput {
                path: path.to_owned(),
                status: if status.signal().is_some() {
                    None
                } else {
                    status.code()
                },
                stdout: redact::text(&stdout).into_owned(),
                stderr: redact::text(&stderr).into_owned(),
            })
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// Reads both outputs until the program has ended.
fn watch(
    child: &mut Child,
    options: &Options,
    deadline: Instant,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut out = Stream::new(
        child.stdout.take().map(OwnedFd::from),
        options.limits.program_bytes,
    )?;
    let mut err = Stream::new(child.stderr.take().map(OwnedFd::from), ERROR_BYTES)?;
    let pid = pid_of(child).ok_or("it has no process id")?;
    loop {
        let ended = has_ended(pid);
        out.drain()?;
        err.drain()?;
        if out.overflown {
            return Err(format!(
                "it printed more than {} bytes",
                options.limits.program_bytes
            ));
        }
        // What it wrote before it ended is read by now; a child of it that
        // keeps the output open is not waited for.
        if ended {
            return Ok((out.bytes, err.bytes));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!(
                "it did not end within {:?}",
                options.program_deadline
            ));
        }
        wait_for_output(&out, &err, left.min(TICK));
    }
}

fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error means that there is nothing to wait for.
    !matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(None))
}

fn wait_for_output(out: &Stream, err: &Stream, time: Duration) {
    let mut polled: Vec<PollFd<'_>> = [out, err]
        .into_iter()
        .filter_map(|stream| stream.file.as_ref())
        .map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    // An interruption only makes the next look come earlier.
    let _ = rustix::event::poll(&mut polled, Some(&timeout));
}

/// One output of a program.
struct Stream {
    /// `None` once it is closed.
    file: Option<std::fs::File>,
    bytes: Vec<u8>,
    limit: usize,
    overflown: bool,
}

impl Stream {
    fn new(fd: Option<OwnedFd>, limit: usize) -> Result<Self, String> {
        let fd = fd.ok_or("its output is not open")?;
        let flags = rustix::fs::fcntl_getfl(&fd).map_err(|errno| errno.to_string())?;
        rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)
            .map_err(|errno| errno.to_string())?;
        Ok(Self {
            file: Some(fd.into()),
            bytes: Vec::new(),
            limit,
            overflown: false,
        })
    }

    /// Reads what is there, at most 64 KiB past the limit.
    fn drain(&mut self) -> Result<(), String> {
        let mut buffer = [0_u8; 8192];
        let mut rounds = 0;
        while let Some(file) = &mut self.file {
            match file.read(&mut buffer) {
                Ok(0) => self.file = None,
                Ok(count) => {
                    let room = self.limit.saturating_sub(self.bytes.len());
                    self.overflown |= count > room;
                    let kept = buffer.get(..count.min(room)).unwrap_or_default();
                    self.bytes.extend_from_slice(kept);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
            rounds += 1;
            if self.overflown && rounds >= 8 {
                break;
            }
        }
        Ok(())
    }
}
