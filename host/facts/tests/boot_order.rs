//! The order of a boot, its mounts, conditions and kernel modules, of made-up
//! nodes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod tree;

use std::sync::Arc;

use nodepol_facts::{Facts, Question};
use nodepol_model::Horizon::NextBoot;

const KUBELET: (&str, &str) = (
    "/etc/systemd/system/kubelet.service",
    "[Service]\nExecStart=/usr/bin/kubelet\n[Install]\nWantedBy=multi-user.target\n",
);
const WANTS: (&str, &str) = (
    "/etc/systemd/system/multi-user.target.wants/kubelet.service",
    "-> /etc/systemd/system/kubelet.service",
);

fn facts(files: &[(&str, &str)]) -> Facts {
    let files: Vec<_> = [KUBELET, WANTS]
        .into_iter()
        .filter(|(path, _)| !files.iter().any(|(other, _)| other == path))
        .chain(files.iter().copied())
        .collect();
    Facts::new(Arc::new(tree::node(&files)), Question::default())
}

#[test]
fn a_service_waits_for_what_its_default_dependencies_wait_for() {
    let facts = facts(&[]);
    let before = facts.units.ordered_before("kubelet.service").unwrap();
    for unit in [
        "basic.target",
        "sysinit.target",
        "local-fs.target",
        "swap.target",
    ] {
        assert!(
            before.iter().any(|known| known == unit),
            "{unit}: {before:?}"
        );
    }
    for unit in ["multi-user.target", "remote-fs.target", "kubelet.service"] {
        assert!(
            !before.iter().any(|known| known == unit),
            "{unit}: {before:?}"
        );
    }
    assert!(
        facts
            .units
            .ordering_cycle("kubelet.service")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_order_does_not_lead_through_a_unit_that_is_not_started() {
    let files = [
        (
            "/etc/systemd/system/kubelet.service",
            "[Unit]\nAfter=b.service\n[Service]\nExecStart=/usr/bin/kubelet\n",
        ),
        (
            "/etc/systemd/system/a.service",
            "[Unit]\nBefore=b.service\n[Service]\nExecStart=/bin/a\n",
        ),
        (
            "/etc/systemd/system/b.service",
            "[Service]\nExecStart=/bin/b\n",
        ),
        (
            "/etc/systemd/system/multi-user.target.wants/a.service",
            "-> /etc/systemd/system/a.service",
        ),
    ];
    let waits = |facts: &Facts, unit: &str| {
        let before = facts.units.ordered_before("kubelet.service").unwrap();
        before.iter().any(|known| known == unit)
    };
    let without = facts(&files);
    assert!(!waits(&without, "a.service") && !waits(&without, "b.service"));
    let mut all = files.to_vec();
    all.push((
        "/etc/systemd/system/multi-user.target.wants/b.service",
        "-> /etc/systemd/system/b.service",
    ));
    let with = facts(&all);
    assert!(waits(&with, "a.service") && waits(&with, "b.service"));
}

#[test]
fn the_shortest_circle_is_found() {
    let facts = facts(&[
        (
            "/etc/systemd/system/kubelet.service",
            "[Unit]\nAfter=a.service\n[Service]\nExecStart=/usr/bin/kubelet\n",
        ),
        (
            "/etc/systemd/system/a.service",
            "[Unit]\nAfter=b.service\n[Service]\nExecStart=/bin/a\n",
        ),
        (
            "/etc/systemd/system/b.service",
            "[Unit]\nAfter=kubelet.service\n[Service]\nExecStart=/bin/b\n",
        ),
        (
            "/etc/systemd/system/multi-user.target.wants/a.service",
            "-> /etc/systemd/system/a.service",
        ),
        (
            "/etc/systemd/system/multi-user.target.wants/b.service",
            "-> /etc/systemd/system/b.service",
        ),
    ]);
    assert_eq!(
        facts.units.ordering_cycle("kubelet.service").unwrap(),
        ["kubelet.service", "a.service", "b.service"]
    );
    // One that is only waited for is no part of it.
    assert!(
        facts
            .units
            .ordering_cycle("multi-user.target")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn mounts_of_fstab_and_who_waits_for_them() {
    let facts = facts(&[
        (
            "/etc/fstab",
            "/dev/sda1 / ext4 defaults 0 1\n\
             /dev/sdb1 /var/lib/kubelet ext4 defaults 0 2\n\
             /dev/sdc1 /var/lib/containerd ext4 nofail 0 2\n\
             nas:/x /etc/kubernetes nfs defaults 0 0\n\
             /dev/sdd1 /opt ext4 noauto 0 2\n\
             /dev/sde1 /srv ext4 noauto,x-systemd.automount 0 2\n\
             /dev/sdf1 /masked ext4 defaults 0 2\n",
        ),
        ("/etc/systemd/system/masked.mount", "-> /dev/null"),
        (
            "/etc/systemd/system/var-log.mount",
            "[Mount]\nWhat=/dev/sdg1\nWhere=/var/log\nOptions=nofail, noatime\n",
        ),
    ]);
    let mounts = facts.mounts.at_next_boot().unwrap();
    let found: Vec<_> = mounts
        .iter()
        .map(|mount| {
            (
                mount.mount_point.as_str(),
                mount.unit.as_str(),
                mount.started,
                facts
                    .mounts
                    .mounted_before(&mount.mount_point, "kubelet.service")
                    .unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("/etc/kubernetes", "etc-kubernetes.mount", true, false),
            ("/opt", "opt.mount", false, false),
            ("/srv", "srv.mount", true, true),
            (
                "/var/lib/containerd",
                "var-lib-containerd.mount",
                true,
                false
            ),
            ("/var/lib/kubelet", "var-lib-kubelet.mount", true, true),
            ("/var/log", "var-log.mount", false, false),
        ]
    );
    assert_eq!(mounts[5].options, ["nofail", "noatime"]);
    assert_eq!(mounts[4].device_present, None);
}

#[test]
fn conditions_are_tested_as_far_as_files_tell() {
    let facts = facts(&[
        (
            "/etc/systemd/system/kubelet.service",
            "[Unit]\nConditionPathExists=/lost\nConditionPathExists=\n\
             ConditionPathExists=|!/etc/fstab\nConditionPathExists=/run/x\n\
             ConditionFileNotEmpty=/etc/fstab\nConditionVirtualization=no\nAssertPathExists=/y\n\
             [Service]\nExecStart=/usr/bin/kubelet\n",
        ),
        ("/etc/fstab", "# nothing\n"),
    ]);
    let found: Vec<_> = facts
        .units
        .conditions(NextBoot, "kubelet.service")
        .unwrap()
        .into_iter()
        .map(|c| (c.kind, c.parameter, c.negated, c.trigger, c.met, c.at.line))
        .collect();
    let expected = [
        (
            "ConditionPathExists",
            "/etc/fstab",
            true,
            true,
            Some(false),
            4,
        ),
        ("ConditionPathExists", "/run/x", false, false, None, 5),
        (
            "ConditionFileNotEmpty",
            "/etc/fstab",
            false,
            false,
            Some(true),
            6,
        ),
        ("ConditionVirtualization", "no", false, false, None, 7),
        ("AssertPathExists", "/y", false, false, Some(false), 8),
    ]
    .map(|(kind, parameter, negated, trigger, met, line)| {
        (
            kind.to_owned(),
            parameter.to_owned(),
            negated,
            trigger,
            met,
            Some(line),
        )
    });
    assert_eq!(found, expected);
}

#[test]
fn modules_and_what_loads_them() {
    let module = |files: &[(&str, &str)]| {
        facts(files)
            .modules
            .module(NextBoot, "br_netfilter")
            .unwrap()
            .map(|found| format!("{} {}", found.value, found.origin))
    };
    assert_eq!(module(&[]), None);
    assert_eq!(
        module(&[("/etc/modules-load.d/k8s.conf", "# x\nbr-netfilter\n")]).as_deref(),
        Some("configured /etc/modules-load.d/k8s.conf:2")
    );
    assert_eq!(
        module(&[("/run/modules-load.d/k8s.conf", "br_netfilter\n")]),
        None
    );
    let builtin = "/lib/modules/6.1/modules.builtin";
    let list = "kernel/net/bridge/br_netfilter.ko\n";
    assert_eq!(
        module(&[(builtin, list)]).as_deref(),
        Some("built-in /lib/modules/6.1/modules.builtin:1")
    );
    // Of two kernels it must be in both.
    let other = (
        "/lib/modules/6.2/modules.builtin",
        "kernel/fs/ext4/ext4.ko\n",
    );
    assert_eq!(module(&[(builtin, list), other]), None);
    assert_eq!(
        module(&[(
            "/etc/systemd/system/kubelet.service",
            "[Service]\nExecStartPre=/sbin/modprobe -a br_netfilter\nExecStart=/usr/bin/kubelet\n"
        )])
        .as_deref(),
        Some("configured /etc/systemd/system/kubelet.service:2:14")
    );
}

/// What systemd-fstab-generator 252 made of real files.
#[test]
fn mount_units_are_those_of_the_generator() {
    let Some(corpus) = tree::corpus() else {
        return;
    };
    let oracle = tree::json(&corpus.join("ORACLE-fstab-generator-systemd252.json"));
    let mut compared = 0;
    for (path, made) in oracle.as_object().unwrap() {
        let text = std::fs::read_to_string(corpus.join(path)).unwrap();
        // That of an initrd names the places of the system to come.
        if path.contains("initrd") {
            continue;
        }
        let facts = facts(&[("/etc/fstab", &text)]);
        let mut found: Vec<String> = facts
            .mounts
            .at_next_boot()
            .unwrap()
            .into_iter()
            .map(|mount| mount.unit)
            .collect();
        found.sort();
        let mut expected: Vec<String> = made["mount_units"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| unit.as_str().unwrap().to_owned())
            .filter(|unit| unit != "-.mount")
            .collect();
        expected.sort();
        assert_eq!(found, expected, "{path}");
        compared += 1;
    }
    assert!(compared > 0);
}

#[test]
fn conditions_that_name_the_system() {
    let facts = facts(&[
        (
            "/etc/systemd/system/kubelet.service",
            "[Unit]\nConditionOSRelease=ID=debian VERSION_ID=12\nConditionOSRelease=!ID=flatcar\n\
             ConditionOSRelease=VERSION_ID>=12\nConditionHost=worker-*\nConditionHost=other\n\
             ConditionHost=0123456789abcdef0123456789abcdef\nConditionUser=root\n\
             ConditionFirstBoot=yes\nConditionKernelVersion=>=5\nConditionNonsense=x\n\
             ConditionArchitecture=native\nAssertOSRelease=ID=flatcar\n\
             ConditionKernelCommandLine=!quiet\nConditionKernelCommandLine=root=/dev/sda1\n\
             ConditionKernelCommandLine=root\nConditionKernelCommandLine=ro\n\
             [Service]\nExecStart=/usr/bin/kubelet\n",
        ),
        ("/etc/kernel/cmdline", "root=/dev/sda1 quiet\n"),
        ("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("/etc/hostname", "Worker-1\n"),
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    ]);
    let units = &facts.units;
    let found: Vec<_> = units
        .conditions(NextBoot, "kubelet.service")
        .unwrap()
        .into_iter()
        .map(|condition| (condition.at.line.unwrap(), condition.met))
        .collect();
    let expected = [
        (2, Some(true)),
        (3, Some(true)),
        (4, None),
        (5, Some(true)),
        (6, Some(false)),
        (7, Some(true)),
        (8, Some(true)),
        (9, Some(false)),
        (10, None),
        (12, Some(true)),
        (14, Some(false)),
        (15, Some(true)),
        (16, Some(true)),
        (17, Some(false)),
        // Assertions come last.
        (13, Some(false)),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        units.conditions_met("kubelet.service").unwrap(),
        Some(false)
    );
}

#[test]
fn of_conditions_with_a_bar_one_is_enough() {
    for (lines, met) in [
        (
            "ConditionPathExists=|/lost\nConditionPathExists=|/etc/fstab\n",
            Some(true),
        ),
        (
            "ConditionPathExists=|/lost\nConditionPathExists=|/gone\n",
            Some(false),
        ),
        (
            "ConditionPathExists=|/lost\nConditionPathExists=|/run/x\n",
            None,
        ),
        (
            "ConditionPathExists=|/run/x\nConditionPathExists=/lost\n",
            Some(false),
        ),
        (
            "ConditionPathExists=/run/x\nConditionPathExists=|/etc/fstab\n",
            None,
        ),
        ("", Some(true)),
    ] {
        let unit = format!("[Unit]\n{lines}[Service]\nExecStart=/usr/bin/kubelet\n");
        let facts = facts(&[
            ("/etc/systemd/system/kubelet.service", unit.as_str()),
            ("/etc/fstab", "# nothing\n"),
        ]);
        let found = facts.units.conditions_met("kubelet.service").unwrap();
        assert_eq!(found, met, "{lines}");
    }
}

/// What PID 1 enables when it boots an image for the first time.
#[test]
fn the_first_boot_applies_presets() {
    const UNIT: &str =
        "[Service]\nExecStart=/usr/bin/kubelet\n[Install]\nWantedBy=multi-user.target\n";
    let enabled = |machine_id: Option<&str>, preset: &str| {
        let mut files = vec![
            ("/usr/lib/systemd/system/kubelet.service", UNIT),
            ("/usr/lib/systemd/system/multi-user.target", "[Unit]\n"),
            ("/usr/lib/systemd/system/sysinit.target", "[Unit]\n"),
            (
                "/usr/lib/systemd/system/default.target",
                "-> multi-user.target",
            ),
            ("/usr/lib/systemd/system-preset/90.preset", preset),
        ];
        files.extend(machine_id.map(|text| ("/etc/machine-id", text)));
        let facts = Facts::new(Arc::new(tree::node(&files)), Question::default());
        !facts
            .units
            .pulled_in_by("kubelet.service")
            .unwrap()
            .is_empty()
    };
    const ID: &str = "0123456789abcdef0123456789abcdef\n";
    for (machine_id, preset, expected) in [
        (
            Some("uninitialized\n"),
            "enable kubelet.service\ndisable *\n",
            true,
        ),
        (None, "enable kube*\n", true),
        (Some("uninitialized\n"), "disable *\n", false),
        (Some("uninitialized\n"), "# nothing\n", true),
        (None, "# nothing\n", false),
        (
            Some("uninitialized\n"),
            "disable *\nenable kubelet.service\n",
            false,
        ),
        (Some(""), "enable kubelet.service\n", false),
        (Some(ID), "enable kubelet.service\n", false),
    ] {
        assert_eq!(
            enabled(machine_id, preset),
            expected,
            "{machine_id:?} {preset:?}"
        );
    }
}
