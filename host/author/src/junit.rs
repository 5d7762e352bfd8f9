//! Results of cases as JUnit XML, which CI systems show.

use crate::trial::Trial;

/// The document; one test case for each case. A case that does not hold is a
/// failure; a policy that could not answer it is an error.
pub fn junit(suite: &str, trials: &[Trial]) -> String {
    let errors = trials.iter().filter(|trial| trial.outcome.is_err()).count();
    let wrong = trials
        .iter()
        .filter(|trial| !trial.differences.is_empty())
        .count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{errors}\"",
        trials.len(),
        wrong - errors
    );
    let micros: u64 = trials.iter().map(|trial| trial.micros).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite \
         name=\"{}\" {counts} time=\"{}\">\n",
        escaped(suite),
        seconds(micros),
    );
    for trial in trials {
        xml.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" time=\"{}\"",
            escaped(suite),
            escaped(&trial.name()),
            escaped(&trial.path.display().to_string()),
            seconds(trial.micros),
        ));
        let Some(first) = trial.differences.first() else {
            xml.push_str("/>\n");
            continue;
        };
        let kind = if trial.outcome.is_err() {
            "error"
        } else {
            "failure"
        };
        xml.push_str(&format!(
            ">\n      <{kind} message=\"{}\">{}</{kind}>\n    </testcase>\n",
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
            // Char of XML 1.0, section 2.2.
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
