//! kubelet.service exists, loads, is not masked, and its program can be run.

use nodepol_plugin::units::{self, Command, ProgramState, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, UnitVerb, no_own_kubelet, node,
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
        let unit = units::get(at, KUBELET)?;
        if let Some(finding) = not_loaded(&unit) {
            return Ok(finding.into());
        }
        let mut findings = Vec::new();
        if let Some(command) = units::commands(at, KUBELET, "ExecStart")?
            .into_iter()
            .next()
        {
            findings.extend(not_runnable(&command)?);
        }
        findings.extend(missing_environment_files(at)?);
        if at == Horizon::Now {
            findings.extend(failed_to_execute(&unit)?);
        }
        Ok(Judgement::of(
            findings,
            "kubelet.service loads and its program can be run",
        ))
    }
}

fn not_loaded(unit: &Unit) -> Option<Finding> {
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
        "masked" => Some(
            Finding::fail(
                "unit-masked",
                "kubelet.service is masked: systemd refuses to start it",
            )
            .explained(at(), "masked", "a link to /dev/null, or an empty file")
            .fix(
                Fix::new("unmask kubelet.service")
                    .step(Step::unit(UnitVerb::Unmask, KUBELET, "remove the mask"))
                    .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET])),
            ),
        ),
        "not-found" => Some(
            Finding::fail(
                "unit-not-found",
                "a kubelet is installed and there is no kubelet.service that starts it",
            )
            .evidence(at(), said)
            .fix(reinstall("kubelet", "bring the packaged unit back")),
        ),
        _ => Some(
            Finding::fail(
                "unit-bad-setting",
                format!("systemd cannot load kubelet.service: {said}"),
            )
            .evidence(at(), said)
            .fix(
                Fix::new("correct the unit")
                    .step(Step::command(
                        ["systemd-analyze", "verify", KUBELET],
                        "see what systemd rejects; a drop-in that sets ExecStart= must \
                             first reset it with an empty ExecStart=",
                    ))
                    .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET])),
            ),
        ),
    }
}

fn not_runnable(command: &Command) -> Result<Option<Finding>, Unavailable> {
    let Some(program) = command.argv.first() else {
        return Ok(None);
    };
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
        _ => reinstall("kubelet", "bring the packaged program back"),
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
            .evidence(Location::source("systemd"), "Result=resources"),
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
        ),
    ))
}

fn reinstall(package: &str, why: &str) -> Fix {
    let is_like = |ids: &[&str]| {
        node::os().ok().flatten().is_some_and(|os| {
            ids.contains(&os.id.as_str()) || os.id_like.iter().any(|id| ids.contains(&id.as_str()))
        })
    };
    let step = if is_like(&["debian", "ubuntu"]) {
        Step::command(["apt-get", "install", "--reinstall", package], why)
    } else if is_like(&["rhel", "fedora", "centos"]) {
        Step::command(["dnf", "reinstall", package], why)
    } else {
        Step::note(format!(
            "install {package} again, as this node first got it"
        ))
    };
    Fix::new(format!("install {package} again"))
        .step(step)
        .step(Step::daemon_reload().verify(["systemctl", "cat", KUBELET]))
}

nodepol_plugin::policy!(KubeletUnitLoadable);
