//! Services that are made up, with drop-ins in every directory and of every
//! kind, against what `systemd-analyze verify` of this machine makes of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod command_line;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use command_line::quoted;
use nodepol_facts::systemd::{Units, time};
use nodepol_model::Horizon::NextBoot;

const ROUNDS: usize = 80;

/// A generator of numbers that is the same on every machine (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.next(choices.len())]
    }
}

/// What persists: of a tree alone, `/run` is empty at the next boot.
const DIRECTORIES: [&str; 4] = [
    "etc/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "etc/systemd/system.control",
];

const NAMES: [&str; 3] = ["a-b-c.service", "t@x-y.service", "single.service"];

/// Where a drop-in of one of [`NAMES`] may lie.
const BESIDE: [&str; 9] = [
    "a-b-c.service.d",
    "a-b-.service.d",
    "a-.service.d",
    "service.d",
    "t@.service.d",
    "t@x-y.service.d",
    "t@x-.service.d",
    "single.service.d",
    "other.service.d",
];

const UNIT: [&str; 14] = [
    "After=one.service two.service",
    "After=",
    "Before=three.service",
    "Wants=\"one.service\" %p-x.service",
    "Requires=one.service \\\n  # a comment in between\n  two.service",
    "Conflicts=t@.service",
    "BindsTo=two.service",
    "PartOf=one.service",
    "DefaultDependencies=no",
    "DefaultDependencies=maybe",
    "RequiresMountsFor=/",
    "StartLimitBurst=7",
    "Unknown=1",
    "After=not\\x2d.service %n",
];

const SERVICE: [&str; 40] = [
    "ExecStart=/bin/true",
    "ExecStart=",
    "ExecStart=/bin/echo \"a b\" 'c \"d' e\\x20f \\\n  g",
    "ExecStart=-@/bin/echo zero %n %i %p %%",
    "ExecStart=/bin/echo $ONE ${TWO} \"$THREE\" $$FOUR",
    "ExecStart=/bin/echo one ; /bin/echo two",
    "ExecStart=/bin/echo one \\; two",
    "ExecStart=/bin/echo 'open",
    "ExecStart=relative/path",
    "ExecStart=/bin/echo \\q",
    "ExecStart=+/bin/true",
    "ExecStart=!!/bin/true",
    "ExecStart=:/bin/echo $ONE",
    "ExecStartPre=/bin/true",
    "ExecStartPre=-/bin/false x",
    "ExecStartPost=/bin/sh -c 'echo \"$$x\"'",
    "ExecStop=/bin/true",
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Type=oneshot",
    "Type=notify",
    "Type=nonsense",
    "Type=simple",
    "RemainAfterExit=yes",
    "Restart=always",
    "Restart=on-failure",
    "Restart=sometimes",
    "RestartSec=3",
    "RestartSec=1min 20s",
    "RestartSec=soon",
    "Slice=kube.slice",
    "Slice=no-slice",
    "Environment=A=1 \"B=2 3\" 'C=4'",
    "Environment=",
    "Environment=A=5 D=\"x y\"",
    "Environment=E=%n F=a\\x20b 1BAD=x",
    "EnvironmentFile=-/etc/default/x",
    "EnvironmentFile=/etc/y",
    "EnvironmentFile=",
    "EnvironmentFile=relative",
    "  Nice = 5  ",
];

fn text(numbers: &mut Numbers, is_fragment: bool) -> String {
    let mut text = String::new();
    if numbers.next(3) == 0 {
        text.push_str("; a comment\n\n");
    }
    if numbers.next(2) == 0 {
        text.push_str("[Unit]\n");
        for _ in 0..=numbers.next(3) {
            text.push_str(numbers.of(&UNIT));
            text.push('\n');
        }
    }
    text.push_str("[Service]\n");
    if is_fragment {
        text.push_str("ExecStart=/bin/true from the fragment\n");
    }
    for _ in 0..numbers.next(if is_fragment { 4 } else { 3 }) {
        text.push_str(numbers.of(&SERVICE));
        text.push('\n');
    }
    if numbers.next(12) == 0 {
        text.push_str("[X-Other]\nExecStart=x\n[Unknown]\na=b\n");
    }
    text
}

fn make(root: &Path, numbers: &mut Numbers) {
    for directory in DIRECTORIES {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::create_dir_all(root.join("bin")).unwrap();
    let vendor = root.join("usr/lib/systemd/system");
    // The targets of default dependencies, so that a service can be started.
    for target in ["sysinit", "basic", "shutdown"] {
        let text = "[Unit]\nDefaultDependencies=no\n";
        fs::write(vendor.join(format!("{target}.target")), text).unwrap();
    }
    for service in ["one", "two", "three"] {
        let text = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/true\n";
        fs::write(vendor.join(format!("{service}.service")), text).unwrap();
    }
    for name in ["a-b-c.service", "t@.service", "single.service"] {
        for _ in 0..=numbers.next(2) {
            let directory = root.join(numbers.of(&DIRECTORIES[..3]));
            fs::write(directory.join(name), text(numbers, true)).unwrap();
        }
    }
    for _ in 0..numbers.next(7) {
        let below = root
            .join(numbers.of(&DIRECTORIES))
            .join(numbers.of(&BESIDE));
        fs::create_dir_all(&below).unwrap();
        let name = numbers.of(&[
            "10-a.conf",
            "20-b.conf",
            "9-c.conf",
            "z.conf",
            "z.conf.bak",
            "x.txt",
        ]);
        let path = below.join(name);
        let _ = fs::remove_file(&path);
        if numbers.next(6) == 0 {
            std::os::unix::fs::symlink("/dev/null", path).unwrap();
        } else {
            fs::write(path, text(numbers, false)).unwrap();
        }
    }
}

/// What systemd made of a unit: the values of each line of its dump, without
/// the directory that stands for the root; commands by their setting.
type Dump = BTreeMap<String, Vec<String>>;

fn verify(root: &Path, name: &str, log_level: &str) -> Output {
    Command::new("systemd-analyze")
        .arg(format!("--root={}", root.display()))
        .args(["--man=no", "--generators=no", "verify", name])
        .env("SYSTEMD_LOG_LEVEL", log_level)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(root.join("bin"))
        .output()
        .unwrap()
}

/// `None` where the unit is not loaded.
fn dump(root: &Path, name: &str) -> Option<Dump> {
    let output = verify(root, name, "debug");
    let printed = String::from_utf8_lossy(&output.stdout).replace(&*root.to_string_lossy(), "");
    let mut dump = Dump::new();
    let mut command = None;
    let mut lines = printed.lines();
    lines.find(|line| line.contains(&format!("-> Unit {name}:")))?;
    for line in lines {
        let line = line.trim();
        if line.starts_with("-> Unit ") {
            break;
        }
        if let Some(setting) = line.strip_prefix("-> ") {
            command = Some(setting.trim_end_matches(':').to_owned());
        } else if let Some((key, value)) = line.split_once(": ") {
            let key = match (&command, key) {
                (Some(setting), "Command Line") => setting,
                _ => key,
            };
            // Defaults are no part of what a unit's own files say.
            if value.ends_with(" (origin-default)") {
                continue;
            }
            let value = value.split(" (origin-").next().unwrap();
            dump.entry(key.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    Some(dump)
}

/// The same of our reader.
fn ours(units: &Units, name: &str) -> Option<Dump> {
    let unit = units.get(NextBoot, name).unwrap();
    if unit.load_state != "loaded" {
        return None;
    }
    let mut dump = Dump::new();
    dump.insert("Fragment Path".to_owned(), vec![unit.fragment.unwrap()]);
    dump.insert("DropIn Path".to_owned(), unit.drop_ins);
    let service = units.service(NextBoot, name).unwrap().unwrap();
    dump.insert("Type".to_owned(), vec![service.kind]);
    dump.insert("Restart".to_owned(), vec![service.restart]);
    dump.insert("Slice".to_owned(), vec![service.slice]);
    let restart_sec = time::format(service.restart_usec);
    dump.insert("RestartSec".to_owned(), vec![restart_sec]);
    for kind in ["After", "Before", "Requires", "Wants", "Conflicts"]
        .into_iter()
        .chain(["BindsTo", "PartOf"])
    {
        let found = units.configured_dependencies(name, kind).unwrap();
        dump.insert(kind.to_owned(), found);
    }
    for setting in [
        "ExecStartPre",
        "ExecStart",
        "ExecStartPost",
        "ExecReload",
        "ExecStop",
    ] {
        let commands = units.commands(NextBoot, name, setting).unwrap();
        let lines = commands
            .iter()
            .map(|command| {
                let words: Vec<String> = command.argv.iter().map(|word| quoted(word)).collect();
                words.join(" ")
            })
            .collect();
        dump.insert(setting.to_owned(), lines);
    }
    let environment = units.own_environment(name).unwrap();
    dump.insert(
        "Environment".to_owned(),
        environment
            .into_iter()
            .map(|(name, value)| format!("{name}={}", value.value))
            .collect(),
    );
    let files = units.environment_files(NextBoot, name).unwrap();
    dump.insert(
        "EnvironmentFile".to_owned(),
        files
            .into_iter()
            .map(|file| format!("{}{}", if file.optional { "-" } else { "" }, file.path))
            .collect(),
    );
    Some(dump)
}

/// Whether the order of the values means nothing.
fn is_set(key: &str) -> bool {
    !key.starts_with("Exec") && !matches!(key, "DropIn Path" | "EnvironmentFile")
}

fn systemd_252() -> bool {
    let version = Command::new("systemd-analyze").arg("--version").output();
    let is = version
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("systemd 252"));
    if !is {
        println!("skipped: this machine has no systemd-analyze of systemd 252");
    }
    is
}

#[test]
fn agrees_with_systemd_analyze_verify() {
    if !systemd_252() {
        return;
    }
    let mut numbers = Numbers(0x1234_5678_9ABC_DEF1);
    let (mut agree, mut compared, mut refused) = (0, 0, 0);
    let mut differ = Vec::new();
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        make(&root, &mut numbers);
        let units = Units::new(tree::evidence(&root));
        for name in NAMES {
            let ours = ours(&units, name);
            let theirs = dump(&root, name);
            compared += 1;
            let (Some(ours), Some(theirs)) = (&ours, &theirs) else {
                if ours.is_none() && theirs.is_none() {
                    agree += 1;
                    refused += 1;
                } else {
                    let unit = units.get(NextBoot, name).unwrap();
                    let said = verify(&root, name, "info").stderr;
                    differ.push(format!(
                        "round {round} {name}: ours {} {:?}, systemd says {}",
                        unit.load_state,
                        unit.load_error,
                        String::from_utf8_lossy(&said)
                    ));
                }
                continue;
            };
            agree += 1;
            for (key, ours) in ours {
                let empty = Vec::new();
                let theirs = theirs.get(key).unwrap_or(&empty);
                compared += 1;
                let same = if is_set(key) {
                    let set = |values: &[String]| -> BTreeSet<String> {
                        // The root is not in the tree; and this program does not
                        // set `DefaultStandardOutput=journal` as the manager does.
                        let both = |value: &&String| {
                            !matches!(value.as_str(), "-.mount" | "systemd-journald.socket")
                        };
                        values.iter().filter(both).cloned().collect()
                    };
                    set(ours) == set(theirs)
                } else {
                    ours == theirs
                };
                if same {
                    agree += 1;
                } else {
                    differ.push(format!(
                        "round {round} {name} {key}:\n  ours   {ours:?}\n  theirs {theirs:?}"
                    ));
                }
            }
        }
    }
    println!("verify: agree {agree} / compared {compared}, {refused} units refused by both");
    for difference in differ.iter().take(20) {
        println!("{difference}");
    }
    assert!(refused > 10, "hardly a unit was refused");
    assert!(differ.is_empty(), "{} differ", differ.len());
}
