//! The tool where it may do little: without executable memory, with little
//! address space, as a user who may not read everything; and what it gives up by
//! itself before a component runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test; it shares modules with another"
)]

#[path = "hostile/component.rs"]
mod component;
#[path = "hostile/run.rs"]
mod run;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use component::Hostile;
use run::{eval, policies, said, set, watch};
use serde_json::Value as Json;

/// Address space for a test that is not about it.
const ENOUGH: usize = 1024 * 1024;

fn hostile(name: &str) -> Hostile {
    component::all()
        .into_iter()
        .find(|hostile| hostile.name == name)
        .expect("a file in tests/hostile")
}

#[test]
fn every_standard_policy_runs_in_256_mib_of_address_space() {
    let place = tempfile::tempdir().unwrap();
    let standard = "apiVersion: nodepol.dev/v1\nkind: PolicySet\npolicies:\n".to_owned()
        + &nodepol_ids()
            .iter()
            .map(|id| format!("  - id: {id}\n"))
            .collect::<String>();
    let free = policies(&said(&eval(place.path(), &standard, "json", ENOUGH)));
    let narrow = policies(&said(&eval(place.path(), &standard, "json", 262_144)));
    assert!(free.len() > 10, "{}", free.len());
    assert_eq!(free, narrow);
    assert!(
        free.iter().all(|policy| policy["error"].is_null()),
        "{free:#?}"
    );
}

/// The ids in `policies/standard.yaml`.
fn nodepol_ids() -> Vec<String> {
    let path = nodepol_tests::workspace().join("policies/standard.yaml");
    let set: Json = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let policies = set["policies"].as_array().unwrap();
    policies
        .iter()
        .map(|policy| policy["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Starts a program that may not make memory executable, as systemd does for
/// `MemoryDenyWriteExecute=yes`: by `PR_SET_MDWE` of prctl(2), which lasts
/// beyond execve(2). None where there is no perl, or the kernel has no such
/// prctl (before Linux 6.3).
fn without_executable_memory() -> Option<Command> {
    let number = match std::env::consts::ARCH {
        "x86_64" => 157,
        "aarch64" => 167,
        _ => return None,
    };
    let script =
        format!("syscall({number}, 65, 1, 0, 0, 0) == 0 or exit 99; @ARGV or exit 0; exec @ARGV;");
    let mut probe = Command::new("perl");
    let probed = probe.args(["-e", &script]).status();
    if !probed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no perl, or no PR_SET_MDWE");
        return None;
    }
    let mut command = Command::new("perl");
    command.args(["-e", &script, "--"]);
    Some(command)
}

#[test]
fn without_executable_memory_the_interpreter_gives_the_same_answers() {
    let place = tempfile::tempdir().unwrap();
    let names = [
        "another-answer-each-time",
        "loop-in-evaluate",
        "stack-exhaustion",
    ];
    let mut hostile = names.map(hostile);
    hostile[1].settings = "    limits: {fuel: 1000000}\n".to_owned();
    let set = set(place.path(), &hostile.each_ref());
    let mut native = policies(&said(&eval(place.path(), &set, "json", ENOUGH)));
    let Some(command) = without_executable_memory() else {
        return;
    };
    let interpreted = watch(command, place.path(), &set, "json", |_| {});
    let mut interpreted = policies(&said(&interpreted));
    for policy in native.iter_mut().chain(&mut interpreted) {
        // Fuel is the same, but for one that runs until the stack ends: its
        // frames have another size.
        if policy["id"] == *hostile[2].id {
            policy["cost"].take();
        }
    }
    assert_eq!(native, interpreted);
    // They were not answered by what was compiled for the CPU.
    let answer = native.iter().find(|policy| policy["id"] == *hostile[0].id);
    assert_eq!(answer.unwrap()["summary"], "all is well");
    let compiled = std::fs::read_dir(place.path().join("nodepol"))
        .unwrap()
        .count();
    assert_eq!(compiled, 2 * names.len());
}

/// Starts a program where `/proc/sys` cannot be written, as in a container that
/// is not privileged. None where no mount namespace can be made.
fn with_read_only_sysctls() -> Option<Command> {
    let script = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys \
                  && ! test -w /proc/sys/kernel/domainname && exec \"$@\"";
    // As root, or as a user who is root in a namespace of their own.
    for user in [&[][..], &["--user", "--map-root-user"]] {
        let mut command = Command::new("unshare");
        command
            .args(user)
            .args(["--mount", "--", "sh", "-c", script, "sh"]);
        let mut probe = Command::new("unshare");
        let probe = probe.args(command.get_args()).arg("true").output();
        if probe.is_ok_and(|probe| probe.status.success()) {
            return Some(command);
        }
    }
    eprintln!("skipped: no mount namespace can be made here");
    None
}

#[test]
fn without_writing_to_proc_sys_everything_works() {
    let Some(command) = with_read_only_sysctls() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    // One that is compiled, one that has to be stopped, and the standard ones.
    let hostile = ["another-answer-each-time", "loop-in-evaluate"].map(hostile);
    let set = set(place.path(), &hostile.each_ref());
    let held = policies(&said(&watch(command, place.path(), &set, "json", |_| {})));
    let free = policies(&said(&eval(place.path(), &set, "json", ENOUGH)));
    assert_eq!(held, free);
    let answer = held.iter().find(|policy| policy["id"] == *hostile[0].id);
    assert_eq!(answer.unwrap()["summary"], "all is well");
}

#[test]
fn rights_are_given_up_before_a_component_runs() {
    let place = tempfile::tempdir().unwrap();
    let mut endless = hostile("loop-with-endless-fuel");
    endless.settings = "    limits: {fuel: 1000000000000000, wall: 1s}\n".to_owned();
    let set = set(place.path(), &[&endless]);
    let mut seen = Vec::new();
    let mut command = Command::new("env");
    command.arg("--");
    let run = watch(command, place.path(), &set, "json", |process| {
        look(process, &mut seen);
    });
    said(&run);
    // CAP_DAC_READ_SEARCH, to read the rest of the node.
    assert_held(&seen, &["0000000000000004"]);
}

/// Keeps the status of every thread of a process. Of the moments in which it has
/// several, the last that is seen counts: then the component loops, and its time
/// is counted beside it.
fn look(process: &std::path::Path, seen: &mut Vec<String>) {
    let threads = std::fs::read_dir(process.join("task"))
        .into_iter()
        .flatten();
    let statuses: Vec<String> = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("status")).ok())
        .filter(|status| status.contains("CapEff") && !status.contains("Name:\tenv"))
        .collect();
    if statuses.len() > 1 && statuses.iter().any(|status| status.contains("nodepol")) {
        *seen = statuses;
    }
}

/// Whether no thread has more than one of the sets of capabilities `kept`; none
/// is left for a user who had none.
#[track_caller]
fn assert_held(seen: &[String], kept: &[&str]) {
    assert!(!seen.is_empty());
    for status in seen {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {status}")).trim()
        };
        assert_eq!(field("NoNewPrivs:"), "1", "{status}");
        assert_eq!(field("CapBnd:"), "0000000000000000", "{status}");
        assert_eq!(field("CapInh:"), "0000000000000000", "{status}");
        for set in ["CapEff:", "CapPrm:"] {
            let set = field(set);
            assert!(set == "0000000000000000" || kept.contains(&set), "{status}");
        }
    }
}

#[test]
fn rights_are_given_up_before_an_author_s_component_runs() {
    let place = tempfile::tempdir().unwrap();
    let endless = hostile("loop-in-describe");
    let project = place.path().join("project");
    let binary = nodepol_tests::binary();
    let made = Command::new(&binary)
        .args(["plugin", "new", &endless.id, "--directory"])
        .arg(&project)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{complaint}");
    let component = place.path().join("component.wasm");
    std::fs::write(&component, &endless.wasm).unwrap();
    let report = place.path().join("junit.xml");
    for (arguments, kept) in [
        // Reads the cases.
        (vec!["check"], "0000000000000004"),
        // Writes the results as well, into whoever's directory it is.
        (
            vec!["test", "--junit", report.to_str().unwrap()],
            "000000000000000e",
        ),
    ] {
        let mut child = Command::new(&binary)
            .arg("plugin")
            .args(arguments)
            .arg("--component")
            .arg(&component)
            .arg(&project)
            .env("XDG_CACHE_HOME", place.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = std::path::PathBuf::from(format!("/proc/{}", child.id()));
        let mut seen = Vec::new();
        while child.try_wait().unwrap().is_none() {
            look(&process, &mut seen);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("in `describe`"), "{said}");
        assert_held(&seen, &[kept]);
    }
}

#[test]
fn a_user_who_may_not_read_everything_gets_unknown_and_never_pass() {
    let place = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(place.path(), 0o755);
    let root = place.path().join("root");
    let files = [
        ("usr/bin/kubelet", "#!/bin/sh\n"),
        ("etc/fstab", "/dev/sda2 none swap sw 0 0\n"),
        (
            "etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n",
        ),
        (
            "var/lib/kubelet/config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
        ),
    ];
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    open(&root.join("var/lib/kubelet/config.yaml"), 0o000);
    open(&root.join("etc/fstab"), 0o000);
    let binary = place.path().join("nodepol");
    std::fs::copy(nodepol_tests::binary(), &binary).unwrap();
    let mut command = Command::new(&binary);
    command
        .args(["eval", "--phase", "boot", "--format", "json", "--root"])
        .arg(&root)
        .env_remove("HOME")
        .env_remove("XDG_CACHE_HOME");
    if std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("\nUid:\t0\t")
    {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 3)), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let policies = policies(&String::from_utf8(output.stdout.clone()).unwrap());
    for policy in &policies {
        assert!(policy["error"].is_null(), "{policy:#}");
    }
    for id in ["swap-returns-on-reboot", "kubelet-config-file"] {
        let policy = policies.iter().find(|policy| policy["id"] == id).unwrap();
        assert_eq!(policy["verdict"]["nextBoot"], "unknown", "{policy:#}");
    }
}
