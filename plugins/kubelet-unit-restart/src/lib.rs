//! kubelet.service is started again whenever it ends, for ever.

use nodepol_plugin::units::{self, ServiceSettings};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, kubelet, no_own_kubelet, runbook,
};

const KUBELET: &str = "kubelet.service";
const SECOND: u64 = 1_000_000;

struct KubeletUnitRestart;

impl Policy for KubeletUnitRestart {
    fn describe() -> Description {
        Description::new(
            "kubelet-unit-restart",
            "kubelet.service is always started again",
            "Restart=always, and no start limit that turns a slow boot into a permanent failure",
        )
        .severity(Severity::BootBlocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let Some(service) = units::service(at, KUBELET)? else {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        };
        let mut findings = Vec::new();
        if at == Horizon::Now {
            findings.extend(start_limit_hit(&service)?);
        }
        findings.extend(restart_policy(&service)?);
        findings.extend(start_limit(&service)?);
        findings.extend(ignored_start_limit()?);
        findings.extend(watchdog(&service)?);
        Ok(Judgement::of(
            findings,
            format!("Restart={}, no start limit ends it", service.restart),
        ))
    }
}

/// A unit that is always started again and yet `failed` is one that systemd has
/// given up on; `Result` often keeps saying how the last start failed.
fn start_limit_hit(service: &ServiceSettings) -> Result<Option<Finding>, Unavailable> {
    let unit = units::get(Horizon::Now, KUBELET)?;
    let result = units::property(KUBELET, "Result")?.unwrap_or_default();
    let given_up = unit.active_state.as_deref() == Some("failed")
        && service.start_limit_interval_usec > 0
        && service.start_limit_burst > 0
        && ["always", "on-failure"].contains(&service.restart.as_str());
    if result != "start-limit-hit" && !given_up {
        return Ok(None);
    }
    let restarts = units::property(KUBELET, "NRestarts")?.unwrap_or_default();
    Ok(Some(
        Finding::fail(
            "start-limit-hit",
            "systemd has given up on the kubelet: it was started too often and is not tried again",
        )
        .evidence(
            Location::source("systemd"),
            format!("ActiveState=failed, Result={result}, NRestarts={restarts}"),
        )
        .fix(
            unlimited()?
                .step(Step::unit(
                    UnitVerb::ResetFailed,
                    KUBELET,
                    "forget the starts that were counted",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

fn restart_policy(service: &ServiceSettings) -> Result<Option<Finding>, Unavailable> {
    let place = setting("Service", "Restart")?;
    Ok(match service.restart.as_str() {
        "always" => None,
        "on-failure" => Some(
            Finding::note(
                "restart-on-failure",
                "Restart=on-failure: a kubelet that exits with 0 is not started again",
            )
            .evidence(place, "on-failure"),
        ),
        other => Some(
            Finding::fail(
                "restart-policy",
                format!("Restart={other}: a kubelet that fails once stays down"),
            )
            .explained(
                place,
                other,
                "the kubelet exits with 1 on nearly every error of its start",
            )
            .fix(unlimited()?),
        ),
    })
}

/// man systemd.unit, StartLimitIntervalSec=: more than `burst` starts within the
/// interval and the unit is not started any more, Restart= or not.
fn start_limit(service: &ServiceSettings) -> Result<Option<Finding>, Unavailable> {
    let (interval, burst) = (service.start_limit_interval_usec, service.start_limit_burst);
    let limited = interval > 0 && burst > 0 && service.restart != "no";
    if !limited || service.restart_usec.saturating_mul(burst.into()) >= interval {
        return Ok(None);
    }
    let message = if interval == u64::MAX {
        format!("after {burst} starts, however far apart, systemd gives up on the kubelet for good")
    } else {
        format!(
            "{burst} quick failures within {} and systemd gives up on the kubelet for good: \
             a runtime that comes up a little late is enough",
            seconds(interval)
        )
    };
    Ok(Some(
        Finding::fail("start-limit", message)
            .evidence(
                setting("Service", "RestartSec")?,
                format!("RestartSec={}", seconds(service.restart_usec)),
            )
            .evidence(
                setting("Unit", "StartLimitIntervalSec")?,
                format!(
                    "StartLimitIntervalSec={}, StartLimitBurst={burst}",
                    seconds(interval)
                ),
            )
            .fix(unlimited()?),
    ))
}

/// Only the old name `StartLimitInterval=` is still read in [Service]
/// (systemd, load-fragment-gperf.gperf.in).
fn ignored_start_limit() -> Result<Option<Finding>, Unavailable> {
    let ignored = units::assignments(KUBELET, "Service", "StartLimitIntervalSec")?;
    let Some(ignored) = ignored.into_iter().last() else {
        return Ok(None);
    };
    Ok(Some(
        Finding::warn(
            "start-limit-ignored",
            "StartLimitIntervalSec= in [Service] is an unknown key and ignored",
        )
        .explained(ignored.at, ignored.value, "it belongs in [Unit]")
        .fix(unlimited()?),
    ))
}

/// The kubelet answers the watchdog since 1.32 and refuses one of a second or
/// less (pkg/kubelet/watchdog/watchdog_linux.go).
fn watchdog(service: &ServiceSettings) -> Result<Option<Finding>, Unavailable> {
    if service.watchdog_usec == 0 || service.watchdog_usec == u64::MAX {
        return Ok(None);
    }
    let place = setting("Service", "WatchdogSec")?;
    let text = format!("WatchdogSec={}", seconds(service.watchdog_usec));
    let Some(version) = kubelet::get_version()? else {
        return Err(Unavailable {
            source: "kubelet --version".to_owned(),
            reason: "whether this kubelet answers a watchdog hangs on its version".to_owned(),
        });
    };
    let fix = Fix::new("take the watchdog away")
        .step(runbook::last_drop_in(
            KUBELET,
            "no-watchdog.conf",
            "[Service]\nWatchdogSec=0\n",
        )?)
        .step(Step::daemon_reload())
        .step(Step::restart_kubelet());
    if (version.major, version.minor) < (1, 32) {
        return Ok(Some(
            Finding::fail(
                "watchdog-not-answered",
                format!(
                    "kubelet {} answers no watchdog: systemd kills it again and again",
                    version.text
                ),
            )
            .evidence(place, text)
            .fix(fix),
        ));
    }
    if service.watchdog_usec <= SECOND {
        return Ok(Some(
            Finding::fail(
                "watchdog-too-short",
                "the kubelet exits with `configure watchdog timeout too small`",
            )
            .evidence(place, text)
            .fix(fix),
        ));
    }
    Ok(None)
}

/// Where a setting stands; the built-in default if no file sets it.
fn setting(section: &str, key: &str) -> Result<Location, Unavailable> {
    let set = units::assignments(KUBELET, section, key)?;
    Ok(set
        .into_iter()
        .last()
        .map_or_else(|| Location::source("systemd default"), |set| set.at))
}

fn unlimited() -> Result<Fix, Unavailable> {
    Ok(
        Fix::new("start the kubelet again for ever, every 10 seconds")
            .step(runbook::last_drop_in(
                KUBELET,
                "restart.conf",
                "[Unit]\nStartLimitIntervalSec=0\n\n[Service]\nRestart=always\nRestartSec=10\n",
            )?)
            .step(Step::daemon_reload().verify([
                "systemctl",
                "show",
                "--property=Restart,StartLimitIntervalUSec",
                KUBELET,
            ])),
    )
}

fn seconds(usec: u64) -> String {
    if usec == u64::MAX {
        return "infinity".to_owned();
    }
    let text = format!("{}.{:03}", usec / SECOND, usec % SECOND / 1_000);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

nodepol_plugin::policy!(KubeletUnitRestart);
