//! The kubelet's serving certificate can be loaded.

mod bootstrapped;

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, certs, files, journal, kubelet, no_settings, node, render_date,
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
        let directory = certs::config_paths(at)?.cert_dir;
        let configured = (named(at, "/tlsCertFile")?, named(at, "/tlsPrivateKeyFile")?);
        if kubelet::setting(at, "/serverTLSBootstrap")?.is_some_and(|setting| setting.is_true()) {
            let is_configured = configured.0.is_some() && configured.1.is_some();
            return bootstrapped::judge(&directory, is_configured);
        }
        match configured {
            (None, None) => own_pair(&directory),
            (Some(cert), Some(key)) => configured_pair(&cert, &key),
            (Some(only), None) => Ok(one_of_a_pair(&only, "tlsPrivateKeyFile")),
            (None, Some(only)) => Ok(one_of_a_pair(&only, "tlsCertFile")),
        }
    }
}

/// A file that is configured, and where.
struct Named {
    path: String,
    at: Location,
}

fn named(at: Horizon, pointer: &str) -> Result<Option<Named>, Unavailable> {
    let setting = kubelet::setting(at, pointer)?;
    Ok(setting
        .map(|setting| Named {
            path: setting.display().to_owned(),
            at: setting.at,
        })
        .filter(|named| !named.path.is_empty()))
}

/// Neither the pair of these files nor one of its own: the kubelet has nothing
/// to serve with, and older ones exit (`ListenAndServeTLS` with one name).
fn one_of_a_pair(only: &Named, missing: &str) -> Judgement {
    Finding::warn(
        "one-of-a-pair",
        format!(
            "{} is configured and {missing} is not: the kubelet has no serving certificate, and \
             an older one exits",
            only.path
        ),
    )
    .evidence(only.at.clone(), only.path.clone())
    .fix(
        Fix::new("configure both or neither")
            .step(Step::note(format!(
                "write {missing} to {} as well, or remove what stands there: the kubelet then \
                 makes a pair of its own",
                only.at.source
            )))
            .step(Step::restart_kubelet()),
    )
    .into()
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
            .step(Step::command(
                ["rm", "--force", &cert, &key],
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
    let Some(first) = first_certificate(&cert)? else {
        return Ok(not_pem(&cert).fix(again("make a new pair")).into());
    };
    if is_empty(&key)? {
        return Ok(empty_key(&key).fix(again("make a new pair")).into());
    }
    if let Some(line) = refused(&cert, &key)? {
        return Ok(cannot_be_loaded(line)
            .evidence(Location::source(cert.clone()), "the pair that it read")
            .fix(again("make a new pair"))
            .into());
    }
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

/// The pair that `tlsCertFile` and `tlsPrivateKeyFile` name.
fn configured_pair(cert: &Named, key: &Named) -> Result<Judgement, Unavailable> {
    for named in [cert, key] {
        if files::resolve(&named.path)?.is_none() {
            return Ok(Judgement::not_applicable(format!(
                "{} does not exist; kubelet-config-paths judges this",
                named.path
            )));
        }
    }
    let replace = || {
        Fix::new("serve with a pair that can be loaded")
            .step(Step::note(format!(
                "bring certificate and key back from where they came from, or remove tlsCertFile \
                 and tlsPrivateKeyFile from {}: the kubelet then makes a pair of its own",
                cert.at.source
            )))
            .step(Step::restart_kubelet())
    };
    if first_certificate(&cert.path)?.is_none() {
        return Ok(not_pem(&cert.path)
            .evidence(cert.at.clone(), cert.path.clone())
            .fix(replace())
            .into());
    }
    if is_empty(&key.path)? {
        return Ok(empty_key(&key.path)
            .evidence(key.at.clone(), key.path.clone())
            .fix(replace())
            .into());
    }
    if let Some(line) = refused(&cert.path, &key.path)? {
        return Ok(cannot_be_loaded(line)
            .evidence(cert.at.clone(), cert.path.clone())
            .fix(replace())
            .into());
    }
    Ok(Judgement::pass(format!(
        "tlsCertFile names {}, which can be read",
        cert.path
    )))
}

fn first_certificate(path: &str) -> Result<Option<certs::Certificate>, Unavailable> {
    let certificates = certs::in_file(path)?.unwrap_or_default();
    Ok(certificates.into_iter().next())
}

fn not_pem(cert: &str) -> Finding {
    Finding::fail(
        "not-pem",
        format!("the kubelet exits: failed to load certificate: {cert} holds none"),
    )
    .evidence(Location::source(cert), "no certificate")
}

/// Nothing is left of it, as after a loss of power. What stands in a key that
/// is not empty is no part of a snapshot.
fn is_empty(key: &str) -> Result<bool, Unavailable> {
    let Some(path) = files::resolve(key)? else {
        return Ok(false);
    };
    Ok(
        files::lstat(&path)?
            .is_some_and(|stat| stat.kind == files::Kind::Regular && stat.size == 0),
    )
}

fn empty_key(key: &str) -> Finding {
    Finding::fail(
        "empty-key",
        format!(
            "the kubelet exits: failed to load certificate: tls: failed to find any PEM data in \
             key input: {key} is empty"
        ),
    )
    .evidence(Location::source(key), "0 bytes")
}

/// The line with which the kubelet ended, if that was over its serving pair and
/// neither file has changed since: only it can tell whether the key is that of
/// the certificate.
fn refused(cert: &str, key: &str) -> Result<Option<journal::Entry>, Unavailable> {
    if kubelet::running()?.is_some() {
        return Ok(None);
    }
    let words = [
        "failed to load certificate:",
        "failed to initialize file based certificate manager",
    ];
    let last = journal::last_fatal().ok().flatten();
    let Some(line) = last.filter(|line| words.iter().any(|words| line.message.contains(words)))
    else {
        return Ok(None);
    };
    for path in [cert, key] {
        let stat = match files::resolve(path)? {
            Some(path) => files::lstat(&path)?,
            None => None,
        };
        if stat.is_none_or(|stat| stat.modified > line.time) {
            return Ok(None);
        }
    }
    Ok(Some(line))
}

fn cannot_be_loaded(line: journal::Entry) -> Finding {
    Finding::fail(
        "cannot-be-loaded",
        "the kubelet exits, for it cannot load its serving certificate and key",
    )
    .evidence(Location::source(line.unit), line.message)
}

nodepol_plugin::policy!(ServingCert);
