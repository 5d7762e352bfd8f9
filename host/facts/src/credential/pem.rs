//! PEM blocks (RFC 7468), as Go's `encoding/pem` finds them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The label under which a snapshot keeps the place of a private key: what
/// stands between the lines is the hash of its public half.
pub(crate) const REDACTED_KEY: &str = "NODEPOL REDACTED PRIVATE KEY";

const SPKI: &str = "spki-sha256:";
const SPKI_UNKNOWN: &str = "spki-unknown:";

/// What a text keeps of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// The SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    Public(String),
    /// Its public half could not be worked out, and why.
    Unknown(String),
}

impl Key {
    /// What stands in place of a key: `spki-sha256:<hex>` or
    /// `spki-unknown:<reason>`.
    pub(crate) fn from_redacted(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(hash) = text.strip_prefix(SPKI) {
            return Some(Self::Public(hash.trim().to_ascii_lowercase()));
        }
        text.strip_prefix(SPKI_UNKNOWN)
            .map(|reason| Self::Unknown(reason.trim().to_owned()))
    }
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands after `BEGIN`.
    pub(crate) label: String,
    /// The line of `BEGIN`, from 1.
    pub(crate) line: u32,
    /// It has headers such as `Proc-Type: 4,ENCRYPTED`.
    pub(crate) headers: bool,
    /// What it holds.
    pub(crate) body: Body,
}

/// What a block holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// The decoded bytes.
    Bytes(Vec<u8>),
    /// What is left of a private key.
    Key(Key),
}

impl Block {
    /// `tls.X509KeyPair` takes this for the key.
    pub(crate) fn is_key(&self) -> bool {
        self.label == "PRIVATE KEY" || self.label.ends_with(" PRIVATE KEY")
    }

    /// `tls.X509KeyPair` takes this for a certificate.
    pub(crate) fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE"
    }
}

/// Every block of a text. As in Go, something that looks like a block and
/// cannot be decoded is passed over.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        if let Some(label) = boundary(line, "-----BEGIN ") {
            open = Some(Open {
                label,
                line: number,
                lines: Vec::new(),
            });
        } else if let Some(label) = boundary(line, "-----END ") {
            if let Some(block) = open
                .take()
                .filter(|open| open.label == label)
                .and_then(Open::close)
            {
                blocks.push(block);
            }
        } else if let Some(open) = &mut open {
            open.lines.push(line);
        }
    }
    blocks
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

struct Open<'a> {
    label: &'a str,
    line: u32,
    lines: Vec<&'a str>,
}

impl Open<'_> {
    fn close(self) -> Option<Block> {
        if self.label == REDACTED_KEY {
            let key = self
                .lines
                .iter()
                .find_map(|line| Key::from_redacted(line))
                .unwrap_or_else(|| Key::Unknown("the snapshot does not say".to_owned()));
            return Some(Block {
                label: self.label.to_owned(),
                line: self.line,
                headers: false,
                body: Body::Key(key),
            });
        }
        let headers = self
            .lines
            .iter()
            .take_while(|line| line.contains(':'))
            .count();
        let base64: String = self
            .lines
            .iter()
            .skip(headers)
            .flat_map(|line| line.chars().filter(|c| !c.is_ascii_whitespace()))
            .collect();
        let bytes = STANDARD.decode(base64).ok()?;
        Some(Block {
            label: self.label.to_owned(),
            line: self.line,
            headers: headers > 0,
            body: Body::Bytes(bytes),
        })
    }
}
