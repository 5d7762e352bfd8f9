//! Peers that systemd is not: silent, gone, talking nonsense, lying about types.
//! Whatever answers, there is an end to the wait and a reason to read.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "this is how a test fails"
)]

use std::collections::{BTreeSet, HashMap};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nodepol_gather::systemd::Manager;
use nodepol_model::Part;
use tempfile::TempDir;
use zbus::Message;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::{ObjectPath, Value};

/// For peers that never answer.
const SHORT: Duration = Duration::from_millis(300);
/// For peers that do, on a machine that may be busy.
const PATIENT: Duration = Duration::from_secs(10);

/// A socket at which `serve` is run, on a thread of its own, for each connection.
struct Peer {
    directory: TempDir,
}

impl Peer {
    fn new(serve: impl Fn(UnixStream) + Send + 'static) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("bus")).expect("a socket");
        thread::spawn(move || listener.incoming().flatten().for_each(serve));
        Self { directory }
    }

    /// A peer that speaks D-Bus and answers each call of a method as `answer` says.
    fn speaking(answer: impl Fn(&Connection, &Message, &str) + Send + 'static) -> Self {
        Self::new(move |stream| {
            let calls = connection::Builder::async_io_unix_stream(stream)
                .server("0123456789abcdef0123456789abcdef")
                .expect("a server")
                .p2p()
                .build_message_iterator();
            let Ok(calls) = calls else { return };
            let connection = Connection::from(zbus::Connection::from(calls.inner()));
            for call in calls.flatten() {
                let header = call.header();
                let Some(member) = header.member() else {
                    continue;
                };
                match member.as_str() {
                    "Hello" => connection.reply(&header, &":1.1").expect("a reply"),
                    member => answer(&connection, &call, member),
                }
            }
        })
    }

    fn address(&self) -> String {
        address(&self.directory.path().join("bus"))
    }
}

fn address(path: &Path) -> String {
    format!("unix:path={}", path.display())
}

/// The reason why nothing could be read, and a check that it came in time.
fn reason(address: &str, deadline: Duration) -> String {
    let start = Instant::now();
    let failure = Manager::connect(Some(address), deadline, |value| value)
        .map(|_| ())
        .expect_err("nothing to read from");
    let took = start.elapsed();
    assert!(took < deadline + PATIENT, "it took {took:?}");
    assert_eq!(failure.source_name, "systemd over D-Bus");
    failure.reason
}

#[test]
fn no_bus_at_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let reason = reason(&address(&directory.path().join("none")), PATIENT);
    assert!(
        reason.starts_with("there is no D-Bus system bus at unix:path="),
        "{reason}"
    );
    assert!(reason.contains("systemctl status dbus"), "{reason}");
}

#[test]
fn a_socket_that_nobody_serves() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bus");
    drop(UnixListener::bind(&path).expect("a socket"));
    let reason = reason(&address(&path), PATIENT);
    assert!(
        reason.starts_with("nobody answers at unix:path="),
        "{reason}"
    );
}

#[test]
fn no_socket_but_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bus");
    std::fs::write(&path, "").expect("a file");
    let reason = reason(&address(&path), PATIENT);
    assert!(
        reason.starts_with("nobody answers at unix:path="),
        "{reason}"
    );
}

#[test]
fn an_address_that_runs_a_program_or_leaves_the_node_is_not_followed() {
    for address in [
        "unixexec:path=/bin/true",
        "tcp:host=127.0.0.1,port=1",
        "",
        "nonsense",
    ] {
        let reason = reason(address, PATIENT);
        assert!(
            reason.contains("is not an address of a local bus"),
            "{reason}"
        );
    }
    let reason = reason("unix:nonsense", PATIENT);
    assert!(
        reason.contains("is not an address of a local bus"),
        "{reason}"
    );
}

#[test]
fn a_peer_that_never_answers() {
    let peer = Peer::new(|stream| {
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(60));
            drop(stream);
        });
    });
    let reason = reason(&peer.address(), SHORT);
    assert!(reason.contains("did not answer within 0.3 s"), "{reason}");
}

#[test]
fn a_peer_that_reads_and_never_answers() {
    let peer = Peer::new(|mut stream| {
        thread::spawn(move || {
            let mut sink = [0; 512];
            while stream.read(&mut sink).is_ok_and(|read| read > 0) {}
        });
    });
    let reason = reason(&peer.address(), SHORT);
    assert!(reason.contains("did not answer within 0.3 s"), "{reason}");
}

#[test]
fn a_peer_that_closes() {
    let peer = Peer::new(drop);
    let reason = reason(&peer.address(), PATIENT);
    assert!(reason.contains("closed the connection"), "{reason}");
}

#[test]
fn a_peer_that_talks_nonsense() {
    let peer = Peer::new(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nServer: \x1b[31mred\r\n\r\n");
        let _ = stream.read(&mut [0; 512]);
    });
    let reason = reason(&peer.address(), PATIENT);
    assert!(reason.contains("does not speak D-Bus"), "{reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

/// zbus 5.19 looks at the byte before the first: its thread panics.
#[test]
fn a_peer_that_ends_a_line_that_it_never_began() {
    let peer = Peer::new(|mut stream| {
        let _ = stream.write_all(b"\n");
        let _ = stream.read(&mut [0; 512]);
    });
    let reason = reason(&peer.address(), PATIENT);
    assert!(reason.contains("does not speak D-Bus"), "{reason}");
}

#[test]
fn a_peer_that_is_given_up_sees_its_connection_end() {
    let (ended, end) = std::sync::mpsc::channel();
    let peer = Peer::new(move |mut stream| {
        let ended = ended.clone();
        thread::spawn(move || {
            let mut sink = [0; 512];
            while stream.read(&mut sink).is_ok_and(|read| read > 0) {}
            let _ = ended.send(());
        });
    });
    reason(&peer.address(), SHORT);
    end.recv_timeout(PATIENT)
        .expect("no thread is left behind with the connection");
}

#[test]
fn a_peer_that_never_ends_its_line() {
    let peer = Peer::new(|mut stream| {
        thread::spawn(move || while stream.write_all(&[b'A'; 4096]).is_ok() {});
    });
    // Whichever of the two comes first.
    let reason = reason(&peer.address(), SHORT);
    assert!(
        reason.contains("did not answer") || reason.contains("does not speak D-Bus"),
        "{reason}"
    );
}

#[test]
fn a_peer_that_breaks_off_after_the_handshake() {
    let peer = Peer::new(|mut stream| {
        let mut seen = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&seen).into_owned();
            if text.contains("BEGIN") {
                let _ = stream.write_all(&[0xff; 4096]);
                return;
            }
            let answer: &[u8] = if text.contains("NEGOTIATE") {
                b"OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"
            } else if text.contains("AUTH") {
                b"OK 0123456789abcdef0123456789abcdef\r\n"
            } else {
                continue;
            };
            let _ = stream.write_all(answer);
        }
    });
    let reason = reason(&peer.address(), PATIENT);
    assert!(
        reason.contains("the bus at ") || reason.contains("does not speak"),
        "{reason}"
    );
}

#[test]
fn a_bus_without_systemd() {
    let peer = Peer::speaking(|connection, call, member| {
        assert_eq!(
            member, "NameHasOwner",
            "nothing that would make the bus start a program"
        );
        connection.reply(&call.header(), &false).expect("a reply");
    });
    let reason = reason(&peer.address(), PATIENT);
    assert!(
        reason.contains("PID 1 of this machine is not systemd"),
        "{reason}"
    );
}

#[test]
fn a_bus_that_forbids() {
    let peer = Peer::speaking(|connection, call, _| {
        let name = "org.freedesktop.DBus.Error.AccessDenied";
        connection
            .reply_error(&call.header(), name, &"Rejected send message")
            .expect("a reply");
    });
    let reason = reason(&peer.address(), PATIENT);
    assert!(reason.contains("run nodepol as root"), "{reason}");
    assert!(reason.contains("Rejected send message"), "{reason}");
}

/// Answers as systemd would until it is asked for a unit.
fn usual(connection: &Connection, call: &Message, member: &str) -> bool {
    let header = call.header();
    let reply = match member {
        "NameHasOwner" => connection.reply(&header, &true),
        "GetAll"
            if header
                .path()
                .is_some_and(|path| path.as_str().ends_with("systemd1")) =>
        {
            let properties: HashMap<&str, Value<'_>> = HashMap::from([
                ("Version", Value::from("252")),
                // Should be a number.
                ("NFailedUnits", Value::from("many")),
                // Is on no list.
                ("Secret", Value::from("hunter2")),
            ]);
            connection.reply(&header, &properties)
        }
        "GetDefaultTarget" => connection.reply(&header, &"multi-user.target"),
        "ListUnitsByPatterns" => connection.reply(&header, &"not a list"),
        _ => return false,
    };
    reply.expect("a reply");
    true
}

#[test]
fn a_deadline_without_an_end_is_no_error() {
    let peer = Peer::speaking(|connection, call, member| {
        usual(connection, call, member);
    });
    let systemd = manager(&peer, Duration::MAX).read(&BTreeSet::new());
    assert_eq!(systemd.manager.get("Version"), Some(&"252".into()));
}

fn manager(peer: &Peer, deadline: Duration) -> Manager {
    Manager::connect(Some(&peer.address()), deadline, |value| value).expect("a manager")
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn answers_of_another_type_make_a_unit_unreadable() {
    let peer = Peer::speaking(|connection, call, member| {
        if !usual(connection, call, member) {
            connection.reply(&call.header(), &7_u32).expect("a reply");
        }
    });
    let systemd = manager(&peer, PATIENT).read(&names(&["kubelet.service"]));
    assert_eq!(systemd.manager.get("Version"), Some(&"252".into()));
    assert_eq!(
        systemd.manager.len(),
        1,
        "another type, and a property that is on no list"
    );
    assert_eq!(systemd.default_target.as_deref(), Some("multi-user.target"));
    let Part::Unreadable(reason) = &systemd.units["kubelet.service"] else {
        panic!("read")
    };
    assert!(
        reason.starts_with("the answer to LoadUnit is not what systemd answers"),
        "{reason}"
    );
}

#[test]
fn properties_of_another_type_are_left_out() {
    let peer = Peer::speaking(|connection, call, member| {
        if usual(connection, call, member) {
            return;
        }
        let header = call.header();
        let path = ObjectPath::try_from("/org/freedesktop/systemd1/unit/x").expect("a path");
        let properties: HashMap<&str, Value<'_>> = HashMap::from([
            ("ActiveState", Value::from("failed")),
            ("NRestarts", Value::from("5")),
            ("After", Value::from(vec!["b.target", "a.target"])),
            ("DropInPaths", Value::from(vec!["/b", "/a"])),
            ("ExecStart", Value::from(vec!["/bin/sh"])),
            ("InvocationID", Value::from(vec![0_u8, 255])),
        ]);
        match member {
            "LoadUnit" => connection.reply(&header, &path),
            "GetUnitFileState" => connection.reply_error(
                &header,
                "org.freedesktop.DBus.Error.FileNotFound",
                &"No such file or directory",
            ),
            _ => connection.reply(&header, &properties),
        }
        .expect("a reply");
    });
    let unit = manager(&peer, PATIENT).read_unit("kubelet.service");
    let unit = unit.present().expect("a unit");
    assert_eq!(unit.unit_file_state, None);
    assert_eq!(
        serde_json::to_string(&unit.properties).expect("JSON"),
        r#"{"ActiveState":"failed","After":["a.target","b.target"],"DropInPaths":["/b","/a"],"InvocationID":"00ff"}"#
    );
}

#[test]
fn a_bus_that_falls_silent_costs_one_deadline_and_not_one_for_each_unit() {
    let peer = Peer::speaking(|connection, call, member| {
        if member != "ListUnitsByPatterns" {
            usual(connection, call, member);
        }
    });
    let deadline = Duration::from_secs(1);
    let manager = manager(&peer, deadline);
    let many: BTreeSet<String> = (0..100).map(|n| format!("u{n}.service")).collect();
    let start = Instant::now();
    let systemd = manager.read(&many);
    assert!(
        start.elapsed() < deadline * 3,
        "it took {:?}",
        start.elapsed()
    );
    assert_eq!(systemd.units.len(), 100);
    for unit in systemd.units.values() {
        let Part::Unreadable(reason) = unit else {
            panic!("read")
        };
        assert!(reason.contains("did not answer within 1 s"), "{reason}");
    }
}

#[test]
fn a_bus_that_answers_each_call_just_in_time_has_an_end() {
    let peer = Peer::speaking(|connection, call, member| {
        if usual(connection, call, member) {
            return;
        }
        thread::sleep(Duration::from_millis(250));
        connection.reply(&call.header(), &7_u32).expect("a reply");
    });
    let deadline = Duration::from_millis(600);
    let manager = manager(&peer, deadline);
    let many: BTreeSet<String> = (0..100).map(|n| format!("u{n:02}.service")).collect();
    let start = Instant::now();
    let systemd = manager.read(&many);
    assert!(
        start.elapsed() < deadline * 12,
        "it took {:?}",
        start.elapsed()
    );
    let Part::Unreadable(reason) = &systemd.units["u99.service"] else {
        panic!("read")
    };
    assert!(
        reason.contains("too slowly") || reason.contains("did not answer"),
        "{reason}"
    );
    assert_eq!(systemd.units.len(), 100);
}

#[test]
fn what_is_read_passes_through_the_redaction() {
    let peer = Peer::speaking(|connection, call, member| {
        usual(connection, call, member);
    });
    let manager =
        Manager::connect(Some(&peer.address()), PATIENT, |_| "removed".into()).expect("a manager");
    let systemd = manager.read(&BTreeSet::new());
    assert_eq!(systemd.manager.get("Version"), Some(&"removed".into()));
}

/// Rights are dropped thread by thread, so there must be none but this one.
#[test]
fn all_of_it_runs_on_one_thread_on_which_work_can_be_done() {
    let peer = Peer::speaking(|connection, call, member| {
        usual(connection, call, member);
    });
    let manager = manager(&peer, PATIENT);
    let (sender, receiver) = std::sync::mpsc::channel();
    let done = manager.run_on_thread(move || {
        let name = thread::current().name().map(str::to_owned);
        let _ = sender.send(name);
    });
    assert!(done);
    let name = receiver.recv().expect("it was done");
    assert_eq!(name.as_deref(), Some("nodepol-dbus"));
    // It is of use afterwards.
    let systemd = manager.read(&BTreeSet::new());
    assert_eq!(systemd.default_target.as_deref(), Some("multi-user.target"));

    let silent = Peer::new(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
    });
    assert!(Manager::connect(Some(&silent.address()), SHORT, |value| value).is_err());
}
