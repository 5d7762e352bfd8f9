//! Settings that hang on a version, a feature gate or another setting.

use super::{Done, Rules};

pub(super) fn check(rules: &mut Rules) -> Done {
    run_once(rules)?;
    server_tls_bootstrap(rules)?;
    system_log_query(rules)?;
    memory_reservation(rules)?;
    hidden_metrics(rules)?;
    const ENDPOINT: &str = "/containerRuntimeEndpoint";
    if rules.settings.text(ENDPOINT)?.as_deref() == Some("") && rules.settings.since(27)? {
        rules.broken(
            "no-endpoint",
            &[ENDPOINT],
            "the containerRuntimeEndpoint was not specified or empty",
        );
    }
    const GROUPS: [&str; 2] = ["/systemCgroups", "/cgroupRoot"];
    if rules.settings.is_set(GROUPS[0])? && !rules.settings.is_set(GROUPS[1])? {
        rules.broken(
            "system-cgroups",
            &[GROUPS[0]],
            "systemCgroups was specified and cgroupRoot was not",
        );
    }
    Ok(())
}

/// kubernetes/kubernetes#126336 refuses it since 1.32. A kubelet before that runs
/// its static pods once and ends, or dies of it (since 1.19).
fn run_once(rules: &mut Rules) -> Done {
    const FIELD: &str = "/runOnce";
    if rules.settings.is(FIELD, true)? {
        let message = match rules.settings.minor {
            Some(..32) => "runOnce: it does not stay, and has not worked since 1.19",
            _ => "runOnce true: Runonce mode has been deprecated and should not be set",
        };
        rules.broken("run-once", &[FIELD], message);
    }
    Ok(())
}

/// The gate is on by default since 1.12, so that only a person turns it off.
fn server_tls_bootstrap(rules: &mut Rules) -> Done {
    const FIELD: &str = "/serverTLSBootstrap";
    const GATE: &str = "/featureGates/RotateKubeletServerCertificate";
    if rules.settings.is(FIELD, true)? {
        rules.lacks_gate("server-tls-bootstrap", &[FIELD, GATE])?;
    }
    Ok(())
}

fn system_log_query(rules: &mut Rules) -> Done {
    const FIELD: &str = "/enableSystemLogQuery";
    const HANDLER: &str = "/enableSystemLogHandler";
    let settings = rules.settings;
    // Before 1.27 the field is none of the kubelet's.
    if !settings.is(FIELD, true)? || settings.minor.is_some_and(|minor| minor < 27) {
        return Ok(());
    }
    const GATE: &str = "/featureGates/NodeLogQuery";
    if !rules.lacks_gate("system-log-query", &[FIELD, GATE])? && settings.is(HANDLER, false)? {
        rules.broken(
            "system-log-query",
            &[FIELD, HANDLER],
            "enableSystemLogHandler is required for enableSystemLogQuery",
        );
    }
    Ok(())
}

fn memory_reservation(rules: &mut Rules) -> Done {
    const FIELD: &str = "/memoryReservationPolicy";
    let settings = rules.settings;
    if settings.minor.is_some_and(|minor| minor < 36) {
        return Ok(());
    }
    super::words::choose(rules, &[FIELD], "None TieredReservation")?;
    if settings.text(FIELD)?.as_deref() == Some("TieredReservation") {
        rules.lacks_gate("memory-reservation", &[FIELD, "/featureGates/MemoryQoS"])?;
    }
    Ok(())
}

/// k8s.io/component-base/metrics: only the minor version before this one.
fn hidden_metrics(rules: &mut Rules) -> Done {
    const FIELD: &str = "/showHiddenMetricsForVersion";
    let settings = rules.settings;
    let Some(version) = settings.text(FIELD)?.filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    settings.since(0)?;
    let before = settings.minor.unwrap_or(1).saturating_sub(1);
    if version != format!("1.{before}") {
        rules.broken(
            "hidden-metrics",
            &[FIELD],
            &format!(
                "showHiddenMetricsForVersion must be omitted or have the value '1.{before}'. Only \
                 the previous minor version is allowed"
            ),
        );
    }
    Ok(())
}
