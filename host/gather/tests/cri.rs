//! CRI: a real containerd, and peers that answer what none can be made to say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use async_io::Async;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Response};
use nodepol_gather::{Gatherer, Options};
use nodepol_model::cri::{Cri, CriReply};
use nodepol_model::{Part, Snapshot, Want};
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

/// What a live gatherer makes of the socket at `path`.
fn ask(path: &Path) -> Part<Cri> {
    let url = format!("unix://{}", path.display());
    let options = Options {
        program_deadline: Duration::from_millis(1500),
        ..Options::default()
    };
    let mut gatherer = Gatherer::live(options).expect("a root");
    let mut snapshot = Snapshot::empty(
        nodepol_model::snapshot::Source::Live,
        nodepol_gather::Timestamp::UNIX_EPOCH,
    );
    assert!(gatherer.extend(&mut snapshot, &BTreeSet::from([Want::Cri(url.clone())])));
    // It is asked once.
    assert!(!gatherer.extend(&mut snapshot, &BTreeSet::from([Want::Cri(url.clone())])));
    snapshot.cri.remove(&url).expect("an answer")
}

fn refusal<T: std::fmt::Debug>(reply: &CriReply<T>) -> (&str, &str) {
    match reply {
        CriReply::Refused(refusal) => (&refusal.code, &refusal.message),
        CriReply::Answer(answer) => panic!("{answer:?}"),
    }
}

#[test]
fn nobody_is_not_silence() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(ask(&directory.path().join("gone.sock")), Part::Absent);
    // A socket that its process left behind.
    let stale = directory.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("a socket"));
    assert_eq!(ask(&stale), Part::Absent);
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("a file");
    assert_eq!(ask(&file), Part::Absent);
}

#[test]
fn only_unix_sockets_are_asked() {
    let mut gatherer = Gatherer::live(Options::default()).expect("a root");
    let mut snapshot = Snapshot::empty(
        nodepol_model::snapshot::Source::Live,
        nodepol_gather::Timestamp::UNIX_EPOCH,
    );
    for url in ["tcp://127.0.0.1:2375", "unix://relative", "/run/a.sock", ""] {
        gatherer.extend(&mut snapshot, &BTreeSet::from([Want::Cri(url.to_owned())]));
        assert!(
            matches!(&snapshot.cri[url], Part::Unreadable(why) if why.contains("absolute path")),
            "{url}"
        );
    }
}

#[test]
fn nothing_is_asked_for_a_tree() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("cri.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    listener.set_nonblocking(true).expect("a socket");
    let mut gatherer = Gatherer::tree(directory.path(), Options::default()).expect("a root");
    let mut snapshot = gatherer.start(nodepol_gather::Timestamp::UNIX_EPOCH);
    let url = format!("unix://{}", socket.display());
    gatherer.extend(&mut snapshot, &BTreeSet::from([Want::Cri(url.clone())]));
    assert!(matches!(snapshot.cri[&url], Part::Unreadable(_)));
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn one_that_hangs_costs_one_deadline() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("cri.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let start = Instant::now();
    let answers = ask(&socket);
    let cri = answers.present().expect("somebody listens");
    for (code, message) in [
        refusal(&cri.version),
        refusal(&cri.runtime_config),
        refusal(&cri.status),
    ] {
        assert_eq!(code, "DeadlineExceeded");
        assert_eq!(message, "it did not answer within 1.5s");
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_speaks_something_else_is_no_runtime() {
    for (greeting, expected) in [
        (
            "SSH-2.0-OpenSSH_9.2p1\r\n".as_bytes(),
            "it speaks no HTTP/2",
        ),
        (&[0; 64], "it speaks no HTTP/2"),
        (&[], "it "),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("cri.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.write_all(greeting);
        });
        let answers = ask(&socket);
        peer.join().expect("a peer");
        let cri = answers.present().expect("somebody listens");
        let (code, message) = refusal(&cri.version);
        assert_eq!(code, "Unavailable", "{message}");
        assert!(message.starts_with(expected), "{message}");
    }
}

/// Serves one connection with what `answer` says to a method: the body's
/// messages, and the trailers.
fn serve(
    listener: UnixListener,
    answer: impl Fn(&str) -> (Vec<u8>, Vec<(&'static str, String)>) + Send + 'static,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        async_io::block_on(async {
            let (stream, _) = listener.accept().expect("a connection");
            let stream = Async::<UnixStream>::new(stream).expect("a stream");
            let mut connection = h2::server::handshake(stream.compat())
                .await
                .expect("a handshake");
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.headers()["content-type"], "application/grpc");
                let path = request.uri().path().to_owned();
                let method = path
                    .strip_prefix("/runtime.v1.RuntimeService/")
                    .expect("a method of CRI v1");
                let (body, trailers) = answer(method);
                let mut fields = HeaderMap::new();
                for (name, value) in trailers {
                    fields.insert(name, value.parse().expect("a value"));
                }
                let head = Response::builder().header("content-type", "application/grpc");
                // Without a message the status is among the first headers.
                if body.is_empty() {
                    let mut head = head.body(()).expect("a head");
                    head.headers_mut().extend(fields);
                    respond.send_response(head, true).expect("a response");
                    continue;
                }
                let head = head.body(()).expect("a head");
                let mut stream = respond.send_response(head, false).expect("a response");
                stream.send_data(Bytes::from(body), false).expect("a body");
                stream.send_trailers(fields).expect("trailers");
            }
        });
    })
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("a length"));
    framed.put_slice(message);
    framed.to_vec()
}

/// A text field of a protobuf message.
fn text(tag: u8, value: &str) -> Vec<u8> {
    let mut field = vec![tag << 3 | 2];
    let mut length = value.len();
    while length > 127 {
        field.push(u8::try_from(length & 127).expect("seven bits") | 128);
        length >>= 7;
    }
    field.push(u8::try_from(length).expect("seven bits"));
    field.extend(value.bytes());
    field
}

fn ok() -> Vec<(&'static str, String)> {
    vec![("grpc-status", "0".to_owned())]
}

/// No release that answers RuntimeConfig is among this distribution's packages,
/// so what it says is said by hand: `api.proto` of CRI.
#[test]
fn a_runtime_that_answers_runtime_config() {
    for (driver, expected) in [
        (vec![], Some("systemd")),
        (vec![8, 1], Some("cgroupfs")),
        (vec![8, 7], Some("7")),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("cri.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let peer = serve(listener, move |method| match method {
            "Version" => {
                let parts = [
                    text(1, "0.1.0"),
                    text(2, "containerd"),
                    text(3, "v2.1.4"),
                    text(4, "v1"),
                ];
                (framed(&parts.concat()), ok())
            }
            "RuntimeConfig" => {
                let linux = text(1, std::str::from_utf8(&driver).expect("small numbers"));
                (framed(&linux), ok())
            }
            _ => (
                Vec::new(),
                vec![
                    ("grpc-status", "13".to_owned()),
                    (
                        "grpc-message",
                        "token%3a abcdef.0123456789abcdef".to_owned(),
                    ),
                ],
            ),
        });
        let answers = ask(&socket);
        peer.join().expect("a peer");
        let cri = answers.present().expect("somebody listens");
        let version = cri.version.answer().expect("a version");
        assert_eq!(version.runtime_name, "containerd");
        assert_eq!(version.runtime_version, "v2.1.4");
        assert_eq!(version.runtime_api_version, "v1");
        let config = cri.runtime_config.answer().expect("a configuration");
        assert_eq!(config.cgroup_driver.as_deref(), expected);
        // Its words are decoded, and carry no secret.
        let (code, message) = refusal(&cri.status);
        assert_eq!(code, "Internal");
        assert!(message.starts_with("token: "), "{message}");
        assert!(!message.contains("0123456789abcdef"), "{message}");
    }
}

#[test]
fn answers_that_lie_are_refused() {
    for (body, code, words) in [
        (vec![0, 0, 0, 0, 9, 1], "Internal", "the message is torn"),
        (vec![0, 0], "Internal", "the message is torn"),
        (vec![1, 0, 0, 0, 0], "Internal", "compressed"),
        (framed(&[0xff; 12]), "Internal", "cannot be read"),
        (vec![0; 2 << 20], "ResourceExhausted", "larger than 1 MiB"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("cri.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let _peer = serve(listener, move |_| (body.clone(), ok()));
        let answers = ask(&socket);
        let cri = answers.present().expect("somebody listens");
        let (said, message) = refusal(&cri.version);
        assert_eq!(said, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

/// A containerd with a root, a state and a socket of its own.
struct Containerd {
    process: Child,
    directory: tempfile::TempDir,
}

impl Containerd {
    /// None where there is none, or where it does not start.
    fn start(settings: &str, tables: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name).display().to_string();
        let config = format!(
            "version = 2\n{settings}root = {:?}\nstate = {:?}\n[grpc]\naddress = {:?}\n[ttrpc]\n\
             address = {:?}\n{tables}",
            at("root"),
            at("state"),
            at("containerd.sock"),
            at("ttrpc.sock")
        );
        std::fs::write(directory.path().join("config.toml"), config).expect("a file");
        let mut process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "containerd", "-c"])
            .arg(directory.path().join("config.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let socket = directory.path().join("containerd.sock");
        for _ in 0..200 {
            if UnixStream::connect(&socket).is_ok() {
                return Some(Self { process, directory });
            }
            if process.try_wait().ok()?.is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = process.kill();
        let _ = process.wait();
        None
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("containerd.sock")
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SYSTEMD: &str = "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n\
    default_runtime_name = \"nvidia\"\n\
    [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia]\n\
    runtime_type = \"io.containerd.runc.v2\"\n\
    [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia.options]\n\
    SystemdCgroup = true\n\
    [plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.example\".auth]\n\
    username = \"robot\"\npassword = \"canary-of-a-registry\"\n";

#[test]
fn a_real_containerd_says_what_it_is() {
    let Some(containerd) = Containerd::start("", SYSTEMD) else {
        println!("skipped: no containerd starts here");
        return;
    };
    let answers = ask(&containerd.socket());
    let cri = answers.present().unwrap_or_else(|| panic!("{answers:?}"));
    let version = cri.version.answer().expect("a version");
    assert_eq!(version.runtime_name, "containerd");
    assert_eq!(version.runtime_api_version, "v1");
    let status = cri.status.answer().expect("a status");
    assert!(
        status
            .conditions
            .iter()
            .any(|condition| condition.kind == "RuntimeReady" && condition.status),
        "{status:?}"
    );
    let handlers = status.containerd.as_ref().expect("its handlers");
    assert_eq!(handlers["defaultRuntimeName"], "nvidia");
    assert_eq!(
        handlers["runtimes"]["nvidia"]["options"]["SystemdCgroup"],
        true
    );
    assert!(!format!("{cri:?}").contains("canary-of-a-registry"));
    // Only 2.x has the method.
    if version
        .runtime_version
        .trim_start_matches('v')
        .starts_with("1.")
    {
        assert_eq!(refusal(&cri.runtime_config).0, "Unimplemented");
    }
}

#[test]
fn a_real_containerd_without_cri_says_so() {
    let disabled = "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
    let Some(containerd) = Containerd::start(disabled, "") else {
        println!("skipped: no containerd starts here");
        return;
    };
    let answers = ask(&containerd.socket());
    let cri = answers.present().unwrap_or_else(|| panic!("{answers:?}"));
    assert_eq!(
        refusal(&cri.version),
        ("Unimplemented", "unknown service runtime.v1.RuntimeService")
    );
}
