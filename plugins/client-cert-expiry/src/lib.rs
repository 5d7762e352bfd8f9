//! The client certificate that the kubelet presents is not expired, and is
//! renewed in time.

use nodepol_plugin::certs::{self, Certificate, Credential, Start};
use nodepol_plugin::{
    Description, Finding, Horizon, Judgement, Parameters, Phase, Policy, Severity, Unavailable,
    Value, kubelet, no_own_kubelet, node, render_date, render_span, runbook,
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
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let now = node::taken_at();
        let credential = match certs::at_start(at)? {
            Start::Presents(credential) => credential,
            Start::Bootstraps(fault) | Start::Exits(fault) if fault.kind != "expired" => {
                return Ok(Judgement::not_applicable(
                    "the kubelet gets no certificate to present: see kubeconfig-usable",
                ));
            }
            Start::Bootstraps(_) | Start::Exits(_) => match expired_credential(at, now)? {
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
        .fix(runbook::new_client_certificate()?)
        .into());
    }
    let lifetime = certificate.not_after - certificate.not_before;
    let used_percent = (now - certificate.not_before).saturating_mul(100) / lifetime.max(1);
    let rotates =
        kubelet::setting(at, "/rotateCertificates")?.is_some_and(|setting| setting.is_true());
    let overdue = used_percent > LATEST_ROTATION_PERCENT;
    let remaining = render_span(left.unsigned_abs());
    let evidence = format!("notAfter {ends}, {used_percent} % of its lifetime used");
    if overdue && at == Horizon::NextBoot && left.unsigned_abs() < ahead && !rotates {
        return Ok(Finding::fail(
            "expires-unrenewed",
            format!("the client certificate in {path} ends in {remaining} and nothing renews it"),
        )
        .evidence(certificate.at.clone(), evidence)
        .fix(runbook::new_client_certificate()?)
        .into());
    }
    if overdue {
        return Ok(Finding::warn(
            "renewal-overdue",
            format!(
                "the client certificate in {path} ends in {remaining}; the kubelet should have \
                 renewed it by now"
            ),
        )
        .evidence(certificate.at.clone(), evidence)
        .into());
    }
    Ok(Judgement::pass(format!(
        "the client certificate in {path} is valid until {ends}"
    )))
}

nodepol_plugin::policy!(ClientCertExpiry);
