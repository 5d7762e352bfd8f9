//! Drop-ins of units: what they assign, and whether they reset the command.

use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::systemd::Units;
use serde_json::json;

use crate::index::{Tally, rows};
use crate::tree;

const SECTIONS: [&str; 8] = [
    "Unit", "Install", "Service", "Socket", "Slice", "Timer", "Mount", "Path",
];

#[test]
fn drop_ins() {
    let Some(rows) = rows(|kind| kind == "unit-dropin") else {
        return;
    };
    let mut tally = Tally::default();
    for row in rows {
        let Some(known) = row.truth["assignments"].as_array() else {
            continue;
        };
        let text = row.text();
        // A drop-in speaks of the type of unit that its section names.
        let kind = ["Socket", "Slice", "Timer", "Mount", "Path"]
            .into_iter()
            .find(|section| text.contains(&format!("[{section}]")))
            .unwrap_or("Service")
            .to_ascii_lowercase();
        let name = format!("a.{kind}");
        let drop_in = format!("/etc/systemd/system/{name}.d/x.conf");
        let body = if kind == "service" {
            "[Service]\nExecStart=/bin/before\n"
        } else {
            "[Unit]\n"
        };
        let unit = format!("/usr/lib/systemd/system/{name}");
        let files = [(unit.as_str(), body), (drop_in.as_str(), text.as_str())];
        let units = Units::new(Arc::new(Evidence::new(Arc::new(tree::node(&files)))));
        for known in known.iter().filter_map(|known| known.as_str()) {
            let (key, value) = known.split_once('=').expect("an assignment");
            // An empty value clears the list; what is told are the values.
            if value.is_empty() {
                continue;
            }
            let found = SECTIONS.iter().any(|section| {
                units
                    .assignments(&name, section, key)
                    .expect("readable")
                    .iter()
                    .any(|set| set.value == value && set.origin.source == drop_in)
            });
            tally.compare(
                &format!("{}: {known}", row.path),
                &json!(found),
                &json!(true),
            );
        }
        let kept = units
            .assignments(&name, "Service", "ExecStart")
            .expect("readable")
            .iter()
            .any(|set| set.value == "/bin/before");
        if kind == "service" {
            tally.compare(
                &format!("{}: resets ExecStart", row.path),
                &json!(!kept),
                &row.truth["resets_ExecStart"],
            );
        }
    }
    tally.finish("drop-ins", &[]);
}
