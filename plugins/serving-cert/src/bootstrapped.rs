//! A certificate of the cluster (`serverTLSBootstrap`); requests for it need
//! somebody who approves.

use nodepol_plugin::{
    Finding, Fix, Judgement, Location, Place, Step, Unavailable, certs, files, no_credential_yet,
    node, render_date, runbook,
};

/// What the kubelet finds in its store of serving certificates
/// (`NewKubeletServerCertificateManager`; client-go, util/certificate/
/// certificate_store.go).
pub(crate) fn judge(directory: &str, is_configured: bool) -> Result<Judgement, Unavailable> {
    let current = format!("{directory}/kubelet-server-current.pem");
    if files::resolve(&current)?.is_some() {
        return stored(directory, &current);
    }
    let updated = format!("{directory}/kubelet-server-updated.pem");
    if let Some(stat) = files::lstat(&updated)? {
        if stat.kind != files::Kind::Symlink {
            return Ok(not_a_link(directory, &updated).into());
        }
        // A rotation that was interrupted is finished at the start.
        if files::resolve(&updated)?.is_some() {
            return stored(directory, &updated);
        }
    }
    if is_configured {
        return Ok(Judgement::pass(
            "the pair of tlsCertFile serves until there is one of the cluster",
        ));
    }
    // Without a cluster there is nobody to ask.
    if let Some(judgement) = no_credential_yet()? {
        return Ok(judgement);
    }
    // The kubelet asks when it runs for the first time.
    if files::resolve(directory)?.is_none() {
        return Ok(Judgement::pass("the kubelet has not run here yet"));
    }
    Ok(Finding::warn(
        "no-serving-certificate",
        "serverTLSBootstrap is on, and the kubelet has got no serving certificate: logs, exec and \
         metrics of this node do not work",
    )
    .evidence(Location::source(current), "does not exist")
    .fix(approve(Fix::new("approve the request")))
    .into())
}

fn stored(directory: &str, path: &str) -> Result<Judgement, Unavailable> {
    let certificates = certs::in_file(path)?.unwrap_or_default();
    let Some(first) = certificates.into_iter().next() else {
        let fix = Fix::new("ask for a new certificate")
            .step(Step::command(
                ["rm", "--force", path],
                "the kubelet asks for another when it starts",
            ))
            .step(Step::restart_kubelet());
        return Ok(Finding::fail(
            "not-pem",
            format!(
                "the kubelet exits: could not convert data from {path:?} into cert/key pair: it \
                 holds no certificate"
            ),
        )
        .evidence(Location::source(path), "no certificate")
        .fix(approve(fix))
        .into());
    };
    let mut findings = Vec::new();
    if first.not_after < node::taken_at() {
        let ended = render_date(first.not_after);
        findings.push(
            Finding::warn(
                "serving-certificate-expired",
                format!(
                    "the serving certificate of the cluster expired on {ended}, and the kubelet \
                     presents none any more: logs, exec and metrics of this node do not work"
                ),
            )
            .evidence(first.at, format!("notAfter {ended}"))
            .by_the_clock()
            .fix(approve(Fix::new("approve the request for the next one"))),
        );
    }
    let is_link = files::lstat(path)?.is_some_and(|stat| stat.kind == files::Kind::Symlink);
    if !is_link {
        findings.push(
            Finding::warn(
                "not-a-link",
                format!(
                    "{path} is a file and not a link: it serves until it ends, and is never \
                     rotated (expected {path:?} to be a symlink but it is a file)"
                ),
            )
            .evidence(
                Location::source(path),
                "a regular file, as `cp -L` leaves it",
            )
            .fix(link_again(directory, path)),
        );
    }
    Ok(Judgement::of(
        findings,
        format!("{path} is a certificate of the cluster"),
    ))
}

/// Without the current one, the updated one must be a link (`recover`).
fn not_a_link(directory: &str, updated: &str) -> Finding {
    Finding::fail(
        "updated-not-a-link",
        format!(
            "the kubelet exits: failed to initialize certificate manager: expected {updated:?} to \
             be a symlink but it is a file"
        ),
    )
    .evidence(Location::source(updated), "a regular file")
    .fix(link_again(directory, updated))
}

fn link_again(directory: &str, path: &str) -> Fix {
    let kept = format!("{directory}/kubelet-server-restored.pem");
    Fix::new("make it a link again")
        .step(Step::command(["mv", path, &kept], "the certificate stays"))
        .step(Step::command(
            [
                "ln",
                "--symbolic",
                "--force",
                &kept,
                &format!("{directory}/kubelet-server-current.pem"),
            ],
            "the link that the kubelet moves to each new certificate",
        ))
        .step(Step::restart_kubelet())
}

fn approve(fix: Fix) -> Fix {
    let name = runbook::node_name();
    fix.step(
        Step::command(
            [
                "kubectl",
                "get",
                "certificatesigningrequests",
                "--field-selector=spec.signerName=kubernetes.io/kubelet-serving",
            ],
            format!("look for a Pending request of system:node:{name}"),
        )
        .on(Place::Admin),
    )
    .step(
        Step::command(
            ["kubectl", "certificate", "approve", "NAME"],
            "NAME is that of the request; nothing in Kubernetes approves them by itself",
        )
        .on(Place::Admin)
        .verify([
            "kubectl",
            "get",
            "--raw",
            &format!("/api/v1/nodes/{name}/proxy/healthz"),
        ]),
    )
}
