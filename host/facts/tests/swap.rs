//! What turns swap on, with units that a test writes down.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod memory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memory::Files;
use nodepol_facts::sourced::Sourced;
use nodepol_facts::swap::{Activation, BootCommand, BootUnits, Swap, parse_proc_swaps};
use nodepol_model::snapshot::Source;
use nodepol_model::{Location, Unavailable};

/// A unit: whether it is pulled in, and its assignments.
#[derive(Clone, Default)]
struct Unit {
    pulled_in: bool,
    masked: bool,
    settings: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Default)]
struct Units(BTreeMap<&'static str, Unit>);

impl Units {
    fn with(mut self, name: &'static str, settings: &[(&'static str, &'static str)]) -> Self {
        self.0.insert(
            name,
            Unit {
                pulled_in: true,
                masked: false,
                settings: settings.to_vec(),
            },
        );
        self
    }

    fn masked(mut self, name: &'static str) -> Self {
        self.0.insert(
            name,
            Unit {
                masked: true,
                ..Unit::default()
            },
        );
        self
    }

    fn disabled(mut self, name: &'static str) -> Self {
        self.0.entry(name).or_default().pulled_in = false;
        self
    }
}

fn file(name: &str) -> String {
    format!("/etc/systemd/system/{name}")
}

impl BootUnits for Units {
    fn names(&self) -> Vec<String> {
        self.0.keys().map(|name| (*name).to_owned()).collect()
    }

    fn is_masked(&self, name: &str) -> Result<bool, Unavailable> {
        Ok(self.0.get(name).is_some_and(|unit| unit.masked))
    }

    fn fragment(&self, name: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.0.contains_key(name).then(|| file(name)))
    }

    fn is_pulled_in(&self, name: &str) -> Result<bool, Unavailable> {
        Ok(self.0.get(name).is_some_and(|unit| unit.pulled_in))
    }

    fn assignments(
        &self,
        name: &str,
        _: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        Ok(self
            .0
            .get(name)
            .iter()
            .flat_map(|unit| &unit.settings)
            .filter(|(known, _)| *known == key)
            .map(|(_, value)| Sourced::new((*value).to_owned(), Location::source(file(name))))
            .collect())
    }

    fn commands(&self, name: &str, key: &str) -> Result<Vec<BootCommand>, Unavailable> {
        Ok(self
            .assignments(name, "Service", key)?
            .into_iter()
            .map(|line| BootCommand {
                argv: line.value.split('|').map(str::to_owned).collect(),
                at: line.origin,
            })
            .collect())
    }

    fn after(&self, name: &str) -> Result<Vec<String>, Unavailable> {
        let mut found: Vec<String> = self
            .assignments(name, "Unit", "After")?
            .into_iter()
            .map(|value| value.value)
            .collect();
        for other in self.names() {
            let before = self.assignments(&other, "Unit", "Before")?;
            if before.iter().any(|value| value.value == name) {
                found.push(other);
            }
        }
        // By default a service comes after it.
        if self
            .assignments(name, "Unit", "DefaultDependencies")?
            .is_empty()
        {
            found.push("sysinit.target".to_owned());
        }
        Ok(found)
    }

    fn waits_for(&self, name: &str, other: &str) -> Result<bool, Unavailable> {
        Ok(self.after(name)?.iter().any(|before| before == other))
    }

    fn kind(&self, name: &str) -> Result<Option<String>, Unavailable> {
        let kind = self.assignments(name, "Service", "Type")?.pop();
        Ok(Some(
            kind.map_or_else(|| "simple".to_owned(), |kind| kind.value),
        ))
    }

    fn conditions_met(&self, name: &str) -> Result<Option<bool>, Unavailable> {
        let condition = self.assignments(name, "Unit", "Condition")?.pop();
        Ok(
            match condition.map(|condition| condition.value).as_deref() {
                None | Some("met") => Some(true),
                Some("unmet") => Some(false),
                Some(_) => None,
            },
        )
    }
}

fn swap(files: Files, units: &Units, command_line: &str) -> Swap<Units> {
    let command_line = command_line
        .split_whitespace()
        .map(|word| Sourced::new(word.to_owned(), Location::source("/etc/kernel/cmdline")))
        .collect();
    Swap::new(
        files.text("/etc/hostname", "n\n").evidence(Source::Tree),
        Arc::new(units.clone()),
        || Ok(command_line),
    )
}

fn found(files: Files, units: &Units, command_line: &str) -> Vec<(&'static str, String)> {
    swap(files, units, command_line)
        .at_next_boot()
        .unwrap()
        .into_iter()
        .map(|activation| (activation.kind, activation.what))
        .collect()
}

fn one(kind: &'static str, what: &str) -> Vec<(&'static str, String)> {
    vec![(kind, what.to_owned())]
}

#[test]
fn rows_of_proc_swaps() {
    let rows = parse_proc_swaps(
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
         /dev/sda2                               partition\t1048572\t\t8\t\t-2\n\
         /my\\040swap\\040(deleted)                file\t\t4\t\t0\t\t5\n\
         /other (deleted)                        file\t\t4\t\t0\t\t5\n",
    );
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.path.as_str(),
                row.kind.as_str(),
                row.size_bytes,
                row.used_bytes,
                row.priority,
                row.at.line,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (
                "/dev/sda2",
                "partition",
                1_048_572 * 1024,
                8 * 1024,
                -2,
                Some(2)
            ),
            ("/my swap", "file", 4096, 0, 5, Some(3)),
            ("/other", "file", 4096, 0, 5, Some(4)),
        ]
    );
    assert!(parse_proc_swaps("Filename Type Size Used Priority\n").is_empty());
    assert!(parse_proc_swaps("").is_empty());
    // What cannot be read counts, as it does for the kubelet.
    assert_eq!(parse_proc_swaps("Filename\n?\n").len(), 1);
}

#[test]
fn active_swap() {
    let live = |files: Files| {
        Swap::new(
            files.evidence(Source::Live),
            Arc::new(Units::default()),
            || Ok(Vec::new()),
        )
        .active()
    };
    assert_eq!(
        live(Files::default().text("/proc/cmdline", "")),
        Ok(Vec::new())
    );
    assert_eq!(
        live(Files::default().text("/proc/swaps", "Filename\n/dev/zram0 partition 8 0 100\n"))
            .unwrap()
            .len(),
        1
    );
    assert!(live(Files::default().unreadable("/proc/swaps")).is_err());
    assert!(
        swap(Files::default(), &Units::default(), "")
            .active()
            .is_err()
    );
}

#[test]
fn fstab() {
    let files = || Files::default().text("/etc/fstab", "UUID=a-b none swap sw 0 0\n");
    let units = Units::default();
    let activations = swap(files(), &units, "").at_next_boot().unwrap();
    assert_eq!(
        activations,
        [Activation {
            kind: "fstab",
            what: "UUID=a-b".to_owned(),
            unit: Some(r"dev-disk-by\x2duuid-a\x2db.swap".to_owned()),
            at: Location::line("/etc/fstab", 1),
            text: Some("UUID=a-b none swap sw 0 0".to_owned()),
            before_kubelet: true,
            device_present: None,
        }]
    );
    for silent in [
        "systemd.swap=0",
        "quiet systemd.swap=no",
        "fstab=no",
        "systemd.mask=swap.target",
    ] {
        assert!(found(files(), &units, silent).is_empty(), "{silent}");
    }
    assert!(!found(files(), &units, "systemd.swap=0 systemd.swap").is_empty());
    assert!(found(files(), &units.clone().masked("swap.target"), "").is_empty());
    assert!(
        found(
            files(),
            &units.clone().masked(r"dev-disk-by\x2duuid-a\x2db.swap"),
            ""
        )
        .is_empty()
    );
    let unreadable = swap(Files::default().unreadable("/etc/fstab"), &units, "");
    assert!(unreadable.at_next_boot().is_err());
    // A swap file that is not there delays the boot: that is to be seen.
    let missing = swap(
        Files::default().text("/etc/fstab", "/swapfile none swap\n"),
        &units,
        "",
    );
    assert_eq!(
        missing.at_next_boot().unwrap()[0].device_present,
        Some(false)
    );
    assert_eq!(
        found(
            Files::default(),
            &units,
            "systemd.swap-extra=/dev/sdb1:nofail"
        ),
        one("kernel-command-line", "/dev/sdb1")
    );
}

#[test]
fn swap_units() {
    let settings = [("What", "/dev/sdb1")];
    let units = Units::default().with("dev-sdb1.swap", &settings);
    assert_eq!(
        found(Files::default(), &units, ""),
        one("unit", "/dev/sdb1")
    );
    assert!(
        found(
            Files::default(),
            &units.clone().disabled("dev-sdb1.swap"),
            ""
        )
        .is_empty()
    );
    assert!(found(Files::default(), &units.clone().masked("dev-sdb1.swap"), "").is_empty());
    // The line of fstab that pulls it in stands for both.
    let files = Files::default().text("/etc/fstab", "/dev/sdb1 none swap\n");
    assert_eq!(found(files, &units, ""), one("fstab", "/dev/sdb1"));
}

#[test]
fn partitions_found_by_type() {
    let files = || {
        Files::default()
            .text(
                "/run/systemd/generator.late/dev-sda3.swap",
                "# Automatically generated by systemd-gpt-auto-generator\n\n[Swap]\nWhat=/dev/sda3\n",
            )
            .link(
                "/run/systemd/generator.late/swap.target.wants/dev-sda3.swap",
                "../dev-sda3.swap",
            )
            // fstab has no such line any more.
            .text(
                "/run/systemd/generator/dev-sda4.swap",
                "# Automatically generated by systemd-fstab-generator\n\n[Swap]\nWhat=/dev/sda4\n",
            )
            .link(
                "/run/systemd/generator/swap.target.requires/dev-sda4.swap",
                "../dev-sda4.swap",
            )
    };
    let units = Units::default();
    assert_eq!(found(files(), &units, ""), one("gpt", "/dev/sda3"));
    assert!(found(files(), &units, "systemd.gpt_auto=0").is_empty());
    assert!(found(files(), &units, "systemd.swap=0").is_empty());
    assert!(found(files(), &units.masked("dev-sda3.swap"), "").is_empty());
}

#[test]
fn zram_generator() {
    const GENERATOR: &str = "/usr/lib/systemd/system-generators/zram-generator";
    const PACKAGED: &str = "/usr/lib/systemd/zram-generator.conf";
    let files = || {
        Files::default()
            .program(GENERATOR, "")
            .text(PACKAGED, "[zram0]\nzram-size = ram / 2\n")
    };
    let units = Units::default();
    assert_eq!(
        found(files(), &units, ""),
        one("zram-generator", "/dev/zram0")
    );
    for (name, files) in [
        (
            "not installed",
            Files::default().text(PACKAGED, "[zram0]\n"),
        ),
        (
            "hidden",
            files().text("/etc/systemd/zram-generator.conf", ""),
        ),
        (
            "linked away",
            files().link("/etc/systemd/zram-generator.conf", "/dev/null"),
        ),
        (
            "a mount",
            files().text(
                "/etc/systemd/zram-generator.conf.d/a.conf",
                "[zram0]\nmount-point=/tmp/z\n",
            ),
        ),
        (
            "of size zero",
            files().text("/etc/systemd/zram-generator.conf", "[zram0]\nzram-size=0\n"),
        ),
    ] {
        assert!(found(files, &units, "").is_empty(), "{name}");
    }
    assert!(found(files(), &units, "systemd.zram=0").is_empty());
    let hidden = files().text("/etc/systemd/zram-generator.conf", "");
    assert_eq!(
        found(
            hidden.text("/etc/systemd/zram-generator.conf.d/b.conf", "[zram1]\n"),
            &units,
            ""
        ),
        one("zram-generator", "/dev/zram1")
    );
}

#[test]
fn services_and_scripts() {
    let command = [
        ("Type", "oneshot"),
        ("ExecStart", "/sbin/swapon|/swap"),
        ("Before", "kubelet.service"),
    ];
    let units = Units::default().with("my-swap.service", &command);
    let activations = swap(Files::default(), &units, "").at_next_boot().unwrap();
    assert_eq!(activations[0].kind, "service");
    assert!(activations[0].before_kubelet);
    let units = Units::default().with(
        "zramswap.service",
        &[("ExecStart", "/usr/sbin/zramswap|start")],
    );
    assert_eq!(
        found(Files::default(), &units, ""),
        one("service", "/dev/zram0")
    );
    assert!(
        found(
            Files::default(),
            &units.clone().disabled("zramswap.service"),
            ""
        )
        .is_empty()
    );

    for (condition, expected) in [("met", 1), ("unmet", 0), ("unknown", 1)] {
        let settings = [
            ("ExecStart", "/sbin/swapon|/swap"),
            ("Condition", condition),
        ];
        let units = Units::default().with("my-swap.service", &settings);
        assert_eq!(
            found(Files::default(), &units, "").len(),
            expected,
            "{condition}"
        );
    }

    let agent = Units::default().with("walinuxagent.service", &[]);
    let conf = |value: &str| {
        Files::default().text(
            "/etc/waagent.conf",
            &format!("# ResourceDisk.EnableSwap=y\nResourceDisk.EnableSwap={value}\n"),
        )
    };
    assert_eq!(found(conf("y"), &agent, "")[0].0, "waagent");
    assert!(found(conf("n"), &agent, "").is_empty());
    assert!(found(conf("y"), &Units::default(), "").is_empty());

    let none = Units::default();
    let script = "#!/bin/sh\n# swapon -a\nswapon /swap\nexit 0\n";
    assert_eq!(
        found(Files::default().program("/etc/rc.local", script), &none, "")[0].0,
        "rc-local"
    );
    assert!(found(Files::default().text("/etc/rc.local", script), &none, "").is_empty());
    let cron = Files::default().text(
        "/etc/cron.d/swap",
        "@reboot root /sbin/swapon -a\n@daily root swapon -s\n",
    );
    assert_eq!(found(cron, &none, "").len(), 1);

    let init = Units::default().with("cloud-init.service", &[]);
    let cloud = |size: &str| {
        Files::default().text(
            "/etc/cloud/cloud.cfg.d/90_swap.cfg",
            &format!("swap:\n  filename: /s\n  size: {size}\n"),
        )
    };
    assert_eq!(found(cloud("1G"), &init, ""), one("cloud-init", "/s"));
    assert!(found(cloud("0"), &init, "").is_empty());
    assert!(found(cloud("1G"), &none, "").is_empty());
    assert!(found(cloud("1G"), &init, "cloud-init=disabled").is_empty());
    assert!(
        found(
            cloud("1G").text("/etc/cloud/cloud-init.disabled", ""),
            &init,
            ""
        )
        .is_empty()
    );
}

#[test]
fn enforcements() {
    let units = Units::default()
        .with(
            "kubelet.service",
            &[
                ("ExecStartPre", "/sbin/swapoff|-a"),
                ("ExecStartPre", "/bin/true"),
            ],
        )
        .with(
            "noswap.service",
            &[
                ("Type", "oneshot"),
                ("ExecStart", "/sbin/swapoff|-a"),
                ("Before", "kubelet.service"),
            ],
        )
        .with("late.service", &[("ExecStart", "/sbin/swapoff|-a")])
        .masked("swap.target");
    let kinds: Vec<_> = swap(Files::default(), &units, "systemd.swap=0")
        .enforcements()
        .unwrap()
        .into_iter()
        .map(|enforcement| (enforcement.kind, enforcement.what))
        .collect();
    let expected = [
        ("exec-start-pre", "/sbin/swapoff -a"),
        ("kernel-command-line", "systemd.swap=0"),
        ("masked-target", "swap.target"),
        ("unit", "noswap.service"),
    ]
    .map(|(kind, what)| (kind, what.to_owned()));
    assert_eq!(kinds, expected);
}

/// What of `fstab` is turned off again: the commands, or the fault of not knowing.
fn turned_off(fstab: &str, units: &Units) -> Result<Vec<String>, Unavailable> {
    let files = Files::default().text("/etc/fstab", fstab);
    let found = swap(files, units, "").enforcements()?;
    Ok(found.into_iter().map(|found| found.what).collect())
}

#[test]
fn only_all_of_it_counts_as_turned_off() {
    let two = "/dev/sda2 none swap sw 0 0\n/dev/sdb1 none swap sw 0 0\n";
    let by_uuid = "UUID=1234 none swap sw 0 0\n";
    let of = |command: &'static str| {
        Units::default().with("kubelet.service", &[("ExecStartPre", command)])
    };
    for command in [
        "/sbin/swapoff|-a",
        "/sbin/swapoff|-va",
        "/sbin/swapoff|/dev/sda2|/dev/sdb1",
        "/bin/sh|-c|swapoff /dev/sdb1; swapoff /dev/sda2",
    ] {
        assert_eq!(
            turned_off(two, &of(command)).unwrap().len().min(1),
            1,
            "{command}"
        );
    }
    for command in [
        "/sbin/swapoff|/dev/sda2",
        "/sbin/swapoff|/dev/sdc1|/dev/sdc2",
        "/sbin/swapoff|--version",
        "/bin/sh|-c|echo swapoff",
        "/bin/echo|swapoff|-a",
    ] {
        assert!(
            turned_off(two, &of(command)).unwrap().is_empty(),
            "{command}"
        );
    }
    assert_eq!(
        turned_off(by_uuid, &of("/sbin/swapoff|-U|1234"))
            .unwrap()
            .len(),
        1
    );
    for (fstab, command) in [
        (two, "/bin/sh|-c|test -e /x && swapoff -a"),
        (two, "/sbin/swapoff|$DEVICES"),
        (by_uuid, "/sbin/swapoff|/dev/sda2"),
    ] {
        assert!(turned_off(fstab, &of(command)).is_err(), "{command}");
    }
}

#[test]
fn a_unit_with_swapoff_counts_where_the_kubelet_waits_for_it() {
    const OFF: (&str, &str) = ("ExecStart", "/sbin/swapoff|-a");
    const BEFORE: (&str, &str) = ("Before", "kubelet.service");
    let fstab = "/dev/sda2 none swap sw 0 0\n";
    let unit = |settings: &[(&'static str, &'static str)]| {
        Units::default()
            .with("kubelet.service", &[])
            .with("off.service", settings)
    };
    for settings in [
        vec![OFF, BEFORE, ("Type", "oneshot")],
        vec![OFF, BEFORE, ("Type", "forking")],
        vec![("ExecStartPre", "/sbin/swapoff|-a"), BEFORE],
    ] {
        let found = turned_off(fstab, &unit(&settings)).unwrap();
        assert_eq!(found, ["off.service"], "{settings:?}");
    }
    for settings in [
        vec![OFF, BEFORE],
        vec![OFF, ("Type", "oneshot")],
        vec![OFF, BEFORE, ("Type", "oneshot"), ("Condition", "unmet")],
        // It runs before anything is on.
        vec![
            OFF,
            BEFORE,
            ("Type", "oneshot"),
            ("DefaultDependencies", "no"),
        ],
    ] {
        let found = turned_off(fstab, &unit(&settings)).unwrap();
        assert!(found.is_empty(), "{settings:?}");
    }
    let doubtful = [OFF, BEFORE, ("Type", "oneshot"), ("Condition", "unknown")];
    assert!(turned_off(fstab, &unit(&doubtful)).is_err());
    // What another service turns on must be on by then.
    let on = [
        ("Type", "oneshot"),
        ("ExecStart", "/sbin/swapon|/x"),
        BEFORE,
    ];
    let off = unit(&[OFF, BEFORE, ("Type", "oneshot")]).with("on.service", &on);
    assert!(turned_off("", &off).unwrap().is_empty());
    let off =
        unit(&[OFF, BEFORE, ("Type", "oneshot"), ("After", "on.service")]).with("on.service", &on);
    assert_eq!(turned_off("", &off).unwrap(), ["off.service"]);
}

/// Every fstab of the corpus has the swap units that systemd-fstab-generator
/// makes of it.
#[test]
fn fstab_files_of_the_corpus() {
    let Some(corpus) = std::env::var_os("NODEPOL_CORPUS").map(PathBuf::from) else {
        println!("skipped: NODEPOL_CORPUS names no directory");
        return;
    };
    let oracle: BTreeMap<String, serde_json::Value> = serde_json::from_str(
        &std::fs::read_to_string(corpus.join("ORACLE-fstab-generator-systemd252.json")).unwrap(),
    )
    .unwrap();
    assert!(!oracle.is_empty());
    for (path, truth) in &oracle {
        let text = std::fs::read_to_string(corpus.join(path)).unwrap();
        let units: Vec<_> = swap(
            Files::default().text("/etc/fstab", &text),
            &Units::default(),
            "",
        )
        .at_next_boot()
        .unwrap()
        .into_iter()
        .map(|activation| activation.unit.unwrap())
        .collect();
        let expected: Vec<String> = truth["swap_units"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| unit.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(units, expected, "{path}");
    }
    // No tree of the corpus has an fstab that turns swap on.
    for node in std::fs::read_dir(corpus.join("nodes")).unwrap() {
        let path: PathBuf = node.unwrap().path().join("etc/fstab");
        if let Ok(text) = std::fs::read_to_string(Path::new(&path)) {
            let files = Files::default().text("/etc/fstab", &text);
            assert!(
                found(files, &Units::default(), "").is_empty(),
                "{}",
                path.display()
            );
        }
    }
}
