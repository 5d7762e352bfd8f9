//! The environment files of kubelet.service are those that it reads, and say
//! what they seem to say.

use nodepol_plugin::node::JoinState;
use nodepol_plugin::units::{self, EnvironmentFile, Variable};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Severity,
    Step, Unavailable, certs, kubelet, no_own_kubelet, node, runbook, runtimes,
};

const KUBELET: &str = "kubelet.service";
const EXTRA_ARGS: &str = "KUBELET_EXTRA_ARGS";
/// What kubeadm writes at a join, and the one variable in it
/// (cmd/kubeadm/app/phases/kubelet/flags.go).
const KUBEADM_FILE: &str = "kubeadm-flags.env";
const KUBEADM_ARGS: &str = "KUBELET_KUBEADM_ARGS";
/// Debian's packages read the first, those of RPM systems the second.
const USUAL: [&str; 2] = ["/etc/default/kubelet", "/etc/sysconfig/kubelet"];

struct KubeletEnvFiles;

impl Policy for KubeletEnvFiles {
    fn describe() -> Description {
        Description::new(
            "kubelet-env-files",
            "The kubelet's environment files are read",
            "environment files lie where kubelet.service reads them, and systemd understands them",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if units::get(at, KUBELET)?.load_state != "loaded" {
            return Ok(Judgement::not_applicable(
                "kubelet.service does not load: see kubelet-unit-loadable",
            ));
        }
        let files = units::environment_files(at, KUBELET)?;
        let set = units::file_environment(at, KUBELET)?;
        let used = used_variables(at)?;
        let mut findings = missing(at, &files)?;
        findings.extend(lost_flags(at, &files, &set)?);
        findings.extend(misread(at, &used, &set)?);
        findings.extend(shell_syntax(&used, &set));
        findings.extend(unread(at, &files, &set, &used)?);
        findings.extend(written_over(&set));
        Ok(Judgement::of(
            findings,
            match files.len() {
                0 => "kubelet.service reads no environment file",
                _ => "systemd reads the environment files and understands them",
            },
        ))
    }
}

/// The variables in the command line of the kubelet, and whether each is split
/// at blanks: `$NAME` is, `${NAME}` is not (man systemd.service).
fn used_variables(at: Horizon) -> Result<Vec<(String, bool)>, Unavailable> {
    let mut used = Vec::new();
    for command in units::commands(at, KUBELET, "ExecStart")? {
        for word in command.argv {
            let mut rest = word.as_str();
            while let Some((before, after)) = rest.split_once('$') {
                let braces = after.starts_with('{');
                let name: String = after
                    .trim_start_matches('{')
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                let alone = !braces && before.is_empty() && after == name;
                if !name.is_empty() && (braces || alone) {
                    used.push((name, alone));
                }
                rest = after;
            }
        }
    }
    Ok(used)
}

/// Whether the kubelet is started with a variable, and split at blanks.
fn use_of(used: &[(String, bool)], name: &str) -> Option<bool> {
    used.iter()
        .find(|(known, _)| known == name)
        .map(|(_, split)| *split)
}

fn missing(at: Horizon, files: &[EnvironmentFile]) -> Result<Vec<Finding>, Unavailable> {
    // What lies in /run after a boot is written by that boot.
    let later = |file: &EnvironmentFile| {
        at == Horizon::NextBoot
            && ["/run/", "/var/run/"]
                .iter()
                .any(|root| file.path.starts_with(root))
    };
    let missing = || {
        files
            .iter()
            .filter(|file| !file.optional && !file.present && !later(file))
    };
    // What starts a unit that nothing pulls in at boot writes the file first, as
    // nodeadm on EKS does.
    if missing().next().is_none() || units::pulled_in_by(KUBELET)?.is_empty() {
        return Ok(Vec::new());
    }
    let drop_in = |absent: &EnvironmentFile| {
        let mut content = String::from("[Service]\nEnvironmentFile=\n");
        for file in files {
            content.push_str("EnvironmentFile=");
            if file.optional || file.path == absent.path {
                content.push('-');
            }
            content.push_str(&file.path);
            content.push('\n');
        }
        runbook::last_drop_in(KUBELET, "environment.conf", content)
    };
    missing()
        .map(|file| {
            Ok(Finding::fail(
                "file-missing",
                format!("{} does not exist, and the start fails without it", file.path),
            )
            .explained(
                file.at.clone(),
                file.path.clone(),
                "it has no `-` before it, which would let it be absent",
            )
            .symptom_of("kubelet-unit-loadable/environment-file-missing")
            .fix(
                Fix::new("write the file, or let it be absent")
                    .step(Step::note(format!(
                        "if something is to stand in it, write {}, and leave the next two steps out",
                        file.path
                    )))
                    .step(drop_in(file)?)
                    .step(Step::daemon_reload())
                    .step(Step::restart_kubelet()),
            ))
        })
        .collect()
}

/// The flags that kubeadm wrote for this node.
fn lost_flags(
    at: Horizon,
    files: &[EnvironmentFile],
    set: &[Variable],
) -> Result<Option<Finding>, Unavailable> {
    let Some(file) = files
        .iter()
        .find(|file| file.path.rsplit('/').next() == Some(KUBEADM_FILE))
    else {
        return Ok(None);
    };
    if node::flavour().value != "kubeadm" || node::get_join_state()? != JoinState::Joined {
        return Ok(None);
    }
    let there = set
        .iter()
        .any(|set| set.name == KUBEADM_ARGS && set.at.source == file.path);
    if file.present && there {
        return Ok(None);
    }
    let needed = needed(at)?;
    let mut message = file.path.clone();
    let finding = if file.present {
        message.push_str(" sets no KUBELET_KUBEADM_ARGS: the flags of this node are lost, and kubeadm refuses the file");
        Finding::fail("kubeadm-flags-empty", message)
    } else if needed.is_empty() {
        message.push_str(" is gone: what kubeadm wrote there, such as taints, is lost");
        Finding::warn("kubeadm-flags-missing", message)
    } else {
        message.push_str(" is gone");
        for need in &needed {
            message.push_str("; ");
            message.push_str(&need.why);
        }
        Finding::fail("kubeadm-flags-missing", message)
    };
    let flags: Vec<String> = needed.into_iter().map(|need| need.flag).collect();
    Ok(Some(
        finding.evidence(file.at.clone(), file.path.clone()).fix(
            Fix::new("write the flags again")
                .step(Step::note(
                    "look at a node of the same kind: what its file has besides, such as \
                         --register-with-taints, this one may need too",
                ))
                .step(Step::write_file(
                    file.path.clone(),
                    0o644,
                    ["KUBELET_KUBEADM_ARGS=\"", &flags.join(" "), "\"\n"].concat(),
                    "the form that kubeadm writes",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

/// A flag that the node cannot do without, and why.
struct Need {
    flag: String,
    why: String,
}

fn needed(at: Horizon) -> Result<Vec<Need>, Unavailable> {
    let mut needed = Vec::new();
    if let Ok(None) = runtimes::selected(at)
        && let Ok(all) = runtimes::all(at)
        && let Some(runtime) = all.into_iter().next()
        && let Some(endpoint) = runtime.endpoint
    {
        needed.push(Need {
            flag: ["--container-runtime-endpoint=", &endpoint].concat(),
            why: [
                "without it the kubelet does not find ",
                &runtime.name,
                " at ",
                &endpoint,
            ]
            .concat(),
        });
    }
    let host = match kubelet::flag(at, "hostname-override")? {
        Some(flag) => Some(flag),
        None => node::hostname(at)?,
    };
    if let Some(host) = host
        && let Some(certified) = certified_name(at)?
        && certified != host.value.trim().to_ascii_lowercase()
    {
        let flag = ["--hostname-override=", &certified].concat();
        needed.push(Need {
            why: [
                "the certificate is for ",
                &certified,
                " and the host is called ",
                &host.value,
                ": ",
                &flag,
                " stood in it",
            ]
            .concat(),
            flag,
        });
    }
    Ok(needed)
}

/// The name in the rotated client certificate.
fn certified_name(at: Horizon) -> Result<Option<String>, Unavailable> {
    let directory = certs::config_paths(at)?.cert_dir;
    let path = [&directory, "/kubelet-client-current.pem"].concat();
    let name = certs::in_file(&path)
        .ok()
        .flatten()
        .and_then(|found| found.into_iter().next()?.common_name);
    Ok(name.and_then(|name| name.strip_prefix("system:node:").map(str::to_owned)))
}

/// Lines that systemd takes otherwise than they look.
fn misread(
    at: Horizon,
    used: &[(String, bool)],
    set: &[Variable],
) -> Result<Vec<Finding>, Unavailable> {
    let problems = units::environment_problems(at, KUBELET)?;
    Ok(problems
        .into_iter()
        .map(|problem| {
            // What is set on that line; the value of an open quote goes on to the end.
            let on_line = set
                .iter()
                .find(|set| set.at.source == problem.at.source && set.at.line == problem.at.line);
            let split = on_line.and_then(|set| use_of(used, &set.name)) == Some(true);
            let (id, fatal, hint) = match problem.kind.as_str() {
                "comment-in-value" => (
                    "comment-in-value",
                    split,
                    "put the comment on a line of its own: the kubelet gets it as arguments",
                ),
                "unclosed-quote" => (
                    "unclosed-quote",
                    split && on_line.is_some_and(|set| set.value.trim_end().contains('\n')),
                    "close the quote: up to the end of the file all belongs to this value",
                ),
                "embedded-nul" => (
                    "file-refused",
                    problem.fatal,
                    "write the file anew, without the NUL byte",
                ),
                _ => (
                    "line-ignored",
                    false,
                    "write NAME=value: systemd is no shell, and knows neither `export` nor names \
                     with other than letters, digits and `_`",
                ),
            };
            let finding = if fatal {
                let follows = if problem.fatal {
                    "the start of kubelet.service fails"
                } else {
                    "the kubelet refuses the words that it gets"
                };
                Finding::fail(id, [&problem.message, ": ", follows].concat())
            } else {
                Finding::warn(id, problem.message.clone())
            };
            let value =
                on_line.map_or_else(|| problem.message.clone(), |set| first_line(&set.value));
            let fix = correct(&problem.at, hint, problem.message.contains("export "));
            finding.explained(problem.at, value, hint).fix(fix)
        })
        .collect())
}

fn first_line(value: &str) -> String {
    value.lines().next().unwrap_or_default().to_owned()
}

fn correct(at: &Location, hint: &str, exports: bool) -> Fix {
    let line = at.line.unwrap_or(1);
    let step = if exports {
        Step::argv(
            [
                "sed",
                "--in-place",
                &format!("{line}s/^[[:blank:]]*export[[:blank:]]*//"),
                &at.source,
            ]
            .map(str::to_owned)
            .to_vec(),
            "systemd is no shell and does not know `export`",
        )
    } else {
        Step::note(format!("line {line} of {}: {hint}", at.source))
    };
    Fix::new("correct the line")
        .step(step)
        .step(Step::restart_kubelet())
}

/// No shell reads the file: `$(…)` and backticks stay as they are.
fn shell_syntax(used: &[(String, bool)], set: &[Variable]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for variable in set {
        let Some(split) = use_of(used, &variable.name) else {
            continue;
        };
        let Some(command) = command_in(&variable.value) else {
            continue;
        };
        let command = command.split([')', '`']).next().unwrap_or_default();
        let message = format!(
            "systemd is no shell: the kubelet gets the command in {} as it stands, not what it prints",
            variable.name
        );
        // Its blanks make arguments of it, and the kubelet takes none.
        let finding = if split && command.contains([' ', '\t']) {
            Finding::fail("shell-syntax", format!("{message}, and refuses its words"))
        } else {
            Finding::warn("shell-syntax", message)
        };
        findings.push(
            finding
                .evidence(variable.at.clone(), first_line(&variable.value))
                .fix(correct(
                    &variable.at,
                    "write the value itself, or let an ExecStartPre= of a drop-in write it to a file \
                     that EnvironmentFile= reads",
                    false,
                )),
        );
    }
    findings
}

/// What stands after `$(` or a backtick.
fn command_in(value: &str) -> Option<&str> {
    let mut pieces = value.split('$').skip(1);
    pieces
        .find_map(|piece| piece.strip_prefix('('))
        .or_else(|| value.split_once('`').map(|(_, command)| command))
}

/// The file of the other family of distributions.
fn unread(
    at: Horizon,
    files: &[EnvironmentFile],
    set: &[Variable],
    used: &[(String, bool)],
) -> Result<Vec<Finding>, Unavailable> {
    let unread = units::unread_environment(at, KUBELET)?;
    let read = files
        .iter()
        .find(|file| USUAL.contains(&file.path.as_str()))
        .map(|file| file.path.as_str());
    Ok(unread
        .into_iter()
        .filter(|found| found.name == EXTRA_ARGS && !found.value.trim().is_empty())
        .filter(|found| {
            !set.iter()
                .any(|set| set.name == found.name && set.value == found.value)
        })
        .map(|found| {
            let step = match read {
                Some(read) if use_of(used, EXTRA_ARGS).is_some() => {
                    // As packaged the file holds this one variable, empty.
                    let is_empty = set
                        .iter()
                        .filter(|set| set.at.source == read)
                        .all(|set| set.name == EXTRA_ARGS && set.value.trim().is_empty());
                    if is_empty && !found.value.contains(['"', '\\', '\n']) {
                        Step::write_file(
                            read,
                            0o644,
                            [EXTRA_ARGS, "=\"", &found.value, "\"\n"].concat(),
                            "the file that kubelet.service reads",
                        )
                    } else {
                        Step::note(format!(
                            "add the flags to {EXTRA_ARGS} in {read}, which kubelet.service reads"
                        ))
                    }
                }
                _ => Step::note(
                    "kubelet.service reads no such file: put the flags where its ExecStart= takes \
                     them from",
                ),
            };
            Finding::warn(
                "file-not-read",
                format!(
                    "{} has no effect: kubelet.service does not read it",
                    found.at.source
                ),
            )
            .evidence(found.at, found.value)
            .fix(
                Fix::new("move the flags to the file that is read")
                    .step(step)
                    .step(Step::restart_kubelet()),
            )
        })
        .collect())
}

/// kubeadm writes its file anew at a join.
fn written_over(set: &[Variable]) -> Option<Finding> {
    let own = set.iter().find(|set| {
        set.at.source.rsplit('/').next() == Some(KUBEADM_FILE) && set.name != KUBEADM_ARGS
    })?;
    Some(
        Finding::note(
            "written-over",
            format!(
                "kubeadm writes {} anew when the node joins, and {} is lost then",
                own.at.source, own.name
            ),
        )
        .evidence(own.at.clone(), own.value.clone()),
    )
}

nodepol_plugin::policy!(KubeletEnvFiles);
