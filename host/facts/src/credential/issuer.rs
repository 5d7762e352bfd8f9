//! Who signed a certificate: by the signature itself, for the names of CAs say
//! nothing (every CA of kubeadm is called `kubernetes`).

use x509_parser::prelude::{FromDer as _, X509Certificate, X509Error};

use super::{Certificate, Issuer};

/// Looks for the authority that the first of a `chain` goes back to: the one that
/// signed it, or that signed the intermediate which did. A CA that was renewed
/// with its key is there twice, and both verify: the one that is valid longest
/// counts, as any valid one is enough.
///
/// `None` for an empty chain.
pub(super) fn find(chain: Vec<Certificate>, authorities: Vec<Certificate>) -> Option<Issuer> {
    let mut chain = chain.into_iter();
    let certificate = chain.next()?;
    let mut unverifiable = None;
    let mut signed = |certificate: &Certificate, signer: &Certificate| {
        verify(certificate, signer).unwrap_or_else(|why| {
            unverifiable.get_or_insert(why);
            false
        })
    };
    // What is signed so far, from the certificate on upwards; intermediates may
    // stand in any order.
    let mut below = vec![certificate.clone()];
    let mut intermediates: Vec<Certificate> = chain.filter(|one| one.is_ca).collect();
    let mut signed_by: Option<Certificate> = None;
    let mut at = 0;
    while let Some(one) = below.get(at).cloned() {
        for authority in &authorities {
            let longer = signed_by
                .as_ref()
                .is_none_or(|known| known.not_after < authority.not_after);
            if longer && signed(&one, authority) {
                signed_by = Some(authority.clone());
            }
        }
        intermediates.retain(|intermediate| {
            let signs = signed(&one, intermediate);
            if signs {
                below.push(intermediate.clone());
            }
            !signs
        });
        at += 1;
    }
    Some(Issuer {
        unverifiable: unverifiable.filter(|_| signed_by.is_none()),
        certificate,
        authorities,
        signed_by,
    })
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
