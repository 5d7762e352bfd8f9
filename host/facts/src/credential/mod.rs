//! Certificates, kubeconfigs, and the credential with which the kubelet would
//! start. Public halves only: a snapshot holds no private key.

mod certificate;
mod certs;
mod client_config;
mod issuer;
mod key_pair;
mod kubeconfig;
mod pem;
mod read;
mod start;
mod store;

use nodepol_model::Location;
use schemars::JsonSchema;
use serde::Serialize;

pub use certs::{Certs, CredentialFlags, CredentialSummary};

/// An X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// As RFC 4514 writes it.
    pub subject: String,
    /// As RFC 4514 writes it.
    pub issuer: String,
    /// The first `CN` of the subject.
    pub common_name: Option<String>,
    /// Every `O` of the subject, in order.
    pub organizations: Vec<String>,
    /// In hexadecimal, without leading zeros.
    pub serial: String,
    /// Seconds since the epoch; written as RFC 3339.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub not_before: i64,
    /// Seconds since the epoch; written as RFC 3339.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub not_after: i64,
    /// Basic constraints say that it is a CA.
    pub is_ca: bool,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    pub public_key_sha256: String,
    /// Where it stands.
    pub at: Location,
    /// The certificate itself, in DER, to verify signatures with.
    #[serde(skip)]
    pub der: Vec<u8>,
}

/// An instant as people read it. X.509 ends with the year 9999, as RFC 3339 does;
/// what a certificate says beyond stays a number.
fn instant<S: serde::Serializer>(second: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    match jiff::Timestamp::from_second(*second) {
        Ok(instant) => serializer.collect_str(&instant),
        Err(_) => serializer.serialize_i64(*second),
    }
}

/// Who signed a certificate, among the authorities that the node knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// The certificate in question.
    pub certificate: Certificate,
    /// The CA certificates of the kubeconfig's cluster and of `clientCAFile`.
    pub authorities: Vec<Certificate>,
    /// The one of them whose key made the signature.
    pub signed_by: Option<Certificate>,
    /// Why a signature could not be verified, where one of them might have made it.
    pub unverifiable: Option<String>,
}

/// A client credential: certificates and the key that belongs to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// `embedded` in a kubeconfig, or `file`.
    pub kind: &'static str,
    /// Where the certificate is named or embedded.
    pub at: Location,
    /// The file with the certificates, links followed, if they are in one.
    pub path: Option<String>,
    /// The certificates, the leaf first; empty if none can be read.
    pub certificates: Vec<Certificate>,
    /// Whether the key is the leaf's; `None` if there is no key to tell.
    pub key_matches: Option<bool>,
}

/// A kubeconfig, seen from its current context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubeconfig {
    /// Its path, as the flag names it, made absolute.
    pub path: String,
    /// The file.
    pub at: Location,
    /// The server of the current context.
    pub server: Option<String>,
    /// The client certificate of the current context.
    pub client: Option<Credential>,
    /// `token`, `token-file`, `basic`, `exec` or `auth-provider`, where one is
    /// there instead of a certificate or as well.
    pub other_credential: Option<String>,
    /// What is wrong with it, as the kubelet would say.
    pub problem: Option<String>,
}

/// What the kubelet's flags name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paths {
    /// `--kubeconfig`, made absolute.
    pub kubeconfig: Option<String>,
    /// `--bootstrap-kubeconfig`, made absolute.
    pub bootstrap_kubeconfig: Option<String>,
    /// `--cert-dir`, made absolute.
    pub cert_dir: String,
}

/// `kubelet-client-current.pem` in the certificate directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Store {
    /// It does not exist.
    Absent,
    /// A link, as it must be.
    Link(Credential),
    /// A regular file: it works and can never be rotated.
    Regular(Credential),
    /// A link that leads nowhere, and its target.
    Dangling(String),
    /// No certificate can be read from it, and why.
    Corrupt(String),
}

/// Why the kubelet would not get a credential at a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// `kubeconfig-absent`, `kubeconfig-malformed`, `certificate-missing`,
    /// `key-mismatch`, `ca-unreadable`, `not-pem`, `expired` or `store-corrupt`.
    pub kind: &'static str,
    /// What the kubelet would log.
    pub message: String,
    /// Where the cause is.
    pub at: Location,
}

/// What the kubelet would do for its credential if it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Start {
    /// No `--kubeconfig`: it runs without an API server.
    Standalone,
    /// It presents this credential.
    Presents(Credential),
    /// It connects as the kubeconfig says, by a token or a plugin.
    Connects,
    /// It asks for a certificate, with the bootstrap kubeconfig or with what the
    /// kubeconfig has besides a valid one; why it must.
    Bootstraps(Fault),
    /// It exits.
    Exits(Fault),
}
