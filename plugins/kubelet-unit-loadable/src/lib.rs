//! kubelet.service exists, loads, is not masked, and its program can be run.

mod ignored;

use nodepol_plugin::units::{self, Command, ProgramState, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, no_own_kubelet, runbook,
};

const KUBELET: &str = "kubelet.service";

struct KubeletUnitLoadable;

impl Policy for KubeletUnitLoadable {
    fn describe() -> Description {
        Description::new(
            "kubelet-unit-loadable",
            "kubelet.service can be loaded and run",
            "kubelet.service exists, loads, is not masked, and its program can be run",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        let mut unit = units::get(at, KUBELET)?;
        // Of what is wrong in the files the manager tells the least.
        if at == Horizon::Now
            && unit.load_state != "loaded"
            && let Ok(read) = units::get(Horizon::NextBoot, KUBELET)
            && read.load_state == unit.load_state
        {
            unit = Unit {
                active_state: unit.active_state,
                sub_state: unit.sub_state,
                ..read
            };
        }
        if let Some(finding) = not_loaded(at, &unit) {
            return Ok(finding.into());
        }
        let mut findings = Vec::new();
        for key in ["ExecStartPre", "ExecStart"] {
            for command in units::commands(at, KUBELET, key)? {
                if !command.ignore_failure {
                    findings.extend(not_runnable(&command)?);
                }
            }
        }
        findings.extend(missing_environment_files(at)?);
        // What systemd says of the last start is a symptom of these.
        if at == Horizon::Now && findings.is_empty() {
            findings.extend(failed_to_execute(&unit)?);
        }
        findings.extend(match ignored::settings() {
            // The manager has read them, whoever may not.
            Err(_) if at == Horizon::Now => Vec::new(),
            settings => settings?,
        });
        Ok(Judgement::of(
            findings,
            "kubelet.service loads and its program can be run",
        ))
    }
}

fn not_loaded(horizon: Horizon, unit: &Unit) -> Option<Finding> {
    let at = || {
        Location::source(
            unit.fragment
                .clone()
                .unwrap_or_else(|| "systemd".to_owned()),
        )
    };
    let said = unit
        .load_error
        .clone()
        .unwrap_or_else(|| unit.load_state.clone());
    match unit.load_state.as_str() {
        "loaded" => None,
        "masked" if said.starts_with("systemd.mask=") => Some(
            Finding::fail(
                "unit-masked",
                "the kernel's command line masks kubelet.service: systemd refuses to start it",
            )
            .evidence(at(), said.clone())
            .fix(
                Fix::new("let the kernel start without it").step(Step::note(format!(
                    "take systemd.mask={KUBELET} out of the configuration of the boot loader ({})",
                    at().source
                ))),
            ),
        ),
        "masked" => Some(
            Finding::fail(
                "unit-masked",
                "kubelet.service is masked: systemd refuses to start it",
            )
            .explained(at(), "masked", "a link to /dev/null, or an empty file")
            .fix(unmask(unit)),
        ),
        "not-found" => Some(until_reboot(horizon).unwrap_or_else(|| {
            Finding::fail(
                "unit-not-found",
                "a kubelet is installed and there is no kubelet.service that starts it",
            )
            .evidence(at(), said)
            .fix(reinstall("kubelet", "bring the packaged unit back"))
        })),
        _ => Some(bad_setting(at(), &said)),
    }
}

fn bad_setting(at: Location, said: &str) -> Finding {
    let mut finding = Finding::fail(
        "unit-bad-setting",
        format!("systemd cannot load kubelet.service: {said}"),
    )
    .evidence(at, said);
    let mut fix = Fix::new("correct the unit");
    let starts = units::assignments(KUBELET, "Service", "ExecStart").unwrap_or_default();
    if let [_, .., last] = starts.as_slice() {
        fix = fix.step(Step::note(format!(
            "in {}, put a line with an empty `ExecStart=` before line {}",
            last.at.source,
            last.at.line.unwrap_or_default()
        )));
        for start in starts {
            finding = finding.seen(start);
        }
    }
    finding.fix(
        fix.step(Step::command(
            ["systemd-analyze", "verify", KUBELET],
            "see whether systemd rejects anything else",
        ))
        .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET])),
    )
}

/// A unit that is loaded now and has no file at the next boot lies in /run.
fn until_reboot(at: Horizon) -> Option<Finding> {
    if at == Horizon::Now {
        return None;
    }
    let loaded = units::get(Horizon::Now, KUBELET).ok()?;
    let file = loaded
        .fragment
        .filter(|_| loaded.load_state == "loaded" && loaded.file_state.ends_with("-runtime"))?;
    let step = if file.starts_with("/run/") {
        Step::argv(
            ["cp", &file, "/etc/systemd/system/kubelet.service"]
                .map(str::to_owned)
                .to_vec(),
            "put the unit where it stays",
        )
    } else {
        Step::argv(
            ["systemctl", "enable", &file].map(str::to_owned).to_vec(),
            "link the unit where it stays, and start it at boot",
        )
    };
    Some(
        Finding::fail(
            "unit-not-found",
            "kubelet.service is there only through /run, which is empty after a reboot",
        )
        .evidence(Location::source(file), loaded.file_state)
        .fix(
            Fix::new("keep the unit")
                .step(step)
                .step(Step::daemon_reload()),
        ),
    )
}

/// `systemctl unmask` without `--runtime` leaves a mask in /run where it is.
fn unmask(unit: &Unit) -> Fix {
    let in_run = unit.file_state == "masked-runtime"
        || unit
            .fragment
            .as_deref()
            .is_some_and(|path| path.starts_with("/run/"));
    let step = if in_run {
        Step::command(
            ["systemctl", "unmask", "--runtime", KUBELET],
            "remove the mask in /run, which a reboot would remove as well",
        )
    } else {
        Step::unit(UnitVerb::Unmask, KUBELET, "remove the mask")
    };
    Fix::new("unmask kubelet.service")
        .step(step)
        .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET]))
}

fn not_runnable(command: &Command) -> Result<Option<Finding>, Unavailable> {
    let program = &command.path;
    let (id, why) = match units::program(program)? {
        ProgramState::Runnable => return Ok(None),
        ProgramState::Missing => ("program-missing", "it does not exist".to_owned()),
        ProgramState::Dangling(target) => (
            "program-missing",
            format!("it is a link to {target}, which does not exist"),
        ),
        ProgramState::NotAFile => ("program-not-a-file", "it is not a file".to_owned()),
        ProgramState::NotExecutable => (
            "program-not-executable",
            "it has no permission to be executed".to_owned(),
        ),
        ProgramState::WrongArchitecture((built_for, runs)) => (
            "program-wrong-architecture",
            format!("it is built for {built_for} and this node is {runs}"),
        ),
        ProgramState::NoExec(mount) => (
            "program-noexec",
            format!("the file system at {mount} is mounted noexec"),
        ),
        ProgramState::MissingInterpreter(interpreter) => (
            "program-interpreter-missing",
            format!("its interpreter {interpreter} does not exist"),
        ),
        ProgramState::NotAProgram => (
            "program-not-a-program",
            "it is neither an ELF program nor a script".to_owned(),
        ),
    };
    let fix = match id {
        "program-not-executable" => Fix::new("make it executable").step(Step::argv(
            ["chmod", "0755", program].map(str::to_owned).to_vec(),
            "systemd runs it as root, and execve(2) still wants the bit",
        )),
        "program-noexec" => Fix::new("allow programs on that file system").step(Step::note(
            "remove noexec from its mount options (fstab(5) or the mount unit), or install the \
             kubelet elsewhere and change ExecStart=",
        )),
        _ if program == "/usr/bin/kubelet" => {
            reinstall("kubelet", "bring the packaged program back")
        }
        _ => Fix::new(format!("bring {program} back")).step(Step::note(format!(
            "put {program} back as this node first got it, or correct the line in {}",
            command.at.source
        ))),
    };
    Ok(Some(
        Finding::fail(id, format!("{program} cannot be run: {why}"))
            .explained(command.at.clone(), program.clone(), why)
            .fix(fix),
    ))
}

/// A file without the prefix `-` that is absent fails the start with
/// `Result=resources` (man systemd.exec, EnvironmentFile=).
fn missing_environment_files(at: Horizon) -> Result<Vec<Finding>, Unavailable> {
    let missing = units::environment_files(at, KUBELET)?
        .into_iter()
        .filter(|file| !file.optional && !file.present)
        .collect::<Vec<_>>();
    // Where nothing pulls the unit in at boot, an agent starts it, and the same
    // agent writes the file first (nodeadm on EKS does).
    if missing.is_empty() || units::pulled_in_by(KUBELET)?.is_empty() {
        return Ok(Vec::new());
    }
    Ok(missing
        .into_iter()
        .map(|file| {
            Finding::fail(
                "environment-file-missing",
                format!("kubelet.service needs {}, which does not exist", file.path),
            )
            .explained(
                file.at,
                file.path.clone(),
                "without the prefix `-` its absence fails the start",
            )
            .fix(
                Fix::new("write the file, or let it be optional").step(Step::note(format!(
                    "write {0}, or put a `-` before it: EnvironmentFile=-{0}; then systemctl \
                     daemon-reload",
                    file.path
                ))),
            )
        })
        .collect())
}

/// The exit statuses that systemd gives before the program runs (man systemd.exec,
/// PROCESS EXIT CODES).
fn failed_to_execute(unit: &Unit) -> Result<Option<Finding>, Unavailable> {
    let running = unit.active_state.as_deref() == Some("active");
    if running {
        return Ok(None);
    }
    if units::property(KUBELET, "Result")?.as_deref() == Some("resources") {
        return Ok(Some(
            Finding::fail(
                "start-resources",
                "systemd could not prepare the start: a file that the unit needs cannot be read",
            )
            .evidence(Location::source("systemd"), "Result=resources")
            .fix(what_systemd_says()),
        ));
    }
    let Some(status) = units::property(KUBELET, "ExecMainStatus")? else {
        return Ok(None);
    };
    let (name, meaning) = match status.as_str() {
        "200" => ("CHDIR", "its working directory does not exist"),
        "203" => (
            "EXEC",
            "the program could not be executed: its path, its bits, its \
                           architecture, or the SELinux label of a file that was copied there",
        ),
        "226" => (
            "NAMESPACE",
            "its mount namespace could not be set up: a path in ReadWritePaths= \
                                or BindPaths= does not exist",
        ),
        "209" => (
            "STDOUT",
            "what StandardOutput= names cannot be opened, such as a log file in a directory that \
             does not exist",
        ),
        "217" => ("USER", "the user in User= does not exist"),
        // All of systemd's own; the kubelet exits with none of them.
        "201" | "202" | "204" | "205" | "206" | "207" | "208" | "210" | "211" | "212" | "213"
        | "214" | "215" | "216" | "218" | "219" | "220" | "221" | "222" | "224" | "225" | "227"
        | "228" | "229" | "230" | "231" | "232" | "233" | "234" | "235" | "236" | "237" | "238"
        | "239" | "240" | "241" | "242" | "243" => (
            "see PROCESS EXIT CODES in systemd.exec(5)",
            "what the unit asks for could not be set up",
        ),
        _ => return Ok(None),
    };
    Ok(Some(
        Finding::fail(
            "start-failed",
            format!("systemd could not start the kubelet: {meaning}"),
        )
        .evidence(
            Location::source("systemd"),
            format!("ExecMainStatus={status} ({name})"),
        )
        .fix(what_systemd_says()),
    ))
}

fn what_systemd_says() -> Fix {
    Fix::new("take away what systemd stumbled over")
        .step(Step::command(
            [
                "journalctl",
                "--boot",
                "--unit",
                KUBELET,
                "--lines",
                "20",
                "--no-pager",
            ],
            "systemd's own lines name the path; for a program that was copied here, \
             `restorecon -v` on it gives it its SELinux label",
        ))
        .step(Step::restart_kubelet())
}

fn reinstall(package: &str, why: &str) -> Fix {
    Fix::new(format!("install {package} again"))
        .step(runbook::reinstall(package, why))
        .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET]))
}

nodepol_plugin::policy!(KubeletUnitLoadable);
