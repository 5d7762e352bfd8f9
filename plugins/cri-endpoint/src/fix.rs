//! The way to another endpoint.

use nodepol_plugin::node::{self, JoinState};
use nodepol_plugin::{Fix, Horizon, Place, Step, Unavailable, files, kubelet, runbook};

/// What kubeadm from 1.32 on writes the endpoint to, to patch the configuration
/// with.
const INSTANCE: &str = "/var/lib/kubelet/instance-config.yaml";
const FIELD: &str = "/containerRuntimeEndpoint";

/// Makes the kubelet connect to an endpoint, wherever the next start takes it
/// from.
pub(crate) fn connect_to(url: &str) -> Result<Fix, Unavailable> {
    let at = Horizon::NextBoot;
    let mut fix = Fix::new("name the runtime that is there");
    let json = format!("\"{url}\"");
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
        let said = kubelet::setting(at, FIELD)?
            .filter(|setting| !setting.is_default && setting.at.pointer.is_some())
            .map(|setting| setting.at.source);
        let file = match (said, kubelet::config_path(at)?) {
            (Some(said), _) => Some(said),
            (None, Some(path)) if kubelet::config_present(at)? && has_field()? => Some(path.value),
            (None, _) => None,
        };
        fix = match file {
            Some(file) => fix.step(Step::set_value(
                file,
                FIELD,
                json.clone(),
                "where the installed runtime listens",
            )),
            None => fix.step(Step::note(format!(
                "give the kubelet --container-runtime-endpoint={url}, where its other flags are"
            ))),
        };
    }
    if files::lstat(INSTANCE)?.is_some() {
        fix = fix.step(Step::set_value(
            INSTANCE,
            FIELD,
            json,
            "kubeadm upgrade writes the configuration with this",
        ));
    }
    fix = fix.step(Step::restart_kubelet());
    if node::get_join_state()? == JoinState::Joined && node::flavour().value == "kubeadm" {
        fix = fix.step(
            Step::command(
                [
                    "kubectl",
                    "annotate",
                    "node",
                    &runbook::node_name(),
                    "--overwrite",
                    &format!("kubeadm.alpha.kubernetes.io/cri-socket={url}"),
                ],
                "kubeadm before 1.34 goes by this annotation at an upgrade",
            )
            .on(Place::Admin),
        );
    }
    Ok(fix)
}

/// The endpoint is a field of the configuration file since 1.27.
fn has_field() -> Result<bool, Unavailable> {
    Ok(kubelet::get_version()?.is_some_and(|version| (version.major, version.minor) >= (1, 27)))
}
