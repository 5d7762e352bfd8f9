//! The node's clock can be right.

use nodepol_plugin::certs::{self, Certificate, Start, Store};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Place, Policy,
    Severity, Step, Unavailable, UnitVerb, files, no_credential_yet, no_own_kubelet, node,
    render_date, runbook, units,
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
            // What a machine has of a clock shows while a kernel runs on it.
            if node::kernel_release()?.is_none() {
                return Ok(Judgement::not_applicable(
                    "whether the machine keeps the time while it is off cannot be told from its \
                     files",
                ));
            }
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
            findings.extend(before_files(at, now)?);
        }
        findings.extend(not_synchronised(at, now)?);
        Ok(Judgement::of(
            findings,
            format!("it is {}", render_date(now)),
        ))
    }
}

/// Who keeps a clock in step, and what waits until it is.
const DAEMONS: [(&str, &str); 4] = [
    ("chronyd.service", "chrony-wait.service"),
    ("chrony.service", "chrony-wait.service"),
    (
        "systemd-timesyncd.service",
        "systemd-time-wait-sync.service",
    ),
    ("ntpd.service", "ntp-wait.service"),
];

/// Services that end once the time is right.
const WAITS: [&str; 3] = [
    "systemd-time-wait-sync.service",
    "chrony-wait.service",
    "ntp-wait.service",
];

/// The daemon that is installed, the one that runs before the others.
fn daemon(at: Horizon) -> Option<(&'static str, &'static str)> {
    let runs = |(unit, _): &&(&str, &str)| {
        units::get(at, unit).is_ok_and(|unit| unit.active_state.as_deref() == Some("active"))
    };
    // The manager forgets a unit that nothing asks for.
    let loads = |(unit, _): &&(&str, &str)| {
        units::get(Horizon::NextBoot, unit).is_ok_and(|unit| unit.load_state == "loaded")
    };
    DAEMONS
        .iter()
        .find(runs)
        .or_else(|| DAEMONS.iter().find(loads))
        .copied()
}

fn fix() -> Fix {
    let mut fix = Fix::new("set the clock right");
    let synchronised = [
        "sh",
        "-c",
        "timedatectl show --property=NTPSynchronized | grep -q yes",
    ];
    match daemon(Horizon::Now) {
        Some((unit, _)) if unit.starts_with("chrony") => {
            fix = fix
                .step(Step::unit(
                    UnitVerb::Enable,
                    unit,
                    "keep it in step from now on",
                ))
                .step(Step::unit(UnitVerb::Start, unit, "and now"))
                .step(
                    Step::command(
                        ["chronyc", "makestep"],
                        "by itself it turns a clock that is far off only slowly",
                    )
                    .verify(synchronised),
                );
        }
        Some(_) => {
            fix = fix.step(
                Step::command(
                    ["timedatectl", "set-ntp", "true"],
                    "keep it in step from now on",
                )
                .verify(synchronised),
            );
        }
        None => {
            fix = fix.step(Step::note(
                "set it by `date --utc --set=\u{2026}`, and install chrony or systemd-timesyncd: nothing \
                 on this node keeps it in step",
            ));
        }
    }
    fix.step(Step::command(
        ["hwclock", "--systohc"],
        "the next boot starts with the time of the machine's own clock, if it has one",
    ))
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
        .evidence(Location::source("clock"), render_date(now))
        .evidence(
            certificate.at.clone(),
            format!("notBefore {}", render_date(certificate.not_before)),
        )
        .fix(fix())
    }))
}

/// The kubelet's program, the system's own date, and the mark that
/// systemd-timesyncd leaves each time it gets the right time.
fn before_files(at: Horizon, now: i64) -> Result<Option<Finding>, Unavailable> {
    let mut paths = Vec::new();
    if let Ok(commands) = units::commands(at, "kubelet.service", "ExecStart") {
        paths.extend(
            commands
                .into_iter()
                .map(|command| command.path)
                .filter(|path| path.starts_with('/')),
        );
    }
    for path in [
        "/usr/bin/kubelet",
        "/usr/lib/os-release",
        "/usr/lib/clock-epoch",
        "/var/lib/systemd/timesync/clock",
    ] {
        if paths.iter().all(|known| known != path) {
            paths.push(path.to_owned());
        }
    }
    for path in paths {
        let Some(stat) = files::lstat(&path)? else {
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
                .evidence(Location::source("clock"), render_date(now))
                .evidence(Location::source(path), render_date(stat.modified))
                .fix(fix()),
            ));
        }
    }
    Ok(None)
}

/// Why the time is not known to be right: systemd-timesyncd leaves a mark once it
/// has it, and a service that waits for it has not ended. Others say nothing that
/// is known here.
fn unsynchronised(
    at: Horizon,
) -> Result<Option<(&'static str, Location, &'static str)>, Unavailable> {
    const MARK: &str = "/run/systemd/timesync/synchronized";
    let state = |unit: &str| units::get(at, unit).ok().and_then(|unit| unit.active_state);
    if state("systemd-timesyncd.service").as_deref() == Some("active")
        && files::lstat(MARK)?.is_none()
    {
        return Ok(Some((
            "systemd-timesyncd runs and has not got the time yet",
            Location::source(MARK),
            "does not exist",
        )));
    }
    for unit in WAITS {
        let says = match state(unit).as_deref() {
            Some("activating") => "still waits for the right time",
            Some("failed") => "gave up waiting for the right time",
            _ => continue,
        };
        return Ok(Some((
            says,
            Location::source(unit),
            "it ends once the time is right",
        )));
    }
    Ok(None)
}

/// What of the node's credential has expired by its clock: the certificate without
/// which the kubelet gets no access, or every CA certificate.
fn expired(at: Horizon, now: i64) -> Option<Certificate> {
    let is_over = |certificate: &Certificate| certificate.not_after < now;
    let mut credential = match certs::at_start(at).ok()? {
        Start::Presents(credential) => credential.certificates,
        Start::Exits(fault) | Start::Bootstraps(fault) if fault.kind == "expired" => {
            let named = certs::kubelet_kubeconfig(at)
                .ok()
                .flatten()
                .and_then(|kubeconfig| kubeconfig.client)
                .map_or_else(Vec::new, |client| client.certificates);
            match certs::client_store(at) {
                Ok(Store::Link(stored) | Store::Regular(stored)) => {
                    named.into_iter().chain(stored.certificates).collect()
                }
                _ => named,
            }
        }
        _ => return None,
    };
    credential.retain(is_over);
    let mut authorities = certs::client_signer(at)
        .ok()
        .flatten()
        .map_or_else(Vec::new, |signer| signer.authorities);
    if !authorities.iter().all(is_over) {
        authorities.clear();
    }
    credential.into_iter().chain(authorities).next()
}

fn not_synchronised(at: Horizon, now: i64) -> Result<Option<Finding>, Unavailable> {
    let Some((why, place, says)) = unsynchronised(at)? else {
        return Ok(None);
    };
    let why = if place.source.ends_with(".service") {
        format!("{} {why}", place.source)
    } else {
        why.to_owned()
    };
    let servers = match daemon(at) {
        Some((unit, _)) if unit.starts_with("chrony") => Step::command(
            ["chronyc", "-n", "sources"],
            "its servers must be reachable over UDP port 123",
        ),
        Some((unit, _)) if unit.starts_with("ntp") => Step::command(
            ["ntpq", "-pn"],
            "its servers must be reachable over UDP port 123",
        ),
        _ => Step::command(
            ["timedatectl", "timesync-status"],
            "its server must be reachable over UDP port 123",
        ),
    };
    let Some(certificate) = expired(at, now) else {
        return Ok(Some(
            Finding::warn(
                "not-synchronised",
                format!("{why}: dates are to be read with care"),
            )
            .evidence(place, says)
            .fix(Fix::new("look at why it gets no answer").step(servers)),
        ));
    };
    // Two readings, of which one is wrong.
    Ok(Some(
        Finding::fail(
            "not-synchronised-and-expired",
            format!(
                "{why}. By this clock it is {}, and a certificate ended on {}: which of the two is \
                 wrong cannot be told before the clock is right",
                render_date(now),
                render_date(certificate.not_after)
            ),
        )
        .evidence(place, says)
        .evidence(Location::source("clock"), render_date(now))
        .evidence(
            certificate.at.clone(),
            format!("notAfter {}", render_date(certificate.not_after)),
        )
        .fix(
            Fix::new("find out which of the two is wrong, before anything is renewed")
                .step(
                    Step::command(["date", "--utc"], "the time of the control plane")
                        .on(Place::ControlPlane),
                )
                .step(Step::command(["date", "--utc"], "the time of this node"))
                .step(servers)
                .step(Step::note(
                    "where they differ, set this clock right as below; where they agree, the \
                     certificate has expired, and client-cert-expiry, kubelet-conf-embedded-cert or \
                     client-cert-issuer tells the way out",
                ))
                .followed_by(fix()),
        ),
    ))
}

/// A board without a battery starts in the past, until the network answers.
fn without_battery() -> Result<Option<Finding>, Unavailable> {
    let board = files::lstat("/sys/firmware/devicetree/base/model")?.is_some();
    if !board || files::lstat("/sys/class/rtc/rtc0")?.is_some() {
        return Ok(None);
    }
    let before = units::ordered_before("kubelet.service")?;
    if before.iter().any(|unit| WAITS.contains(&unit.as_str())) {
        return Ok(None);
    }
    let mut enabled = None;
    for unit in WAITS {
        if units::get(Horizon::NextBoot, unit)?.file_state == "enabled" {
            enabled = Some(unit);
            break;
        }
    }
    let finding = Finding::warn(
        "no-battery",
        "this board has no clock that runs while it is off, and nothing makes the kubelet wait \
         for the right time",
    )
    .evidence(Location::source("/sys/class/rtc/rtc0"), "does not exist");
    let finding = match enabled {
        Some(unit) => finding.explained(
            Location::source(unit),
            "enabled",
            "it waits, and kubelet.service is not ordered after time-sync.target",
        ),
        None => finding,
    };
    let mut fix = Fix::new("wait for the time at boot");
    if enabled.is_none() {
        let waits = daemon(Horizon::NextBoot).map_or(WAITS[0], |(_, waits)| waits);
        fix = fix.step(
            Step::unit(UnitVerb::Enable, waits, "it ends once the time is right").verify([
                "systemctl",
                "is-enabled",
                waits,
            ]),
        );
    }
    Ok(Some(
        finding.fix(
            fix.step(runbook::last_drop_in(
                "kubelet.service",
                "time.conf",
                "[Unit]\nWants=time-sync.target\nAfter=time-sync.target\n",
            )?)
            .step(Step::daemon_reload().verify([
                "sh",
                "-c",
                "systemctl show --property=After kubelet.service | grep -qw time-sync.target",
            ])),
        ),
    ))
}

nodepol_plugin::policy!(ClockSanity);
