//! CRI endpoints: as they are written, and in one form that can be compared.

use nodepol_model::{Horizon, Location, Unavailable};

use super::docker;
use crate::kubelet::Kubelet;
use crate::sourced::Sourced;

/// The path or URL as a URL, with `/run` for `/var/run`. The kubelet takes a
/// path without a scheme, and warns.
pub(super) fn canonical(written: &str) -> String {
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => ("unix", written.strip_prefix("unix:").unwrap_or(written)),
    };
    if scheme != "unix" {
        return written.to_owned();
    }
    let path = format!("/{}", rest.trim_start_matches('/'));
    let path = path
        .strip_prefix("/var/run/")
        .map_or_else(|| path.clone(), |below| format!("/run/{below}"));
    format!("unix://{path}")
}

/// What the kubelet connects to.
pub(super) fn of_kubelet(kubelet: &Kubelet, at: Horizon) -> Result<Sourced<String>, Unavailable> {
    // Up to 1.23 another flag chose the built-in shim for docker, which was the
    // default then: only where it is said is it believed.
    if let Some(shim) = kubelet.flag(at, "container-runtime")?
        && shim.value == "docker"
    {
        return Ok(Sourced::new(canonical(docker::DOCKERSHIM), shim.origin));
    }
    let configured = match kubelet.flag(at, "container-runtime-endpoint")? {
        Some(flag) => Some(flag),
        None => kubelet
            .setting(at, "/containerRuntimeEndpoint")?
            .and_then(|setting| {
                let url = setting.value.as_str()?.to_owned();
                Some(Sourced::new(url, setting.origin))
            }),
    };
    Ok(match configured {
        Some(endpoint) if !endpoint.value.is_empty() => endpoint.map(|url| canonical(&url)),
        _ => Sourced::new(
            canonical(super::containerd::DEFAULT_ADDRESS),
            Location::source("default"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_every_way_to_write_it() {
        for written in [
            "/run/crio/crio.sock",
            "unix:///var/run/crio/crio.sock",
            "unix:/run/crio/crio.sock",
            "unix:////run/crio/crio.sock",
        ] {
            assert_eq!(canonical(written), "unix:///run/crio/crio.sock");
        }
        assert_eq!(canonical("tcp://127.0.0.1:1"), "tcp://127.0.0.1:1");
    }
}
