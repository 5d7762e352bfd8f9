//! The node's clock can be right.

use nodepol_plugin::certs::{self, Certificate};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, files, no_credential_yet, no_own_kubelet, node, render_date, units,
};

struct ClockSanity;

/// No node that this tool runs on was set up before 2020.
const FIRST: i64 = 1_577_836_800;
/// A file may come from a machine of which the clock is ahead.
const DAY: i64 = 86_400;

impl Policy for ClockSanity {
    fn describe() -> Description {
        Description::new(
            "clock-sanity",
            "The node's clock can be right",
            "the clock is not before the certificates and files of the node, and is kept in step",
        )
        .severity(Severity::Degraded)
        .phases(&[Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if at == Horizon::NextBoot {
            return Ok(without_battery()?.map_or_else(
                || Judgement::pass("a clock of the machine's own, or a wait for the right time"),
                Into::into,
            ));
        }
        let now = node::taken_at();
        let mut findings = Vec::new();
        findings.extend(long_ago(now));
        if findings.is_empty() {
            findings.extend(before_certificates(at, now)?);
        }
        if findings.is_empty() {
            findings.extend(before_files(now)?);
        }
        findings.extend(not_synchronised(at)?);
        Ok(Judgement::of(
            findings,
            format!("it is {}", render_date(now)),
        ))
    }
}

fn fix() -> Fix {
    Fix::new("set the clock right")
        .step(
            Step::command(
                ["timedatectl", "set-ntp", "true"],
                "keep it in step from now on; chronyd does it as well",
            )
            .verify([
                "sh",
                "-c",
                "timedatectl show --property=NTPSynchronized | grep -q yes",
            ]),
        )
        .step(Step::restart_kubelet())
}

fn long_ago(now: i64) -> Option<Finding> {
    (now < FIRST).then(|| {
        Finding::fail(
            "before-2020",
            format!(
                "by its clock it is {}: every certificate of the cluster is still to come",
                render_date(now)
            ),
        )
        .evidence(Location::source("clock"), render_date(now))
        .fix(fix())
    })
}

/// The kubelet does not look at NotBefore; the API server does.
fn before_certificates(at: Horizon, now: i64) -> Result<Option<Finding>, Unavailable> {
    if no_credential_yet()?.is_some() {
        return Ok(None);
    }
    let Some(signer) = certs::client_signer(at)? else {
        return Ok(None);
    };
    let early = |certificate: &Certificate| certificate.not_before > now;
    let certificate = std::iter::once(&signer.certificate)
        .chain(&signer.authorities)
        .filter(|certificate| early(certificate))
        .max_by_key(|certificate| certificate.not_before);
    Ok(certificate.map(|certificate| {
        Finding::fail(
            "before-certificates",
            format!(
                "by its clock it is {}, and its certificates begin on {}",
                render_date(now),
                render_date(certificate.not_before)
            ),
        )
        .evidence(
            certificate.at.clone(),
            format!("notBefore {}", render_date(certificate.not_before)),
        )
        .fix(fix())
    }))
}

fn before_files(now: i64) -> Result<Option<Finding>, Unavailable> {
    for path in [
        "/usr/bin/kubelet",
        "/usr/local/bin/kubelet",
        "/opt/bin/kubelet",
    ] {
        let Some(stat) = files::lstat(path)? else {
            continue;
        };
        if stat.modified > now + DAY {
            return Ok(Some(
                Finding::fail(
                    "before-files",
                    format!(
                        "by its clock it is {}, and {path} was written on {}",
                        render_date(now),
                        render_date(stat.modified)
                    ),
                )
                .evidence(Location::source(path), render_date(stat.modified))
                .fix(fix()),
            ));
        }
    }
    Ok(None)
}

/// systemd-timesyncd leaves a mark once it has the time; other services have
/// none that is known here.
fn not_synchronised(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    let timesyncd = units::get(at, "systemd-timesyncd.service");
    let runs = timesyncd.is_ok_and(|unit| unit.active_state.as_deref() == Some("active"));
    if !runs || files::lstat("/run/systemd/timesync/synchronized")?.is_some() {
        return Ok(None);
    }
    Ok(Some(
        Finding::warn(
            "not-synchronised",
            "systemd-timesyncd runs and has not got the time yet: dates are to be read with care",
        )
        .evidence(
            Location::source("/run/systemd/timesync/synchronized"),
            "does not exist",
        )
        .fix(
            Fix::new("look at why it gets no answer").step(Step::command(
                ["timedatectl", "timesync-status"],
                "its server must be reachable over UDP port 123",
            )),
        ),
    ))
}

/// A board without a battery starts in the past, until the network answers.
fn without_battery() -> Result<Option<Finding>, Unavailable> {
    const WAITS: [&str; 3] = [
        "systemd-time-wait-sync.service",
        "chrony-wait.service",
        "ntp-wait.service",
    ];
    let board = files::lstat("/sys/firmware/devicetree/base/model")?.is_some();
    if !board || files::lstat("/sys/class/rtc/rtc0")?.is_some() {
        return Ok(None);
    }
    for unit in WAITS {
        if units::get(Horizon::NextBoot, unit)?.file_state == "enabled" {
            return Ok(None);
        }
    }
    Ok(Some(
        Finding::warn(
            "no-battery",
            "this board has no clock that runs while it is off, and nothing makes the kubelet wait \
             for the right time",
        )
        .evidence(Location::source("/sys/class/rtc/rtc0"), "does not exist")
        .fix(
            Fix::new("wait for the time at boot")
                .step(Step::command(
                    ["systemctl", "enable", "systemd-time-wait-sync.service"],
                    "or chrony-wait.service with chrony",
                ))
                .step(Step::write_file(
                    "/etc/systemd/system/kubelet.service.d/20-time.conf",
                    0o644,
                    "[Unit]\nWants=time-sync.target\nAfter=time-sync.target\n",
                    "start the kubelet afterwards",
                ))
                .step(Step::daemon_reload()),
        ),
    ))
}

nodepol_plugin::policy!(ClockSanity);
