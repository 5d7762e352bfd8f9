//! Who signed a certificate: by the signature itself, for the names of CAs say
//! nothing (every CA of kubeadm is called `kubernetes`).

use x509_parser::prelude::{FromDer as _, X509Certificate, X509Error};

use super::{Certificate, Issuer};

/// Looks for the signer of `certificate` among `authorities`. A CA that was
/// renewed with its key is there twice, and both verify: the one that is valid
/// longest counts, as any valid one is enough.
pub(super) fn find(certificate: Certificate, authorities: Vec<Certificate>) -> Issuer {
    let mut signed_by: Option<&Certificate> = None;
    let mut unverifiable = None;
    for authority in &authorities {
        match verify(&certificate, authority) {
            Ok(true) => {
                if signed_by.is_none_or(|known| known.not_after < authority.not_after) {
                    signed_by = Some(authority);
                }
            }
            Ok(false) => {}
            Err(why) => {
                unverifiable.get_or_insert(why);
            }
        }
    }
    let signed_by = signed_by.cloned();
    Issuer {
        unverifiable: unverifiable.filter(|_| signed_by.is_none()),
        certificate,
        authorities,
        signed_by,
    }
}

/// Whether the key of `authority` made the signature of `certificate`.
fn verify(certificate: &Certificate, authority: &Certificate) -> Result<bool, String> {
    // Another name alone rules it out (RFC 5280, 6.1.3 (a)(4)).
    if certificate.issuer != authority.subject {
        return Ok(false);
    }
    let parse = |der| {
        X509Certificate::from_der(der)
            .map(|(_, certificate)| certificate)
            .map_err(|_| "a certificate is malformed".to_owned())
    };
    let signed = parse(certificate.der.as_slice())?;
    let signer = parse(authority.der.as_slice())?;
    match signed.verify_signature(Some(signer.public_key())) {
        Ok(()) => Ok(true),
        Err(X509Error::SignatureVerificationError) => Ok(false),
        Err(error) => Err(format!("its signature cannot be verified here: {error}")),
    }
}
