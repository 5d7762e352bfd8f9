//! Unit directories that are made up, against `systemctl --root` and
//! `systemd-analyze` of the machine that runs the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use nodepol_facts::systemd::{Units, time};
use nodepol_model::Horizon::Now;

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

const NAMES: [&str; 6] = [
    "a.service",
    "b.service",
    "a-b.service",
    "t@.service",
    "t@x.service",
    "s.socket",
];

fn make(root: &Path, numbers: &mut Numbers) {
    const DIRECTORIES: [&str; 5] = [
        "etc/systemd/system",
        "run/systemd/system",
        "usr/lib/systemd/system",
        "usr/local/lib/systemd/system",
        "run/systemd/generator",
    ];
    fs::create_dir_all(root.join("opt")).unwrap();
    for directory in DIRECTORIES {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for _ in 0..5 {
        let directory = numbers.of(&DIRECTORIES);
        let name = numbers.of(&NAMES);
        let path = root.join(directory).join(name);
        match numbers.next(7) {
            0 => drop(symlink("/dev/null", path)),
            1 => drop(fs::write(path, "")),
            2 => {
                // A link out of the search path.
                let outside = root.join("opt").join(name);
                fs::write(&outside, text(numbers)).unwrap();
                drop(symlink(format!("/opt/{name}"), path));
            }
            // Links between kinds of names are refused by more than one reader,
            // each in its own way: they are left out.
            3 if name.ends_with("service") && !name.contains('@') => {
                drop(symlink(
                    numbers.of(&["a.service", "b.service", "a-b.service"]),
                    path,
                ));
            }
            _ => {
                if path.symlink_metadata().is_err() {
                    fs::write(path, text(numbers)).unwrap();
                }
            }
        }
    }
    for _ in 0..numbers.next(4) {
        let directory = numbers.of(&[
            "etc/systemd/system",
            "run/systemd/system",
            "usr/lib/systemd/system",
        ]);
        let kind = numbers.of(&["wants", "requires"]);
        let name = numbers.of(&NAMES);
        let below = root
            .join(directory)
            .join(format!("multi-user.target.{kind}"));
        fs::create_dir_all(&below).unwrap();
        let to = numbers.of(&["/usr/lib/systemd/system", "/etc/systemd/system", "/gone"]);
        drop(symlink(format!("{to}/{name}"), below.join(name)));
    }
    if numbers.next(3) == 0 {
        let below = root.join("etc/systemd/system/a.service.d");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("x.conf"), "[Install]\nWantedBy=late.target\n").unwrap();
    }
}

fn text(numbers: &mut Numbers) -> String {
    let mut text = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n".to_owned();
    if numbers.next(2) == 0 {
        text.push_str("[Install]\n");
        for _ in 0..=numbers.next(2) {
            text.push_str(numbers.of(&[
                "WantedBy=multi-user.target\n",
                "WantedBy=\n",
                "RequiredBy=multi-user.target\n",
                "Alias=b.service\n",
                "Also=s.socket\n",
                "DefaultInstance=x\n",
            ]));
        }
    }
    text
}

fn systemd_252() -> bool {
    let version = Command::new("systemctl").arg("--version").output();
    let is = version
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("systemd 252"));
    if !is {
        println!("skipped: this machine has no systemctl of systemd 252");
    }
    is
}

#[test]
fn agrees_with_systemctl_is_enabled() {
    if !systemd_252() {
        return;
    }
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let (mut agree, mut compared) = (0, 0);
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut differ = Vec::new();
    for round in 0..60 {
        let directory = tempfile::tempdir().unwrap();
        make(directory.path(), &mut numbers);
        let units = Units::new(tree::evidence(directory.path()));
        for name in NAMES {
            let output = Command::new("systemctl")
                .arg(format!("--root={}", directory.path().display()))
                .args(["is-enabled", name])
                .output()
                .unwrap();
            let theirs = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let ours = units
                .file_state(Now, name)
                .unwrap_or_else(|e| e.to_string());
            compared += 1;
            if ours == theirs {
                agree += 1;
                *states.entry(ours).or_default() += 1;
            } else {
                let listing = Command::new("sh")
                    .args(["-c", "find . -type f -o -type l | xargs ls -l | cut -d' ' -f6-; grep -r . --include='*.service' etc run usr opt | grep -A3 Install"])
                    .current_dir(directory.path())
                    .output()
                    .unwrap();
                differ.push(format!(
                    "round {round} {name}: ours {ours:?}, theirs {theirs:?} {}\n{}",
                    String::from_utf8_lossy(&output.stderr),
                    String::from_utf8_lossy(&listing.stdout),
                ));
            }
        }
    }
    println!("is-enabled: agree {agree} / compared {compared}: {states:?}");
    for difference in differ.iter().take(6) {
        println!("{difference}");
    }
    assert!(differ.is_empty(), "{} differ", differ.len());
}

#[test]
fn agrees_with_systemd_analyze_timespan() {
    if !systemd_252() {
        return;
    }
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut compared = 0;
    for _ in 0..150 {
        let mut span = String::new();
        for _ in 0..=numbers.next(2) {
            span.push_str(numbers.of(&["1", "20", "300", "1.5", ".25", "0", "7"]));
            span.push_str(numbers.of(&[
                "s", "ms", " min ", "us", "h ", "d", "week", "M", "", "x", " y",
            ]));
            span.push(' ');
        }
        let output = Command::new("systemd-analyze")
            .args(["timespan", &span])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let theirs: Option<u64> = printed.lines().find_map(|line| {
            line.trim()
                .strip_prefix("μs: ")
                .map(|number| number.parse().unwrap())
        });
        assert_eq!(time::parse_seconds(&span), theirs, "{span:?}: {printed}");
        compared += 1;
    }
    println!("timespan: agree {compared} / compared {compared}");
}

/// Which files `[Install]` is read from, and in which order.
#[test]
fn agrees_on_the_drop_ins_of_install() {
    if !systemd_252() {
        return;
    }
    const SERVICE: &str = "[Service]\nExecStart=/bin/true\n[Install]\n";
    let mut states = BTreeMap::new();
    for directory in [
        "service.d",
        "a-.service.d",
        "a-b.service.d",
        "t@.service.d",
        "t@x.service.d",
    ] {
        for line in ["WantedBy=late.target", "WantedBy=", "Alias=c.service"] {
            for own in ["", "WantedBy=\n", "WantedBy=late.target\n"] {
                for linked in [false, true] {
                    let tree = tempfile::tempdir().unwrap();
                    let root = tree.path();
                    let units = root.join("usr/lib/systemd/system");
                    let drop_ins = root.join("etc/systemd/system").join(directory);
                    for path in [&units, &drop_ins, &root.join("opt")] {
                        fs::create_dir_all(path).unwrap();
                    }
                    fs::write(drop_ins.join("y.conf"), format!("[Install]\n{line}\n")).unwrap();
                    for name in ["a-b.service", "t@.service"] {
                        let text = format!("{SERVICE}{own}");
                        if linked {
                            fs::write(root.join("opt").join(name), text).unwrap();
                            symlink(format!("/opt/{name}"), units.join(name)).unwrap();
                        } else {
                            fs::write(units.join(name), text).unwrap();
                        }
                    }
                    let facts = Units::new(tree::evidence(root));
                    for name in ["a-b.service", "t@.service", "t@x.service"] {
                        let output = Command::new("systemctl")
                            .arg(format!("--root={}", root.display()))
                            .args(["is-enabled", name])
                            .output()
                            .unwrap();
                        let theirs = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                        let ours = facts.file_state(Now, name).unwrap();
                        assert_eq!(ours, theirs, "{directory} {line} {own:?} {linked} {name}");
                        *states.entry(ours).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    assert!(states.len() > 1, "{states:?}");
}

#[test]
fn links_of_upholds_enable_from_254_on() {
    for (library, state) in [
        ("libsystemd-shared-252.so", "disabled"),
        ("libsystemd-shared-257.7-1.fc42.so", "enabled"),
    ] {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        let upholds = root.join("etc/systemd/system/multi-user.target.upholds");
        let units = root.join("usr/lib/systemd/system");
        fs::create_dir_all(&upholds).unwrap();
        fs::create_dir_all(&units).unwrap();
        fs::write(root.join("usr/lib/systemd").join(library), "").unwrap();
        let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
        fs::write(units.join("a.service"), text).unwrap();
        symlink(
            "/usr/lib/systemd/system/a.service",
            upholds.join("a.service"),
        )
        .unwrap();
        let facts = Units::new(tree::evidence(root));
        assert_eq!(facts.file_state(Now, "a.service").unwrap(), state);
        if library.contains("252") && systemd_252() {
            let output = Command::new("systemctl")
                .arg(format!("--root={}", root.display()))
                .args(["is-enabled", "a.service"])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), state);
        }
    }
}
