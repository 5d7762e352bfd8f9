//! The published schema of `nodepol facts --format json` is that of the types.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

#[test]
fn the_published_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/facts.json");
    let schema = nodepol_facts::summary::schema();
    let current = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("NODEPOL_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == current,
        "{}: run this test with NODEPOL_BLESS=1 and look at the change",
        path.display()
    );
}
