//! Certificates that are made for a case.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// A certificate that is made for a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateSpec {
    /// Another certificate of the case that signs it; itself if none does.
    pub issuer: Option<String>,
    /// Another certificate of the case whose key it has: the same, renewed. Its
    /// own if there is none.
    pub key_of: Option<String>,
    /// `CN`.
    pub common_name: String,
    /// `O`.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// Whether it may sign others.
    #[serde(default)]
    pub ca: bool,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// The texts that stand for certificates in the files of a case, by placeholder.
pub(crate) fn placeholders(
    specs: &BTreeMap<String, CertificateSpec>,
) -> Result<BTreeMap<String, String>, String> {
    let mut texts = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for name in specs.keys() {
        keys.insert(
            name,
            KeyPair::generate().map_err(|error| error.to_string())?,
        );
    }
    for (name, spec) in specs {
        let key = keys
            .get(spec.key_of.as_ref().unwrap_or(name))
            .ok_or_else(|| format!("certificate {name}: there is no key of {:?}", spec.key_of))?;
        let certificate = match &spec.issuer {
            None => parameters(spec)?.self_signed(key),
            Some(issuer) => {
                let unknown = || format!("certificate {name}: there is no issuer {issuer:?}");
                let signer = specs.get(issuer).ok_or_else(unknown)?;
                let signer_key = keys
                    .get(signer.key_of.as_ref().unwrap_or(issuer))
                    .ok_or_else(unknown)?;
                let signer_parameters = parameters(signer)?;
                parameters(spec)?
                    .signed_by(key, &Issuer::from_params(&signer_parameters, signer_key))
            }
        };
        let pem = certificate
            .map_err(|error| format!("certificate {name}: {error}"))?
            .pem();
        let public = hex(&Sha256::digest(key.subject_public_key_info()));
        texts.insert(format!("${{{name}.base64}}"), STANDARD.encode(&pem));
        texts.insert(format!("${{{name}.pem}}"), pem);
        texts.insert(
            format!("${{{name}.key.base64}}"),
            format!("nodepol-redacted:spki-sha256:{public}"),
        );
        texts.insert(
            format!("${{{name}.key}}"),
            format!(
                "-----BEGIN NODEPOL REDACTED PRIVATE KEY-----\nspki-sha256:{public}\n\
                 -----END NODEPOL REDACTED PRIVATE KEY-----\n"
            ),
        );
    }
    Ok(texts)
}

fn parameters(spec: &CertificateSpec) -> Result<CertificateParams, String> {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, spec.common_name.as_str());
    for organization in &spec.organizations {
        parameters
            .distinguished_name
            .push(DnType::OrganizationName, organization.as_str());
    }
    if spec.ca {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let date = |at: Timestamp| {
        OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|error| error.to_string())
    };
    parameters.not_before = date(spec.not_before)?;
    parameters.not_after = date(spec.not_after)?;
    Ok(parameters)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
