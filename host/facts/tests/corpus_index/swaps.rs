//! /proc/swaps.

use nodepol_facts::swap::parse_proc_swaps;
use serde_json::json;

use crate::index::{Tally, rows};

#[test]
fn swaps() {
    let Some(rows) = rows(|kind| kind == "swaps") else {
        return;
    };
    let mut tally = Tally::default();
    for row in rows {
        let found = parse_proc_swaps(&row.text());
        let ours: Vec<_> = found
            .iter()
            .map(|device| {
                json!({
                    "name": device.path,
                    "type": device.kind,
                    "size": (device.size_bytes / 1024).to_string(),
                    "used": (device.used_bytes / 1024).to_string(),
                    "prio": device.priority.to_string(),
                })
            })
            .collect();
        tally.compare(
            &format!("{}: devices", row.path),
            &json!(ours),
            &row.truth["active_swaps"],
        );
        tally.compare(
            &format!("{}: on", row.path),
            &json!(!found.is_empty()),
            &row.truth["kubelet_says_swap_on"],
        );
    }
    let explained = [(
        "systemd-stable/test/test-umount/example.swaps: devices",
        "that a file is deleted is no part of its path",
    )];
    tally.finish("swaps", &explained);
}
