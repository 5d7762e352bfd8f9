//! The kubelet's certificate store can be read, and rotated.

use nodepol_plugin::certs::{self, Certificate, Credential, Start, Store};
use nodepol_plugin::files::{self, Kind};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, kubelet, no_credential_yet, node, runbook,
};

struct ClientCertStore;

impl Policy for ClientCertStore {
    fn describe() -> Description {
        Description::new(
            "client-cert-store",
            "The certificate store can be read and rotated",
            "kubelet-client-current.pem is a link to a whole certificate with its key",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let rotates =
            kubelet::setting(at, "/rotateCertificates")?.is_some_and(|setting| setting.is_true());
        let paths = certs::config_paths(at)?;
        if !rotates || paths.kubeconfig.is_none() {
            return Ok(Judgement::not_applicable(
                "the kubelet rotates no certificate",
            ));
        }
        let current = format!("{}/kubelet-client-current.pem", paths.cert_dir);
        let findings = match certs::client_store(at)? {
            Store::Absent => interrupted(&paths.cert_dir)?.into_iter().collect(),
            // A link that leads nowhere does not exist for os.Stat either.
            Store::Dangling(target) => match interrupted(&paths.cert_dir)? {
                Some(finding) => vec![finding],
                None => vec![dangling(at, &paths.cert_dir, &target)?],
            },
            Store::Corrupt(why) => vec![corrupt(at, &current, &why)?],
            Store::Link(credential) => whole(at, &current, &credential)?,
            Store::Regular(credential) => {
                let mut findings = whole(at, &current, &credential)?;
                findings.insert(0, regular(&current, &paths.cert_dir));
                findings
            }
        };
        Ok(Judgement::of(
            findings,
            format!("{current} can be read and rotated"),
        ))
    }
}

/// Without the one, the other must be a link (`recover` in certificate_store.go).
fn interrupted(directory: &str) -> Result<Option<Finding>, Unavailable> {
    let updated = format!("{directory}/kubelet-client-updated.pem");
    let Some(stat) = files::lstat(&updated)? else {
        return Ok(None);
    };
    if stat.kind == Kind::Symlink {
        return Ok(None);
    }
    Ok(Some(
        Finding::fail(
            "updated-not-a-link",
            format!(
                "the kubelet exits: unable to build bootstrap cert store: {updated} is a file, and \
                 kubelet-client-current.pem is missing"
            ),
        )
        .evidence(Location::source(updated.clone()), "a regular file")
        .fix(
            Fix::new("finish the rotation by hand")
                .step(Step::argv(
                    vec![
                        "mv".to_owned(),
                        updated,
                        format!("{directory}/kubelet-client-recovered.pem"),
                    ],
                    "under this name nothing stumbles over it",
                ))
                .step(link(directory, "kubelet-client-recovered.pem"))
                .step(Step::restart_kubelet()),
        ),
    ))
}

fn link(directory: &str, target: &str) -> Step {
    Step::argv(
        vec![
            "ln".to_owned(),
            "--symbolic".to_owned(),
            "--force".to_owned(),
            format!("{directory}/{target}"),
            format!("{directory}/kubelet-client-current.pem"),
        ],
        "the link that the kubelet moves to each new certificate",
    )
}

/// The kubelet then looks at the kubeconfig alone, as if the store were empty.
fn dangling(at: Horizon, directory: &str, target: &str) -> Result<Finding, Unavailable> {
    let current = format!("{directory}/kubelet-client-current.pem");
    let message = format!("{current} leads to {target}, which does not exist");
    let names_it = certs::kubelet_kubeconfig(at)?
        .and_then(|kubeconfig| kubeconfig.client)
        .is_some_and(|client| client.kind != "embedded");
    let finding = match certs::at_start(at)? {
        Start::Exits(_) if names_it => Finding::fail("dangling-link", message),
        Start::Bootstraps(_) => Finding::warn(
            "dangling-link",
            format!("{message}: the kubelet asks for a new one with its bootstrap kubeconfig"),
        ),
        _ => Finding::warn("dangling-link", message),
    };
    let finding = finding.evidence(Location::source(current), target);
    // A link that was made for another root, as in a chroot or a rescue system.
    let name = target.rsplit('/').next().unwrap_or(target);
    let here = format!("{directory}/{name}");
    let is_here = here != target && certs::in_file(&here)?.is_some_and(|found| !found.is_empty());
    Ok(if is_here {
        finding
            .explained(
                Location::source(here),
                "is there",
                "the link was made for another root",
            )
            .fix(
                Fix::new("let the link lead there")
                    .step(link(directory, name))
                    .step(Step::restart_kubelet()),
            )
    } else {
        finding.fix(runbook::new_client_certificate())
    })
}

fn corrupt(at: Horizon, current: &str, why: &str) -> Result<Finding, Unavailable> {
    Ok(Finding::fail(
        "unreadable",
        format!(
            "the kubelet exits: could not convert data from {current:?} into cert/key pair: {why}"
        ),
    )
    .evidence(Location::source(current), why)
    .fix(replace(at, current)?))
}

/// A new pair: of the certificate in the kubeconfig where that one is good, for
/// the kubelet stores it if its store is empty.
fn replace(at: Horizon, current: &str) -> Result<Fix, Unavailable> {
    let Some(kubeconfig) = certs::kubelet_kubeconfig(at)? else {
        return Ok(runbook::new_client_certificate());
    };
    let is_good = kubeconfig.problem.is_none()
        && kubeconfig.client.is_some_and(|client| {
            client.kind == "embedded"
                && !client.certificates.is_empty()
                && client
                    .certificates
                    .iter()
                    .all(|certificate| certificate.not_after > node::taken_at())
        });
    if !is_good {
        return Ok(runbook::new_client_certificate());
    }
    Ok(
        Fix::new("let the kubelet store the kubeconfig's certificate")
            .step(Step::command(
                ["mv", current, &format!("{current}.broken")],
                "without it the kubelet begins with the certificate in its kubeconfig",
            ))
            .step(Step::restart_kubelet().verify(["test", "-e", current])),
    )
}

fn whole(at: Horizon, current: &str, credential: &Credential) -> Result<Vec<Finding>, Unavailable> {
    let path = credential
        .path
        .clone()
        .unwrap_or_else(|| current.to_owned());
    if credential.key_matches == Some(false) {
        return Ok(vec![
            Finding::fail(
                "key-mismatch",
                format!(
                    "the kubelet exits: could not convert data from {current:?} into cert/key \
                     pair: tls: private key does not match public key"
                ),
            )
            .evidence(
                Location::source(path),
                "certificate and key are of two pairs",
            )
            .fix(replace(at, current)?),
        ]);
    }
    let mut findings = Vec::new();
    if let Some(stat) = files::lstat(&path)?
        && stat.mode & 0o077 != 0
    {
        findings.push(
            Finding::warn(
                "readable-by-others",
                format!("{path} holds a private key, and others than root may read it"),
            )
            .evidence(
                Location::source(path.clone()),
                format!("mode {:04o}", stat.mode),
            )
            .fix(Fix::new("close it").step(Step::argv(
                vec!["chmod".to_owned(), "0600".to_owned(), path],
                "as the kubelet writes it",
            ))),
        );
    }
    findings.extend(credential.certificates.first().and_then(expired_elsewhere));
    Ok(findings)
}

/// An expired one heals itself if kubelet.conf has a good one; that is worth a
/// note beside the policies that judge it.
fn expired_elsewhere(certificate: &Certificate) -> Option<Finding> {
    (certificate.not_after < node::taken_at()).then(|| {
        Finding::note(
            "expired",
            "the stored certificate has expired; client-cert-expiry judges what that means",
        )
        .evidence(
            certificate.at.clone(),
            nodepol_plugin::render_date(certificate.not_after),
        )
    })
}

fn regular(current: &str, directory: &str) -> Finding {
    Finding::warn(
        "not-a-link",
        format!(
            "{current} is a file and not a link: it works until it ends, and is never rotated \
             (expected {current:?} to be a symlink but it is a file)"
        ),
    )
    .evidence(
        Location::source(current),
        "a regular file, as `cp -L` leaves it",
    )
    .fix(
        Fix::new("make it a link again")
            .step(Step::argv(
                vec![
                    "mv".to_owned(),
                    current.to_owned(),
                    format!("{directory}/kubelet-client-restored.pem"),
                ],
                "the certificate stays",
            ))
            .step(link(directory, "kubelet-client-restored.pem"))
            .step(Step::restart_kubelet()),
    )
}

nodepol_plugin::policy!(ClientCertStore);
