//! The kubelet's serving certificate can be loaded.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place, Policy,
    Severity, Step, Unavailable, certs, files, kubelet, no_credential_yet, no_settings, node,
    render_date,
};

struct ServingCert;

impl Policy for ServingCert {
    fn describe() -> Description {
        Description::new(
            "serving-cert",
            "The serving certificate can be loaded",
            "kubelet.crt and kubelet.key are both there or both not, and whole",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        // Files that are configured are kubelet-config-paths' to judge.
        if kubelet::setting(at, "/tlsCertFile")?.is_some_and(|file| !file.display().is_empty()) {
            return Ok(Judgement::not_applicable(
                "tlsCertFile names another certificate",
            ));
        }
        let directory = certs::config_paths(at)?.cert_dir;
        if kubelet::setting(at, "/serverTLSBootstrap")?.is_some_and(|setting| setting.is_true()) {
            return bootstrapped(&directory);
        }
        own_pair(&directory)
    }
}

/// The pair that the kubelet makes for itself, once (`InitializeTLS`,
/// `GenerateSelfSignedCertKey`).
fn own_pair(directory: &str) -> Result<Judgement, Unavailable> {
    let (cert, key) = (
        format!("{directory}/kubelet.crt"),
        format!("{directory}/kubelet.key"),
    );
    let has_cert = files::resolve(&cert)?.is_some();
    let has_key = files::resolve(&key)?.is_some();
    let again = |summary: &str| {
        Fix::new(summary)
            .step(Step::argv(
                vec![
                    "rm".to_owned(),
                    "--force".to_owned(),
                    cert.clone(),
                    key.clone(),
                ],
                "the kubelet makes a new pair",
            ))
            .step(Step::restart_kubelet())
    };
    if has_cert != has_key {
        let (there, missing) = if has_cert {
            (&cert, &key)
        } else {
            (&key, &cert)
        };
        return Ok(Finding::fail(
            "half-a-pair",
            format!(
                "the kubelet exits: error reading {missing}, certificate and key must be supplied \
                 as a pair"
            ),
        )
        .evidence(Location::source(there.clone()), "is there")
        .evidence(Location::source(missing.clone()), "does not exist")
        .fix(again("make a new pair"))
        .into());
    }
    if !has_cert {
        return Ok(Judgement::pass("the kubelet makes a pair when it starts"));
    }
    let certificates = certs::in_file(&cert)?.unwrap_or_default();
    let Some(first) = certificates.into_iter().next() else {
        return Ok(Finding::fail(
            "not-pem",
            format!("the kubelet exits: failed to load certificate: {cert} holds none"),
        )
        .evidence(Location::source(cert.clone()), "no certificate")
        .fix(again("make a new pair"))
        .into());
    };
    let mut findings = Vec::new();
    if first.not_after < node::taken_at() {
        let ended = render_date(first.not_after);
        findings.push(
            Finding::note(
                "self-signed-expired",
                format!(
                    "the self-signed serving certificate expired on {ended}; nobody who does not \
                     verify it notices"
                ),
            )
            .evidence(first.at, format!("notAfter {ended}"))
            .fix(again("make a new pair, if somebody verifies it")),
        );
    }
    Ok(Judgement::of(
        findings,
        "the kubelet has a serving certificate of its own",
    ))
}

/// A certificate of the cluster; requests for it need somebody who approves.
fn bootstrapped(directory: &str) -> Result<Judgement, Unavailable> {
    let current = format!("{directory}/kubelet-server-current.pem");
    if files::resolve(&current)?.is_some() {
        return Ok(Judgement::pass(format!("{current} is there")));
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
    .fix(
        Fix::new("approve the request")
            .step(
                Step::command(
                    ["kubectl", "get", "certificatesigningrequests"],
                    "look for Pending requests of kubernetes.io/kubelet-serving by this node",
                )
                .on(Place::Admin),
            )
            .step(
                Step::command(
                    ["kubectl", "certificate", "approve", "NAME"],
                    "nothing in kubeadm approves them by itself",
                )
                .on(Place::Admin),
            ),
    )
    .into())
}

nodepol_plugin::policy!(ServingCert);
