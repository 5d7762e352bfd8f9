//! A page of text: indents, wrapping, colour. Nothing reaches it but by the
//! methods here, and they let no control character through.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::Style;

/// Narrower than this nothing can be read; a narrower terminal wraps by itself.
const NARROWEST: usize = 40;
/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 120;

/// The colours.
pub mod style {
    use anstyle::{AnsiColor, Style};
    use nodepol_model::Verdict;

    /// As it is.
    pub const PLAIN: Style = Style::new();
    /// What the eye should find.
    pub const STRONG: Style = Style::new().bold();
    /// What the eye may skip.
    pub const DIM: Style = Style::new().dimmed();
    /// Something to type.
    pub const COMMAND: Style = AnsiColor::Cyan.on_default();
    /// Broken.
    pub const BAD: Style = AnsiColor::Red.on_default().bold();
    /// Doubtful.
    pub const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
    /// Fine.
    pub const GOOD: Style = AnsiColor::Green.on_default().bold();

    /// The colour of a verdict.
    pub const fn of(verdict: Verdict) -> Style {
        match verdict {
            Verdict::Fail => BAD,
            Verdict::Warn | Verdict::Unknown => DOUBT,
            Verdict::Pass | Verdict::Waiting => GOOD,
            Verdict::NotApplicable => DIM,
        }
    }
}

/// Text that grows line by line.
#[derive(Debug)]
pub struct Page {
    text: String,
    color: bool,
    width: usize,
}

impl Page {
    /// An empty page of `width` columns.
    pub fn new(color: bool, width: usize) -> Self {
        Self {
            text: String::new(),
            color,
            width: width.clamp(NARROWEST, WIDEST),
        }
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.text
    }

    pub(super) const fn color(&self) -> bool {
        self.color
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line as it is, never wrapped: it may be there to be copied.
    pub fn line(&mut self, indent: usize, spans: &[(Style, &str)]) {
        self.indent(indent);
        for (style, text) in spans {
            self.span(*style, &clean(text));
        }
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }

    /// A paragraph, wrapped; lines after the first are indented by `hanging`.
    pub fn paragraph(&mut self, indent: usize, hanging: usize, style: Style, text: &str) {
        self.wrapped(&" ".repeat(indent), hanging, style, text);
    }

    /// A paragraph with a dim label before it, such as `node     worker-1`.
    pub fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        let prefix = format!("{:indent$}{label:<9}", "");
        let hanging = prefix.chars().count();
        self.wrapped(&prefix, hanging, style::PLAIN, text);
    }

    /// A paragraph after a dim `prefix`, which is not part of it and not wrapped.
    fn wrapped(&mut self, prefix: &str, hanging: usize, style: Style, text: &str) {
        let prefix = clean(prefix).into_owned();
        let next = " ".repeat(hanging);
        let options = textwrap::Options::new(self.width)
            .initial_indent(&prefix)
            .subsequent_indent(&next)
            // A path that is cut cannot be copied.
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let text = clean(text);
        for (at, line) in textwrap::wrap(&text, &options).iter().enumerate() {
            let lead = if at == 0 { prefix.as_str() } else { &next };
            self.span(style::DIM, lead);
            self.span(style, line.strip_prefix(lead).unwrap_or(line));
            self.text.push('\n');
        }
    }

    /// Lines that are finished, such as a picture.
    pub(super) fn finished(&mut self, indent: usize, lines: &str) {
        for line in lines.lines() {
            self.indent(indent);
            self.text.push_str(line.trim_end_matches(' '));
            self.text.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn span(&mut self, style: Style, text: &str) {
        if self.color && style != Style::new() && !text.trim().is_empty() {
            // Writing into a string cannot fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        } else {
            self.text.push_str(text);
        }
    }
}

/// Text without anything that would move the cursor, colour or reorder.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control() && c != '\t' && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(harmful) {
        Cow::Owned(text.replace(harmful, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, clean, style};

    #[test]
    fn control_characters_do_not_get_through() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\u{9b}"),
            "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}"
        );
    }

    #[test]
    fn a_paragraph_wraps_and_a_line_does_not() {
        let mut page = Page::new(false, 40);
        let words = "word ".repeat(12);
        page.paragraph(2, 4, style::PLAIN, &words);
        page.line(2, &[(style::PLAIN, &words)]);
        let text = page.finish();
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(format!("  {}", "word ".repeat(7).trim_end()).as_str())
        );
        assert_eq!(
            lines.next(),
            Some(format!("    {}", "word ".repeat(5).trim_end()).as_str())
        );
        assert_eq!(lines.next().map(str::len), Some(2 + 12 * 5 - 1));
    }

    #[test]
    fn colour_only_if_told() {
        let mut page = Page::new(true, 80);
        page.line(0, &[(style::BAD, "FAIL")]);
        assert!(page.finish().contains('\u{1b}'));
    }
}
