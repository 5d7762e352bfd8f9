//! What client-go makes of a kubeconfig: `DirectClientConfig.ClientConfig`
//! (tools/clientcmd), and `TLSConfigFor` (transport).

use nodepol_model::{Location, Unavailable};

use super::key_pair::{self, KeyText, PairError, Place};
use super::kubeconfig::{Decoded, Field, LoadError};
use super::read::{self, Read};
use super::{Certificate, Credential};
use crate::evidence::Evidence;

/// A configuration that passed client-go's validation.
#[derive(Debug, Clone)]
pub(super) struct ClientConfig {
    pub(super) path: String,
    pub(super) decoded: Decoded,
}

/// `ClientConfig()`: the validation of the current context.
///
/// # Errors
/// Outside, [`Unavailable`] if the snapshot does not know a file; inside, what
/// client-go would say.
pub(super) fn validate(
    evidence: &Evidence,
    path: &str,
    decoded: Decoded,
) -> Result<Result<ClientConfig, LoadError>, Unavailable> {
    let whole = Location::source(path);
    // What is wrong, with the kind and place of each fault.
    let mut errors: Vec<(&'static str, String, Location)> = Vec::new();
    let mut wrong = |message: String| errors.push(("kubeconfig-malformed", message, whole.clone()));
    if let Some(context) = &decoded.missing_context {
        wrong(format!(
            "context was not found for specified context: {context}"
        ));
    }
    let user = &decoded.user;
    let name = &user.name;
    if user.certificate.is_some() || user.certificate_data.is_some() {
        if user.certificate.is_some() && user.certificate_data.is_some() {
            wrong(format!(
                "client-cert-data and client-cert are both specified for {name}. client-cert-data \
                 will override."
            ));
        }
        if user.key.is_some() && user.key_data.is_some() {
            wrong(format!(
                "client-key-data and client-key are both specified for {name}; client-key-data \
                 will override"
            ));
        }
        if user.key.is_none() && user.key_data.is_none() {
            wrong(format!(
                "client-key-data or client-key must be specified for {name} to use the clientCert \
                 authentication method."
            ));
        }
        for (word, field) in [
            ("client-cert", &user.certificate),
            ("client-key", &user.key),
        ] {
            if let Some((message, at)) = unopened(evidence, word, field.as_ref(), name)? {
                errors.push(("certificate-missing", message, at));
            }
        }
    }
    let mut wrong = |message: String| errors.push(("kubeconfig-malformed", message, whole.clone()));
    if let Some(exec) = &user.exec {
        if user.auth_provider {
            wrong(format!(
                "authProvider cannot be provided in combination with an exec plugin for {name}"
            ));
        }
        if !exec.command {
            wrong(format!(
                "command must be specified for {name} to use exec authentication plugin"
            ));
        }
        if exec.api_version.is_empty() {
            wrong(format!(
                "apiVersion must be specified for {name} to use exec authentication plugin"
            ));
        }
        match exec.interactive_mode.as_deref().unwrap_or_default() {
            "Never" | "IfAvailable" | "Always" => {}
            // Only the first APIs have a default (`SetDefaults_ExecConfig`).
            "" if matches!(
                exec.api_version.as_str(),
                "client.authentication.k8s.io/v1beta1" | "client.authentication.k8s.io/v1alpha1"
            ) => {}
            "" => wrong(format!(
                "interactiveMode must be specified for {name} to use exec authentication plugin"
            )),
            mode => wrong(format!("invalid interactiveMode for {name}: \"{mode}\"")),
        }
    }
    if user.token && user.basic {
        wrong(format!(
            "more than one authentication method found for {name}; found [token basicAuth], only \
             one is allowed"
        ));
    }
    let cluster = &decoded.cluster;
    let empty_cluster = !cluster.present;
    if empty_cluster {
        wrong("cluster has no server defined".to_owned());
    } else {
        if cluster.server.is_none() {
            wrong(if cluster.name.is_empty() {
                "default cluster has no server defined".to_owned()
            } else {
                format!("no server found for cluster \"{}\"", cluster.name)
            });
        }
        if cluster.ca.is_some() && cluster.ca_data.is_some() {
            wrong(format!(
                "certificate-authority-data and certificate-authority are both specified for {}. \
                 certificate-authority-data will override.",
                cluster.name
            ));
        }
        if let Some((message, at)) = unopened(
            evidence,
            "certificate-authority",
            cluster.ca.as_ref(),
            &cluster.name,
        )? {
            errors.push(("ca-unreadable", message, at));
        }
    }
    // What is malformed outweighs a missing file, and a certificate the CA.
    let Some((kind, _, at)) = errors
        .iter()
        .find(|(kind, ..)| *kind == "certificate-missing")
        .or(errors.first())
        .cloned()
    else {
        return token_file(evidence, path, decoded);
    };
    let message = match errors.as_slice() {
        [_] if empty_cluster => {
            "no configuration has been provided, try setting KUBERNETES_MASTER environment variable"
                .to_owned()
        }
        [(_, message, _)] => message.clone(),
        errors => {
            let all: Vec<&str> = errors
                .iter()
                .map(|(_, message, _)| message.as_str())
                .collect();
            format!("[{}]", all.join(", "))
        }
    };
    Ok(Err(LoadError {
        kind,
        message: format!("invalid configuration: {message}"),
        at,
    }))
}

/// A token file is read at once, if there is no token beside it.
fn token_file(
    evidence: &Evidence,
    path: &str,
    decoded: Decoded,
) -> Result<Result<ClientConfig, LoadError>, Unavailable> {
    let config = ClientConfig {
        path: path.to_owned(),
        decoded,
    };
    if let (false, Some(file)) = (config.decoded.user.token, &config.decoded.user.token_file)
        && config.is_tls()
        && read::read(evidence, &file.value)? == Read::Absent
    {
        return Ok(Err(LoadError {
            kind: "kubeconfig-malformed",
            message: format!("open {}: no such file or directory", file.value),
            at: file.at.clone(),
        }));
    }
    Ok(Ok(config))
}

/// `os.Open` of a file that a kubeconfig names.
fn unopened(
    evidence: &Evidence,
    word: &str,
    field: Option<&Field>,
    name: &str,
) -> Result<Option<(String, Location)>, Unavailable> {
    let Some(field) = field else {
        return Ok(None);
    };
    Ok(
        (read::read(evidence, &field.value)? == Read::Absent).then(|| {
            (
                format!(
                    "unable to read {word} {0} for {name} due to open {0}: no such file or directory",
                    field.value
                ),
                field.at.clone(),
            )
        }),
    )
}

impl ClientConfig {
    /// Whether client-go uses credentials at all: not over plain HTTP.
    fn is_tls(&self) -> bool {
        self.decoded
            .cluster
            .server
            .as_deref()
            .is_none_or(|server| !server.to_ascii_lowercase().starts_with("http://"))
            || self.decoded.cluster.ca.is_some()
            || self.decoded.cluster.ca_data.is_some()
    }

    /// There is a client certificate.
    pub(super) fn has_certificate(&self) -> bool {
        self.is_tls()
            && (self.decoded.user.certificate.is_some()
                || self.decoded.user.certificate_data.is_some())
    }

    /// Both certificate and key are in the kubeconfig itself.
    pub(super) fn is_embedded(&self) -> bool {
        self.has_certificate()
            && self.decoded.user.certificate_data.is_some()
            && self.decoded.user.key_data.is_some()
    }

    /// The files of certificate and key, where they are named.
    pub(super) fn files(&self) -> (Option<&str>, Option<&str>) {
        if !self.has_certificate() {
            return (None, None);
        }
        (
            self.decoded
                .user
                .certificate
                .as_ref()
                .map(|field| field.value.as_str()),
            self.decoded
                .user
                .key
                .as_ref()
                .map(|field| field.value.as_str()),
        )
    }

    /// The text of the certificates and where it stands; an empty text if there
    /// is none, as for a token.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know the file.
    pub(super) fn certificate_text(
        &self,
        evidence: &Evidence,
    ) -> Result<(String, Place), Unavailable> {
        let user = &self.decoded.user;
        if let Some(data) = &user.certificate_data {
            let decoded = key_pair::decode_base64(&data.value).unwrap_or_default();
            return Ok((
                String::from_utf8_lossy(&decoded).into_owned(),
                Place::Embedded(data.at.clone()),
            ));
        }
        let Some(field) = user.certificate.as_ref().filter(|_| self.has_certificate()) else {
            return Ok((String::new(), Place::File(self.path.clone())));
        };
        Ok(match read::read(evidence, &field.value)? {
            Read::Text(canonical, text) => (text.to_owned(), Place::File(canonical)),
            Read::Binary(canonical) => (String::new(), Place::File(canonical)),
            Read::Absent | Read::Directory => (String::new(), Place::File(field.value.clone())),
        })
    }

    /// `tls.X509KeyPair` of what the kubeconfig names or embeds.
    ///
    /// # Errors
    /// Outside, [`Unavailable`]; inside, what Go would say.
    pub(super) fn pair(
        &self,
        evidence: &Evidence,
    ) -> Result<Result<Option<bool>, PairError>, Unavailable> {
        let (text, _) = self.certificate_text(evidence)?;
        let user = &self.decoded.user;
        if let Some(data) = &user.key_data {
            return Ok(key_pair::check(&text, &KeyText::Data(&data.value)));
        }
        let key = match &user.key {
            Some(field) => match read::read(evidence, &field.value)? {
                Read::Text(_, key) => key,
                _ => "",
            },
            None => "",
        };
        Ok(key_pair::check(&text, &KeyText::Pem(key)))
    }

    /// The client certificate as a credential.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know a file.
    pub(super) fn credential(
        &self,
        evidence: &Evidence,
    ) -> Result<Option<Credential>, Unavailable> {
        let user = &self.decoded.user;
        let Some(field) = user.certificate_data.as_ref().or(user.certificate.as_ref()) else {
            return Ok(None);
        };
        let (text, place) = self.certificate_text(evidence)?;
        Ok(Some(Credential {
            kind: if user.certificate_data.is_some() {
                "embedded"
            } else {
                "file"
            },
            at: field.at.clone(),
            path: match &place {
                Place::File(path) => Some(path.clone()),
                Place::Embedded(_) => None,
            },
            certificates: key_pair::certificates(&text, &place),
            key_matches: match self.pair(evidence)? {
                Ok(known) => known,
                Err(PairError::Mismatch) => Some(false),
                Err(_) => None,
            },
        }))
    }

    /// `transport.TLSConfigFor`: the CA, and the pair unless both come from files.
    ///
    /// # Errors
    /// Outside, [`Unavailable`]; inside, what client-go would say.
    pub(super) fn tls(&self, evidence: &Evidence) -> Result<Result<(), LoadError>, Unavailable> {
        let cluster = &self.decoded.cluster;
        let ca = match (&cluster.ca_data, &cluster.ca) {
            (Some(field), _) => {
                let decoded = key_pair::decode_base64(&field.value).unwrap_or_default();
                Some((String::from_utf8_lossy(&decoded).into_owned(), field))
            }
            (None, Some(field)) => match read::read(evidence, &field.value)? {
                Read::Text(_, text) => Some((text.to_owned(), field)),
                Read::Binary(_) => Some(("\u{fffd}".to_owned(), field)),
                Read::Absent | Read::Directory => None,
            },
            (None, None) => None,
        };
        let fail = |kind, message: String, at: &Location| {
            Ok(Err(LoadError {
                kind,
                message,
                at: at.clone(),
            }))
        };
        if let Some((text, field)) = ca {
            if cluster.insecure {
                return fail(
                    "ca-unreadable",
                    "specifying a root certificates file with the insecure flag is not allowed"
                        .to_owned(),
                    &field.at,
                );
            }
            let place = Place::Embedded(field.at.clone());
            if !text.is_empty() && key_pair::certificates(&text, &place).is_empty() {
                return fail(
                    "ca-unreadable",
                    "unable to load root certificates: unable to parse bytes as PEM block"
                        .to_owned(),
                    &field.at,
                );
            }
        }
        let user = &self.decoded.user;
        let from_files = user.certificate_data.is_none() && user.key_data.is_none();
        if !self.has_certificate() || from_files {
            return Ok(Ok(()));
        }
        let at = user
            .certificate_data
            .as_ref()
            .or(user.key_data.as_ref())
            .map(|field| field.at.clone())
            .unwrap_or_default();
        match self.pair(evidence)? {
            Ok(_) => Ok(Ok(())),
            Err(error) => fail(error.kind(), error.to_string(), &at),
        }
    }

    /// The CA certificates of the cluster; those that cannot be read are none.
    ///
    /// # Errors
    /// [`Unavailable`] if the snapshot does not know the file.
    pub(super) fn authorities(&self, evidence: &Evidence) -> Result<Vec<Certificate>, Unavailable> {
        let cluster = &self.decoded.cluster;
        if let Some(field) = &cluster.ca_data {
            let decoded = key_pair::decode_base64(&field.value).unwrap_or_default();
            let text = String::from_utf8_lossy(&decoded);
            return Ok(key_pair::certificates(
                &text,
                &Place::Embedded(field.at.clone()),
            ));
        }
        let Some(field) = &cluster.ca else {
            return Ok(Vec::new());
        };
        Ok(match read::read(evidence, &field.value)? {
            Read::Text(canonical, text) => key_pair::certificates(text, &Place::File(canonical)),
            Read::Binary(_) | Read::Absent | Read::Directory => Vec::new(),
        })
    }

    /// `certutil.ParseCertsPEM` of the certificates.
    ///
    /// # Errors
    /// Outside, [`Unavailable`]; inside, client-go's words.
    pub(super) fn certificates(
        &self,
        evidence: &Evidence,
    ) -> Result<Result<Vec<Certificate>, String>, Unavailable> {
        let (text, place) = self.certificate_text(evidence)?;
        Ok(key_pair::parse_certs_pem(&text, &place))
    }

    /// Where the certificate is named or embedded, else the kubeconfig.
    pub(super) fn certificate_at(&self) -> Location {
        let user = &self.decoded.user;
        user.certificate_data
            .as_ref()
            .or(user.certificate.as_ref())
            .map_or_else(|| Location::source(&self.path), |field| field.at.clone())
    }
}

impl PairError {
    /// As [`super::Fault::kind`].
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Mismatch => "key-mismatch",
            Self::Certificate(_) | Self::Key(_) => "not-pem",
        }
    }
}
