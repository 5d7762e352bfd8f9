//! The facts about certificates and kubeconfigs, as policies ask for them.

use std::sync::{Arc, LazyLock, OnceLock};

use nodepol_model::{Horizon, Location, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

use super::client_config::{self, ClientConfig};
use super::key_pair::{self, Place};
use super::kubeconfig;
use super::read::{self, Read};
use super::start::{self, Input};
use super::store::FileStore;
use super::{Certificate, Issuer, Kubeconfig, Paths, Start, Store, issuer};
use crate::evidence::Evidence;
use crate::kubelet::Kubelet;

/// Where the kubelet keeps its certificates if no flag says it.
const DEFAULT_CERT_DIR: &str = "/var/lib/kubelet/pki";

/// What the kubelet's flags and configuration say about its credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialFlags {
    /// `--kubeconfig`; empty is none.
    pub kubeconfig: Option<String>,
    /// `--bootstrap-kubeconfig`; empty is none.
    pub bootstrap_kubeconfig: Option<String>,
    /// `--cert-dir`.
    pub cert_dir: Option<String>,
    /// `rotateCertificates`.
    pub rotate_certificates: bool,
    /// `authentication.x509.clientCAFile`.
    pub client_ca_file: Option<String>,
}

impl CredentialFlags {
    /// What a kubelet is started with.
    ///
    /// # Errors
    /// [`Unavailable`] if its command line or configuration is not known.
    pub fn of(kubelet: &Kubelet, at: Horizon) -> Result<Self, Unavailable> {
        let flag = |name: &str| Ok(kubelet.flag(at, name)?.map(|flag| flag.value));
        let kubeconfig = flag("kubeconfig")?;
        // A standalone kubelet has nothing to rotate.
        let rotate_certificates = kubeconfig.as_deref().is_some_and(|path| !path.is_empty())
            && kubelet
                .setting(at, "/rotateCertificates")?
                .is_some_and(|setting| setting.value == serde_json::Value::Bool(true));
        Ok(Self {
            kubeconfig,
            bootstrap_kubeconfig: flag("bootstrap-kubeconfig")?,
            cert_dir: flag("cert-dir")?,
            rotate_certificates,
            client_ca_file: kubelet
                .setting(at, "/authentication/x509/clientCAFile")
                .ok()
                .flatten()
                .and_then(|setting| setting.value.as_str().map(str::to_owned)),
        })
    }
}

type Flags = Result<CredentialFlags, Unavailable>;

/// Certificates, kubeconfigs and the credential of the next start.
#[derive(Debug)]
pub struct Certs {
    evidence: Arc<Evidence>,
    /// For each horizon.
    flags: [LazyLock<Flags, Box<dyn FnOnce() -> Flags + Send>>; 2],
    /// What many ask about, for each horizon: to load it reads certificates.
    kubeconfigs: [OnceLock<Result<Option<Kubeconfig>, Unavailable>>; 2],
    starts: [OnceLock<Result<Start, Unavailable>>; 2],
}

/// The place of a horizon among the two.
const fn of<T>(known: &[T; 2], at: Horizon) -> &T {
    let [now, next_boot] = known;
    match at {
        Horizon::Now => now,
        Horizon::NextBoot => next_boot,
    }
}

impl Certs {
    /// The credentials of this kubelet.
    pub fn new(evidence: Arc<Evidence>, kubelet: Arc<Kubelet>) -> Self {
        let flags = |at| {
            let kubelet = Arc::clone(&kubelet);
            move || CredentialFlags::of(&kubelet, at)
        };
        Self::with(evidence, flags(Horizon::Now), flags(Horizon::NextBoot))
    }

    /// The credentials of a kubelet with the flags of both horizons.
    pub fn with_flags(evidence: Arc<Evidence>, now: Flags, next_boot: Flags) -> Self {
        Self::with(evidence, || now, || next_boot)
    }

    fn with(
        evidence: Arc<Evidence>,
        now: impl FnOnce() -> Flags + Send + 'static,
        next_boot: impl FnOnce() -> Flags + Send + 'static,
    ) -> Self {
        Self {
            evidence,
            flags: [
                LazyLock::new(Box::new(now)),
                LazyLock::new(Box::new(next_boot)),
            ],
            kubeconfigs: Default::default(),
            starts: Default::default(),
        }
    }

    fn flags(&self, at: Horizon) -> Result<&CredentialFlags, Unavailable> {
        let flags: &LazyLock<Flags, _> = of(&self.flags, at);
        flags.as_ref().map_err(Clone::clone)
    }

    /// The certificates in a file, in order; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if the file could not be read.
    pub fn in_file(&self, path: &str) -> Result<Option<Vec<Certificate>>, Unavailable> {
        Ok(match read::read(&self.evidence, path)? {
            Read::Text(canonical, text) => {
                Some(key_pair::certificates(text, &Place::File(canonical)))
            }
            Read::Binary(_) => Some(Vec::new()),
            Read::Absent => None,
            Read::Directory => return Err(Unavailable::new(path, "it is a directory")),
        })
    }

    /// What the kubelet's flags name.
    ///
    /// # Errors
    /// [`Unavailable`] if its command line is not known.
    pub fn config_paths(&self, at: Horizon) -> Result<Paths, Unavailable> {
        let flags = self.flags(at)?;
        let named = |flag: &Option<String>| {
            flag.as_deref()
                .filter(|path| !path.is_empty())
                .map(read::absolute)
        };
        Ok(Paths {
            kubeconfig: named(&flags.kubeconfig),
            bootstrap_kubeconfig: named(&flags.bootstrap_kubeconfig),
            cert_dir: named(&flags.cert_dir).unwrap_or_else(|| DEFAULT_CERT_DIR.to_owned()),
        })
    }

    /// The kubeconfig that `--kubeconfig` names; `None` if no flag names one or
    /// the file does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if it, or a file that it names, could not be read.
    pub fn kubelet_kubeconfig(&self, at: Horizon) -> Result<Option<Kubeconfig>, Unavailable> {
        let load = || {
            self.config_paths(at)?
                .kubeconfig
                .map_or(Ok(None), |path| self.kubeconfig(&path))
        };
        of(&self.kubeconfigs, at).get_or_init(load).clone()
    }

    /// The kubeconfig that `--bootstrap-kubeconfig` names; `None` if no flag
    /// names one or the file does not exist.
    ///
    /// # Errors
    /// As [`Self::kubelet_kubeconfig`].
    pub fn bootstrap_kubeconfig(&self, at: Horizon) -> Result<Option<Kubeconfig>, Unavailable> {
        self.config_paths(at)?
            .bootstrap_kubeconfig
            .map_or(Ok(None), |path| self.kubeconfig(&path))
    }

    /// A kubeconfig by its path; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Unavailable`] if it, or a file that it names, could not be read.
    pub fn kubeconfig(&self, path: &str) -> Result<Option<Kubeconfig>, Unavailable> {
        let empty = Kubeconfig {
            path: path.to_owned(),
            at: Location::source(path),
            server: None,
            client: None,
            other_credential: None,
            problem: None,
        };
        let decoded = match kubeconfig::load(&self.evidence, path)? {
            Ok(decoded) => decoded,
            Err(error) if error.kind == "kubeconfig-absent" => return Ok(None),
            Err(error) => {
                return Ok(Some(Kubeconfig {
                    problem: Some(error.message),
                    at: error.at,
                    ..empty
                }));
            }
        };
        let config = ClientConfig {
            path: path.to_owned(),
            decoded: decoded.clone(),
        };
        let problem = match client_config::validate(&self.evidence, path, decoded)? {
            Ok(config) => config.tls(&self.evidence)?.err(),
            Err(error) => Some(error),
        };
        Ok(Some(Kubeconfig {
            server: config.decoded.cluster.server.clone(),
            client: config.credential(&self.evidence)?,
            other_credential: config.decoded.user.other_credential(),
            problem: problem.map(|error| error.message),
            ..empty
        }))
    }

    /// `kubelet-client-current.pem` in the certificate directory.
    ///
    /// # Errors
    /// [`Unavailable`] if it could not be read.
    pub fn client_store(&self, at: Horizon) -> Result<Store, Unavailable> {
        let paths = self.config_paths(at)?;
        FileStore {
            evidence: &self.evidence,
            directory: &paths.cert_dir,
        }
        .state()
    }

    /// What the kubelet would do for its credential if it started.
    ///
    /// # Errors
    /// [`Unavailable`] if a file that it hangs on could not be read.
    pub fn at_start(&self, at: Horizon) -> Result<Start, Unavailable> {
        let start = || {
            let paths = self.config_paths(at)?;
            start::start(&Input {
                evidence: &self.evidence,
                kubeconfig: paths.kubeconfig.as_deref(),
                bootstrap: paths.bootstrap_kubeconfig.as_deref(),
                cert_dir: &paths.cert_dir,
                rotate: self.flags(at)?.rotate_certificates,
                now: self.evidence.taken_at().as_second(),
            })
        };
        of(&self.starts, at).get_or_init(start).clone()
    }

    /// The CA certificates that the node knows: of the kubeconfig's cluster, and
    /// those of `clientCAFile` that are not among them.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn authorities(&self, at: Horizon) -> Result<Vec<Certificate>, Unavailable> {
        let mut authorities = Vec::new();
        if let Some(path) = self.config_paths(at)?.kubeconfig
            && let Ok(decoded) = kubeconfig::load(&self.evidence, &path)?
        {
            let config = ClientConfig { path, decoded };
            authorities = config.authorities(&self.evidence)?;
        }
        let client_ca = self.flags(at)?.client_ca_file.as_deref();
        if let Some(path) = client_ca.filter(|path| !path.is_empty()) {
            for certificate in self.in_file(path)?.unwrap_or_default() {
                if authorities
                    .iter()
                    .all(|known| known.sha256 != certificate.sha256)
                {
                    authorities.push(certificate);
                }
            }
        }
        Ok(authorities)
    }

    /// Who signed the first certificate in a file, through the intermediates that
    /// follow it; `None` if there is none.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn issuer(&self, at: Horizon, path: &str) -> Result<Option<Issuer>, Unavailable> {
        let chain = self.in_file(path)?.unwrap_or_default();
        Ok(issuer::find(chain, self.authorities(at)?))
    }

    /// Who signed the client certificate that the kubelet presents, through the
    /// intermediates that follow it. Where it would present none: that of the
    /// store, or of the kubeconfig; `None` if there is none.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub fn client_issuer(&self, at: Horizon) -> Result<Option<Issuer>, Unavailable> {
        let credential = match self.at_start(at)? {
            Start::Presents(credential) => Some(credential),
            _ => match self.client_store(at)? {
                Store::Link(credential) | Store::Regular(credential)
                    if self.flags(at)?.rotate_certificates =>
                {
                    Some(credential)
                }
                _ => self
                    .kubelet_kubeconfig(at)?
                    .and_then(|kubeconfig| kubeconfig.client),
            },
        };
        let Some(credential) = credential else {
            return Ok(None);
        };
        Ok(issuer::find(credential.certificates, self.authorities(at)?))
    }

    /// What `nodepol facts` shows: `null` where the evidence does not tell.
    pub fn summary(&self, at: Horizon) -> CredentialSummary {
        CredentialSummary {
            paths: self.config_paths(at).ok(),
            rotate_certificates: self.flags(at).ok().map(|flags| flags.rotate_certificates),
            kubeconfig: self.kubelet_kubeconfig(at).ok().flatten(),
            bootstrap_kubeconfig: self.bootstrap_kubeconfig(at).ok().flatten(),
            client_store: self.client_store(at).ok(),
            at_start: self.at_start(at).ok(),
        }
    }
}

/// The credentials of a node in `nodepol facts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialSummary {
    /// What the flags name.
    pub paths: Option<Paths>,
    /// Whether the kubelet rotates its client certificate.
    pub rotate_certificates: Option<bool>,
    /// The kubeconfig.
    pub kubeconfig: Option<Kubeconfig>,
    /// The bootstrap kubeconfig.
    pub bootstrap_kubeconfig: Option<Kubeconfig>,
    /// The certificate store.
    pub client_store: Option<Store>,
    /// What a start would do.
    pub at_start: Option<Start>,
}
