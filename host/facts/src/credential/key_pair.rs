//! Certificates and the key that belongs to them, by the rules of Go's
//! `tls.X509KeyPair` and client-go's `cert.ParseCertsPEM`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nodepol_model::Location;

use super::pem::{self, Block, Body, Key};
use super::{Certificate, certificate};

/// Where a text stands, so that a certificate in it can be pointed at.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a file of its own: its canonical path.
    File(String),
    /// Inside a document, in base64.
    Embedded(Location),
}

impl Place {
    fn of(&self, block: &Block) -> Location {
        match self {
            Self::File(path) => Location::line(path, block.line),
            Self::Embedded(location) => location.clone(),
        }
    }
}

/// Why certificates and a key are no pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PairError {
    /// No certificate can be read, in Go's words.
    Certificate(String),
    /// No key can be read, in Go's words.
    Key(String),
    /// They do not belong together.
    Mismatch,
}

impl std::fmt::Display for PairError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(why) | Self::Key(why) => f.write_str(why),
            Self::Mismatch => f.write_str("tls: private key does not match public key"),
        }
    }
}

/// Every certificate of a text that can be read, in order.
pub(super) fn certificates(text: &str, place: &Place) -> Vec<Certificate> {
    pem::blocks(text)
        .iter()
        .filter(|block| block.is_certificate())
        .filter_map(|block| match &block.body {
            Body::Bytes(der) => certificate::parse(der, place.of(block)).ok(),
            Body::Key(_) => None,
        })
        .collect()
}

/// `certutil.ParseCertsPEM`: every certificate, and an error if one is malformed
/// or there is none.
///
/// # Errors
/// In client-go's words.
pub(super) fn parse_certs_pem(text: &str, place: &Place) -> Result<Vec<Certificate>, String> {
    let mut certificates = Vec::new();
    for block in pem::blocks(text) {
        if let (true, false, Body::Bytes(der)) =
            (block.is_certificate(), block.headers, &block.body)
        {
            certificates.push(certificate::parse(der, place.of(&block))?);
        }
    }
    if certificates.is_empty() {
        return Err("data does not contain any valid RSA or ECDSA certificates".to_owned());
    }
    Ok(certificates)
}

/// `tls.X509KeyPair`: whether the key in `key` is that of the first certificate
/// in `text`; `None` if the snapshot cannot tell.
///
/// # Errors
/// [`PairError`], in Go's words.
pub(super) fn check(text: &str, key: &KeyText<'_>) -> Result<Option<bool>, PairError> {
    let blocks = pem::blocks(text);
    let Some(leaf) = blocks.iter().find(|block| block.is_certificate()) else {
        return Err(PairError::Certificate(match blocks.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".to_owned(),
            [block] if block.is_key() => {
                "tls: failed to find certificate PEM data in certificate input, but did find a \
                 private key; PEM inputs may have been switched"
                    .to_owned()
            }
            blocks => format!(
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after \
                 skipping PEM blocks of the following types: {}",
                labels(blocks)
            ),
        }));
    };
    let leaf = match &leaf.body {
        Body::Bytes(der) => certificate::parse(der, Location::default()),
        Body::Key(_) => Err("x509: malformed certificate".to_owned()),
    };
    let key = key.read()?;
    let leaf = leaf.map_err(PairError::Certificate)?;
    match key {
        Key::Unknown(reason) if reason == "malformed" => Err(PairError::Key(
            "tls: failed to parse private key".to_owned(),
        )),
        Key::Unknown(_) => Ok(None),
        Key::Public(hash) if hash == leaf.public_key_sha256 => Ok(Some(true)),
        Key::Public(_) => Err(PairError::Mismatch),
    }
}

/// The text that a key is read from.
#[derive(Debug, Clone)]
pub(super) enum KeyText<'a> {
    /// A file in PEM.
    Pem(&'a str),
    /// The value of `client-key-data`, as the snapshot has it.
    Data(&'a str),
}

impl KeyText<'_> {
    fn read(&self) -> Result<Key, PairError> {
        match self {
            Self::Pem(text) => find_key(text),
            Self::Data(text) => {
                if let Some(key) = text
                    .trim()
                    .strip_prefix("nodepol-redacted:")
                    .and_then(Key::from_redacted)
                {
                    return Ok(key);
                }
                let decoded = decode_base64(text).map_err(PairError::Key)?;
                find_key(&String::from_utf8_lossy(&decoded))
            }
        }
    }
}

fn find_key(text: &str) -> Result<Key, PairError> {
    let blocks = pem::blocks(text);
    let Some(block) = blocks.iter().find(|block| block.is_key()) else {
        return Err(PairError::Key(match blocks.as_slice() {
            [] => "tls: failed to find any PEM data in key input".to_owned(),
            [block] if block.is_certificate() => {
                "tls: found a certificate rather than a key in the PEM for the private key"
                    .to_owned()
            }
            blocks => format!(
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input \
                 after skipping PEM blocks of the following types: {}",
                labels(blocks)
            ),
        }));
    };
    Ok(match &block.body {
        Body::Key(key) => key.clone(),
        // A snapshot never holds one; a tree that something else made may.
        Body::Bytes(_) => Key::Unknown("it was not hashed when it was read".to_owned()),
    })
}

fn labels(blocks: &[Block]) -> String {
    let labels: Vec<&str> = blocks.iter().map(|block| block.label.as_str()).collect();
    format!("[{}]", labels.join(" "))
}

/// Base64 as Go's `encoding/json` reads a `[]byte`: line breaks are passed over.
///
/// # Errors
/// In Go's words.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(&plain).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _)
            | base64::DecodeError::InvalidLastSymbol(at, _) => at,
            _ => plain.len(),
        };
        format!("illegal base64 data at input byte {at}")
    })
}
