//! A tree is read within its root and its limits, whatever lies in it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests end by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nodepol_gather::{Error, Gatherer, Limits, Options, Timestamp};
use nodepol_model::snapshot::{Content, FileNode, SpecialKind};
use nodepol_model::{Part, Snapshot, Want};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn gather(root: &Path, wants: &[&str]) -> Snapshot {
    gather_with(root, wants, Options::default())
}

fn gather_with(root: &Path, wants: &[&str], options: Options) -> Snapshot {
    let mut gatherer = Gatherer::tree(root, options).unwrap();
    let mut snapshot = gatherer.start(Timestamp::UNIX_EPOCH);
    let wants: BTreeSet<Want> = wants
        .iter()
        .map(|path| Want::Path((*path).to_owned()))
        .collect();
    gatherer.extend(&mut snapshot, &wants);
    assert!(
        !gatherer.extend(&mut snapshot, &wants),
        "nothing is read twice"
    );
    for want in &wants {
        let Want::Path(path) = want else { continue };
        assert!(resolve(&snapshot, path).is_some(), "{path} has an entry");
    }
    snapshot
}

/// Resolves a path the way a reader of a snapshot does. `None` if the snapshot
/// does not tell.
fn resolve(snapshot: &Snapshot, path: &str) -> Option<String> {
    if snapshot.files.contains_key(path) {
        return Some(path.to_owned());
    }
    let mut pending: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut at: Vec<String> = Vec::new();
    for _ in 0..1000 {
        let Some(name) = pending.pop() else {
            let path = format!("/{}", at.join("/"));
            return snapshot.files.contains_key(&path).then_some(path);
        };
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                at.pop();
                continue;
            }
            _ => at.push(name),
        }
        if let Some(Part::Present(file)) = snapshot.files.get(&format!("/{}", at.join("/")))
            && let FileNode::Symlink(target) = &file.node
        {
            at.pop();
            if target.starts_with('/') {
                at.clear();
            }
            pending.extend(target.split('/').rev().map(str::to_owned));
        }
    }
    None
}

fn node<'a>(snapshot: &'a Snapshot, path: &str) -> &'a FileNode {
    match &snapshot.files[path] {
        Part::Present(file) => &file.node,
        other => panic!("{path}: {other:?}"),
    }
}

fn text<'a>(snapshot: &'a Snapshot, path: &str) -> &'a str {
    match node(snapshot, path) {
        FileNode::Regular(Content::Text(text)) => text,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn the_root_must_be_a_directory() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "file", "");
    for path in ["missing", "file"] {
        let error = Gatherer::tree(&root.path().join(path), Options::default())
            .err()
            .unwrap();
        let Error::Root { path: named, .. } = &error;
        assert!(named.ends_with(path));
        assert!(error.to_string().contains("name a directory"), "{error}");
    }
}

#[test]
fn links_never_leave_the_root() {
    let outer = tempfile::tempdir().unwrap();
    write(outer.path(), "outside", "OUTSIDE");
    let root = outer.path().join("root");
    write(&root, "etc/passwd", "inside\n");
    for (name, target) in [
        ("relative", "../../../../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("up", "../outside"),
        ("upup", "../../outside"),
        ("real", outer.path().join("outside").to_str().unwrap()),
        ("parents", "/../../../outside"),
        ("process", "/proc/self/root/etc/hostname"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    let names = [
        "/relative",
        "/absolute",
        "/up",
        "/upup",
        "/real",
        "/parents",
        "/process",
        "/../outside",
    ];
    let snapshot = gather(&root, &names);
    assert_eq!(text(&snapshot, "/etc/passwd"), "inside\n");
    assert_eq!(snapshot.files["/outside"], Part::Absent);
    assert_eq!(
        *node(&snapshot, "/up"),
        FileNode::Symlink("../outside".to_owned())
    );
    assert_eq!(resolve(&snapshot, "/relative").unwrap(), "/relative");
    assert!(!snapshot.to_json().unwrap().contains("OUTSIDE"));
    assert_eq!(snapshot.files["/proc/self/root/etc/hostname"], Part::Absent);
}

#[test]
fn linked_directories_are_recorded_on_the_way() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "usr/lib/systemd/system/kubelet.service",
        "[Service]\n",
    );
    write(root.path(), "run/x", "x\n");
    fs::create_dir_all(root.path().join("var")).unwrap();
    symlink("usr/lib", root.path().join("lib")).unwrap();
    symlink("/run", root.path().join("var/run")).unwrap();
    let snapshot = gather(
        root.path(),
        &[
            "/lib/systemd/system/kubelet.service",
            "/var/run/x",
            "/var/run/no/such",
        ],
    );
    assert_eq!(
        *node(&snapshot, "/lib"),
        FileNode::Symlink("usr/lib".to_owned())
    );
    assert_eq!(
        *node(&snapshot, "/var/run"),
        FileNode::Symlink("/run".to_owned())
    );
    assert_eq!(
        resolve(&snapshot, "/lib/systemd/system/kubelet.service").unwrap(),
        "/usr/lib/systemd/system/kubelet.service"
    );
    assert_eq!(text(&snapshot, "/run/x"), "x\n");
    assert_eq!(snapshot.files["/run/no/such"], Part::Absent);
    assert_eq!(snapshot.files["/run/docker.sock"], Part::Absent);
}

#[test]
fn loops_devices_and_pipes_do_not_hang() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir_all(path("etc/systemd/system")).unwrap();
    symlink("b", path("a")).unwrap();
    symlink("a", path("b")).unwrap();
    symlink(".", path("etc/systemd/system/self")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path("etc/fstab"), fifo, mode, 0).unwrap();
    fs::create_dir(path("etc/hostname")).unwrap();
    write(
        root.path(),
        "etc/default",
        "a file where a directory should be",
    );
    // Only root makes devices. Opening this one, a watchdog, would start it.
    let device = rustix::fs::makedev(10, 130);
    let character = rustix::fs::FileType::CharacterDevice;
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        path("etc/machine-id"),
        character,
        mode,
        device,
    );
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    let snapshot = gather(
        root.path(),
        &["/a", "/a/x", "/socket", "/etc/systemd/system/self/self/x"],
    );
    match made {
        Ok(()) => assert_eq!(
            *node(&snapshot, "/etc/machine-id"),
            FileNode::Special(SpecialKind::CharacterDevice)
        ),
        Err(errno) => println!("skipped: no device can be made: {errno}"),
    }
    assert!(matches!(&snapshot.files["/a/x"], Part::Unreadable(why) if why.contains("links")));
    assert_eq!(
        *node(&snapshot, "/etc/fstab"),
        FileNode::Special(SpecialKind::Fifo)
    );
    assert_eq!(
        *node(&snapshot, "/socket"),
        FileNode::Special(SpecialKind::Socket)
    );
    assert!(matches!(
        node(&snapshot, "/etc/hostname"),
        FileNode::Directory(_)
    ));
    assert_eq!(snapshot.files["/etc/default/kubelet"], Part::Absent);
    assert_eq!(snapshot.files["/etc/systemd/system/x"], Part::Absent);
}

#[test]
fn limits_are_not_absence() {
    let root = tempfile::tempdir().unwrap();
    let huge = fs::File::create(root.path().join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    write(root.path(), "full", &"x".repeat(1024));
    write(root.path(), "over", &"x".repeat(1025));
    for index in 0..10 {
        write(root.path(), &format!("many/{index}"), "x");
    }
    let deep = format!("/{}", vec!["d"; 200].join("/"));
    fs::create_dir_all(root.path().join(&deep[1..])).unwrap();
    let limits = Limits {
        file_bytes: 1024,
        directory_entries: 9,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let snapshot = gather_with(
        root.path(),
        &["/huge", "/full", "/over", "/many", &deep],
        options,
    );
    assert_eq!(text(&snapshot, "/full").len(), 1024);
    for path in ["/huge", "/over"] {
        assert!(
            matches!(node(&snapshot, path), FileNode::Regular(Content::Unreadable(why)) if why.contains("1024"))
        );
    }
    assert!(matches!(
        node(&snapshot, "/many"),
        FileNode::Directory(Part::Unreadable(_))
    ));
    assert!(matches!(snapshot.files[&deep], Part::Unreadable(_)));

    let limits = Limits {
        total_bytes: 1500,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let snapshot = gather_with(root.path(), &["/full", "/over"], options);
    assert_eq!(text(&snapshot, "/full").len(), 1024);
    assert!(
        matches!(node(&snapshot, "/over"), FileNode::Regular(Content::Unreadable(why)) if why.contains("1500"))
    );
}

#[test]
fn what_is_not_text() {
    let root = tempfile::tempdir().unwrap();
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(4096, b'A');
    fs::create_dir(root.path().join("d")).unwrap();
    fs::write(root.path().join("d/elf"), &elf).unwrap();
    fs::write(root.path().join("d/key"), b"\xff\xfe\x00\x01SECRETKEY").unwrap();
    fs::write(
        root.path()
            .join("d")
            .join(std::ffi::OsStr::from_bytes(b"n\xff")),
        "x",
    )
    .unwrap();
    write(root.path(), "d/script", "#!/bin/sh\n");
    let mut gatherer = Gatherer::tree(root.path(), Options::default()).unwrap();
    let mut snapshot = gatherer.start(Timestamp::UNIX_EPOCH);
    let metadata = ["/d/elf", "/d/script", "/d"].map(|path| Want::Metadata(path.to_owned()));
    assert!(gatherer.extend(&mut snapshot, &metadata.clone().into()));
    assert!(!gatherer.extend(&mut snapshot, &metadata.into()));
    assert!(
        matches!(node(&snapshot, "/d/elf"), FileNode::Regular(Content::Binary(hex)) if hex.len() == 128 && hex.starts_with("7f454c46"))
    );
    assert_eq!(
        *node(&snapshot, "/d/script"),
        FileNode::Regular(Content::NotRead)
    );
    let wants = ["/d/script", "/d", "/d/key", "/d/n\u{fffd}", "relative"]
        .map(|path| Want::Path(path.to_owned()));
    assert!(gatherer.extend(&mut snapshot, &wants.clone().into()));
    assert!(!gatherer.extend(&mut snapshot, &wants.into()));
    assert_eq!(text(&snapshot, "/d/script"), "#!/bin/sh\n");
    assert_eq!(
        *node(&snapshot, "/d/key"),
        FileNode::Regular(Content::Binary("fffe0001".to_owned()))
    );
    let names = ["elf", "key", "n\u{fffd}", "script"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        *node(&snapshot, "/d"),
        FileNode::Directory(Part::Present(names))
    );
    assert!(
        matches!(&snapshot.files["/d/n\u{fffd}"], Part::Unreadable(why) if why.contains("UTF-8"))
    );
    assert!(matches!(&snapshot.files["relative"], Part::Unreadable(_)));
}

#[test]
fn a_closed_file_says_what_to_do() {
    if rustix::process::geteuid().is_root() {
        // Root may read everything; the wording is the same code for an unprivileged run.
        println!("skipped: run as root, which no permission keeps out");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "etc/fstab", "x");
    fs::set_permissions(
        root.path().join("etc/fstab"),
        fs::Permissions::from_mode(0o0),
    )
    .unwrap();
    let snapshot = gather(root.path(), &[]);
    assert!(
        matches!(node(&snapshot, "/etc/fstab"), FileNode::Regular(Content::Unreadable(why)) if why.contains("as root"))
    );
}

#[test]
fn units_and_secrets_of_a_tree() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    write(
        root.path(),
        "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "[Service]\nEnvironment=TOKEN=c4nary\n",
    );
    write(
        root.path(),
        "usr/lib/systemd/system/kubelet.service",
        "[Service]\n",
    );
    write(
        root.path(),
        "usr/lib/systemd/system/unrelated.service",
        "[Service]\n",
    );
    fs::create_dir_all(units.join("multi-user.target.wants")).unwrap();
    symlink(
        "/usr/lib/systemd/system/kubelet.service",
        units.join("multi-user.target.wants/kubelet.service"),
    )
    .unwrap();
    symlink("/dev/null", units.join("swap.target")).unwrap();
    write(
        root.path(),
        "etc/kubernetes/bootstrap-kubelet.conf",
        "users:\n- user:\n    token: abcdef.0123456789abcdef\n",
    );
    write(
        root.path(),
        "etc/docker/config.json",
        "{\"auths\":{\"r\":{\"auth\":\"c4nary\"}}}",
    );
    write(
        root.path(),
        "var/lib/kubelet/pki/kubelet.key",
        include_str!("keys/ec-prime256v1-sec1.pem"),
    );
    let snapshot = gather(root.path(), &[]);
    let json = snapshot.to_json().unwrap();
    assert!(
        !json.contains("c4nary") && !json.contains("0123456789abcdef"),
        "{json}"
    );
    let digest = include_str!("keys/ec-prime256v1-sec1.spki").trim();
    assert!(text(&snapshot, "/var/lib/kubelet/pki/kubelet.key").contains(digest));
    assert!(matches!(
        node(
            &snapshot,
            "/etc/systemd/system/multi-user.target.wants/kubelet.service"
        ),
        FileNode::Symlink(_)
    ));
    assert_eq!(
        *node(&snapshot, "/etc/systemd/system/swap.target"),
        FileNode::Symlink("/dev/null".to_owned())
    );
    assert_eq!(
        text(&snapshot, "/usr/lib/systemd/system/kubelet.service"),
        "[Service]\n"
    );
    assert_eq!(
        text(&snapshot, "/usr/lib/systemd/system/unrelated.service"),
        "[Service]\n",
        "any unit may turn swap on"
    );
    assert_eq!(snapshot.systemd, Part::Absent);
    assert_eq!(snapshot.journal, Part::Absent);
    assert!(snapshot.programs.is_empty());
    assert_eq!(
        gather(root.path(), &[]),
        snapshot,
        "the same tree gives the same snapshot"
    );
}
