//! containerd inside another program: it has its own file and socket.

use std::collections::BTreeMap;

use nodepol_model::{Location, Part, Unavailable};

use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// Where an embedded containerd keeps what it reads.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) unit: &'static str,
    pub(super) config: String,
    pub(super) address: Option<Sourced<String>>,
}

/// The containerd of a flavour; none if it runs the node's own.
///
/// # Errors
/// [`Unavailable`] if a file that says so could not be read.
pub(super) fn place(evidence: &Evidence, flavour: &str) -> Result<Option<Place>, Unavailable> {
    let built_in = |unit, config: &str, address: &str| Place {
        unit,
        config: config.to_owned(),
        address: Some(Sourced::new(
            address.to_owned(),
            Location::source("default"),
        )),
    };
    Ok(Some(match flavour {
        "k3s" => built_in(
            "k3s.service",
            "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
            "/run/k3s/containerd/containerd.sock",
        ),
        "rke2" => built_in(
            "rke2-agent.service",
            "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
            "/run/k3s/containerd/containerd.sock",
        ),
        "k0s" => built_in(
            "k0sworker.service",
            "/etc/k0s/containerd.toml",
            "/run/k0s/containerd.sock",
        ),
        "microk8s" => microk8s(evidence)?,
        _ => return Ok(None),
    }))
}

/// The snap passes the words of a file, in which two variables of the snap
/// stand for its directories.
fn microk8s(evidence: &Evidence) -> Result<Place, Unavailable> {
    let path = "/var/snap/microk8s/current/args/containerd";
    let variables = BTreeMap::from([
        ("${SNAP_DATA}", "/var/snap/microk8s/current"),
        ("${SNAP_COMMON}", "/var/snap/microk8s/common"),
    ]);
    let text = match evidence.text(path) {
        Part::Present(text) => text,
        Part::Absent => "",
        Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
    };
    let mut argv = vec![Sourced::new(
        "containerd".to_owned(),
        Location::source(path),
    )];
    for (line, text) in (1..).zip(text.lines()) {
        for word in text.split_whitespace() {
            let mut word = word.trim_matches('"').to_owned();
            for (variable, value) in &variables {
                word = word.replace(variable, value);
            }
            argv.push(Sourced::new(word, Location::line(path, line)));
        }
    }
    Ok(Place {
        unit: "snap.microk8s.daemon-containerd.service",
        config: super::flags::value(&argv, &["config", "c"]).map_or_else(
            || "/var/snap/microk8s/current/args/containerd.toml".to_owned(),
            |config| config.value,
        ),
        address: super::flags::value(&argv, &["address", "a"]),
    })
}
