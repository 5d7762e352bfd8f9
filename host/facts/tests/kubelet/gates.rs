//! Feature gates by release.

use nodepol_facts::kubelet::Kubelet;
use nodepol_model::Horizon;
use serde_json::{Value as Json, json};

use crate::node::kubelet;

fn with(gates: &str, version: &str) -> Kubelet {
    let config = format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
         featureGates: {{ {gates} }}\n"
    );
    kubelet(&[("/c", &config)], "/usr/bin/kubelet --config=/c", version)
}

/// The kind and whether it is fatal, of each problem.
fn problems(gates: &str, version: &str) -> Vec<(&'static str, bool)> {
    with(gates, version)
        .gate_problems(Horizon::NextBoot)
        .expect("the release decides")
        .iter()
        .map(|problem| (problem.kind, problem.fatal))
        .collect()
}

#[test]
fn a_release_has_its_own_gates() {
    assert_eq!(problems("AppArmor: true", "1.32"), []);
    assert_eq!(problems("AppArmor: true", "1.33"), [("removed-gate", true)]);
    assert_eq!(problems("AppArmor: false", "1.32"), [("locked-gate", true)]);
    assert_eq!(problems("CSIMigration: true", "1.26"), []);
    assert_eq!(
        problems("CSIMigration: true", "1.27"),
        [("removed-gate", true)]
    );
    assert_eq!(
        problems("RuntimeClass: true", "1.25"),
        [("removed-gate", true)]
    );
    assert_eq!(problems("KubeletPSI: true", "1.31"), [("later-gate", true)]);
    assert_eq!(problems("KubeletPSI: true", "1.33"), []);
    assert_eq!(problems("AllBeta: true", "1.36"), []);
}

#[test]
fn a_patch_may_have_brought_what_the_next_release_has() {
    assert_eq!(
        problems("KubeletPSI: true", "1.32"),
        [("later-gate", false)]
    );
}

#[test]
fn a_gate_that_no_release_has_may_be_a_vendors() {
    assert_eq!(problems("Acme: true", "1.36"), [("unfamiliar-gate", false)]);
    let misspelt = with("GracefulNodeShutdwn: true", "1.36");
    let problems = misspelt.gate_problems(Horizon::NextBoot).expect("known");
    assert_eq!(problems[0].nearest.as_deref(), Some("GracefulNodeShutdown"));
}

#[test]
fn releases_outside_of_the_table_are_not_guessed_at() {
    let unknown = |gates, version| {
        with(gates, version)
            .gate_problems(Horizon::NextBoot)
            .is_err()
    };
    assert!(unknown("GracefulNodeShutdown: true", "1.24"));
    assert!(unknown("GracefulNodeShutdown: true", "1.37"));
    assert!(unknown("Acme: true", "1.37"));
    assert!(unknown("NodeSwap: true", "1.37"));
    // What went is gone, and what was locked does not come back.
    assert_eq!(problems("AppArmor: true", "1.38"), [("removed-gate", true)]);
    assert_eq!(problems("NodeSwap: false", "1.38"), [("locked-gate", true)]);
    // One that is wrong for certain decides.
    assert_eq!(
        problems("AppArmor: true, GracefulNodeShutdown: true", "1.38"),
        [("removed-gate", true)]
    );
}

#[test]
fn an_unset_gate_is_as_the_release_has_it() {
    let value = |gates, version, name: &str| -> Option<Json> {
        with(gates, version)
            .setting(Horizon::NextBoot, &format!("/featureGates/{name}"))
            .expect("it is known")
            .map(|gate| gate.value)
    };
    assert_eq!(value("Acme: true", "1.29", "NodeSwap"), Some(json!(false)));
    assert_eq!(value("Acme: true", "1.30", "NodeSwap"), Some(json!(true)));
    assert_eq!(
        value("NodeSwap: false", "1.30", "NodeSwap"),
        Some(json!(false))
    );
    assert_eq!(
        value("AllAlpha: true", "1.29", "NodeSwap"),
        Some(json!(false))
    );
    assert_eq!(value("Acme: true", "1.33", "AppArmor"), None);
    assert_eq!(value("Acme: true", "1.38", "NodeSwap"), None);
}

fn gate(gates: &str, version: &str, name: &str) -> Option<Json> {
    let setting = with(gates, version)
        .setting(Horizon::NextBoot, &format!("/featureGates/{name}"))
        .expect("it is known");
    setting.map(|setting| setting.value)
}

#[test]
fn groups_switch_the_gates_of_their_stage_that_nobody_sets() {
    const NAME: &str = "KubeletCgroupDriverFromCRI";
    let on = Some(json!(true));
    let off = Some(json!(false));
    assert_eq!(gate("AllAlpha: true", "1.29", NAME), on);
    assert_eq!(gate("AllBeta: true", "1.29", NAME), off);
    assert_eq!(gate("AllBeta: false", "1.31", NAME), off);
    assert_eq!(gate("AllAlpha: false", "1.31", NAME), on);
    assert_eq!(gate("AllBeta: false", "1.34", NAME), on);
    assert_eq!(
        gate(&format!("AllBeta: false, {NAME}: true"), "1.31", NAME),
        on
    );
    // Beta, and off by default.
    assert_eq!(gate("AllBeta: true", "1.28", "NodeSwap"), on);
    // Its stage in that release is not known.
    assert_eq!(
        gate("AllBeta: true", "1.28", "DevicePluginCDIDevices"),
        None
    );
    assert_eq!(gate("A: true", "1.28", "DevicePluginCDIDevices"), off);
}

#[test]
fn a_group_says_where_it_stands() {
    let kubelet = with("AllBeta: false", "1.31");
    let setting = kubelet
        .setting(Horizon::NextBoot, "/featureGates/GracefulNodeShutdown")
        .expect("it is known")
        .expect("it is set");
    assert_eq!(
        setting.origin.pointer.as_deref(),
        Some("/featureGates/AllBeta")
    );
    assert!(!setting.is_default);
}

#[test]
fn a_group_may_turn_off_what_a_gate_needs() {
    // GracefulNodeShutdownBasedOnPodPriority goes with it.
    assert_eq!(problems("AllBeta: false", "1.35"), []);
    assert_eq!(
        problems(
            "AllBeta: false, GracefulNodeShutdownBasedOnPodPriority: true",
            "1.35"
        ),
        [("needed-gate", true)]
    );
}
