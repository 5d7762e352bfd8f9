//! The public half of a private key, as a digest.

use std::fmt::Write as _;

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, BitStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo};
use sha2::{Digest, Sha256};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// `spki-sha256:<hex>` of the private key in `der`, whose PEM label is `label`
/// (empty for DER alone), or `spki-unknown:<reason>`.
pub(super) fn identity(label: &str, der: &[u8]) -> String {
    match public_half(label, der) {
        Ok(digest) => digest,
        Err(reason) => format!("spki-unknown:{reason}"),
    }
}

fn public_half(label: &str, der: &[u8]) -> Result<String, &'static str> {
    match label {
        "RSA PRIVATE KEY" => rsa(der),
        "EC PRIVATE KEY" => ec(der, None),
        "ENCRYPTED PRIVATE KEY" => Err("encrypted"),
        "OPENSSH PRIVATE KEY" => Err("openssh"),
        "DSA PRIVATE KEY" => Err("dsa"),
        "PRIVATE KEY" => pkcs8(der),
        "" => pkcs8(der).or_else(|_| rsa(der)).or_else(|_| ec(der, None)),
        _ if label.starts_with("PGP") => Err("pgp"),
        _ => Err("unsupported"),
    }
}

fn pkcs8(der: &[u8]) -> Result<String, &'static str> {
    let info = pkcs8::PrivateKeyInfo::from_der(der).map_err(|_| "malformed")?;
    match info.algorithm.oid {
        RSA => rsa(info.private_key),
        EC => ec(info.private_key, info.algorithm.parameters_oid().ok()),
        ED25519 => ed25519(info.private_key),
        DSA => Err("dsa"),
        _ => Err("unsupported"),
    }
}

fn rsa(der: &[u8]) -> Result<String, &'static str> {
    let key = pkcs1::RsaPrivateKey::from_der(der).map_err(|_| "malformed")?;
    let public = key.public_key().to_der().map_err(|_| "malformed")?;
    digest(RSA, Some(AnyRef::NULL), &public)
}

/// The public point is always computed from the private number, as Go's
/// `crypto/x509` does, for the point that the file may state could be wrong.
fn ec(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<String, &'static str> {
    let key = sec1::EcPrivateKey::from_der(der).map_err(|_| "malformed")?;
    let named = key
        .parameters
        .and_then(|parameters| parameters.named_curve());
    let curve = curve.or(named).ok_or("unsupported")?;
    let point = match curve {
        P256 => point::<p256::NistP256>(key.private_key),
        P384 => point::<p384::NistP384>(key.private_key),
        P521 => point::<p521::NistP521>(key.private_key),
        _ => key.public_key.map(<[u8]>::to_vec),
    };
    let point = point.ok_or("malformed")?;
    digest(EC, Some(AnyRef::from(&curve)), &point)
}

/// The uncompressed public point of a private number, whose leading zeros may
/// be left out or too many.
fn point<C>(number: &[u8]) -> Option<Vec<u8>>
where
    C: p256::elliptic_curve::CurveArithmetic,
    p256::elliptic_curve::AffinePoint<C>: p256::elliptic_curve::sec1::FromEncodedPoint<C>
        + p256::elliptic_curve::sec1::ToEncodedPoint<C>,
    p256::elliptic_curve::FieldBytesSize<C>: p256::elliptic_curve::sec1::ModulusSize,
{
    use p256::elliptic_curve::sec1::ToEncodedPoint as _;

    let mut bytes = p256::elliptic_curve::FieldBytes::<C>::default();
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = number.get(zeros..)?;
    let start = bytes.len().checked_sub(significant.len())?;
    bytes.get_mut(start..)?.copy_from_slice(significant);
    let secret = p256::elliptic_curve::SecretKey::<C>::from_bytes(&bytes).ok()?;
    Some(
        secret
            .public_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec(),
    )
}

fn ed25519(octets: &[u8]) -> Result<String, &'static str> {
    let seed = pkcs8::der::asn1::OctetStringRef::from_der(octets).map_err(|_| "malformed")?;
    let seed: [u8; 32] = seed.as_bytes().try_into().map_err(|_| "malformed")?;
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    digest(ED25519, None, public.as_bytes())
}

fn digest(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> Result<String, &'static str> {
    let info = SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifierRef { oid, parameters },
        subject_public_key: BitStringRef::from_bytes(key).map_err(|_| "malformed")?,
    };
    let der = info.to_der().map_err(|_| "malformed")?;
    let hash = Sha256::digest(&der);
    Ok(hash
        .iter()
        .fold("spki-sha256:".to_owned(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
}
