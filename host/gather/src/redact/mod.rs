//! Takes secrets out of every text before it enters a snapshot.
//!
//! What is taken out:
//! - **Private keys** in PEM, of every kind, whole or torn, in lines of their
//!   own, indented, or in one line with `\n` written out. In their place stands
//!   ```text
//!   -----BEGIN NODEPOL REDACTED PRIVATE KEY-----
//!   spki-sha256:<64 hexadecimal digits>
//!   (empty lines, so that the number of lines stays)
//!   -----END NODEPOL REDACTED PRIVATE KEY-----
//!   ```
//!   The digest is the SHA-256 of the DER `SubjectPublicKeyInfo` of the public
//!   half: that of a certificate's `subjectPublicKeyInfo` is the same if and only
//!   if they belong together. Where it cannot be derived, the second line is
//!   `spki-unknown:<reason>`: `encrypted`, `openssh`, `dsa`, `pgp`, `malformed`,
//!   `truncated` or `unsupported`. Indentation stays; the marker lines carry the
//!   indentation of the lines they replace. **A key without an END line has none
//!   after redaction either** (Go's `pem.Decode` ignores such a block). Where a
//!   key had one line or two, the parts of the marker stand on the first line,
//!   divided by the `\n` (two characters) or the blank that divided the key.
//! - **The same in base64** (`client-key-data`): `nodepol-redacted:spki-sha256:<hex>`
//!   or `nodepol-redacted:spki-unknown:<reason>`. Base64 of certificates together
//!   with a key becomes base64 of the redacted text.
//! - **Values of names that say so** (`token: …`, `PASSWORD=…`, `--token …`, the
//!   data of a Kubernetes `Secret`): `nodepol-redacted`. Paths, variables,
//!   booleans and empty values stay, as do names that only sound alike
//!   (`tokenFile`, `authentication`, `--authentication-token-webhook`).
//! - **What is a secret by its shape**, anywhere: bootstrap tokens, JSON web
//!   tokens, `Authorization` headers, passwords in URLs, crypt(3) hashes, access
//!   keys of clouds and forges: `nodepol-redacted`.
//!
//! The number of lines never changes, so line numbers hold. A redacted text is
//! not changed by another redaction. The time is linear in the text.

mod assignment;
mod blob;
mod inline;
mod json;
mod key;
mod name;
mod named;
mod pem;
mod value;

use std::borrow::Cow;

pub use json::json;

/// What stands in place of a secret.
pub const REDACTED: &str = "nodepol-redacted";
/// The line that stands in place of a private key's first.
pub const KEY_BEGIN: &str = "-----BEGIN NODEPOL REDACTED PRIVATE KEY-----";
/// The line that stands in place of a private key's last.
pub const KEY_END: &str = "-----END NODEPOL REDACTED PRIVATE KEY-----";

/// How many layers of base64 are looked into.
const LAYERS: usize = 3;

/// `input` without its secrets: the same text if it had none.
pub fn text(input: &str) -> Cow<'_, str> {
    layer(input, LAYERS)
}

fn layer(input: &str, layers: usize) -> Cow<'_, str> {
    let mut output = Cow::Borrowed(input);
    replace(&mut output, pem::scrub);
    replace(&mut output, |text| blob::scrub(text, layers));
    replace(&mut output, named::scrub);
    replace(&mut output, inline::scrub);
    output
}

fn replace(text: &mut Cow<'_, str>, scrub: impl FnOnce(&str) -> Option<String>) {
    if let Some(clean) = scrub(text) {
        *text = Cow::Owned(clean);
    }
}

/// Replacements in one text, in order and apart from each other.
#[derive(Default)]
struct Edits(Vec<(std::ops::Range<usize>, String)>);

impl Edits {
    /// Replaces `range`; ignored if it begins before the end of the last one.
    fn push(&mut self, range: std::ops::Range<usize>, with: impl Into<String>) {
        if self
            .0
            .last()
            .is_none_or(|(last, _)| last.end <= range.start)
        {
            self.0.push((range, with.into()));
        }
    }

    /// The text with all replacements made, if there are any.
    fn apply(self, text: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut output = String::with_capacity(text.len());
        let mut end = 0;
        for (range, with) in self.0 {
            output.push_str(text.get(end..range.start).unwrap_or_default());
            output.push_str(&with);
            end = range.end;
        }
        output.push_str(text.get(end..).unwrap_or_default());
        Some(output)
    }
}
