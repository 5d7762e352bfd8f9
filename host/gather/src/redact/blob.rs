//! Base64 that holds secrets: keys of kubeconfigs, and whatever else decodes to
//! a text with a secret in it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::{Edits, REDACTED, key};

/// Shortest run of base64 that is decoded: 30 bytes.
const SHORTEST: usize = 40;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// `text` without such base64, if it has any.
pub(super) fn scrub(text: &str, layers: usize) -> Option<String> {
    if layers == 0 {
        return None;
    }
    let mut edits = Edits::default();
    let bytes = text.as_bytes();
    let mut position = 0;
    while let Some(offset) = bytes
        .get(position..)
        .and_then(|rest| rest.iter().position(|byte| is_base64(*byte)))
    {
        let start = position + offset;
        let end = run_end(bytes, start);
        position = end;
        let run = text.get(start..end).unwrap_or_default();
        if run.len() < SHORTEST {
            continue;
        }
        if let Some(clean) = replacement(run, layers) {
            let mut with = clean;
            for line in run
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
            {
                with.push_str(if line.ends_with("\r\n") { "\r\n" } else { "\n" });
            }
            edits.push(start..end, with);
        }
    }
    edits.apply(text)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// The end of a run, over following lines that hold nothing but base64.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let word_end = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .position(|byte| !is_base64(*byte))
            .unwrap_or(rest.len())
    };
    let mut end = word_end(start);
    // A short line is no piece of wrapped base64.
    let mut piece = end - start;
    while piece >= SHORTEST {
        let rest = bytes.get(end..).unwrap_or_default();
        let space = rest.iter().position(|byte| !byte.is_ascii_whitespace());
        let Some(space) = space else { break };
        let breaks = rest.get(..space).unwrap_or_default();
        if breaks.iter().filter(|byte| **byte == b'\n').count() != 1 {
            break;
        }
        let next = end + space;
        let next_end = word_end(next);
        let after = bytes.get(next_end).copied().unwrap_or(b'\n');
        // A mark of PEM is not a piece, nor is a list's item.
        let dashes = bytes.get(next).is_some_and(|byte| *byte == b'-');
        if next_end == next || dashes || !matches!(after, b'\n' | b'\r' | b'"' | b'\'') {
            break;
        }
        piece = next_end - next;
        end = next_end;
    }
    end
}

fn replacement(run: &str, layers: usize) -> Option<String> {
    let joined: String = run.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    // An assignment's `=` and name stand before a value without a blank.
    let value = joined.trim_end_matches('=');
    let value_start = value.rfind('=').map_or(0, |at| at + 1);
    let (head, value) = joined.split_at_checked(value_start)?;
    if value.len() < SHORTEST {
        return None;
    }
    let decoded = PLAIN
        .decode(value)
        .or_else(|_| URL_SAFE.decode(value))
        .ok()?;
    if is_private_der(&decoded) {
        return Some(format!("{head}{REDACTED}:{}", key::identity("", &decoded)));
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let clean = super::layer(&decoded, layers - 1);
    if clean == decoded {
        return None;
    }
    if clean.contains("-----BEGIN CERTIFICATE-----") {
        return Some(format!("{head}{}", STANDARD.encode(clean.as_bytes())));
    }
    let identity = clean
        .split(|c: char| c.is_whitespace() || c == '\\')
        .find(|word| word.starts_with("spki-"));
    Some(match identity {
        Some(identity) => format!("{head}{REDACTED}:{identity}"),
        None => format!("{head}{REDACTED}"),
    })
}

/// Whether bytes begin as PKCS#1 and PKCS#8 do, and SEC1: a sequence whose
/// first element is the version 0 or 1, as no certificate is.
fn is_private_der(bytes: &[u8]) -> bool {
    let after_length = match bytes {
        [0x30, 0x82, _, _, rest @ ..] | [0x30, 0x81, _, rest @ ..] => rest,
        [0x30, length, rest @ ..] if *length < 0x80 => rest,
        _ => return false,
    };
    matches!(
        after_length,
        [0x02, 0x01, 0x00, 0x30, ..]
            | [0x02, 0x01, 0x00, 0x02, 0x81 | 0x82, ..]
            | [0x02, 0x01, 0x01, 0x04, ..]
            | [0x02, 0x01, 0x01, 0x30, ..]
    )
}
