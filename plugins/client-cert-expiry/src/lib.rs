//! The client certificate that the kubelet presents is not expired, and is
//! renewed in time.

use nodepol_plugin::certs::{self, Certificate, Credential, Start};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Step, Unavailable, Value, kubelet, no_credential_yet, node, render_date, render_span, runbook,
    units,
};

/// The kubelet renews between 70 % and 90 % of the lifetime
/// (client-go, util/certificate/certificate_manager.go, nextRotationDeadline).
const LATEST_ROTATION_PERCENT: i64 = 90;

struct ClientCertExpiry;

impl Policy for ClientCertExpiry {
    fn describe() -> Description {
        Description::new(
            "client-cert-expiry",
            "The client certificate in use is not expired",
            "the client certificate that the kubelet presents is valid, and renewed before it ends",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Boot, Phase::Running])
        .parameter(
            "horizon",
            Value::Duration(30 * 86_400),
            "how far ahead an overdue renewal counts as a failure of the next boot",
        )
    }

    fn judge(at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_credential_yet()? {
            return Ok(judgement);
        }
        let now = node::taken_at();
        let credential = match certs::at_start(at)? {
            Start::Presents(credential) => credential,
            Start::Bootstraps(_) => {
                return Ok(Judgement::not_applicable(
                    "the kubelet asks for a new certificate: see kubeconfig-usable",
                ));
            }
            Start::Exits(fault) if fault.kind != "expired" => {
                return Ok(Judgement::not_applicable(
                    "the kubelet gets no certificate to present: see kubeconfig-usable",
                ));
            }
            Start::Exits(_) => match expired_credential(at, now)? {
                Some(credential) => credential,
                None => {
                    return Ok(Judgement::not_applicable(
                        "an embedded certificate has expired: see kubelet-conf-embedded-cert",
                    ));
                }
            },
            Start::Standalone | Start::Connects => {
                return Ok(Judgement::not_applicable(
                    "the kubelet presents no certificate",
                ));
            }
        };
        let Some(first) = credential
            .certificates
            .iter()
            .min_by_key(|certificate| certificate.not_after)
        else {
            return Ok(Judgement::not_applicable(
                "the credential has no certificate",
            ));
        };
        judge_certificate(at, &credential, first, now, parameters.seconds("horizon"))
    }
}

/// What has expired: the store's certificate, if the kubeconfig names it (or
/// nothing better is left). An embedded one is another policy's business.
fn expired_credential(at: Horizon, now: i64) -> Result<Option<Credential>, Unavailable> {
    let client = certs::kubelet_kubeconfig(at)?.and_then(|kubeconfig| kubeconfig.client);
    if client
        .as_ref()
        .is_some_and(|client| client.kind != "embedded")
    {
        return Ok(client);
    }
    let (certs::Store::Link(stored) | certs::Store::Regular(stored)) = certs::client_store(at)?
    else {
        return Ok(client);
    };
    // A good certificate in the store: only the embedded copy is at fault.
    let good = stored
        .certificates
        .iter()
        .all(|certificate| certificate.not_after > now);
    Ok(if good { None } else { Some(stored) })
}

fn judge_certificate(
    at: Horizon,
    credential: &Credential,
    certificate: &Certificate,
    now: i64,
    ahead: u64,
) -> Result<Judgement, Unavailable> {
    let path = credential
        .path
        .clone()
        .unwrap_or_else(|| credential.at.source.clone());
    let ends = render_date(certificate.not_after);
    let left = certificate.not_after - now;
    if left <= 0 {
        return Ok(Finding::fail(
            "expired",
            format!(
                "the client certificate in {path} expired on {ends}, {} ago",
                render_span(left.unsigned_abs())
            ),
        )
        .evidence(certificate.at.clone(), format!("notAfter {ends}"))
        // Nobody signs a new one before.
        .symptom_of("control-plane-certs/expired")
        .by_the_clock()
        .fix(runbook::new_client_certificate())
        .into());
    }
    if now < certificate.not_before {
        return Ok(not_yet_valid(certificate, &path).into());
    }
    let lifetime = certificate.not_after - certificate.not_before;
    let used_percent = (now - certificate.not_before).saturating_mul(100) / lifetime.max(1);
    let rotates =
        kubelet::setting(at, "/rotateCertificates")?.is_some_and(|setting| setting.is_true());
    let overdue = used_percent > LATEST_ROTATION_PERCENT;
    let remaining = render_span(left.unsigned_abs());
    let evidence = format!("notAfter {ends}, {used_percent} % of its lifetime used");
    let soon = overdue && at == Horizon::NextBoot && left.unsigned_abs() < ahead;
    if soon && !rotates {
        return Ok(Finding::fail(
            "expires-unrenewed",
            format!("the client certificate in {path} ends in {remaining} and nothing renews it"),
        )
        .evidence(certificate.at.clone(), evidence)
        .by_the_clock()
        .fix(rotate(at))
        .into());
    }
    if overdue {
        // The kubelet had all the time between the two to renew it.
        let latest = certificate.not_before + lifetime / 100 * LATEST_ROTATION_PERCENT;
        let failed = soon && running_since()?.is_some_and(|since| since < latest);
        let message = format!(
            "the client certificate in {path} ends in {remaining}; the kubelet should have \
             renewed it by now"
        );
        let finding = if failed {
            Finding::fail("renewal-failed", message)
        } else {
            Finding::warn("renewal-overdue", message)
        };
        return Ok(finding
            .evidence(certificate.at.clone(), evidence)
            .symptom_of("client-cert-store/not-a-link")
            .by_the_clock()
            .fix(if rotates { renew() } else { rotate(at) })
            .into());
    }
    Ok(Judgement::pass(format!(
        "the client certificate in {path} is valid until {ends}"
    )))
}

/// Since when the kubelet's process runs, if one does, in seconds since the
/// epoch.
fn running_since() -> Result<Option<i64>, Unavailable> {
    if kubelet::running()?.is_none() {
        return Ok(None);
    }
    // In microseconds.
    let started = units::property("kubelet.service", "ExecMainStartTimestamp")?;
    Ok(started
        .and_then(|started| started.parse::<i64>().ok())
        .filter(|started| *started > 0)
        .map(|started| started / 1_000_000))
}

/// The kubelet does not look at this; the API server does.
fn not_yet_valid(certificate: &Certificate, path: &str) -> Finding {
    let begins = render_date(certificate.not_before);
    Finding::warn(
        "not-yet-valid",
        format!(
            "the client certificate in {path} begins on {begins}, which by this node's clock is \
             still to come: the clock is behind, or that of the control plane was ahead"
        ),
    )
    .evidence(certificate.at.clone(), format!("notBefore {begins}"))
    .symptom_of("clock-sanity")
    .fix(Fix::new("set the clock right").step(Step::command(
        [
            "timedatectl",
            "show",
            "--property=NTPSynchronized",
            "--property=TimeUSec",
        ],
        "compare it with the control plane's clock",
    )))
}

fn renew() -> Fix {
    Fix::new("find out why it is not renewed")
        .step(
            Step::command(
                ["kubectl", "get", "certificatesigningrequests"],
                "requests of this node must be Approved,Issued; if they are Pending, nothing \
                 approves or signs them: look at kube-controller-manager",
            )
            .on(Place::Admin),
        )
        .step(Step::restart_kubelet())
}

/// The certificate is still valid, and with rotation on the kubelet renews it
/// at once.
fn rotate(at: Horizon) -> Fix {
    let fix = Fix::new("let the kubelet renew it");
    let Ok(Some(path)) = kubelet::config_path(at) else {
        return runbook::new_client_certificate();
    };
    fix.step(Step::set_value(
        path.value,
        "/rotateCertificates",
        "true",
        "turn rotation on",
    ))
    .step(Step::restart_kubelet().verify(["test", "-e", &runbook::rotated()]))
    .step(Step::note(format!(
        "then make the kubeconfig name {} as client-certificate and client-key, and restart the \
         kubelet again",
        runbook::rotated()
    )))
}

nodepol_plugin::policy!(ClientCertExpiry);
