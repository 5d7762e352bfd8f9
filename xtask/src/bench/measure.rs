//! What a command costs.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// The cost of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Wall-clock time in ms, the median.
    pub(crate) wall: f64,
    /// CPU time in ms, of all runs divided by their number.
    pub(crate) cpu: f64,
    /// Memory in use at the peak, in MiB.
    pub(crate) peak: f64,
}

impl Cost {
    /// For the program that started this one.
    pub(crate) fn print(&self) {
        println!("{} {} {}", self.wall, self.cpu, self.peak);
    }
}

/// Runs a command `runs` times, in a child of this program: the system counts
/// the memory of all children of a process together.
pub(crate) fn measure(command: &Command, runs: u32) -> Result<Cost> {
    let mut child = Command::new(std::env::current_exe()?);
    child
        .arg("__measure")
        .arg(runs.to_string())
        .arg(command.get_program())
        .args(command.get_args());
    take_environment(&mut child, command);
    parsed(child)
}

/// The memory that a program itself uses at the peak, in MiB, without the programs
/// that it runs: what `/proc` says of it last.
pub(crate) fn own_peak(command: &Command) -> Result<f64> {
    let mut again = Command::new(command.get_program());
    again
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    take_environment(&mut again, command);
    let mut child = again.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait()?.is_none() {
        // It is gone as soon as the program ends.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mut lines = text.lines();
        let known = lines.find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        peak = known.and_then(|kib| kib.parse::<f64>().ok()).or(peak);
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(peak.context("/proc does not tell what memory a program uses")? / 1024.0)
}

/// Gives a command the variables that another one has.
pub(crate) fn take_environment(to: &mut Command, from: &Command) {
    for (name, value) in from.get_envs() {
        if let Some(value) = value {
            to.env(name, value);
        }
    }
}

/// The cost that a child of this program prints.
pub(crate) fn parsed(mut child: Command) -> Result<Cost> {
    let output = child.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map_while(|it| it.parse().ok())
        .collect();
    match numbers[..] {
        [wall, cpu, peak] => Ok(Cost { wall, cpu, peak }),
        _ => bail!("it cannot be run"),
    }
}

/// The child: runs the command and prints its cost.
pub(crate) fn in_child(words: &[String]) -> Result<ExitCode> {
    let [runs, program, arguments @ ..] = words else {
        bail!("usage: xtask __measure RUNS PROGRAM ARGUMENTS...");
    };
    let runs: u32 = runs.parse()?;
    let mut walls = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {program}"))?;
        walls.push(started.elapsed());
    }
    walls.sort();
    let wall = walls.get(walls.len() / 2).copied().unwrap_or_default();
    children(wall, runs)?.print();
    Ok(ExitCode::SUCCESS)
}

/// What the children of this process cost, of which there were `runs`, alike.
pub(crate) fn children(wall: Duration, runs: u32) -> Result<Cost> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Cost {
        wall: wall.as_secs_f64() * 1e3,
        cpu: micros as f64 / 1e3 / f64::from(runs),
        peak: usage.max_rss() as f64 / 1024.0,
    })
}
