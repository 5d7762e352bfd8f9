//! fstab, against what systemd-fstab-generator of systemd 252 wrote for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use nodepol_facts::evidence::Evidence;
use nodepol_facts::mount::Mounts;
use nodepol_facts::swap::Swap;
use nodepol_facts::systemd::Units;
use serde_json::json;

use crate::index::{Tally, rows};
use crate::tree;

#[test]
fn fstab() {
    let Some(rows) = rows(|kind| kind == "fstab") else {
        return;
    };
    let mut tally = Tally::default();
    for row in rows {
        let text = row.text();
        let files = [("/etc/fstab", text.as_str())];
        let evidence = Arc::new(Evidence::new(Arc::new(tree::node(&files))));
        let units = Arc::new(Units::new(Arc::clone(&evidence)));
        let mounts = Mounts::new(Arc::clone(&evidence), Arc::clone(&units));
        // The root is no mount of the boot's: it is there before.
        let ours: BTreeSet<String> = mounts
            .at_next_boot()
            .expect("readable")
            .into_iter()
            .map(|mount| mount.unit)
            .collect();
        let known: BTreeSet<&str> = row.truth["systemd252_generator"]["mount_units"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|unit| unit.as_str().expect("a name"))
            .filter(|unit| *unit != "-.mount")
            .collect();
        tally.compare(
            &format!("{}: mounts", row.path),
            &json!(ours),
            &json!(known),
        );
        let swap = Swap::new(evidence, units, || Ok(Vec::new()));
        let ours: Vec<String> = swap
            .at_next_boot()
            .expect("readable")
            .into_iter()
            .map(|activation| activation.what)
            .collect();
        tally.compare(
            &format!("{}: swap", row.path),
            &json!(ours),
            &row.truth["swap_entries"],
        );
    }
    tally.finish("fstab", &[]);
}
