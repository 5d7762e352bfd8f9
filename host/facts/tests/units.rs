//! Units of made-up nodes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tree;

use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::systemd::{ProgramState, Units};
use nodepol_model::Horizon::{NextBoot, Now};
use nodepol_model::snapshot::{LoadedUnit, Source, Systemd};
use nodepol_model::{Part, Snapshot};
use serde_json::json;

const UNIT: &str = "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\nRestartSec=10\n[Install]\nWantedBy=multi-user.target\n";

fn units(files: &[(&str, &str)]) -> Units {
    from(tree::node(files))
}

fn from(snapshot: Snapshot) -> Units {
    Units::new(Arc::new(Evidence::new(Arc::new(snapshot))))
}

#[test]
fn merges_drop_ins_by_name_over_all_directories() {
    let units = units(&[
        ("/usr/lib/systemd/system/kubelet.service", UNIT),
        (
            "/usr/lib/systemd/system/kubelet.service.d/10-a.conf",
            "[Service]\nExecStart=\nExecStart=/vendor\n",
        ),
        (
            "/etc/systemd/system/kubelet.service.d/10-a.conf",
            "[Service]\nRestart=no\n",
        ),
        (
            "/usr/lib/systemd/system/service.d/05-all.conf",
            "[Service]\nRestartSec=3\n",
        ),
        (
            "/usr/lib/systemd/system/kubelet.service.d/20-b.conf",
            "[Service]\nRestart=on-failure\n",
        ),
        (
            "/etc/systemd/system/kubelet.service.d/20-b.conf",
            "-> /dev/null",
        ),
        (
            "/run/systemd/system/kubelet.service.d/99-gone.conf",
            "[Service]\nRestart=on-abort\n",
        ),
    ]);
    let unit = units.get(NextBoot, "kubelet.service").unwrap();
    assert_eq!(unit.load_state, "loaded");
    assert_eq!(
        unit.drop_ins,
        [
            "/usr/lib/systemd/system/service.d/05-all.conf",
            "/etc/systemd/system/kubelet.service.d/10-a.conf",
            "/etc/systemd/system/kubelet.service.d/20-b.conf",
        ]
    );
    let service = units.service(NextBoot, "kubelet.service").unwrap().unwrap();
    assert_eq!(service.restart, "no");
    assert_eq!(service.restart_usec, 3_000_000);
    let commands = units
        .commands(NextBoot, "kubelet.service", "ExecStart")
        .unwrap();
    assert_eq!(commands[0].path, "/usr/bin/kubelet");
    assert_eq!(
        commands[0].at.to_string(),
        "/usr/lib/systemd/system/kubelet.service:4:11"
    );
}

#[test]
fn tells_masked_bad_and_missing_units() {
    let units = units(&[
        ("/etc/systemd/system/a.service", "-> /dev/null"),
        ("/usr/lib/systemd/system/a.service", UNIT),
        ("/etc/systemd/system/b.service", ""),
        (
            "/etc/systemd/system/c.service",
            "[Service]\nExecStart=/x\nExecStart=/y\n",
        ),
        (
            "/etc/systemd/system/d.service",
            "[Service]\nExecStart=bin/x\n",
        ),
        ("/etc/systemd/system/e.service", "[Service\nExecStart=/x\n"),
        ("/etc/systemd/system/f.service", "-> /opt/gone/f.service"),
        ("/run/systemd/system/g.service", "-> /dev/null"),
        ("/usr/lib/systemd/system/g.service", UNIT),
        (
            "/etc/systemd/system/h.service",
            "[Service]\nType=oneshot\nExecStart=/x\nExecStart=/y\n",
        ),
    ]);
    let state = |name: &str| units.get(NextBoot, name).unwrap().load_state;
    for (name, expected) in [
        ("a.service", "masked"),
        ("b.service", "masked"),
        ("c.service", "bad-setting"),
        ("d.service", "bad-setting"),
        ("e.service", "error"),
        ("f.service", "not-found"),
        // What masks it is gone at the next boot.
        ("g.service", "loaded"),
        ("h.service", "loaded"),
        ("i.service", "not-found"),
    ] {
        assert_eq!(state(name), expected, "{name}");
    }
    let unit = units.get(NextBoot, "d.service").unwrap();
    assert!(
        unit.load_error
            .unwrap()
            .starts_with("/etc/systemd/system/d.service:2:11: ")
    );
    assert_eq!(units.service(NextBoot, "a.service").unwrap(), None);
}

#[test]
fn follows_aliases_and_templates() {
    let units = units(&[
        ("/usr/lib/systemd/system/crio.service", UNIT),
        (
            "/etc/systemd/system/cri-o.service",
            "-> /usr/lib/systemd/system/crio.service",
        ),
        (
            "/etc/systemd/system/cri-o.service.d/x.conf",
            "[Service]\nRestart=no\n",
        ),
        (
            "/usr/lib/systemd/system/t@.service",
            "[Service]\nExecStart=/bin/echo %i %n\n",
        ),
        (
            "/etc/systemd/system/t@a-b.service.d/x.conf",
            "[Service]\nEnvironment=I=%I\n",
        ),
    ]);
    let unit = units.get(NextBoot, "cri-o.service").unwrap();
    assert_eq!(unit.name, "crio.service");
    assert_eq!(unit.file_state, "alias");
    assert_eq!(
        units
            .service(NextBoot, "crio.service")
            .unwrap()
            .unwrap()
            .restart,
        "no"
    );
    let command = &units
        .commands(NextBoot, "t@a-b.service", "ExecStart")
        .unwrap()[0];
    assert_eq!(command.argv, ["/bin/echo", "a-b", "t@a-b.service"]);
    let environment = units.own_environment("t@a-b.service").unwrap();
    assert_eq!(environment[0].1.value, "a/b");
}

#[test]
fn starts_with_words_from_where_they_stand() {
    let units = units(&[
        (
            "/etc/systemd/system/kubelet.service",
            "[Service]\nEnvironment=\"A=--a=1 --b=2\" B=x\nEnvironmentFile=-/etc/default/kubelet\nEnvironmentFile=-/gone\nExecStart=/usr/bin/kubelet $A \\\n  --c=${B} $NONE\n",
        ),
        ("/etc/default/kubelet", "# x\nB='y z'\n"),
    ]);
    let argv: Vec<String> = units
        .started_argv(NextBoot, "kubelet.service")
        .unwrap()
        .into_iter()
        .map(|word| format!("{}@{}", word.value, word.origin))
        .collect();
    assert_eq!(
        argv,
        [
            "/usr/bin/kubelet@/etc/systemd/system/kubelet.service:5:11",
            "--a=1@/etc/systemd/system/kubelet.service:2:13",
            "--b=2@/etc/systemd/system/kubelet.service:2:13",
            "--c=y z@/etc/default/kubelet:2:1",
        ]
    );
    let files = units
        .environment_files(NextBoot, "kubelet.service")
        .unwrap();
    assert!(files[0].present && files[0].optional && !files[1].present);
}

#[test]
fn says_what_pulls_a_unit_in() {
    let enabled = (
        "/etc/systemd/system/multi-user.target.wants/kubelet.service",
        "-> /etc/systemd/system/kubelet.service",
    );
    let unit = ("/etc/systemd/system/kubelet.service", UNIT);
    let chain = |files: &[(&str, &str)]| {
        units(files)
            .pulled_in_by("kubelet.service")
            .unwrap()
            .join(" ")
    };
    assert_eq!(
        chain(&[unit, enabled]),
        "graphical.target multi-user.target kubelet.service"
    );
    assert_eq!(chain(&[unit]), "");
    let rescue = (
        "/etc/systemd/system/default.target",
        "-> /usr/lib/systemd/system/rescue.target",
    );
    assert_eq!(chain(&[unit, enabled, rescue]), "");
    let runtime = (
        "/run/systemd/system/multi-user.target.wants/kubelet.service",
        "-> /etc/systemd/system/kubelet.service",
    );
    assert_eq!(chain(&[unit, runtime]), "");
    let path = (
        "/etc/systemd/system/kubelet.path",
        "[Path]\nPathExists=/x\n",
    );
    let wanted = (
        "/etc/systemd/system/multi-user.target.wants/kubelet.path",
        "-> ../kubelet.path",
    );
    assert_eq!(
        chain(&[unit, path, wanted]),
        "graphical.target multi-user.target kubelet.path kubelet.service"
    );
    let masked = ("/etc/systemd/system/multi-user.target", "-> /dev/null");
    assert_eq!(chain(&[unit, enabled, masked]), "");
}

#[test]
fn adds_default_dependencies() {
    let units = units(&[
        ("/etc/systemd/system/kubelet.service", UNIT),
        ("/etc/systemd/system/x.swap", "[Swap]\nWhat=/x\n"),
        (
            "/etc/systemd/system/crio.service",
            "[Unit]\nBefore=kubelet.service\n[Service]\nExecStart=/x\n",
        ),
        (
            "/etc/systemd/system/multi-user.target.wants/crio.service",
            "-> ../crio.service",
        ),
    ]);
    assert_eq!(
        units
            .dependencies(NextBoot, "kubelet.service", "After")
            .unwrap(),
        [
            "basic.target",
            "crio.service",
            "sysinit.target",
            "system.slice",
            "systemd-journald.socket"
        ]
    );
    assert_eq!(
        units
            .dependencies(NextBoot, "kubelet.service", "Conflicts")
            .unwrap(),
        ["shutdown.target"]
    );
    assert!(
        units
            .dependencies(NextBoot, "x.swap", "Before")
            .unwrap()
            .contains(&"swap.target".to_owned())
    );
    assert!(
        units
            .dependencies(NextBoot, "sysinit.target", "After")
            .unwrap()
            .contains(&"swap.target".to_owned())
    );
}

#[test]
fn ignores_the_start_limit_where_systemd_does() {
    let units = units(&[
        (
            "/etc/systemd/system/a.service",
            "[Service]\nExecStart=/x\nStartLimitIntervalSec=0\n",
        ),
        (
            "/etc/systemd/system/b.service",
            "[Service]\nExecStart=/x\nStartLimitInterval=0\nStartLimitBurst=9\n",
        ),
        (
            "/etc/systemd/system.conf.d/x.conf",
            "[Manager]\nDefaultRestartSec=2\n",
        ),
    ]);
    let a = units.service(NextBoot, "a.service").unwrap().unwrap();
    assert_eq!(
        (
            a.start_limit_interval_usec,
            a.start_limit_burst,
            a.restart_usec
        ),
        (10_000_000, 5, 2_000_000)
    );
    let b = units.service(NextBoot, "b.service").unwrap().unwrap();
    assert_eq!((b.start_limit_interval_usec, b.start_limit_burst), (0, 9));
}

#[test]
fn tells_programs_apart() {
    let mut snapshot = tree::node(&[
        ("/usr/bin/script", "#!/usr/bin/gone -x\n"),
        ("/usr/bin/text", "hello\n"),
        ("/usr/bin/link", "-> /opt/none"),
        ("/usr/bin/plain", "#!/bin/sh\n"),
    ]);
    for (path, part) in &mut snapshot.files {
        if let Part::Present(file) = part
            && path != "/usr/bin/plain"
        {
            file.mode = 0o755;
        }
    }
    let units = from(snapshot);
    assert_eq!(
        units.program("/usr/bin/script").unwrap(),
        ProgramState::MissingInterpreter("/usr/bin/gone".to_owned())
    );
    assert_eq!(
        units.program("/usr/bin/text").unwrap(),
        ProgramState::NotAProgram
    );
    assert_eq!(
        units.program("/usr/bin/link").unwrap(),
        ProgramState::Dangling("/opt/none".to_owned())
    );
    assert_eq!(
        units.program("/usr/bin/plain").unwrap(),
        ProgramState::NotExecutable
    );
    assert_eq!(
        units.program("/usr/bin/none").unwrap(),
        ProgramState::Missing
    );
}

#[test]
fn answers_for_now_from_the_manager_alone() {
    let mut snapshot = tree::node(&[("/etc/systemd/system/kubelet.service", UNIT)]);
    let without = from(snapshot.clone());
    assert!(without.get(Now, "kubelet.service").is_err());
    assert!(without.service(Now, "kubelet.service").is_err());
    snapshot.source = Source::Live;
    let mut systemd = Systemd::default();
    let mut unit = LoadedUnit {
        unit_file_state: Some("enabled-runtime".to_owned()),
        ..LoadedUnit::default()
    };
    for (name, value) in [
        ("Id", json!("kubelet.service")),
        ("LoadState", json!("loaded")),
        ("LoadError", json!(["", ""])),
        ("ActiveState", json!("activating")),
        ("SubState", json!("auto-restart")),
        ("FragmentPath", json!("/etc/systemd/system/kubelet.service")),
        ("Type", json!("simple")),
        ("Restart", json!("always")),
        ("RestartUSec", json!(10_000_000_u64)),
        ("StartLimitIntervalUSec", json!(u64::MAX)),
        ("StartLimitBurst", json!(5)),
        ("WatchdogUSec", json!(0)),
        ("Slice", json!("system.slice")),
        (
            "ExecStart",
            json!([[
                "/usr/bin/kubelet",
                ["/usr/bin/kubelet"],
                false,
                0,
                0,
                0,
                0,
                0,
                0,
                0
            ]]),
        ),
        ("NeedDaemonReload", json!(true)),
        ("ControlGroup", json!("/system.slice/kubelet.service")),
    ] {
        unit.properties.insert(name.to_owned(), value);
    }
    systemd
        .units
        .insert("kubelet.service".to_owned(), Part::Present(unit));
    snapshot.systemd = Part::Present(systemd);
    let units = from(snapshot);
    let now = units.get(Now, "kubelet.service").unwrap();
    assert_eq!(
        (now.sub_state.as_deref(), now.file_state.as_str()),
        (Some("auto-restart"), "enabled-runtime")
    );
    let service = units.service(Now, "kubelet.service").unwrap().unwrap();
    assert_eq!(service.start_limit_interval_usec, u64::MAX);
    assert!(units.need_daemon_reload("kubelet.service").unwrap());
    assert_eq!(
        units
            .property("kubelet.service", "RestartUSec")
            .unwrap()
            .as_deref(),
        Some("10s")
    );
    let command = &units.commands(Now, "kubelet.service", "ExecStart").unwrap()[0];
    assert_eq!(command.at.line, Some(4), "the files say the same and where");
}
