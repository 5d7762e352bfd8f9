//! What runs beside what the files say: the first is for now, the second for
//! the next boot.

use nodepol_facts::runtime::Answer;
use nodepol_model::cri::{
    Cri, CriCondition, CriRefusal, CriReply, CriRuntimeConfig, CriStatus, CriVersion,
};
use nodepol_model::snapshot::{ProgramOutput, Source};
use nodepol_model::{Horizon, Part, Snapshot};
use serde_json::json;

use crate::node::{Facts, Units, facts, snapshot};

const SOCKET: &str = "unix:///run/containerd/containerd.sock";
const ON: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n\
    runtime_type = \"io.containerd.runc.v2\"\n\
    [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n\
    SystemdCgroup = true\n";

fn containerd(config: &str, installed: &str) -> Snapshot {
    let mut snapshot = snapshot(&[
        ("/usr/lib/systemd/system/containerd.service", ""),
        ("/etc/containerd/config.toml", config),
    ]);
    snapshot.source = Source::Live;
    print(
        &mut snapshot,
        "containerd --version",
        Some(0),
        &format!("containerd x {installed} y\n"),
    );
    snapshot
}

pub(crate) fn print(snapshot: &mut Snapshot, program: &str, status: Option<i32>, stdout: &str) {
    let output = ProgramOutput {
        path: "/usr/bin/x".to_owned(),
        status,
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    snapshot
        .programs
        .insert(program.to_owned(), Part::Present(output));
}

fn refused<T>(code: &str) -> CriReply<T> {
    CriReply::Refused(CriRefusal {
        code: code.to_owned(),
        message: "unknown".to_owned(),
    })
}

fn cri(name: &str, version: &str) -> Cri {
    Cri {
        version: CriReply::Answer(CriVersion {
            runtime_name: name.to_owned(),
            runtime_version: version.to_owned(),
            runtime_api_version: "v1".to_owned(),
        }),
        runtime_config: refused("Unimplemented"),
        status: refused("Internal"),
    }
}

fn runtime_config(driver: &str) -> CriReply<CriRuntimeConfig> {
    CriReply::Answer(CriRuntimeConfig {
        cgroup_driver: Some(driver.to_owned()),
    })
}

fn of(mut snapshot: Snapshot, url: &str, cri: Cri) -> Facts {
    snapshot.cri.insert(url.to_owned(), Part::Present(cri));
    facts(snapshot, Units::default(), None)
}

fn driver(facts: &Facts, at: Horizon, name: &str) -> (String, String) {
    let driver = facts.runtimes.cgroup_driver(at, name).unwrap().unwrap();
    (driver.value, driver.origin.to_string())
}

#[test]
fn runtime_config_is_now_and_the_files_are_the_next_boot() {
    let mut said = cri("containerd", "v2.0.2");
    said.runtime_config = runtime_config("cgroupfs");
    let found = of(containerd(ON, "v2.0.2"), SOCKET, said);
    assert_eq!(
        driver(&found, Horizon::Now, "containerd"),
        ("cgroupfs".to_owned(), format!("RuntimeConfig of {SOCKET}"))
    );
    assert_eq!(
        driver(&found, Horizon::NextBoot, "containerd"),
        (
            "systemd".to_owned(),
            "/etc/containerd/config.toml:5:17".to_owned()
        )
    );
}

#[test]
fn a_daemon_older_than_its_program() {
    let said = cri("containerd", "v1.7.28");
    let found = of(containerd(ON, "v2.1.4"), SOCKET, said);
    let version = |at| {
        let all = found.runtimes.all(at).unwrap();
        all[0].version.as_ref().unwrap().text.clone()
    };
    assert_eq!(version(Horizon::Now), "1.7.28");
    assert_eq!(version(Horizon::NextBoot), "2.1.4");
}

#[test]
fn status_tells_the_driver_of_a_containerd_without_runtime_config() {
    for (runtimes, expected) in [
        (
            json!({"nvidia": {"runtimeType": "io.containerd.runc.v2", "options": {"SystemdCgroup": true}}}),
            Some("systemd"),
        ),
        (
            json!({"nvidia": {"runtimeType": "io.containerd.runc.v2", "options": {}}}),
            Some("cgroupfs"),
        ),
        // A handler without such a choice; and a default that is not defined.
        (
            json!({"nvidia": {"runtimeType": "io.containerd.kata.v2"}}),
            None,
        ),
        (
            json!({"runc": {"runtimeType": "io.containerd.runc.v2"}}),
            None,
        ),
    ] {
        let mut said = cri("containerd", "1.7.28");
        said.status = CriReply::Answer(CriStatus {
            conditions: Vec::new(),
            containerd: Some(json!({"defaultRuntimeName": "nvidia", "runtimes": runtimes})),
        });
        let found = of(containerd(ON, "v1.7.28"), SOCKET, said);
        let (value, origin) = driver(&found, Horizon::Now, "containerd");
        match expected {
            Some(expected) => {
                assert_eq!(value, expected, "{runtimes}");
                assert_eq!(origin, format!("Status of {SOCKET}"));
            }
            // Then the files are all there is.
            None => assert_eq!(origin, "/etc/containerd/config.toml:5:17", "{runtimes}"),
        }
        let handlers = found.runtimes.handlers(Horizon::Now, "containerd").unwrap();
        assert_eq!(handlers.len(), 1, "{runtimes}");
        assert_eq!(handlers[0].at.to_string(), format!("Status of {SOCKET}"));
    }
}

#[test]
fn an_assumed_version_is_not_the_one_that_runs() {
    let mut snapshot = containerd(ON, "v1.7.28");
    let mut said = cri("containerd", "1.7.28");
    said.runtime_config = runtime_config("cgroupfs");
    snapshot.cri.insert(SOCKET.to_owned(), Part::Present(said));
    print(
        &mut snapshot,
        "containerd config dump",
        Some(0),
        "version = 2\n",
    );
    let found = facts(snapshot, Units::default(), Some("2.1.0"));
    for at in [Horizon::Now, Horizon::NextBoot] {
        assert_eq!(
            driver(&found, at, "containerd"),
            (
                "systemd".to_owned(),
                "/etc/containerd/config.toml:5:17".to_owned()
            )
        );
    }
    assert_eq!(
        found.runtimes.supports_runtime_config("containerd"),
        Ok(Some(true))
    );
}

#[test]
fn what_containerd_makes_of_its_files_goes_before_what_is_read_here() {
    let mut snapshot = containerd(ON, "v1.7.28");
    let dumped = ON.replace("true", "false");
    print(&mut snapshot, "containerd config dump", Some(0), &dumped);
    let found = facts(snapshot, Units::default(), None);
    assert_eq!(
        driver(&found, Horizon::NextBoot, "containerd"),
        (
            "cgroupfs".to_owned(),
            "containerd config dump:5:17".to_owned()
        )
    );
}

#[test]
fn containerd_itself_refuses_its_files() {
    let refuse = |stderr: &str, version: &str| {
        let mut snapshot = containerd(ON, version);
        let output = ProgramOutput {
            path: "/usr/bin/containerd".to_owned(),
            status: Some(1),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        snapshot
            .programs
            .insert("containerd config dump".to_owned(), Part::Present(output));
        facts(snapshot, Units::default(), None)
    };
    let words = "containerd: failed to load TOML: something that is not known here\n";
    let found = refuse(words, "v1.7.28");
    let problems = found.runtimes.problems("containerd").unwrap();
    let fatal = problems.iter().find(|problem| problem.fatal).unwrap();
    assert_eq!(fatal.kind, "refused");
    assert_eq!(
        fatal.message,
        "failed to load TOML: something that is not known here"
    );
    assert!(
        found
            .runtimes
            .cgroup_driver(Horizon::NextBoot, "containerd")
            .is_err()
    );
    // Without root, or of a release that has no such command, it says nothing.
    let denied = "containerd: open /etc/containerd/config.toml: permission denied\n";
    for (stderr, version) in [
        (denied, "v1.7.28"),
        (words, "v1.2.0"),
        ("Killed\n", "v1.7.28"),
    ] {
        let found = refuse(stderr, version);
        let problems = found.runtimes.problems("containerd").unwrap();
        assert!(
            problems.iter().all(|problem| !problem.fatal),
            "{stderr}: {problems:?}"
        );
    }
}

#[test]
fn crio_reads_its_own_files_best() {
    let crio = |printed: &str, start: &str| {
        let mut snapshot = snapshot(&[
            ("/usr/lib/systemd/system/crio.service", ""),
            (
                "/etc/crio/crio.conf",
                "[crio.runtime]\ncgroup_manager = \"cgroupfs\"\n",
            ),
        ]);
        snapshot.source = Source::Live;
        print(&mut snapshot, "crio config", Some(0), printed);
        facts(
            snapshot,
            Units::default().start("crio.service", start),
            None,
        )
    };
    let default = "[crio]\n[crio.runtime]\n# cgroup_manager = \"systemd\"\n";
    let at = Horizon::NextBoot;
    assert_eq!(
        driver(&crio(default, "/usr/bin/crio"), at, "cri-o"),
        ("systemd".to_owned(), "crio config".to_owned())
    );
    // The unit's flag was not given to `crio config`.
    let flagged = crio(default, "/usr/bin/crio --cgroup-manager=cgroupfs");
    assert_eq!(driver(&flagged, at, "cri-o").0, "cgroupfs");
    // Nothing that could be its configuration.
    assert_eq!(
        driver(&crio("", "/usr/bin/crio"), at, "cri-o").0,
        "cgroupfs"
    );
}

#[test]
fn docker_info_is_now() {
    let mut snapshot = snapshot(&[
        ("/usr/lib/systemd/system/docker.service", ""),
        (
            "/etc/docker/daemon.json",
            "{\"exec-opts\": [\"native.cgroupdriver=systemd\"]}",
        ),
    ]);
    snapshot.source = Source::Live;
    print(&mut snapshot, "docker info", Some(0), "cgroupfs 28.2.2\n");
    let found = facts(snapshot, Units::default(), None);
    assert_eq!(
        driver(&found, Horizon::Now, "docker"),
        ("cgroupfs".to_owned(), "docker info".to_owned())
    );
    assert_eq!(driver(&found, Horizon::NextBoot, "docker").0, "systemd");
}

#[test]
fn who_answers_at_a_socket() {
    let answer = |part: Part<Cri>| {
        let mut snapshot = containerd(ON, "v1.7.28");
        snapshot.cri.insert(SOCKET.to_owned(), part);
        facts(snapshot, Units::default(), None)
            .runtimes
            .who_answers(SOCKET)
    };
    assert_eq!(
        answer(Part::Present(cri("containerd", "1.7.28"))),
        Ok(Answer::Serves {
            name: "containerd".to_owned(),
            version: "1.7.28".to_owned()
        })
    );
    let mut other = cri("", "");
    other.version = refused("Unimplemented");
    assert_eq!(
        answer(Part::Present(other)),
        Ok(Answer::Refuses("Unimplemented: unknown".to_owned()))
    );
    assert_eq!(answer(Part::Absent), Ok(Answer::Nobody));
    let unreadable = answer(Part::Unreadable(
        "cannot connect: Permission denied".to_owned(),
    ));
    assert_eq!(
        unreadable.unwrap_err().reason,
        "cannot connect: Permission denied"
    );
}

/// A policy must not be able to have any socket of the node connected to.
#[test]
fn only_endpoints_of_runtimes_and_of_the_kubelet_are_asked() {
    let mut snapshot = containerd(ON, "v1.7.28");
    let other = "unix:///run/docker.sock";
    snapshot
        .cri
        .insert(other.to_owned(), Part::Present(cri("x", "1")));
    let found = facts(snapshot, Units::default(), None);
    let refused = found.runtimes.who_answers(other).unwrap_err();
    assert_eq!(
        refused.reason,
        "neither a runtime nor the kubelet has this endpoint"
    );
}

#[test]
fn conditions_are_part_of_the_facts() {
    let mut said = cri("containerd", "2.0.2");
    said.status = CriReply::Answer(CriStatus {
        conditions: vec![CriCondition {
            kind: "NetworkReady".to_owned(),
            status: false,
            reason: "NetworkPluginNotReady".to_owned(),
            message: "cni plugin not initialized".to_owned(),
        }],
        containerd: None,
    });
    let found = of(containerd(ON, "v2.0.2"), SOCKET, said);
    let summary = serde_json::to_value(found.runtimes.summary()).unwrap();
    let running = &summary[0]["running"];
    assert_eq!(running["version"]["text"], "2.0.2");
    assert_eq!(running["answersRuntimeConfig"], false);
    assert_eq!(running["conditions"][0]["reason"], "NetworkPluginNotReady");
}
