//! What of the files of a service systemd passes over, with a line in its log
//! that nobody reads: settings that it does not know, settings in a section that
//! is not theirs, lines that are none.
//!
//! Source: `config_parse` and `next_assignment` in `src/shared/conf-parser.c`.

use nodepol_model::{Location, Unavailable};
use strsim::osa_distance;

use super::Units;
use super::known_settings::{INSTALL, SERVICE, UNIT};
use super::search::View;
use super::syntax::Assignment;
use crate::sourced::Problem;

const SECTIONS: [(&str, &str); 3] = [("Unit", UNIT), ("Service", SERVICE), ("Install", INSTALL)];
/// Names longer than any of systemd's are not compared.
const MAX_NAME: usize = 64;

impl Units {
    /// What systemd ignores in the files of a service, in their order. A setting
    /// that is near to none that is known may be one of a later systemd, and is
    /// left out.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn ignored_settings(&self, name: &str) -> Result<Vec<Problem>, Unavailable> {
        if super::name::suffix(name) != "service" {
            return Ok(Vec::new());
        }
        let unit = self.load(View::NextBoot, name)?;
        let mut found = Vec::new();
        for file in &unit.files {
            let start = found.len();
            found.extend(file.warnings.iter().map(|notice| Problem {
                kind: "ignored-line",
                message: notice.message.clone(),
                at: Location::line(&file.path, notice.line),
                fatal: false,
                nearest: None,
            }));
            let ignored = file.assignments.iter().filter_map(|assignment| {
                let (kind, message, nearest) = ignored(assignment)?;
                Some(Problem {
                    kind,
                    message,
                    at: assignment.location(&file.path),
                    fatal: false,
                    nearest: Some(nearest),
                })
            });
            found.extend(ignored);
            if let Some(of_file) = found.get_mut(start..) {
                of_file.sort_by_key(|problem| problem.at.line);
            }
        }
        Ok(found)
    }
}

/// Why an assignment has no effect, and what was meant.
fn ignored(assignment: &Assignment) -> Option<(&'static str, String, String)> {
    let Assignment { section, key, .. } = assignment;
    // Those are for others (`man systemd.unit`).
    if section.starts_with("X-") || key.starts_with("X-") || key.len() > MAX_NAME {
        return None;
    }
    let Some((_, known)) = SECTIONS.iter().find(|(name, _)| name == section) else {
        let meant = SECTIONS
            .iter()
            .map(|(name, _)| *name)
            .find(|name| is_near(name, section))?;
        return Some((
            "unknown-section",
            format!("Unknown section '{section}'. Ignoring."),
            format!("[{meant}]"),
        ));
    };
    if knows(known, key) {
        return None;
    }
    let elsewhere = SECTIONS.iter().find(|(_, known)| knows(known, key));
    if let Some((home, _)) = elsewhere {
        return Some((
            "wrong-section",
            format!("Unknown key '{key}' in section [{section}], ignoring."),
            format!("[{home}] {key}"),
        ));
    }
    let meant = known
        .split_whitespace()
        .filter(|known| is_near(known, key))
        .min_by_key(|known| osa_distance(known, key))?;
    Some((
        "unknown-setting",
        format!("Unknown key '{key}' in section [{section}], ignoring."),
        meant.to_owned(),
    ))
}

fn knows(known: &str, key: &str) -> bool {
    known.split_whitespace().any(|known| known == key)
}

/// Written another way, or with a slip or two in a long name.
fn is_near(known: &str, written: &str) -> bool {
    known.eq_ignore_ascii_case(written)
        || osa_distance(known, written) <= (known.len() / 6).clamp(1, 2)
}
