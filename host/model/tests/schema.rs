//! The published schemas are those of the types.

use std::path::Path;

use nodepol_model::schema;

#[test]
fn published_schemas_are_current() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (name, schema) in [
        ("check", schema::check()),
        ("inspection", schema::inspection()),
        ("report", schema::report()),
        ("snapshot", schema::snapshot()),
    ] {
        let path = directory.join(format!("{name}.json"));
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
}
