//! Runs the tool on a policy set, within limits, and watches it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::component::Hostile;

/// Memory that a run may have in use at its peak, in KiB.
const PEAK: u64 = 200 * 1024;

/// No run may take longer, also on a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(100);

/// The policies that a hostile one runs beside.
pub(crate) const STANDARD: [&str; 3] = [
    "kubelet-order-swap",
    "swap-active",
    "swap-returns-on-reboot",
];

/// A run of the tool, and what it took.
pub(crate) struct Run {
    pub(crate) output: Output,
    pub(crate) peak: u64,
}

/// Runs `nodepol eval` of a set within `space`, [`PEAK`] and [`DEADLINE`].
pub(crate) fn eval(place: &Path, set: &str, format: &str, space: usize) -> Run {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -v {space} && exec \"$@\""))
        .arg("sh");
    watch(command, place, set, format, |_| {})
}

/// Runs `nodepol eval` of a set by way of `command`, which starts the program
/// that its last arguments name, within [`PEAK`] and [`DEADLINE`]; `look` is
/// called with the process's directory in `/proc` again and again.
pub(crate) fn watch(
    mut command: Command,
    place: &Path,
    set: &str,
    format: &str,
    mut look: impl FnMut(&Path),
) -> Run {
    let file = place.join("set.yaml");
    std::fs::write(&file, set).unwrap();
    let mut child = command
        .arg(nodepol_tests::binary())
        .args([
            "eval",
            "--format",
            format,
            "--at",
            "2026-06-01T00:00:00Z",
            "--root",
        ])
        .arg(nodepol_tests::workspace().join("tests/nodes/image-with-swap"))
        .arg("--policies")
        .arg(&file)
        .env("XDG_CACHE_HOME", place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        let mut pipe = pipe.unwrap();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            bytes
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let started = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        look(Path::new(&format!("/proc/{}", child.id())));
        // The high-water mark only rises: the last look sees all but the end.
        if let Ok(text) = std::fs::read_to_string(&status) {
            let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let mark = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(mark.unwrap_or(0));
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs: {set}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let output = Output {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    Run { output, peak }
}

/// What a run says, which is what it may say.
#[track_caller]
pub(crate) fn said(run: &Run) -> String {
    let stderr = String::from_utf8(run.output.stderr.clone()).unwrap();
    let stdout = String::from_utf8(run.output.stdout.clone()).unwrap();
    let code = run.output.status.code();
    assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}: {stderr}");
    for text in [&stderr, &stdout] {
        assert!(!text.contains("panicked at"), "{text}");
        assert!(!text.contains("backtrace"), "{text}");
        let unsafe_for_terminals =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(unsafe_for_terminals), "{text:?}");
    }
    assert!(run.peak < PEAK, "{} KiB at the peak", run.peak);
    stdout
}

pub(crate) fn set(place: &Path, hostile: &[&Hostile]) -> String {
    let mut set = "apiVersion: nodepol.dev/v1\nkind: PolicySet\npolicies:\n".to_owned();
    for hostile in hostile {
        let path = place.join(format!("{}.wasm", hostile.name));
        std::fs::write(&path, &hostile.wasm).unwrap();
        writeln!(
            set,
            "  - path: {}\n{}",
            path.display(),
            hostile.settings.trim_end()
        )
        .unwrap();
    }
    for id in STANDARD {
        writeln!(set, "  - id: {id}").unwrap();
    }
    set
}

pub(crate) fn policies(report: &str) -> Vec<Json> {
    let report: Json = serde_json::from_str(report).unwrap();
    nodepol_tests::assert_valid("report", &report);
    report["policies"].as_array().unwrap().clone()
}
