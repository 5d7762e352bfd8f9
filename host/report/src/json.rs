//! The report as JSON, exactly as [`nodepol_model::schema::report`] describes it.

use nodepol_model::Report;

/// The report as indented JSON, with a line break at its end.
///
/// # Errors
/// Only what `serde_json` reports; there is nothing in a report that it cannot
/// write.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
