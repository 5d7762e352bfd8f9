//! What containerd decodes its files into: the types of its settings, and texts
//! that are not quite TOML.

use std::process::Command;

use nodepol_facts::document::{Node, Value, toml};

use crate::daemon::{compare, containerd_1};

/// A setting, by the keys on the way to it.
fn settings(node: &Node, above: &[String], found: &mut Vec<Vec<String>>) {
    for entry in node.entries() {
        let mut path = above.to_vec();
        path.push(entry.key.clone());
        // Of the plugins, only that of CRI.
        if above == ["plugins"] && entry.key != "io.containerd.grpc.v1.cri" {
            continue;
        }
        if matches!(entry.value.value, Value::Object(_)) {
            settings(&entry.value, &path, found);
        }
        found.push(path);
    }
}

fn refused_or_not(text: &[u8], version: &str) -> Result<bool, String> {
    let root = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (path, text) in [
        ("etc/containerd/config.toml", text),
        ("etc/systemd/system/containerd.service", b"".as_slice()),
    ] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| error.to_string())?;
    }
    compare(root.path(), version)
}

/// Every setting that containerd 1.x prints as a default, with values of every
/// type: refused where containerd refuses it, taken where it takes it.
#[test]
fn settings_have_the_types_that_containerd_gives_them() {
    let Some(version) = containerd_1() else {
        return;
    };
    let output = Command::new("containerd")
        .args(["config", "default"])
        .output()
        .unwrap();
    let defaults = toml::parse(&String::from_utf8_lossy(&output.stdout)).unwrap();
    let mut paths = Vec::new();
    settings(&defaults, &[], &mut paths);
    assert!(paths.len() > 80, "{} settings", paths.len());
    let (mut started, mut refused) = (0, 0);
    for path in &paths {
        let key: Vec<String> = path.iter().map(|key| format!("{key:?}")).collect();
        let key = key.join(".");
        for value in ["\"a.b.c.d\"", "5", "true", "[\"a.b.c.d\"]", "{ }"] {
            let head = if path == &["version"] {
                ""
            } else {
                "version = 2\n"
            };
            let text = format!("{head}{key} = {value}\n");
            match refused_or_not(text.as_bytes(), &version) {
                Ok(true) => started += 1,
                // It starts, and the handlers are for other tests.
                Err(why) if why.starts_with("handlers:") => started += 1,
                Ok(false) => refused += 1,
                Err(why) => panic!("{why}\n{text}"),
            }
        }
    }
    println!("agree: {started} started, {refused} refused");
    assert!(started > 80 && refused > 300, "{started} and {refused}");
}

#[test]
fn what_go_toml_takes_beyond_toml() {
    let Some(version) = containerd_1() else {
        return;
    };
    let on = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
    let cases: [(Vec<u8>, bool); 12] = [
        (format!("# \0 \u{1}\n{on}").into_bytes(), true),
        (on.replace('\n', "\r").into_bytes(), true),
        (on.replace('\n', "\r\n").into_bytes(), true),
        // A comment goes on to the next LF.
        (format!("# all of it\r{on}").into_bytes(), true),
        (format!("root = \"#\" # \u{7}\n{on}").into_bytes(), true),
        (
            format!("root = '''\n#'\"''' # \u{7}\n{on}").into_bytes(),
            true,
        ),
        (
            format!("root = \"a\\\"#b\" # \u{7}\n{on}").into_bytes(),
            true,
        ),
        (format!("root = \"\u{1}\"\n{on}").into_bytes(), false),
        (format!("root = 'a' \0\n{on}").into_bytes(), false),
        (
            format!("{}\n", on.replace("version", "VERSION")).into_bytes(),
            true,
        ),
        (on.replace("version", "Version").into_bytes(), true),
        (
            format!("imports = [\"/etc/x/[*\"]\n{on}").into_bytes(),
            false,
        ),
    ];
    for (text, starts) in cases {
        let found = refused_or_not(&text, &version);
        assert_eq!(found, Ok(starts), "{}", String::from_utf8_lossy(&text));
    }
}
