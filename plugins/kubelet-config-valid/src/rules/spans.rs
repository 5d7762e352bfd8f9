//! Durations.

use super::{Done, Rules};

const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;

pub(super) fn check(rules: &mut Rules) -> Done {
    shutdown(rules)?;
    shutdown_by_priority(rules)?;
    cfs_quota_period(rules)?;
    image_age(rules)?;
    crash_loop(rules)?;
    const INTERVAL: &str = "/containerLogMonitorInterval";
    if let Some(interval) = rules.settings.nanoseconds(INTERVAL)?
        && interval < 3 * SECOND
    {
        rules.broken(
            "container-log",
            &[INTERVAL],
            "containerLogMonitorInterval must be at least 3 s",
        );
    }
    const FLUSH: &str = "/logging/flushFrequency";
    if let Some(frequency) = rules.settings.nanoseconds(FLUSH)?
        && frequency <= 0
    {
        rules.broken(
            "logging",
            &[FLUSH],
            "logging.flushFrequency must be greater than zero",
        );
    }
    Ok(())
}

const SHUTDOWN: [&str; 2] = ["/shutdownGracePeriod", "/shutdownGracePeriodCriticalPods"];

fn shutdown_spans(rules: &Rules) -> Result<[i64; 2], nodepol_plugin::Unavailable> {
    let whole = rules.settings.nanoseconds(SHUTDOWN[0])?;
    let critical = rules.settings.nanoseconds(SHUTDOWN[1])?;
    Ok([whole.unwrap_or(0), critical.unwrap_or(0)])
}

fn shutdown(rules: &mut Rules) -> Done {
    const GATE: &str = "/featureGates/GracefulNodeShutdown";
    let [whole, critical] = shutdown_spans(rules)?;
    if whole <= 0 && critical <= 0 && rules.settings.is(GATE, false)? {
        return Ok(());
    }
    if rules.lacks_gate("shutdown-grace-period", &[SHUTDOWN[0], GATE])? {
        return Ok(());
    }
    if whole < 0 || critical < 0 || critical > whole {
        rules.broken(
            "shutdown-grace-period",
            &SHUTDOWN,
            "shutdownGracePeriodCriticalPods must be between 0 and shutdownGracePeriod",
        );
    }
    if [whole, critical]
        .into_iter()
        .any(|span| span > 0 && span < SECOND)
    {
        rules.broken(
            "shutdown-grace-period",
            &SHUTDOWN,
            "shutdownGracePeriod and its part must be 0 or at least 1 s",
        );
    }
    Ok(())
}

fn shutdown_by_priority(rules: &mut Rules) -> Done {
    const FIELD: &str = "/shutdownGracePeriodByPodPriority";
    const GATE: &str = "/featureGates/GracefulNodeShutdownBasedOnPodPriority";
    let list = rules.settings.json(FIELD)?;
    if list.is_none_or(|list| list.items().is_empty()) {
        return Ok(());
    }
    if !rules.lacks_gate("shutdown-by-priority", &[FIELD, GATE])?
        && shutdown_spans(rules)? != [0, 0]
    {
        rules.broken(
            "shutdown-by-priority",
            &[FIELD, SHUTDOWN[0], SHUTDOWN[1]],
            "shutdownGracePeriodByPodPriority and shutdownGracePeriod exclude each other",
        );
    }
    Ok(())
}

fn cfs_quota_period(rules: &mut Rules) -> Done {
    const FIELD: &str = "/cpuCFSQuotaPeriod";
    const GATE: &str = "/featureGates/CustomCPUCFSQuotaPeriod";
    let Some(period) = rules.settings.nanoseconds(FIELD)? else {
        return Ok(());
    };
    if period == 100 * MILLISECOND {
        return Ok(());
    }
    // What the gate is by default changed in 1.36.
    let settings = rules.settings;
    let is_off = settings.is(GATE, false)? || (!settings.is(GATE, true)? && !settings.since(36)?);
    if is_off {
        rules.broken(
            "cfs-quota-period",
            &[FIELD],
            "cpuCFSQuotaPeriod is not 100ms and the feature gate CustomCPUCFSQuotaPeriod is off",
        );
    } else if !(MILLISECOND..=SECOND).contains(&period) {
        rules.broken(
            "cfs-quota-period",
            &[FIELD],
            "cpuCFSQuotaPeriod must be between 1ms and 1s, inclusive",
        );
    }
    Ok(())
}

fn image_age(rules: &mut Rules) -> Done {
    const MAXIMUM: &str = "/imageMaximumGCAge";
    const MINIMUM: &str = "/imageMinimumGCAge";
    const GATE: &str = "/featureGates/ImageMaximumGCAge";
    let settings = rules.settings;
    let least = settings.nanoseconds(MINIMUM)?.unwrap_or(0);
    if least < 0 && settings.since(36)? {
        rules.broken(
            "image-age",
            &[MINIMUM],
            "imageMinimumGCAge must not be negative",
        );
    }
    // Before 1.29 the field is none of the kubelet's.
    let most = settings.nanoseconds(MAXIMUM)?.unwrap_or(0);
    if most == 0 || settings.minor.is_some_and(|minor| minor < 29) {
        return Ok(());
    }
    if rules.lacks_gate("image-age", &[MAXIMUM, GATE])? {
        return Ok(());
    }
    let message = if most < 0 {
        "imageMaximumGCAge must not be negative"
    } else if most <= least {
        "imageMaximumGCAge must be greater than imageMinimumGCAge"
    } else {
        return Ok(());
    };
    rules.broken("image-age", &[MAXIMUM, MINIMUM], message);
    Ok(())
}

fn crash_loop(rules: &mut Rules) -> Done {
    const FIELD: &str = "/crashLoopBackOff/maxContainerRestartPeriod";
    const GATE: &str = "/featureGates/KubeletCrashLoopBackOffMax";
    let settings = rules.settings;
    if settings.said(FIELD)?.is_none() {
        return Ok(());
    }
    let period = settings.nanoseconds(FIELD)?.unwrap_or(SECOND);
    if rules.lacks_gate("crash-loop-back-off", &[FIELD, GATE])? {
        return Ok(());
    }
    if !(SECOND..=300 * SECOND).contains(&period) && settings.since(32)? {
        rules.broken(
            "crash-loop-back-off",
            &[FIELD],
            "crashLoopBackOff.maxContainerRestartPeriod must be between 1s and 300s",
        );
    }
    Ok(())
}
