//! What is gathered over D-Bus from a machine with systemd, seen from outside,
//! against what `systemctl` and `busctl` say inside it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "this is how a test fails"
)]

#[path = "systemd/node.rs"]
mod node;
#[path = "systemd/oracle.rs"]
mod oracle;
#[path = "systemd/show.rs"]
mod show;

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nodepol_gather::systemd::Manager;
use nodepol_model::Part;
use nodepol_model::snapshot::LoadedUnit;
use nodepol_tests::bed::boot::Booted;
use oracle::{RESTLESS, compare_manager, compare_unit, run};
use serde_json::{Value as Json, json};

const DEADLINE: Duration = Duration::from_secs(10);

fn boot() -> Option<Booted> {
    let layer = node::layer().expect("a layer");
    let bed = Booted::start_or_skip(layer.path())?;
    bed.settle().expect("nsenter");
    Some(bed)
}

fn connect(bed: &Booted) -> Manager {
    Manager::connect(Some(&bed.bus_address()), DEADLINE, |value| value).expect("systemd")
}

fn unit(manager: &Manager, name: &str) -> LoadedUnit {
    match manager.read_unit(name) {
        Part::Present(unit) => unit,
        other => panic!("{name}: {other:?}"),
    }
}

fn property(manager: &Manager, name: &str, property: &str) -> Json {
    unit(manager, name)
        .properties
        .get(property)
        .cloned()
        .unwrap_or_default()
}

/// Waits until a property of a unit has a value.
fn wait(manager: &Manager, name: &str, key: &str, accept: impl Fn(&Json) -> bool) {
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        let value = property(manager, name, key);
        if accept(&value) {
            return;
        }
        assert!(Instant::now() < end, "{name}: {key} stays {value}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_property_is_what_systemctl_shows() {
    let Some(bed) = boot() else { return };
    let manager = connect(&bed);
    // One that restarts for ever …
    wait(&manager, "kubelet.service", "NRestarts", |count| {
        count.as_u64() >= Some(2)
    });
    let before = property(&manager, "kubelet.service", "NRestarts").as_u64();
    wait(&manager, "kubelet.service", "NRestarts", |count| {
        count.as_u64() > before
    });
    let compared = compare_unit(
        &bed,
        "kubelet.service",
        &unit(&manager, "kubelet.service"),
        RESTLESS,
    );
    assert!(compared > 80, "{compared}");
    // … and stopped, so that nothing of it changes any more.
    run(&bed, &["systemctl", "stop", "kubelet.service"]);
    let stopped = unit(&manager, "kubelet.service");
    // As it ends by itself, or by the signal if it was stopped before that.
    let status = &stopped.properties["ExecMainStatus"];
    assert!([json!(1), json!(15)].contains(status), "{status}");
    assert!(compare_unit(&bed, "kubelet.service", &stopped, &[]) > 100);

    // One that hit its limit: three starts, and the fourth refused.
    wait(&manager, "limited.service", "ActiveState", |state| {
        state == "failed"
    });
    let limited = unit(&manager, "limited.service");
    assert_eq!(
        limited.properties["Result"],
        json!("exit-code"),
        "not start-limit-hit"
    );
    assert_eq!(limited.properties["NRestarts"], json!(3));
    assert_eq!(limited.properties["TimeoutStartUSec"], json!(u64::MAX));

    // Of a file that is not there: nothing of the host is touched.
    let swapon = bed
        .run(&["systemctl", "start", "nodepol-none.swap"])
        .expect("nsenter");
    assert!(!swapon.status.success());

    let manager = connect(&bed);
    let names: BTreeSet<String> = node::UNITS.iter().map(|&name| name.to_owned()).collect();
    let systemd = manager.read(&names);
    for name in node::UNITS {
        let Part::Present(unit) = &systemd.units[*name] else {
            panic!("{name}: not read")
        };
        let compared = compare_unit(&bed, name, unit, &[]);
        assert!(compared > 40, "{name}: {compared}");
    }
    assert!(compare_manager(&bed, &systemd.manager) > 20);
    assert_eq!(
        systemd.default_target.as_deref(),
        Some(run(&bed, &["systemctl", "get-default"]).trim())
    );
    assert_eq!(
        manager.read(&names),
        systemd,
        "nothing changes, so neither does what is read"
    );
}

#[test]
fn units_in_every_state_of_their_files() {
    let Some(bed) = boot() else { return };
    let manager = connect(&bed);

    let nothing = unit(&manager, "nothing.service");
    assert_eq!(nothing.unit_file_state, None);
    assert_eq!(nothing.properties["LoadState"], "not-found");
    assert_eq!(
        nothing.properties["LoadError"],
        json!([
            "org.freedesktop.systemd1.NoSuchUnit",
            "Unit nothing.service not found."
        ])
    );
    let masked = unit(&manager, "masked.service");
    assert_eq!(masked.unit_file_state.as_deref(), Some("masked"));
    assert_eq!(masked.properties["LoadState"], "masked");
    assert_eq!(
        property(&manager, "bad.service", "LoadState"),
        "bad-setting"
    );
    assert_eq!(
        unit(&manager, "kubelet.service").unit_file_state.as_deref(),
        Some("enabled")
    );
    for name in ["two words.service", "kubelet", "", "template@.service"] {
        let Part::Unreadable(reason) = manager.read_unit(name) else {
            panic!("{name:?}: read")
        };
        assert!(
            reason.contains("is not the name of a unit"),
            "{name:?}: {reason}"
        );
    }

    // Until the next boot only.
    run(
        &bed,
        &["systemctl", "enable", "--runtime", "runtime-only.service"],
    );
    let state = unit(&manager, "runtime-only.service").unit_file_state;
    assert_eq!(state.as_deref(), Some("enabled-runtime"));
    run(
        &bed,
        &["systemctl", "mask", "--runtime", "runtime-only.service"],
    );
    let state = unit(&manager, "runtime-only.service").unit_file_state;
    assert_eq!(state.as_deref(), Some("masked-runtime"));

    // Edited, and not told.
    run(&bed, &["systemctl", "start", "edited.service"]);
    let reload = |manager: &Manager| property(manager, "edited.service", "NeedDaemonReload");
    assert_eq!(reload(&manager), false);
    let drop_in = "/etc/systemd/system/edited.service.d/20-second.conf";
    fs::write(
        bed.root().join(&drop_in[1..]),
        "[Service]\nEnvironment=A=2\n",
    )
    .expect("a file");
    assert_eq!(reload(&manager), true);
    let environment = property(&manager, "edited.service", "Environment");
    assert_eq!(
        environment,
        json!(["A=1"]),
        "what is loaded, not what the file says"
    );
    run(&bed, &["systemctl", "daemon-reload"]);
    assert_eq!(reload(&manager), false);
    assert_eq!(
        property(&manager, "edited.service", "Environment"),
        json!(["A=2"])
    );

    run(&bed, &["systemctl", "set-default", "rescue.target"]);
    let systemd = connect(&bed).read(&BTreeSet::from(["limited.service".to_owned()]));
    assert_eq!(systemd.default_target.as_deref(), Some("rescue.target"));
    // Asked for was one. Swap is always read, as are the slices on the way up.
    let names: Vec<&str> = systemd.units.keys().map(String::as_str).collect();
    let expected = [
        "-.slice",
        "dev-nodepol.swap",
        "dev-zram0.swap",
        "limited.service",
        "runtime.slice",
    ];
    for name in expected {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let swap = systemd.units["dev-nodepol.swap"].present().expect("swap");
    assert_eq!(swap.properties["What"], "/dev/nodepol");
    assert_eq!(swap.properties["Priority"], 5);
    let zram = systemd.units["dev-zram0.swap"].present().expect("swap");
    assert_eq!(zram.properties["LoadState"], "masked");
}

#[test]
fn a_password_in_the_environment_of_a_unit_does_not_leave_the_machine() {
    let Some(bed) = boot() else { return };
    let plain = connect(&bed).read_unit("limited.service");
    assert!(
        format!("{plain:?}").contains("hunter2"),
        "the canary is there to be found"
    );
    let manager = Manager::connect(Some(&bed.bus_address()), DEADLINE, |mut value| {
        nodepol_gather::redact::json(&mut value);
        value
    })
    .expect("systemd");
    let systemd = manager.read(&BTreeSet::from(["limited.service".to_owned()]));
    assert!(!format!("{systemd:?}").contains("hunter2"));
    let unit = systemd.units["limited.service"].present().expect("a unit");
    let environment = unit.properties["Environment"].as_array().expect("a list");
    assert_eq!(environment.len(), 3, "the variable itself stays");
    assert_eq!(environment[1], "QUOTED=two words");
}

#[test]
fn a_machine_that_is_stopped_is_unreadable_and_leaves_nothing() {
    let Some(bed) = boot() else { return };
    let manager = connect(&bed);
    let (init, address) = (bed.init_pid(), bed.bus_address());
    let other = boot().expect("a second one at the same time");
    assert_ne!(other.init_pid(), init);
    drop(bed);
    assert!(!fs::exists(format!("/proc/{init}/root/run")).expect("procfs"));
    let Part::Unreadable(reason) = manager.read_unit("kubelet.service") else {
        panic!("read")
    };
    assert!(reason.contains("closed the connection"), "{reason}");
    let gone = Manager::connect(Some(&address), DEADLINE, |value| value).expect_err("gone");
    assert!(
        gone.reason.starts_with("there is no D-Bus system bus"),
        "{gone}"
    );
    assert_eq!(
        property(&connect(&other), "dbus.service", "ActiveState"),
        "active"
    );
}
