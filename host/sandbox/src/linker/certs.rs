//! The interface `certs`.

use nodepol_facts::credential as facts;

use super::convert::{IntoWit, horizon, wit};
use crate::bindings::nodepol::policy::certs::{
    Certificate, Credential, Fault, Host, Kubeconfig, Paths, Signer, Start, Store,
};
use crate::bindings::nodepol::policy::types::{Horizon, Unavailable};
use crate::host_state::HostState;

impl Host for HostState {
    fn in_file(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Option<Vec<Certificate>>, Unavailable>> {
        Ok(wit(self.facts()?.certs.in_file(&path)))
    }

    fn signer_of(
        &mut self,
        at: Horizon,
        path: String,
    ) -> wasmtime::Result<Result<Option<Signer>, Unavailable>> {
        Ok(wit(self.facts()?.certs.issuer(horizon(at), &path)))
    }

    fn client_signer(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<Signer>, Unavailable>> {
        Ok(wit(self.facts()?.certs.client_issuer(horizon(at))))
    }

    fn kubelet_kubeconfig(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<Kubeconfig>, Unavailable>> {
        Ok(wit(self.facts()?.certs.kubelet_kubeconfig(horizon(at))))
    }

    fn bootstrap_kubeconfig(
        &mut self,
        at: Horizon,
    ) -> wasmtime::Result<Result<Option<Kubeconfig>, Unavailable>> {
        Ok(wit(self.facts()?.certs.bootstrap_kubeconfig(horizon(at))))
    }

    fn kubeconfig_at(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Option<Kubeconfig>, Unavailable>> {
        Ok(wit(self.facts()?.certs.kubeconfig(&path)))
    }

    fn config_paths(&mut self, at: Horizon) -> wasmtime::Result<Result<Paths, Unavailable>> {
        Ok(wit(self.facts()?.certs.config_paths(horizon(at))))
    }

    fn client_store(&mut self, at: Horizon) -> wasmtime::Result<Result<Store, Unavailable>> {
        Ok(wit(self.facts()?.certs.client_store(horizon(at))))
    }

    fn at_start(&mut self, at: Horizon) -> wasmtime::Result<Result<Start, Unavailable>> {
        Ok(wit(self.facts()?.certs.at_start(horizon(at))))
    }
}

impl IntoWit for facts::Certificate {
    type Wit = Certificate;

    fn into_wit(self) -> Certificate {
        Certificate {
            subject: self.subject,
            issuer: self.issuer,
            common_name: self.common_name,
            organizations: self.organizations,
            serial: self.serial,
            not_before: self.not_before,
            not_after: self.not_after,
            is_ca: self.is_ca,
            sha256: self.sha256,
            public_key_sha256: self.public_key_sha256,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::Issuer {
    type Wit = Signer;

    fn into_wit(self) -> Signer {
        Signer {
            certificate: wit(self.certificate),
            authorities: wit(self.authorities),
            signed_by: wit(self.signed_by),
            unverifiable: self.unverifiable,
        }
    }
}

impl IntoWit for facts::Credential {
    type Wit = Credential;

    fn into_wit(self) -> Credential {
        Credential {
            kind: self.kind.to_owned(),
            at: wit(self.at),
            path: self.path,
            certificates: wit(self.certificates),
            key_matches: self.key_matches,
        }
    }
}

impl IntoWit for facts::Kubeconfig {
    type Wit = Kubeconfig;

    fn into_wit(self) -> Kubeconfig {
        Kubeconfig {
            path: self.path,
            at: wit(self.at),
            server: self.server,
            client: wit(self.client),
            other_credential: self.other_credential,
            problem: self.problem,
        }
    }
}

impl IntoWit for facts::Paths {
    type Wit = Paths;

    fn into_wit(self) -> Paths {
        Paths {
            kubeconfig: self.kubeconfig,
            bootstrap_kubeconfig: self.bootstrap_kubeconfig,
            cert_dir: self.cert_dir,
        }
    }
}

impl IntoWit for facts::Store {
    type Wit = Store;

    fn into_wit(self) -> Store {
        match self {
            Self::Absent => Store::Absent,
            Self::Link(credential) => Store::Link(wit(credential)),
            Self::Regular(credential) => Store::Regular(wit(credential)),
            Self::Dangling(target) => Store::Dangling(target),
            Self::Corrupt(why) => Store::Corrupt(why),
        }
    }
}

impl IntoWit for facts::Fault {
    type Wit = Fault;

    fn into_wit(self) -> Fault {
        Fault {
            kind: self.kind.to_owned(),
            message: self.message,
            at: wit(self.at),
        }
    }
}

impl IntoWit for facts::Start {
    type Wit = Start;

    fn into_wit(self) -> Start {
        match self {
            Self::Standalone => Start::Standalone,
            Self::Presents(credential) => Start::Presents(wit(credential)),
            Self::Connects => Start::Connects,
            Self::Bootstraps(fault) => Start::Bootstraps(wit(fault)),
            Self::Exits(fault) => Start::Exits(wit(fault)),
        }
    }
}
