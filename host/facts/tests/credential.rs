//! The credential of the kubelet's next start, with certificates made here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod memory;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

use memory::Files;
use nodepol_facts::credential::{Certs, CredentialFlags, Start, Store};
use nodepol_facts::evidence::Evidence;
use nodepol_model::snapshot::Source;
use nodepol_model::{Horizon, Unavailable};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, PublicKeyData, date_time_ymd,
};
use sha2::{Digest, Sha256};

const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
const CURRENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
const STORED: &str = "/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem";

/// A certificate and what a snapshot keeps of its key.
struct Pair {
    certificate: String,
    spki: String,
}

/// Valid from 2025 until the first day of a year.
fn pair(until: i32) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, "system:node:n, 1");
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    Pair {
        certificate: params.self_signed(&key).unwrap().pem(),
        spki: hex(&Sha256::digest(key.subject_public_key_info())),
    }
}

fn ca() -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

impl Pair {
    fn key(&self) -> String {
        format!(
            "-----BEGIN NODEPOL REDACTED PRIVATE KEY-----\nspki-sha256:{}\n\n-----END NODEPOL \
             REDACTED PRIVATE KEY-----\n",
            self.spki
        )
    }

    fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key())
    }

    fn embedded(&self) -> String {
        self.embedded_with(&self.spki)
    }

    fn embedded_with(&self, spki: &str) -> String {
        format!(
            "    client-certificate-data: {}\n    client-key-data: \
             nodepol-redacted:spki-sha256:{spki}\n",
            STANDARD.encode(&self.certificate)
        )
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kubeconfig(user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context:\n    \
         cluster: k\n    user: u\nclusters:\n- name: k\n  cluster:\n    server: \
         https://api:6443\n    certificate-authority-data: {}\nusers:\n- name: u\n  user:\n{user}",
        STANDARD.encode(ca())
    )
}

fn stored() -> String {
    kubeconfig(&format!(
        "    client-certificate: {CURRENT}\n    client-key: {CURRENT}\n"
    ))
}

fn certs(files: Files, bootstrap: bool, rotate: bool) -> Certs {
    let flags = CredentialFlags {
        kubeconfig: Some(KUBECONFIG.to_owned()),
        bootstrap_kubeconfig: bootstrap.then(|| BOOTSTRAP.to_owned()),
        cert_dir: None,
        rotate_certificates: rotate,
        client_ca_file: None,
    };
    let mut snapshot = files.snapshot(Source::Tree);
    snapshot.taken_at = "2026-06-01T00:00:00Z".parse().unwrap();
    Certs::with_flags(
        Arc::new(Evidence::new(Arc::new(snapshot))),
        Err(Unavailable::new("kubelet", "it does not run")),
        Ok(flags),
    )
}

fn start(files: Files, bootstrap: bool, rotate: bool) -> Start {
    certs(files, bootstrap, rotate)
        .at_start(Horizon::NextBoot)
        .unwrap()
}

fn with_store(files: Files, pem: &str) -> Files {
    files.link(CURRENT, STORED).text(STORED, pem)
}

/// One message, six causes.
#[test]
fn causes_of_the_bootstrap_error() {
    let good = pair(2027);
    let old = pair(2026);
    let other = pair(2027);
    let base = || {
        Files::default()
            .text("/etc/hostname", "n\n")
            .text("/var/lib/kubelet/x", "")
    };
    let cases: Vec<(&str, Files, &str, &str)> = vec![
        ("absent", base(), "kubeconfig-absent", ""),
        (
            "malformed",
            base().text(KUBECONFIG, "users: [\n"),
            "kubeconfig-malformed",
            "unable to read existing bootstrap client config from /etc/kubernetes/kubelet.conf: \
             error loading config file",
        ),
        (
            "a boolean where a text must be",
            base().text(
                KUBECONFIG,
                &kubeconfig("").replace("user: u\n", "user: n\n"),
            ),
            "kubeconfig-malformed",
            "json: cannot unmarshal bool into Go struct field Context.contexts.context.user of \
             type string",
        ),
        (
            "the store is gone",
            base().text(KUBECONFIG, &stored()),
            "certificate-missing",
            "unable to read client-cert /var/lib/kubelet/pki/kubelet-client-current.pem for u due \
             to open /var/lib/kubelet/pki/kubelet-client-current.pem: no such file or directory",
        ),
        (
            "the link leads nowhere",
            base().text(KUBECONFIG, &stored()).link(CURRENT, STORED),
            "certificate-missing",
            "unable to read client-cert",
        ),
        (
            "the key is another's",
            base().text(KUBECONFIG, &kubeconfig(&good.embedded_with(&other.spki))),
            "key-mismatch",
            "unable to load TLS configuration from existing bootstrap client config read from \
             /etc/kubernetes/kubelet.conf: tls: private key does not match public key",
        ),
        (
            "the CA is no certificate",
            base().text(
                KUBECONFIG,
                &kubeconfig(&good.embedded())
                    .lines()
                    .map(|line| match line.split_once("certificate-authority-data") {
                        Some((head, _)) => format!("{head}certificate-authority-data: Zm9v\n"),
                        None => format!("{line}\n"),
                    })
                    .collect::<String>(),
            ),
            "ca-unreadable",
            "unable to load root certificates",
        ),
        (
            "zero length",
            with_store(base().text(KUBECONFIG, &stored()), ""),
            "not-pem",
            "unable to load TLS certificates from existing bootstrap client config read from \
             /etc/kubernetes/kubelet.conf: data does not contain any valid RSA or ECDSA certificates",
        ),
        (
            "expired",
            with_store(base().text(KUBECONFIG, &stored()), &old.pem()),
            "expired",
            "part of the existing bootstrap client certificate in /etc/kubernetes/kubelet.conf is \
             expired: 2026-01-01 00:00:00 +0000 UTC",
        ),
        (
            "expired and embedded, the store valid",
            with_store(
                base().text(KUBECONFIG, &kubeconfig(&old.embedded())),
                &good.pem(),
            ),
            "expired",
            "is expired: 2026-01-01",
        ),
        (
            "a second certificate is expired",
            base().text(
                KUBECONFIG,
                &kubeconfig(
                    &Pair {
                        certificate: format!("{}{}", good.certificate, old.certificate),
                        spki: good.spki.clone(),
                    }
                    .embedded(),
                ),
            ),
            "expired",
            "is expired: 2026-01-01",
        ),
        (
            "a token",
            base().text(KUBECONFIG, &kubeconfig("    token: nodepol-redacted\n")),
            "certificate-missing",
            "unable to load TLS certificates",
        ),
    ];
    for (name, files, kind, words) in cases {
        match start(files, true, true) {
            Start::Exits(fault) => {
                assert_eq!(fault.kind, kind, "{name}: {fault:?}");
                assert!(fault.message.contains(words), "{name}: {fault:?}");
                assert!(
                    fault.message.ends_with(
                        "failed to run Kubelet: unable to load bootstrap kubeconfig: stat \
                         /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory"
                    ),
                    "{name}: {fault:?}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn bootstrap_kubeconfig_helps() {
    let token = kubeconfig("    token: nodepol-redacted\n");
    let fresh = Files::default()
        .text(BOOTSTRAP, &token)
        .text("/var/lib/kubelet/x", "");
    let Start::Bootstraps(fault) = start(fresh, true, true) else {
        panic!("it must bootstrap")
    };
    assert_eq!(fault.kind, "kubeconfig-absent");
    // A valid pair of the store is taken before any request is made.
    let good = pair(2027);
    let files = || with_store(Files::default().text(BOOTSTRAP, &token), &good.pem());
    assert!(matches!(start(files(), true, true), Start::Presents(_)));
    assert!(matches!(start(files(), true, false), Start::Bootstraps(_)));
    // An expired one is not.
    let files = with_store(
        Files::default()
            .text(BOOTSTRAP, &token)
            .text(KUBECONFIG, &stored()),
        &pair(2026).pem(),
    );
    let Start::Bootstraps(fault) = start(files, true, true) else {
        panic!("it must bootstrap")
    };
    assert_eq!(fault.kind, "expired");
}

#[test]
fn which_certificate_is_presented() {
    let (good, other, old) = (pair(2027), pair(2028), pair(2026));
    let presented = |files: Files, bootstrap, rotate| match start(files, bootstrap, rotate) {
        Start::Presents(credential) => credential,
        other => panic!("{other:?}"),
    };
    // The store, through its link.
    let files = with_store(Files::default().text(KUBECONFIG, &stored()), &good.pem());
    let credential = presented(files, true, true);
    assert_eq!(credential.kind, "file");
    assert_eq!(credential.path.as_deref(), Some(STORED));
    assert_eq!(credential.key_matches, Some(true));
    let leaf = &credential.certificates[0];
    assert_eq!(leaf.subject, r"CN=system:node:n\, 1,O=system:nodes");
    assert_eq!(leaf.common_name.as_deref(), Some("system:node:n, 1"));
    assert_eq!(leaf.organizations, ["system:nodes"]);
    assert_eq!(leaf.public_key_sha256, good.spki);
    assert_eq!(leaf.not_after, 1_798_761_600);
    assert_eq!(leaf.at.line, Some(1));
    assert!(!leaf.is_ca);
    // Rotation prefers the store to what is embedded; without it the store is nothing.
    let files = || {
        with_store(
            Files::default().text(KUBECONFIG, &kubeconfig(&other.embedded())),
            &good.pem(),
        )
    };
    assert_eq!(
        presented(files(), true, true).certificates[0].public_key_sha256,
        good.spki
    );
    let embedded = presented(files(), true, false);
    assert_eq!(embedded.kind, "embedded");
    assert_eq!(embedded.certificates[0].public_key_sha256, other.spki);
    assert_eq!(
        embedded.at.pointer.as_deref(),
        Some("/users/0/user/client-certificate-data")
    );
    // The store expired, the kubeconfig not: the documented recovery.
    let files = with_store(
        Files::default().text(KUBECONFIG, &kubeconfig(&good.embedded())),
        &old.pem(),
    );
    assert_eq!(presented(files, true, true).kind, "embedded");
    // Without a bootstrap kubeconfig an expired one is presented all the same.
    let files = Files::default().text(KUBECONFIG, &kubeconfig(&old.embedded()));
    assert_eq!(
        presented(files, false, false).certificates[0].public_key_sha256,
        old.spki
    );
    // Relative paths are the kubeconfig's.
    let user = "    client-certificate: pki/c.crt\n    client-key: pki/c.key\n";
    let files = Files::default()
        .text(KUBECONFIG, &kubeconfig(user))
        .text("/etc/kubernetes/pki/c.crt", &good.certificate)
        .text("/etc/kubernetes/pki/c.key", &good.key());
    let credential = presented(files, false, false);
    assert_eq!(
        credential.path.as_deref(),
        Some("/etc/kubernetes/pki/c.crt")
    );
    assert_eq!(credential.key_matches, Some(true));
}

/// With rotation on, an expired certificate is not presented: the kubelet asks
/// for another with what the kubeconfig has, and exits if that has expired, too.
#[test]
fn nothing_is_presented_where_the_stored_certificate_has_expired() {
    let (good, old) = (pair(2027), pair(2026));
    let own = kubeconfig("    client-certificate: /etc/x.crt\n    client-key: /etc/x.key\n");
    let with_own = |own_pair: &Pair| {
        let files = Files::default()
            .text(KUBECONFIG, &own)
            .text("/etc/x.crt", &own_pair.certificate)
            .text("/etc/x.key", &own_pair.key());
        with_store(files, &old.pem())
    };
    for bootstrap in [false, true] {
        let Start::Bootstraps(fault) = start(with_own(&good), bootstrap, true) else {
            panic!("it asks with the kubeconfig's own");
        };
        assert_eq!((fault.kind, fault.at.source.as_str()), ("expired", STORED));
    }
    let kind = |start: Start| match start {
        Start::Exits(fault) => fault.kind,
        other => panic!("it exits: {other:?}"),
    };
    assert_eq!(kind(start(with_own(&old), false, true)), "expired");
    let named = || with_store(Files::default().text(KUBECONFIG, &stored()), &old.pem());
    assert_eq!(kind(start(named(), false, true)), "expired");
    let embedded = Files::default().text(KUBECONFIG, &kubeconfig(&old.embedded()));
    assert_eq!(kind(start(embedded, false, true)), "expired");
    // Without rotation it is presented, and refused.
    assert!(matches!(start(named(), false, false), Start::Presents(_)));
    // A good one inside the kubeconfig takes the place of the stored one.
    let fresh = Files::default().text(KUBECONFIG, &kubeconfig(&good.embedded()));
    let fresh = start(with_store(fresh, &old.pem()), true, true);
    assert!(matches!(fresh, Start::Presents(_)), "{fresh:?}");
}

/// The store is opened before the kubeconfig is read, which finishes a rotation
/// that was interrupted; without a bootstrap kubeconfig it is opened after.
#[test]
fn an_interrupted_rotation_is_finished_first() {
    let good = pair(2027);
    let files = || {
        Files::default()
            .text(KUBECONFIG, &stored())
            .link("/var/lib/kubelet/pki/kubelet-client-updated.pem", STORED)
            .text(STORED, &good.pem())
    };
    let Start::Presents(credential) = start(files(), true, true) else {
        panic!("it presents what was renamed");
    };
    assert_eq!(credential.path.as_deref(), Some(STORED));
    for (bootstrap, rotate) in [(false, true), (true, false), (false, false)] {
        let Start::Exits(fault) = start(files(), bootstrap, rotate) else {
            panic!("the kubeconfig names a file that is not there yet");
        };
        assert_eq!(fault.kind, "certificate-missing");
    }
}

/// Only plugins of the first APIs may leave interactiveMode to its default.
#[test]
fn exec_plugins_declare_their_interactive_mode() {
    let exec = |version: &str, mode: &str| {
        let user = format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/{version}\n      command: \
             aws\n{mode}"
        );
        start(
            Files::default().text(KUBECONFIG, &kubeconfig(&user)),
            false,
            false,
        )
    };
    assert!(matches!(exec("v1beta1", ""), Start::Connects));
    assert!(matches!(
        exec("v1", "      interactiveMode: Never\n"),
        Start::Connects
    ));
    let Start::Exits(fault) = exec("v1", "") else {
        panic!("v1 has no default");
    };
    assert_eq!(fault.kind, "kubeconfig-malformed");
    assert!(
        fault
            .message
            .contains("interactiveMode must be specified for u"),
        "{}",
        fault.message
    );
    assert!(matches!(
        exec("v1beta1", "      interactiveMode: maybe\n"),
        Start::Exits(_)
    ));
}

#[test]
fn other_starts() {
    let token = kubeconfig("    token: nodepol-redacted\n");
    let with_token = || {
        Files::default()
            .text(KUBECONFIG, &token)
            .text("/var/lib/kubelet/x", "")
    };
    assert_eq!(start(with_token(), false, false), Start::Connects);
    let Start::Bootstraps(fault) = start(with_token(), false, true) else {
        panic!("it must ask for a certificate")
    };
    assert_eq!(
        (fault.kind, fault.at.source.as_str()),
        ("certificate-missing", KUBECONFIG)
    );
    let Start::Exits(fault) = start(Files::default().text("/x", ""), false, false) else {
        panic!("it must exit")
    };
    assert_eq!(
        fault.message,
        "failed to run Kubelet: invalid kubeconfig: stat /etc/kubernetes/kubelet.conf: no such \
         file or directory"
    );
    let none = Certs::with_flags(
        Files::default().evidence(Source::Tree),
        Ok(CredentialFlags::default()),
        Ok(CredentialFlags::default()),
    );
    assert_eq!(none.at_start(Horizon::Now), Ok(Start::Standalone));
    assert_eq!(
        none.config_paths(Horizon::Now).unwrap().cert_dir,
        "/var/lib/kubelet/pki"
    );
    // What cannot be read is not judged.
    let unknown = certs(Files::default().unreadable(KUBECONFIG), true, true);
    assert!(unknown.at_start(Horizon::NextBoot).is_err());
    assert!(unknown.at_start(Horizon::Now).is_err());
}

#[test]
fn the_store() {
    let good = pair(2027);
    let state = |files: Files| {
        certs(files.text("/var/lib/kubelet/pki/x", ""), true, true)
            .client_store(Horizon::NextBoot)
            .unwrap()
    };
    assert_eq!(state(Files::default()), Store::Absent);
    assert!(matches!(
        state(with_store(Files::default(), &good.pem())),
        Store::Link(_)
    ));
    assert!(matches!(
        state(Files::default().text(CURRENT, &good.pem())),
        Store::Regular(_)
    ));
    assert_eq!(
        state(Files::default().link(CURRENT, STORED)),
        Store::Dangling(STORED.to_owned())
    );
    assert_eq!(
        state(with_store(Files::default(), "")),
        Store::Corrupt("tls: failed to find any PEM data in certificate input".to_owned())
    );
    let torn: String = good.pem().chars().take(120).collect();
    assert!(matches!(
        state(with_store(Files::default(), &torn)),
        Store::Corrupt(_)
    ));
    let mixed = format!("{}{}", good.certificate, pair(2027).key());
    match state(with_store(Files::default(), &mixed)) {
        Store::Link(credential) => assert_eq!(credential.key_matches, Some(false)),
        other => panic!("{other:?}"),
    }
    // Each of these ends a kubelet that rotates.
    for (pem, kind) in [("", "store-corrupt"), (mixed.as_str(), "key-mismatch")] {
        let files = with_store(
            Files::default().text(KUBECONFIG, &kubeconfig(&good.embedded())),
            pem,
        );
        match start(files, true, true) {
            Start::Exits(fault) => {
                assert_eq!(fault.kind, kind);
                assert!(
                    fault.message.contains("could not convert data from"),
                    "{fault:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let files = Files::default()
        .text(KUBECONFIG, &kubeconfig(&good.embedded()))
        .text(
            "/var/lib/kubelet/pki/kubelet-client-updated.pem",
            &good.pem(),
        );
    assert!(
        matches!(start(files, true, true), Start::Exits(fault) if fault.kind == "store-corrupt")
    );
}

#[test]
fn kubeconfigs() {
    let good = pair(2027);
    let read = |text: &str| {
        certs(Files::default().text(KUBECONFIG, text), true, true)
            .kubelet_kubeconfig(Horizon::NextBoot)
            .unwrap()
            .unwrap()
    };
    let config = read(&kubeconfig(&good.embedded()));
    assert_eq!(config.server.as_deref(), Some("https://api:6443"));
    assert_eq!(config.problem, None);
    assert_eq!(config.other_credential, None);
    assert_eq!(config.client.unwrap().key_matches, Some(true));
    let config = read(&kubeconfig(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: aws\n",
    ));
    assert_eq!(config.other_credential.as_deref(), Some("exec"));
    for (text, problem) in [
        (
            "",
            "invalid configuration: no configuration has been provided, try setting \
             KUBERNETES_MASTER environment variable",
        ),
        (
            "current-context: x\nclusters: [{name: k, cluster: {server: 'https://a'}}]\n",
            "invalid configuration: [context was not found for specified context: x, cluster has \
             no server defined]",
        ),
        (
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
            "error loading config file \"/etc/kubernetes/kubelet.conf\": no kind \
             \"KubeletConfiguration\" is registered for version \"kubelet.config.k8s.io/v1beta1\"",
        ),
    ] {
        assert_eq!(read(text).problem.as_deref(), Some(problem));
    }
    let both = format!("{}    client-certificate: /x.pem\n", good.embedded());
    let problem = read(&kubeconfig(&both)).problem.unwrap();
    assert!(problem.contains("are both specified for u"), "{problem}");
}

#[test]
fn several_certificates_in_a_file() {
    let (a, b) = (pair(2027), pair(2028));
    let bundle = format!("# a remark\n{}text\n{}{}", a.certificate, ca(), b.pem());
    let certs = certs(Files::default().text("/c.pem", &bundle), true, true);
    let found = certs.in_file("/c.pem").unwrap().unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].at.line, Some(2));
    assert!(found[1].is_ca);
    assert_eq!(found[2].public_key_sha256, b.spki);
    assert_eq!(certs.in_file("/none.pem"), Ok(None));
}
