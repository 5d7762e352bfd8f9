//! Components that do what they can to harm the host, one file each in
//! `hostile/`, run through the tool itself. Each ends in an error with a name,
//! or in a harmless answer; every other policy says what it says without them;
//! time and memory stay within bounds.
//!
//! The head of a file says what it does and what comes of it:
//!
//! ```text
//! ;; error: KIND: a part of the message      or   ;; answer: the summary
//! ;; grants: {...}, limits: {...}            as in a policy set
//! ;; component                               the text is the whole of it
//! ;; bytes: text with escapes                it is no WebAssembly
//! ```
//!
//! Any other file has fields that are put into `hostile/base.wat`. In it,
//! `;; repeat N: TEXT` stands for N times that text, `#` for the number of the
//! time and `@` for the one before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::fmt::Write as _;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Address space that a run may have, as `ulimit -v` counts it: in KiB. The
/// program itself is a hundred MiB of it where it is not optimised.
const ADDRESS_SPACE: usize = 512 * 1024;

/// The same where all of them are loaded at once.
const ADDRESS_SPACE_FOR_ALL: usize = 1024 * 1024;

/// Memory that a run may have in use at its peak, in KiB.
const PEAK: u64 = 200 * 1024;

/// No run may take longer, also on a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(100);

/// The policies that a hostile one runs beside.
const STANDARD: [&str; 3] = [
    "kubelet-order-swap",
    "swap-active",
    "swap-returns-on-reboot",
];

/// A hostile component and what comes of it.
struct Hostile {
    name: String,
    id: String,
    wasm: Vec<u8>,
    settings: String,
    expected: Expected,
}

enum Expected {
    Error { kind: String, message: String },
    Answer(String),
}

fn directory() -> PathBuf {
    nodepol_tests::workspace().join("tests/hostile")
}

fn all() -> Vec<Hostile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "base.wat"))
        .collect();
    paths.sort();
    assert!(paths.len() > 60, "{}", paths.len());
    let only = std::env::var("NODEPOL_ONLY").unwrap_or_default();
    paths
        .iter()
        .enumerate()
        .map(|(number, path)| read(number, path))
        .filter(|hostile| only.is_empty() || only.split(',').any(|name| name == hostile.name))
        .collect()
}

fn read(number: usize, path: &Path) -> Hostile {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let directive = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(";; ")?.strip_prefix(name));
        line.map(|rest| rest.trim_start_matches(':').trim().to_owned())
    };
    let expected = match (directive("error:"), directive("answer:")) {
        (Some(error), None) => {
            let (kind, message) = error.split_once(':').expect("KIND: message");
            Expected::Error {
                kind: kind.to_owned(),
                message: message.trim().to_owned(),
            }
        }
        (None, Some(summary)) => Expected::Answer(summary),
        _ => panic!("{name}: one of `error` and `answer`"),
    };
    let mut settings = String::new();
    for setting in ["grants", "limits"] {
        if let Some(value) = directive(&format!("{setting}:")) {
            writeln!(settings, "    {setting}: {value}").unwrap();
        }
    }
    // All of them run beside each other, so each has an id of its own.
    let id = format!("h{number:04}");
    let wasm = if let Some(bytes) = directive("bytes") {
        unescape(&bytes)
    } else if directive("component").is_some() {
        wat::parse_str(expand(&text)).unwrap_or_else(|error| panic!("{name}: {error}"))
    } else {
        component(&name, &id, &expand(&text))
    };
    Hostile {
        name,
        id,
        wasm,
        settings,
        expected,
    }
}

/// The bytes that a text with `\n` and `\xNN` stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (byte, byte == b'\\') {
            (_, false) => bytes.push(byte),
            (_, true) => match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                }
                other => panic!("no escape: {other:?}"),
            },
        }
    }
    bytes
}

fn expand(text: &str) -> String {
    let mut expanded = String::new();
    for line in text.lines() {
        let Some(repeated) = line.trim().strip_prefix(";; repeat ") else {
            expanded.push_str(line);
            expanded.push('\n');
            continue;
        };
        let (times, text) = repeated.split_once(": ").expect("repeat N: TEXT");
        for time in 1..=times.parse::<usize>().unwrap() {
            let text = text.replace('#', &time.to_string());
            expanded.push_str(&text.replace('@', &(time - 1).to_string()));
            expanded.push('\n');
        }
    }
    expanded
}

/// The base with `fields` put into it, as a component.
fn component(name: &str, id: &str, fields: &str) -> Vec<u8> {
    let (imports, fields): (Vec<&str>, Vec<&str>) = fields
        .lines()
        .filter(|line| !line.starts_with(";;"))
        .partition(|line| line.starts_with("(import "));
    let (imports, mut fields) = (imports.join("\n"), fields.join("\n"));
    for function in ["$describe", "$evaluate", "$done"] {
        if !fields.contains(&format!("(func {function}")) {
            write!(fields, "\n(func {function})").unwrap();
        }
    }
    let memory = match fields.contains("(export \"memory\")") {
        true => "",
        false => "(memory (export \"memory\") 2)",
    };
    let realloc = match fields.contains("(export \"cabi_realloc\")") {
        true => "",
        false => {
            "(global $next (mut i32) (i32.const 8192))
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
               (local $at i32)
               (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
               (global.set $next (i32.add (local.get $at) (local.get 3)))
               (local.get $at))"
        }
    };
    let base = std::fs::read_to_string(directory().join("base.wat")).unwrap();
    let text = base
        .replace(";; IMPORTS", &imports)
        .replace(";; MEMORY", memory)
        .replace(";; REALLOC", realloc)
        .replace(";; FIELDS", &fields)
        .replace("\"probe\"", &format!("\"{id}\""));
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut resolve = Resolve::default();
    resolve
        .push_dir(nodepol_tests::workspace().join("wit"))
        .unwrap();
    let world = "package test:hostile;
        world hostile {
            include nodepol:policy/policy@0.1.0;
            import nodepol:policy/files@0.1.0;
        }";
    let package = resolve.push_str("hostile.wit", world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// A run of the tool, and what it took.
struct Run {
    output: Output,
    peak: u64,
}

/// Runs `nodepol eval` of a set within `space`, [`PEAK`] and [`DEADLINE`].
fn eval(place: &Path, set: &str, format: &str, space: usize) -> Run {
    let file = place.join("set.yaml");
    std::fs::write(&file, set).unwrap();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {space} && exec \"$@\""))
        .arg("sh")
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
fn said(run: &Run) -> String {
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

fn set(place: &Path, hostile: &[&Hostile]) -> String {
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

fn policies(report: &str) -> Vec<Json> {
    let report: Json = serde_json::from_str(report).unwrap();
    nodepol_tests::assert_valid("report", &report);
    report["policies"].as_array().unwrap().clone()
}

/// Checks what came of a hostile component, and gives its own report.
fn check(hostile: &Hostile, policies: &[Json]) -> Result<(), String> {
    let report = policies
        .iter()
        .find(|policy| policy["id"] == *hostile.id || policy["id"] == *hostile.name)
        .ok_or_else(|| format!("{}: it is not reported", hostile.name))?;
    let right = match &hostile.expected {
        Expected::Error { kind, message } => {
            let said = report["error"]["message"].as_str().unwrap_or_default();
            report["error"]["kind"] == **kind && said.contains(message.as_str())
        }
        Expected::Answer(summary) => report["error"].is_null() && report["summary"] == **summary,
    };
    if !right {
        return Err(format!("{}: {report:#}", hostile.name));
    }
    Ok(())
}

#[test]
fn each_ends_in_an_error_of_its_own_within_its_limits() {
    let place = tempfile::tempdir().unwrap();
    let alone = policies(&said(&eval(
        place.path(),
        &set(place.path(), &[]),
        "json",
        ADDRESS_SPACE,
    )));
    assert_eq!(alone.len(), STANDARD.len());
    let mut wrong = Vec::new();
    for hostile in all() {
        let started = Instant::now();
        let run = eval(
            place.path(),
            &set(place.path(), &[&hostile]),
            "json",
            ADDRESS_SPACE,
        );
        let (took, peak) = (started.elapsed(), run.peak);
        println!(
            "{:>6} ms {:>7} KiB  {}",
            took.as_millis(),
            peak,
            hostile.name
        );
        let policies = policies(&said(&run));
        if let Err(message) = check(&hostile, &policies) {
            wrong.push(message);
        }
        for standard in &alone {
            assert!(
                policies.contains(standard),
                "{}: {policies:#?}",
                hostile.name
            );
        }
        assert_eq!(policies.len(), alone.len() + 1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_of_them_together_change_nothing_for_the_others() {
    let place = tempfile::tempdir().unwrap();
    let alone = policies(&said(&eval(
        place.path(),
        &set(place.path(), &[]),
        "json",
        ADDRESS_SPACE_FOR_ALL,
    )));
    let all = all();
    let set = set(place.path(), &all.iter().collect::<Vec<_>>());
    let policies = policies(&said(&eval(
        place.path(),
        &set,
        "json",
        ADDRESS_SPACE_FOR_ALL,
    )));
    assert_eq!(policies.len(), alone.len() + all.len());
    let wrong: Vec<_> = all
        .iter()
        .filter_map(|hostile| check(hostile, &policies).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for standard in &alone {
        assert!(policies.contains(standard), "{policies:#?}");
    }
    // What people read is as clean as what programs read.
    let text = said(&eval(place.path(), &set, "text", ADDRESS_SPACE_FOR_ALL));
    for hostile in &all {
        assert!(
            text.contains(&hostile.id) || text.contains(&hostile.name),
            "{text}"
        );
    }
}
