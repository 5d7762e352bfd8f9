//! The edits that are named for the systemd driver, done: the same release must
//! then read it, for every handler.

use nodepol_facts::runtime::Edit;
use nodepol_model::Horizon;
use toml_edit::{DocumentMut, Item, Table};

use crate::node::{Facts, Units, facts, snapshot};

const CONFIG: &str = "/etc/containerd/config.toml";

fn of(text: Option<&str>, version: Option<&str>) -> Facts {
    let mut files = vec![("/etc/systemd/system/containerd.service", "")];
    files.extend(text.map(|text| (CONFIG, text)));
    let units = Units::default().start("containerd.service", "containerd");
    facts(snapshot(&files), units, version)
}

fn done(text: &str, edits: &[Edit]) -> String {
    let mut document: DocumentMut = text.parse().expect("TOML");
    for edit in edits {
        assert_eq!(edit.path, CONFIG);
        let value: toml_edit::Value = edit.json.parse().expect("JSON that is TOML as well");
        let mut keys: Vec<&str> = edit.pointer.split('/').skip(1).collect();
        let last = keys.pop().expect("a key");
        let mut table = document.as_table_mut() as &mut dyn toml_edit::TableLike;
        for key in keys {
            table = table
                .entry(key)
                .or_insert(Item::Table(Table::new()))
                .as_table_like_mut()
                .expect("a table");
        }
        table.insert(last, Item::Value(value));
    }
    document.to_string()
}

#[test]
fn edits_take_effect() {
    let (mut tried, mut without_version) = (0, 0);
    for version in [
        None,
        Some("1.6.20"),
        Some("1.7.33"),
        Some("2.0.4"),
        Some("2.2.1"),
        Some("2.3.4"),
        Some("2.4.0"),
    ] {
        for head in [
            None,
            Some(""),
            Some("version = 1\n"),
            Some("version = 2\n"),
            Some("version = 3\n"),
            Some("version = 4\n"),
        ] {
            for plugin in [
                "",
                "cri",
                "io.containerd.grpc.v1.cri",
                "io.containerd.cri.v1.runtime",
            ] {
                for handlers in [&["runc"][..], &["nvidia"], &["nvidia", "runc"]] {
                    let mut text = head.unwrap_or_default().to_owned();
                    if !plugin.is_empty() {
                        let base = format!("[plugins.\"{plugin}\".containerd");
                        text += &format!("{base}]\ndefault_runtime_name = \"{}\"\n", handlers[0]);
                        for handler in handlers {
                            text += &format!(
                                "{base}.runtimes.{handler}]\nruntime_type = \"io.containerd.runc.v2\"\n"
                            );
                        }
                    }
                    let before = of(head.map(|_| text.as_str()), version).runtimes;
                    let at = Horizon::NextBoot;
                    if before.handlers(at, "containerd").is_err() {
                        continue;
                    }
                    let Ok(edits) = before.systemd_driver_edits("containerd") else {
                        assert_eq!(version, None, "{text}");
                        without_version += 1;
                        continue;
                    };
                    let text = done(if head.is_some() { &text } else { "" }, &edits);
                    let after = of(Some(&text), version).runtimes;
                    let driver = after.cgroup_driver(at, "containerd");
                    let driver = driver.unwrap_or_else(|why| panic!("{version:?}: {why}\n{text}"));
                    assert_eq!(driver.unwrap().value, "systemd", "{version:?}:\n{text}");
                    let handlers = after.handlers(at, "containerd").unwrap();
                    for handler in handlers {
                        assert_eq!(
                            handler.cgroup_driver.as_deref(),
                            Some("systemd"),
                            "{version:?}:\n{text}"
                        );
                        assert!(handler.kind.is_some(), "{version:?}:\n{text}");
                    }
                    tried += 1;
                }
            }
        }
    }
    println!("{tried} edited, {without_version} hang on the version");
    assert!(tried > 200, "only {tried}");
}
