//! kubelet.conf names the certificate that is rotated, and embeds no copy that
//! grows old.

use nodepol_plugin::certs::{self, Credential, Start, Store};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, files, kubelet, no_credential_yet, node, render_date, runbook,
};

struct KubeletConfEmbeddedCert;

impl Policy for KubeletConfEmbeddedCert {
    fn describe() -> Description {
        Description::new(
            "kubelet-conf-embedded-cert",
            "kubelet.conf names the rotated certificate",
            "kubelet.conf points at kubelet-client-current.pem, and embeds no certificate",
        )
        .severity(Severity::TimeBomb)
        .phases(&[Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let Some(kubeconfig) = certs::kubelet_kubeconfig(at)? else {
            return Ok(Judgement::not_applicable(
                "there is no kubeconfig of the kubelet",
            ));
        };
        let Some(client) = kubeconfig.client else {
            return Ok(Judgement::not_applicable(
                "the kubeconfig has no client certificate",
            ));
        };
        let rotates =
            kubelet::setting(at, "/rotateCertificates")?.is_some_and(|setting| setting.is_true());
        if !rotates {
            return Ok(Judgement::not_applicable(
                "rotateCertificates is off: the kubeconfig's certificate is the only one",
            ));
        }
        let user = client
            .at
            .pointer
            .as_deref()
            .and_then(|pointer| pointer.rsplit_once('/'))
            .map_or("/users/0/user", |(user, _)| user)
            .to_owned();
        if client.kind == "embedded" {
            return Ok(embedded(at, &client, &kubeconfig.path, &user)?.into());
        }
        if client.certificates.is_empty() {
            return Ok(Judgement::not_applicable(
                "the certificate that the kubeconfig names cannot be read: see kubeconfig-usable",
            ));
        }
        if at == Horizon::NextBoot
            && let Some(finding) = lost_at_boot(at, &client, &kubeconfig.path, &user)?
        {
            return Ok(finding.into());
        }
        let Some(path) = client.path.as_deref().filter(|path| {
            // The link itself, or where it leads today.
            *path != runbook::rotated()
        }) else {
            return Ok(rotated());
        };
        let current = match certs::client_store(at)? {
            Store::Link(stored) | Store::Regular(stored) => stored.path,
            _ => None,
        };
        if current.as_deref() == Some(path) {
            return Ok(rotated());
        }
        Ok(unrotated(at, &client, path, &kubeconfig.path)?
            .evidence(client.at.clone(), path)
            .fix(if is_over(&client) && current.is_none() {
                runbook::new_client_certificate()
            } else {
                name_rotated(current.is_some(), &kubeconfig.path, &user)
            })
            .into())
    }
}

/// A file that the kubelet does not renew, named as if it did.
fn unrotated(
    at: Horizon,
    client: &Credential,
    path: &str,
    kubeconfig: &str,
) -> Result<Finding, Unavailable> {
    if !is_over(client) {
        return Ok(Finding::warn(
            "names-unrotated-file",
            format!(
                "{kubeconfig} names {path}, which the kubelet never renews: once it has expired, \
                 no start succeeds"
            ),
        ));
    }
    let message = format!("{kubeconfig} names {path}, which has expired and is never renewed");
    Ok(match certs::at_start(at)? {
        Start::Exits(_) => Finding::fail("unrotated-file-expired", message),
        _ => Finding::warn("unrotated-file-expired", message),
    })
}

fn is_over(client: &Credential) -> bool {
    let now = node::taken_at();
    client
        .certificates
        .iter()
        .any(|certificate| certificate.not_after <= now)
}

/// /run is empty after a boot, and /var/run with it: packages before 1.8 kept
/// the certificates there (kubernetes/kubernetes#53288). What is not the
/// kubelet's own file something else may write there anew.
fn lost_at_boot(
    at: Horizon,
    client: &Credential,
    kubeconfig: &str,
    user: &str,
) -> Result<Option<Finding>, Unavailable> {
    let Some(path) = client.path.as_deref() else {
        return Ok(None);
    };
    let is_own = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with("kubelet-client"));
    if !path.starts_with("/run/") || !is_own || certs::bootstrap_kubeconfig(at)?.is_some() {
        return Ok(None);
    }
    let directory = certs::config_paths(at)?.cert_dir;
    let is_store_lost = match files::resolve(&directory)? {
        Some(directory) => format!("{directory}/").starts_with("/run/"),
        None => directory.starts_with("/run/") || directory.starts_with("/var/run/"),
    };
    let stored = match certs::client_store(at)? {
        Store::Link(stored) | Store::Regular(stored) => stored.path,
        _ => None,
    };
    let fix = match (stored, is_store_lost) {
        (Some(stored), true) => keep_on_disk(&directory, &stored, kubeconfig, user),
        (None, true) => Fix::new("keep the certificates on a disk")
            .steps(keep_default())
            .followed_by(runbook::new_client_certificate()),
        (stored, false) => name_rotated(stored.is_some(), kubeconfig, user),
    };
    Ok(Some(
        Finding::fail(
            "lost-at-boot",
            format!(
                "{kubeconfig} names {path}: /run is empty after a boot, and the kubelet then has \
                 no certificate"
            ),
        )
        .evidence(client.at.clone(), path)
        .fix(fix),
    ))
}

fn keep_default() -> Vec<Step> {
    runbook::remove_flag("cert-dir", "the default is /var/lib/kubelet/pki, on a disk")
}

/// Moves the store, with what is in it, where it outlives a boot.
fn keep_on_disk(directory: &str, stored: &str, kubeconfig: &str, user: &str) -> Fix {
    const KEPT: &str = "/var/lib/kubelet/pki";
    const CURRENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    let name = stored.rsplit('/').next().unwrap_or(stored);
    Fix::new("keep the certificates on a disk")
        .step(Step::command(
            ["mkdir", "--parents", KEPT],
            "where the kubelet keeps them by default",
        ))
        .step(Step::command(
            [
                "cp",
                "--archive",
                &format!("{directory}/."),
                &format!("{KEPT}/"),
            ],
            "before the next boot, while they are there",
        ))
        .step(Step::command(
            [
                "ln",
                "--symbolic",
                "--force",
                &format!("{KEPT}/{name}"),
                CURRENT,
            ],
            "the link that the kubelet moves to each new certificate",
        ))
        .steps(keep_default())
        .steps(runbook::name_certificate(kubeconfig, user, CURRENT))
        .step(Step::restart_kubelet())
        .step(runbook::ready(&runbook::node_name()))
}

fn rotated() -> Judgement {
    Judgement::pass("the kubeconfig names the certificate that is rotated")
}

/// While the old certificate is valid, a start makes the rotated one of it.
fn name_rotated(stored: bool, kubeconfig: &str, user: &str) -> Fix {
    let fix = runbook::use_rotated_certificate(kubeconfig, user);
    if stored {
        return fix;
    }
    let path = runbook::rotated();
    Fix::new("make the kubeconfig name the rotated certificate")
        .step(Step::restart_kubelet().verify(["test", "-e", &path]))
        .followed_by(fix)
}

fn embedded(
    at: Horizon,
    client: &Credential,
    kubeconfig: &str,
    user: &str,
) -> Result<Finding, Unavailable> {
    let now = node::taken_at();
    let ends = client
        .certificates
        .iter()
        .map(|certificate| certificate.not_after)
        .min();
    let stored = match certs::client_store(at)? {
        Store::Link(stored) | Store::Regular(stored) => Some(stored),
        _ => None,
    };
    let rotated = stored.as_ref().and_then(|stored| {
        let ends = stored
            .certificates
            .iter()
            .map(|certificate| certificate.not_after);
        ends.min()
    });
    let rotated_is_good = rotated.is_some_and(|ends| ends > now);
    let fix = if rotated_is_good || ends.is_some_and(|ends| ends > now) {
        name_rotated(rotated_is_good, kubeconfig, user)
    } else {
        runbook::new_client_certificate()
    };
    let Some(ends) = ends else {
        let message = "the embedded certificate cannot be read";
        let finding = match certs::at_start(at)? {
            Start::Exits(_) => Finding::fail("embedded-unreadable", message),
            _ => Finding::warn("embedded-unreadable", message),
        };
        return Ok(finding
            .evidence(client.at.clone(), "client-certificate-data")
            .fix(fix));
    };
    let evidence = format!("an embedded certificate, notAfter {}", render_date(ends));
    // Without --bootstrap-kubeconfig the kubelet does not look at its end.
    let is_looked_at = certs::config_paths(at)?.bootstrap_kubeconfig.is_some();
    let finding = if ends > now && !is_looked_at && rotated_is_good {
        Finding::note(
            "embedded",
            format!(
                "{kubeconfig} embeds a certificate that ends on {}; the kubelet begins with the \
                 rotated one",
                render_date(ends)
            ),
        )
    } else if ends > now {
        Finding::warn(
            "embedded",
            format!(
                "{kubeconfig} embeds a certificate that ends on {}: the first start after that fails, \
                 however new the rotated certificate is",
                render_date(ends)
            ),
        )
    } else {
        expired(at, kubeconfig, ends, rotated_is_good)?.by_the_clock()
    };
    let finding = finding.evidence(client.at.clone(), evidence);
    Ok(match (stored, rotated) {
        (Some(stored), Some(rotated)) => finding.evidence(
            stored.at,
            format!("the rotated certificate, notAfter {}", render_date(rotated)),
        ),
        _ => finding,
    }
    .fix(fix))
}

/// An embedded certificate that is over: mostly the end of the next start.
fn expired(
    at: Horizon,
    kubeconfig: &str,
    ends: i64,
    rotated_is_good: bool,
) -> Result<Finding, Unavailable> {
    let message = format!(
        "{kubeconfig} embeds a certificate that expired on {}",
        render_date(ends)
    );
    let id = "embedded-expired";
    Ok(match certs::at_start(at)? {
        Start::Exits(_) if rotated_is_good => Finding::fail(
            id,
            format!("{message}; the rotated one is good, and the kubelet does not get to it"),
        ),
        Start::Exits(_) => Finding::fail(id, message),
        // With a bootstrap kubeconfig the kubelet writes the file anew.
        Start::Bootstraps(_) => Finding::warn(
            id,
            format!("{message}; the kubelet asks for a new one with its bootstrap kubeconfig"),
        ),
        _ => Finding::warn(
            id,
            format!("{message}; the kubelet begins with the rotated one as long as that is good"),
        ),
    })
}

nodepol_plugin::policy!(KubeletConfEmbeddedCert);
