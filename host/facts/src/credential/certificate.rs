//! X.509 certificates (RFC 5280), their names as RFC 4514 writes them.

use std::fmt::Write as _;

use nodepol_model::Location;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::Certificate;

/// Reads one certificate.
///
/// # Errors
/// In the words of Go's `crypto/x509`, as far as they can be told.
pub(super) fn parse(der: &[u8], at: Location) -> Result<Certificate, String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| "x509: malformed certificate".to_owned())?;
    if !rest.is_empty() {
        return Err("x509: trailing data".to_owned());
    }
    let subject = certificate.subject();
    Ok(Certificate {
        subject: distinguished_name(subject),
        issuer: distinguished_name(certificate.issuer()),
        common_name: subject
            .iter_common_name()
            .next()
            .and_then(|value| value.as_str().ok())
            .map(str::to_owned),
        organizations: subject
            .iter_organization()
            .filter_map(|value| value.as_str().ok())
            .map(str::to_owned)
            .collect(),
        serial: serial(certificate.raw_serial()),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        is_ca: certificate
            .basic_constraints()
            .ok()
            .flatten()
            .is_some_and(|constraints| constraints.value.ca),
        sha256: hex(&Sha256::digest(der)),
        public_key_sha256: hex(&Sha256::digest(certificate.public_key().raw)),
        at,
        der: der.to_vec(),
    })
}

fn serial(bytes: &[u8]) -> String {
    let text = hex(bytes);
    let short = text.trim_start_matches('0');
    if short.is_empty() { "0" } else { short }.to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// RFC 4514: the last RDN first, without blanks between them.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            rdn.iter()
                .map(|attribute| {
                    let oid = attribute.attr_type().to_id_string();
                    match (short_name(&oid), attribute.as_str()) {
                        (Some(short), Ok(value)) => format!("{short}={}", escape(value)),
                        // Section 2.4: a type without a short name takes its
                        // value in hexadecimal. Only the content is at hand.
                        (_, Ok(value)) => format!("{oid}={}", escape(value)),
                        (_, Err(_)) => format!("{oid}=#{}", hex(attribute.as_slice())),
                    }
                })
                .collect::<Vec<_>>()
                .join("+")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

/// The table of RFC 4514, section 3.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.6" => "C",
        "2.5.4.9" => "STREET",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => return None,
    })
}

/// RFC 4514, section 2.4.
fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        let escaped = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => index == 0,
            ' ' => index == 0 || index == last,
            _ => false,
        };
        if character == '\0' {
            text.push_str("\\00");
            continue;
        }
        if escaped {
            text.push('\\');
        }
        text.push(character);
    }
    text
}
