//! The way to another endpoint.

use nodepol_plugin::{Fix, Horizon, Step, Unavailable, endpoint, files, kubelet, runbook};

/// What kubeadm from 1.32 on writes the endpoint to, to patch the configuration
/// with.
const INSTANCE: &str = "/var/lib/kubelet/instance-config.yaml";

/// Makes the kubelet connect to an endpoint, wherever the next start takes it
/// from.
pub(crate) fn connect_to(url: &str) -> Result<Fix, Unavailable> {
    let at = Horizon::NextBoot;
    let mut fix = Fix::new("name the runtime that is there");
    if let Some(flag) = kubelet::flag(at, "container-runtime-endpoint")? {
        fix = fix.step(Step::note(format!(
            "write --container-runtime-endpoint={url} in place of \
             --container-runtime-endpoint={} in {}",
            flag.value, flag.at.source
        )));
        if runbook::is_of_a_unit(&flag.at.source) {
            fix = fix.step(Step::daemon_reload());
        }
    } else {
        fix = fix.step(endpoint::name(url, "where the installed runtime listens")?);
    }
    if files::lstat(INSTANCE)?.is_some() {
        fix = fix.step(Step::set_value(
            INSTANCE,
            endpoint::FIELD,
            format!("\"{url}\""),
            "kubeadm upgrade writes the configuration with this",
        ));
    }
    Ok(fix
        .step(Step::restart_kubelet())
        .steps(endpoint::annotate(url)?))
}
