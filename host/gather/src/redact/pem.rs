//! Private keys in PEM.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{Edits, KEY_BEGIN, KEY_END, key};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// Longest label that is looked for.
const LABEL: usize = 64;
/// Shortest line that counts as a piece of a key whose BEGIN line is missing.
const ORPHAN: usize = 16;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `text` without private keys, if it has any.
pub(super) fn scrub(text: &str) -> Option<String> {
    if !text.contains("PRIVATE KEY") {
        return None;
    }
    let mut edits = Edits::default();
    let mut position = 0;
    while let Some(mark) = next_mark(text, position) {
        position = mark.end;
        if !mark.label.ends_with("PRIVATE KEY") && !mark.label.ends_with("PRIVATE KEY BLOCK") {
            continue;
        }
        if mark.label == "NODEPOL REDACTED PRIVATE KEY" {
            continue;
        }
        if !mark.begins {
            let start = orphan_start(
                text,
                edits.0.last().map_or(0, |(last, _)| last.end),
                mark.start,
            );
            if start < mark.start {
                let piece = text.get(start..mark.start).unwrap_or_default();
                edits.push(start..mark.start, blank(piece));
            }
            continue;
        }
        let body_end = match next_mark(text, mark.end) {
            Some(end) if !end.begins && end.label == mark.label => {
                let body = text.get(mark.end..end.start).unwrap_or_default();
                edits.push(mark.start..end.end, whole(mark.label, body));
                end.end
            }
            _ => {
                let end = torn_end(text, mark.end);
                let body = text.get(mark.end..end).unwrap_or_default();
                edits.push(mark.start..end, torn(body));
                end
            }
        };
        position = body_end;
    }
    edits.apply(text)
}

struct Mark<'a> {
    start: usize,
    end: usize,
    begins: bool,
    label: &'a str,
}

/// The next BEGIN or END line from `from` on.
fn next_mark(text: &str, from: usize) -> Option<Mark<'_>> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find("-----")?;
        let rest = text.get(start..)?;
        let (begins, head) = if rest.starts_with(BEGIN) {
            (true, BEGIN.len())
        } else if rest.starts_with(END) {
            (false, END.len())
        } else {
            // Not by five: `------BEGIN` has a dash too many.
            from = start + 1;
            continue;
        };
        let label = rest.get(head..)?;
        let window: &[u8] = label.as_bytes().get(..LABEL).unwrap_or(label.as_bytes());
        let length = window
            .iter()
            .position(|byte| !(byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' '))
            .unwrap_or(window.len());
        if label
            .get(length..)
            .is_some_and(|tail| tail.starts_with("-----"))
        {
            return Some(Mark {
                start,
                end: start + head + length + 5,
                begins,
                label: label.get(..length)?,
            });
        }
        from = start + head;
    }
}

/// The whole of a block, whose lines keep their number and indentation.
fn whole(label: &str, body: &str) -> String {
    let identity = identity(label, body);
    let breaks: Vec<&str> = line_breaks(body);
    if breaks.is_empty() {
        // One line; the parts are divided by what divided them before.
        let divider = if body.contains("\\r\\n") {
            "\\r\\n"
        } else if body.contains("\\n") {
            "\\n"
        } else {
            " "
        };
        return format!("{KEY_BEGIN}{divider}{identity}{divider}{KEY_END}");
    }
    let last_indent = body.rsplit('\n').next().unwrap_or_default();
    let last_indent = indent(last_indent);
    marker(body, &breaks, &identity) + last_indent + KEY_END
}

/// A block without its END line: the marker has none either.
fn torn(body: &str) -> String {
    let breaks = line_breaks(body);
    if breaks.is_empty() {
        let divider = if body.contains("\\n") { "\\n" } else { " " };
        return format!("{KEY_BEGIN}{divider}spki-unknown:truncated");
    }
    marker(body, &breaks, "spki-unknown:truncated")
}

/// The BEGIN line, the identity, and an empty line for every other.
fn marker(body: &str, breaks: &[&str], identity: &str) -> String {
    let mut output = KEY_BEGIN.to_owned();
    if breaks.len() < 2 {
        output.push(' ');
        output.push_str(identity);
    }
    let second = body.split('\n').nth(1).unwrap_or_default();
    for (index, line_break) in breaks.iter().enumerate() {
        output.push_str(line_break);
        if index == 0 && breaks.len() > 1 {
            output.push_str(indent(second));
            output.push_str(identity);
        }
    }
    output
}

/// The line breaks of a text, each as it is written.
fn line_breaks(text: &str) -> Vec<&str> {
    text.split_inclusive('\n')
        .filter_map(|line| {
            if line.ends_with("\r\n") {
                Some("\r\n")
            } else if line.ends_with('\n') {
                Some("\n")
            } else {
                None
            }
        })
        .collect()
}

fn indent(line: &str) -> &str {
    let rest = line.trim_start_matches([' ', '\t']);
    line.get(..line.len() - rest.len()).unwrap_or_default()
}

fn identity(label: &str, body: &str) -> String {
    if body.contains("Proc-Type:") && body.contains("ENCRYPTED") {
        return "spki-unknown:encrypted".to_owned();
    }
    let body = body.replace("\\r", " ").replace("\\n", " ");
    let mut encoded = String::with_capacity(body.len());
    for line in body.lines().filter(|line| !line.contains(':')) {
        encoded.extend(line.chars().filter(|c| !c.is_whitespace()));
    }
    match BASE64.decode(encoded) {
        Ok(der) => key::identity(label, &der),
        Err(_) => "spki-unknown:malformed".to_owned(),
    }
}

/// Where a block without an END line stops: before the first line that cannot
/// belong to it, and before the line break in front of that.
fn torn_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let mut lines = rest.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let line = first.trim_end_matches(['\r', '\n']);
    if let Some(cut) = line.find(['"', '\'', ',']) {
        // A key in one line, with `\n` written out, in quotes.
        return from + cut;
    }
    let mut end = line.len();
    let mut offset = first.len();
    let mut header = true;
    for line in lines {
        let blank = line.trim().is_empty();
        // An empty line divides headers from the body; behind the body it ends it.
        if !is_body(line) || (blank && !header) {
            break;
        }
        header = line.contains(':') || (blank && header);
        end = offset + line.trim_end_matches(['\r', '\n']).len();
        offset += line.len();
    }
    from + end
}

fn is_body(line: &str) -> bool {
    let line = line.trim();
    ["Proc-Type:", "DEK-Info:", "Comment:", "Version:"]
        .iter()
        .any(|head| line.starts_with(head))
        || line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// Where the lines begin that stand before an END line whose BEGIN is missing.
fn orphan_start(text: &str, floor: usize, end: usize) -> usize {
    let before = text.get(floor..end).unwrap_or_default();
    let mut lines = before.split_inclusive('\n').rev().peekable();
    let mut start = end;
    if let Some(own) = lines.next_if(|line| !line.ends_with('\n')) {
        if !own.trim().is_empty() {
            return end;
        }
        start -= own.len();
    }
    let mut seen = false;
    for (index, line) in lines.enumerate() {
        let length = line.trim().len();
        // The last line of a key may be short, and none before it.
        if !is_body(line) || length == 0 || (length < ORPHAN && index > 0) {
            break;
        }
        seen |= length >= ORPHAN;
        start -= line.len();
    }
    if seen { start } else { end }
}

/// The lines of `text` with nothing in them but their indentation.
fn blank(text: &str) -> String {
    let mut output = String::new();
    for line in text.split_inclusive('\n') {
        output.push_str(indent(line));
        if !line.trim().is_empty() {
            output.push_str(super::REDACTED);
        }
        output.push_str(line_breaks(line).first().unwrap_or(&""));
    }
    output
}
