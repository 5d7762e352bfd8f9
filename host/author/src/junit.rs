//! Results of cases as JUnit XML, which CI systems show.

use crate::trial::Trial;

/// The document; one test case for each case.
pub fn junit(suite: &str, trials: &[Trial]) -> String {
    let failed = trials
        .iter()
        .filter(|trial| !trial.differences.is_empty())
        .count();
    let micros: u64 = trials.iter().map(|trial| trial.micros).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(&format!(
        "<testsuites tests=\"{count}\" failures=\"{failed}\">\n  <testsuite name=\"{}\" \
         tests=\"{count}\" failures=\"{failed}\" time=\"{}\">\n",
        escaped(suite),
        seconds(micros),
        count = trials.len(),
    ));
    for trial in trials {
        xml.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" time=\"{}\"",
            escaped(suite),
            escaped(&trial.name()),
            escaped(&trial.path.display().to_string()),
            seconds(trial.micros),
        ));
        if trial.differences.is_empty() {
            xml.push_str("/>\n");
            continue;
        }
        let first = trial.differences.first().map_or("", String::as_str);
        xml.push_str(&format!(
            ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
            escaped(first),
            escaped(&trial.differences.join("\n")),
        ));
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Text inside an attribute or element. What XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
