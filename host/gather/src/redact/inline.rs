//! Secrets that are known by their shape, wherever they stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Edits, REDACTED};

/// Starts of the keys of clouds and forges, and how many characters follow.
const PREFIXES: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("ABIA", 16),
    ("ACCA", 16),
    ("AIza", 30),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("dckr_pat_", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("ya29.", 20),
    ("hvs.", 20),
];

/// Letters of the words before credentials in an HTTP header.
const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// `text` without such secrets, if it has any.
pub(super) fn scrub(text: &str) -> Option<String> {
    let mut edits = Edits::default();
    let bytes = text.as_bytes();
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        let found = match byte {
            b':' => url_password(text, position),
            b'$' => crypt_hash(bytes, position),
            _ if is_word(*byte)
                && !position
                    .checked_sub(1)
                    .and_then(|at| bytes.get(at))
                    .is_some_and(|byte| is_word(*byte)) =>
            {
                word_secret(text, position)
            }
            _ => None,
        };
        match found {
            Some(range) if !range.is_empty() => {
                position = range.end;
                edits.push(range, REDACTED);
            }
            _ => position += 1,
        }
    }
    edits.apply(text)
}

type Found = Option<std::ops::Range<usize>>;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The end of the bytes from `start` on that satisfy `test`.
fn run(bytes: &[u8], start: usize, test: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .position(|byte| !test(*byte))
            .unwrap_or(rest.len())
}

fn word_secret(text: &str, start: usize) -> Found {
    let bytes = text.as_bytes();
    web_token(bytes, start)
        .or_else(|| prefixed(bytes, start))
        .or_else(|| bootstrap_token(bytes, start))
        .or_else(|| header(text, start))
}

/// `eyJ….eyJ….…`: RFC 7519. The head is base64 of `{"`.
fn web_token(bytes: &[u8], start: usize) -> Found {
    // Behind a dash it is a part of a longer word, which was looked at.
    let dashed = start.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'-');
    if dashed || !bytes.get(start..)?.starts_with(b"eyJ") {
        return None;
    }
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let head = run(bytes, start, part);
    if head - start < 8 || bytes.get(head) != Some(&b'.') {
        return None;
    }
    let end = run(bytes, head + 1, |byte| part(byte) || byte == b'.');
    (end - head > 8).then_some(start..end)
}

fn prefixed(bytes: &[u8], start: usize) -> Found {
    let rest = bytes.get(start..)?;
    let (prefix, length) = PREFIXES
        .iter()
        .find(|(prefix, _)| rest.starts_with(prefix.as_bytes()))?;
    let body = start + prefix.len();
    let cloud = *length == 16;
    let end = run(bytes, body, |byte| {
        if cloud {
            byte.is_ascii_uppercase() || byte.is_ascii_digit()
        } else {
            byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
        }
    });
    let long_enough = if cloud {
        end - body == 16
    } else {
        end - body >= *length
    };
    (long_enough && !bytes.get(end).is_some_and(|byte| is_word(*byte))).then_some(start..end)
}

/// `[a-z0-9]{6}.[a-z0-9]{16}`, kubeadm's. A host name has this shape too, so a
/// longer name is none, and there must be a digit: one in a thousand tokens
/// has none, and names that are written without their `--token` are few.
fn bootstrap_token(bytes: &[u8], start: usize) -> Found {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let dot = start + 6;
    let end = dot + 17;
    let token = bytes.get(start..end)?;
    let shape = token.iter().enumerate().all(|(at, byte)| match at {
        6 => *byte == b'.',
        _ => lower(*byte),
    });
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    let after = bytes.get(end).copied().unwrap_or(b' ');
    let longer = matches!(before, Some(b'.' | b'-' | b'/'))
        || is_word(after)
        || after == b'-'
        || (after == b'.' && bytes.get(end + 1).is_some_and(|byte| is_word(*byte)));
    (shape && !longer && token.iter().any(u8::is_ascii_digit)).then_some(start..end)
}

/// `Bearer …` and `Basic …` of an HTTP header.
fn header(text: &str, start: usize) -> Found {
    let bytes = text.as_bytes();
    let rest = bytes.get(start..)?;
    let scheme = SCHEMES.iter().find(|scheme| {
        rest.get(..scheme.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let gap = start + scheme.len();
    let value = run(bytes, gap, |byte| byte == b' ');
    if value == gap {
        return None;
    }
    let end = run(bytes, value, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
    });
    let word = text.get(value..end)?;
    let after_name = bytes
        .get(start.saturating_sub(24)..start)
        .is_some_and(|before| {
            before
                .to_ascii_lowercase()
                .windows(13)
                .any(|part| part == b"authorization")
        });
    let is_secret = after_name
        || if *scheme == "basic" {
            STANDARD
                .decode(word)
                .is_ok_and(|plain| plain.contains(&b':'))
        } else {
            word.len() >= 20
        };
    (is_secret && !word.starts_with(REDACTED)).then_some(value..end)
}

/// The password of `scheme://user:password@host`, or a token in its place.
fn url_password(text: &str, colon: usize) -> Found {
    let bytes = text.as_bytes();
    if !bytes.get(colon..)?.starts_with(b"://") {
        return None;
    }
    let start = colon + 3;
    let end = run(bytes, start, |byte| {
        byte.is_ascii_graphic() && !b"/?#\"'<>`".contains(&byte)
    });
    let authority = text.get(start..end)?;
    let at = authority.rfind('@')?;
    let user = authority.get(..at)?;
    let secret = match user.find(':') {
        Some(divider) => divider + 1,
        None if user.len() >= 20 => 0,
        None => return None,
    };
    let value = user.get(secret..)?;
    let harmless = value.is_empty() || value.starts_with(REDACTED) || value.starts_with('$');
    (!harmless).then_some(start + secret..start + at)
}

/// `$6$salt$hash`: crypt(5).
fn crypt_hash(bytes: &[u8], start: usize) -> Found {
    const KINDS: &[&[u8]] = &[
        b"$1$",
        b"$2a$",
        b"$2b$",
        b"$2x$",
        b"$2y$",
        b"$5$",
        b"$6$",
        b"$7$",
        b"$y$",
        b"$gy$",
        b"$argon2i$",
        b"$argon2d$",
        b"$argon2id$",
        b"$apr1$",
    ];
    let rest = bytes.get(start..)?;
    KINDS.iter().find(|kind| rest.starts_with(kind))?;
    let end = run(bytes, start, |byte| {
        byte.is_ascii_alphanumeric() || b"$./=,+-".contains(&byte)
    });
    (end - start >= 26).then_some(start..end)
}
