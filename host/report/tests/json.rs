//! The JSON is the published document.

mod reports;

use nodepol_model::Report;
use nodepol_report::{Format, Options, render};

#[test]
fn it_reads_back_as_the_same_report() {
    for report in [
        reports::swap(),
        reports::all_pass(),
        reports::waiting(),
        reports::unknown(),
        reports::error(),
        reports::waived(),
        reports::nothing(),
    ] {
        let json = render(Format::Json, &report, &Options::default()).unwrap();
        assert!(json.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}

#[test]
fn its_shape() {
    let json = render(Format::Json, &reports::error(), &Options::default()).unwrap();
    insta::assert_snapshot!(json);
}
