//! Evidence as a compiler shows it: path, line, the line itself, what is meant.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use nodepol_model::Verdict;
use nodepol_model::report::Evidence;

use super::page::{Page, clean, style};

/// A longer note is put below the picture, where it wraps.
const LONGEST_LABEL: usize = 48;

/// One piece of evidence.
pub(super) fn write(page: &mut Page, evidence: &Evidence, verdict: Verdict) {
    let line = evidence.at.line.and_then(|line| usize::try_from(line).ok());
    let excerpt = evidence
        .excerpt
        .as_deref()
        .and_then(|excerpt| excerpt.lines().next())
        .filter(|excerpt| !excerpt.trim().is_empty());
    match (line, excerpt) {
        (Some(line), Some(excerpt)) => draw(page, evidence, verdict, line, excerpt),
        _ => state(page, evidence),
    }
}

/// With the line of the file.
fn draw(page: &mut Page, evidence: &Evidence, verdict: Verdict, line: usize, excerpt: &str) {
    let excerpt = clean(excerpt);
    let path = clean(&evidence.at.source);
    // The first line of PEM says nothing of what is in it.
    let inside = excerpt
        .starts_with("-----BEGIN ")
        .then_some(evidence.value.as_str());
    let note = evidence.note.as_deref().or(inside).map(clean);
    let short = note
        .as_deref()
        .filter(|note| note.chars().count() <= LONGEST_LABEL && !note.contains('\n'));
    let span = span(&excerpt, evidence);
    let snippet = Snippet::source(excerpt.as_ref())
        .path(path.as_ref())
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(span).label(short));
    let level = match verdict {
        Verdict::Fail => Level::ERROR,
        Verdict::Warn | Verdict::Unknown => Level::WARNING,
        Verdict::Pass | Verdict::Waiting | Verdict::NotApplicable => Level::NOTE,
    };
    let renderer = if page.color() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let group = Group::with_level(level).element(snippet);
    let picture = renderer
        .term_width(page.width().saturating_sub(2))
        .render(&[group]);
    page.finished(2, &picture);
    if let (None, Some(note)) = (short, &note) {
        page.labelled(4, "note:", note);
    }
}

/// Without it: where, and what was seen.
fn state(page: &mut Page, evidence: &Evidence) {
    let mut at = evidence.at.to_string();
    if let Some(pointer) = evidence.at.pointer.as_deref().filter(|it| !it.is_empty()) {
        at.push_str(&format!(" {}", super::fix::key(pointer)));
    }
    page.paragraph(4, 8, style::PLAIN, &format!("{at}: {}", evidence.value));
    if let Some(note) = &evidence.note {
        page.labelled(6, "note:", note);
    }
}

/// What to underline, in bytes of `excerpt`: the value, from the column if there
/// is one; else from there to the end of the line; else the whole line.
fn span(excerpt: &str, evidence: &Evidence) -> Range<usize> {
    let end = excerpt.trim_end().len();
    let start = evidence
        .at
        .column
        .and_then(|column| usize::try_from(column).ok()?.checked_sub(1))
        .and_then(|column| excerpt.char_indices().nth(column))
        .map(|(at, _)| at)
        .filter(|at| *at < end);
    let value = evidence.value.as_str();
    let from = start.unwrap_or(0);
    let found = excerpt
        .get(from..)
        .filter(|_| !value.is_empty())
        .and_then(|rest| rest.find(value))
        // With a column, the value is there and not in a comment further on.
        .filter(|at| start.is_none() || *at <= 1);
    match found {
        Some(at) => from + at..from + at + value.len(),
        None => {
            let indent = excerpt.len() - excerpt.trim_start().len();
            start.unwrap_or(indent)..end
        }
    }
}

#[cfg(test)]
mod tests {
    use super::span;
    use nodepol_model::Location;
    use nodepol_model::report::Evidence;

    fn underlined<'a>(excerpt: &'a str, column: Option<u32>, value: &str) -> &'a str {
        let evidence = Evidence {
            at: Location {
                column,
                ..Location::line("/f", 1)
            },
            value: value.to_owned(),
            note: None,
            excerpt: None,
        };
        &excerpt[span(excerpt, &evidence)]
    }

    #[test]
    fn the_value_is_underlined() {
        assert_eq!(underlined("  a: 'on' # on", Some(6), "on"), "on");
        assert_eq!(underlined("  a: yes # true", Some(6), "true"), "yes # true");
        assert_eq!(underlined("  a: yes  ", None, "yes"), "yes");
        assert_eq!(underlined("  a: yes  ", None, "true"), "a: yes");
        assert_eq!(underlined("é: ü", Some(4), "ü"), "ü");
        assert_eq!(underlined("short", Some(99), "x"), "short");
    }
}
