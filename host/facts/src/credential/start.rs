//! What the kubelet does for its credential when it starts: `LoadClientConfig`
//! and `LoadClientCert` (pkg/kubelet/certificate/bootstrap/bootstrap.go),
//! `buildKubeletClientConfig` (cmd/kubelet/app/server.go) and
//! `getCurrentCertificateOrBootstrap` (client-go, util/certificate).

use jiff::Timestamp;
use nodepol_model::{Location, Unavailable};

use super::client_config::{self, ClientConfig};
use super::kubeconfig::{self, LoadError};
use super::store::{FileStore, Loaded};
use super::{Certificate, Credential, Fault, Start};
use crate::evidence::Evidence;

/// What a start depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) kubeconfig: Option<&'a str>,
    pub(super) bootstrap: Option<&'a str>,
    pub(super) cert_dir: &'a str,
    pub(super) rotate: bool,
    /// Seconds since the epoch.
    pub(super) now: i64,
}

type Outcome<T> = Result<Result<T, LoadError>, Unavailable>;

/// The start itself.
///
/// # Errors
/// [`Unavailable`] if the snapshot does not know a file that it hangs on.
pub(super) fn start(input: &Input<'_>) -> Result<Start, Unavailable> {
    let Some(kubeconfig) = input.kubeconfig else {
        return Ok(Start::Standalone);
    };
    let store = FileStore {
        evidence: input.evidence,
        directory: input.cert_dir,
    };
    // All of them are looked at before the first fault ends this.
    for path in [Some(kubeconfig), input.bootstrap].into_iter().flatten() {
        let _ = input.evidence.text(path);
    }
    let _ = store.state();
    let Some(bootstrap) = input.bootstrap else {
        let words = if input.rotate {
            "unable to load kubeconfig"
        } else {
            "invalid kubeconfig"
        };
        return match load(input.evidence, kubeconfig)? {
            Ok(config) => input.connect(&store, Some(&config), None),
            Err(error) => Ok(exits(
                error.kind,
                &format!("{words}: {}", error.message),
                error.at,
            )),
        };
    };
    // With rotation the store is opened first, without it only to bootstrap.
    if input.rotate
        && let Some(updated) = store.open_error()?
    {
        return Ok(store_blocked(&updated));
    }
    // That has made a link of an interrupted rotation the current one, before
    // the kubeconfig is read.
    let renamed = match input.rotate {
        true => store.recovered()?.map(|now| (store.current_path(), now)),
        false => None,
    };
    match input.still_valid(kubeconfig, renamed.as_ref())? {
        Ok(config) => input.connect(&store, Some(&config), None),
        Err(fault) => match load(input.evidence, bootstrap)? {
            Err(error) => {
                let last = format!("unable to load bootstrap kubeconfig: {}", error.message);
                Ok(Start::Exits(Fault {
                    message: if fault.message.is_empty() {
                        format!("failed to run Kubelet: {last}")
                    } else {
                        format!("{}; failed to run Kubelet: {last}", fault.message)
                    },
                    ..fault
                }))
            }
            Ok(_) => {
                if let Some(updated) = store.open_error()? {
                    return Ok(store_blocked(&updated));
                }
                let fault = if fault.message.is_empty() {
                    Fault {
                        message: "Using bootstrap kubeconfig to generate TLS client cert, key and \
                                  kubeconfig file"
                            .to_owned(),
                        ..fault
                    }
                } else {
                    fault
                };
                if input.rotate {
                    input.connect(&store, None, Some(fault))
                } else {
                    Ok(Start::Bootstraps(fault))
                }
            }
        },
    }
}

fn exits(kind: &'static str, message: &str, at: Location) -> Start {
    Start::Exits(Fault {
        kind,
        message: format!("failed to run Kubelet: {message}"),
        at,
    })
}

fn store_blocked(updated: &str) -> Start {
    exits(
        "store-corrupt",
        "unable to build bootstrap cert store",
        Location::source(updated),
    )
}

/// `loadRESTClientConfig`.
pub(super) fn load(evidence: &Evidence, path: &str) -> Outcome<ClientConfig> {
    match kubeconfig::load(evidence, path)? {
        Ok(decoded) => client_config::validate(evidence, path, decoded),
        Err(error) => Ok(Err(error)),
    }
}

impl Input<'_> {
    /// `isClientConfigStillValid`; a fault without a message is not logged.
    fn still_valid(
        &self,
        path: &str,
        renamed: Option<&(String, String)>,
    ) -> Result<Result<ClientConfig, Fault>, Unavailable> {
        let fault = |error: LoadError, what: &str| {
            Ok(Err(Fault {
                kind: error.kind,
                message: format!("unable to {what} from {path}: {}", error.message),
                at: error.at,
            }))
        };
        let loaded = match kubeconfig::load(self.evidence, path)? {
            Ok(mut decoded) => {
                if let Some((from, to)) = renamed {
                    decoded.user.rename(from, to);
                }
                client_config::validate(self.evidence, path, decoded)?
            }
            Err(error) => Err(error),
        };
        let config = match loaded {
            Ok(config) => config,
            Err(error) if error.kind == "kubeconfig-absent" => {
                return Ok(Err(Fault {
                    kind: error.kind,
                    message: String::new(),
                    at: error.at,
                }));
            }
            Err(error) => return fault(error, "read existing bootstrap client config"),
        };
        if let Err(error) = config.tls(self.evidence)? {
            return fault(
                error,
                "load TLS configuration from existing bootstrap client config read",
            );
        }
        let certificates = match config.certificates(self.evidence)? {
            Ok(certificates) => certificates,
            Err(message) => {
                let error = LoadError {
                    kind: if config.has_certificate() {
                        "not-pem"
                    } else {
                        "certificate-missing"
                    },
                    message,
                    at: config.certificate_at(),
                };
                return fault(
                    error,
                    "load TLS certificates from existing bootstrap client config read",
                );
            }
        };
        // NotBefore is not looked at.
        if let Some(expired) = certificates
            .iter()
            .find(|certificate| self.now > certificate.not_after)
        {
            return Ok(Err(Fault {
                kind: "expired",
                message: format!(
                    "part of the existing bootstrap client certificate in {path} is expired: {}",
                    go_time(expired.not_after)
                ),
                at: expired.at.clone(),
            }));
        }
        Ok(Ok(config))
    }

    /// What is presented to the API server once there is a configuration, or
    /// the need of a certificate in its place.
    fn connect(
        &self,
        store: &FileStore<'_>,
        config: Option<&ClientConfig>,
        fault: Option<Fault>,
    ) -> Result<Start, Unavailable> {
        if self.rotate
            && let Some(start) = self.managed(store, config)?
        {
            return Ok(start);
        }
        if let Some(fault) = fault {
            return Ok(Start::Bootstraps(fault));
        }
        let Some(config) = config else {
            return Ok(Start::Connects);
        };
        if let Err(error) = config.tls(self.evidence)? {
            let words = if self.rotate {
                "unable to configure TLS for the rest client"
            } else {
                "failed to initialize kubelet client"
            };
            return Ok(exits(
                error.kind,
                &format!("{words}: {}", error.message),
                error.at,
            ));
        }
        match config.credential(self.evidence)? {
            Some(credential) if config.has_certificate() => Ok(Start::Presents(credential)),
            // A kubelet that rotates presents nothing but the manager's certificate
            // (`AnonymousClientConfig`); with what else the kubeconfig has it only
            // asks for one.
            _ if self.rotate && config.decoded.user.other_credential().is_some() => {
                Ok(Start::Bootstraps(Fault {
                    kind: "certificate-missing",
                    message: "Client rotation is on, will bootstrap in background".to_owned(),
                    at: Location::source(&config.path),
                }))
            }
            _ => Ok(Start::Connects),
        }
    }

    /// The certificate manager of a kubelet that rotates: `None` if it has no
    /// certificate to begin with.
    fn managed(
        &self,
        store: &FileStore<'_>,
        config: Option<&ClientConfig>,
    ) -> Result<Option<Start>, Unavailable> {
        const STORE: &str = "failed to initialize client certificate store";
        const MANAGER: &str = "failed to initialize client certificate manager";
        if let Some(updated) = store.open_error()? {
            let message =
                format!("{STORE}: expected \"{updated}\" to be a symlink but it is a file");
            return Ok(Some(exits(
                "store-corrupt",
                &message,
                Location::source(updated),
            )));
        }
        let (certificate, key) = config.map_or((None, None), ClientConfig::files);
        let mut expired = None;
        match store.current(certificate, key)? {
            Loaded::Pair(credential) if self.is_valid(&credential) => {
                return Ok(Some(Start::Presents(credential)));
            }
            Loaded::Pair(credential) => expired = Some(credential),
            Loaded::None => {}
            Loaded::Broken {
                error,
                message,
                path,
            } => {
                let kind = match error.kind() {
                    "key-mismatch" => "key-mismatch",
                    _ => "store-corrupt",
                };
                return Ok(Some(exits(
                    kind,
                    &format!("{MANAGER}: {message}"),
                    Location::source(path),
                )));
            }
        }
        let Some(config) = config.filter(|config| config.has_certificate()) else {
            return Ok(None);
        };
        if config.is_embedded() {
            // It is stored as the current pair, expired or not.
            if let Err(error) = config.pair(self.evidence)? {
                return Ok(Some(exits(
                    error.kind(),
                    &format!("{MANAGER}: {error}"),
                    config.certificate_at(),
                )));
            }
        } else if expired.is_none() {
            return Ok(None);
        }
        let Some(own) = config.credential(self.evidence)? else {
            return Ok(None);
        };
        // Of what is presented only the leaf is looked at; the API server looks at
        // all of what the request for another is made with.
        let looked_at = if config.is_embedded() { 1 } else { usize::MAX };
        let is_over = |certificate: &&Certificate| self.now > certificate.not_after;
        let mut certificates = own.certificates.iter().take(looked_at);
        if let Some(over) = certificates.find(is_over) {
            // Nothing is presented, and the request for a new one is made with
            // this one (`newClientsetFn`), which the API server refuses. After
            // five minutes of that the kubelet exits (`addCertRotation`).
            return Ok(Some(Start::Exits(Fault {
                kind: "expired",
                message: "No valid client certificate is found and the server is responsive, \
                          exiting."
                    .to_owned(),
                at: over.at.clone(),
            })));
        }
        let stored = expired.and_then(|stored| stored.certificates.into_iter().next());
        Ok(Some(match stored.filter(|_| !config.is_embedded()) {
            // Nothing is presented until the request that is made with the
            // kubeconfig's certificate is granted.
            Some(leaf) => Start::Bootstraps(Fault {
                kind: "expired",
                message: format!(
                    "Current certificate is expired: {}",
                    go_time(leaf.not_after)
                ),
                at: leaf.at,
            }),
            None => Start::Presents(own),
        }))
    }

    fn is_valid(&self, credential: &Credential) -> bool {
        credential
            .certificates
            .first()
            .is_some_and(|leaf| self.now < leaf.not_after)
    }
}

/// A time as Go prints it: `2025-01-01 00:00:00 +0000 UTC`.
fn go_time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(
        |_| second.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
    )
}
