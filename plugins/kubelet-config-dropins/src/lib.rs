//! The drop-ins of the kubelet's configuration can be read, and none of them is
//! silently passed over.

use nodepol_plugin::configs::{self, Scalar};
use nodepol_plugin::kubelet::DropInDirectory;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Phase, Policy, Problem,
    Severity, Step, Unavailable, configured_later, files, kubelet, no_own_kubelet,
};

/// Where people put drop-ins before they set the flag.
const USUAL: &str = "/etc/kubernetes/kubelet.conf.d";

/// Lists that people mean to add to: a drop-in replaces them.
const LISTS: [&str; 5] = [
    "/allowedUnsafeSysctls",
    "/clusterDNS",
    "/enforceNodeAllocatable",
    "/registerWithTaints",
    "/tlsCipherSuites",
];

/// Paths, which only in the main file may be relative.
const PATHS: [&str; 7] = [
    "/authentication/x509/clientCAFile",
    "/podLogsDir",
    "/resolvConf",
    "/staticPodPath",
    "/tlsCertFile",
    "/tlsPrivateKeyFile",
    "/volumePluginDir",
];

struct KubeletConfigDropins;

impl Policy for KubeletConfigDropins {
    fn describe() -> Description {
        Description::new(
            "kubelet-config-dropins",
            "The kubelet reads the drop-ins of its configuration",
            "the directory of --config-dir is there and can be read, and nothing in it is passed \
             over or says less than it seems to",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_own_kubelet()? {
            return Ok(judgement);
        }
        if let Some(judgement) = configured_later(at)? {
            return Ok(judgement);
        }
        let Some(directory) = kubelet::config_drop_ins(at)? else {
            return without_flag();
        };
        let main = kubelet::config_path(at)?.map(|path| path.value);
        let mut findings: Vec<Finding> = kubelet::config_problems(at)?
            .into_iter()
            .filter(|problem| Some(&problem.at.source) != main.as_ref())
            .map(|problem| broken(problem, &directory))
            .collect();
        if findings.is_empty() {
            findings.extend(passed_over(&directory));
            findings.extend(less_than_it_seems(at, &directory)?);
        }
        let otherwise = match directory.read.len() {
            0 => format!("{} holds no drop-in", directory.path.value),
            count => format!("{count} drop-ins of {} are read", directory.path.value),
        };
        Ok(Judgement::of(findings, otherwise))
    }
}

fn without_flag() -> Result<Judgement, Unavailable> {
    if files::lstat(USUAL)?.is_none() {
        return Ok(Judgement::not_applicable(
            "the kubelet is given no --config-dir",
        ));
    }
    Ok(Finding::warn(
        "flag-not-set",
        format!("{USUAL} exists, and the kubelet is not told to read it"),
    )
    .evidence(Location::source(USUAL), "nothing reads this")
    .fix(
        Fix::new("let the kubelet read it, or remove it")
            .step(Step::note(match kubelet::get_version()? {
                // Before 1.30 the flag ends the start.
                Some(version) if version.minor < 30 => format!(
                    "move what its files set to the file that --config names, and remove {USUAL}: \
                     kubelet {} does not read drop-ins",
                    version.text
                ),
                _ => format!(
                    "add --config-dir={USUAL} to KUBELET_EXTRA_ARGS; each file in it must end in \
                     .conf and carry apiVersion and kind"
                ),
            }))
            .step(Step::restart_kubelet()),
    )
    .into())
}

fn broken(problem: Problem, directory: &DropInDirectory) -> Finding {
    let Problem {
        kind,
        message,
        at,
        fatal,
        ..
    } = problem;
    let fix = match kind.as_str() {
        "missing-directory" => Fix::new("make the directory").step(Step::argv(
            vec![
                "mkdir".to_owned(),
                "--parents".to_owned(),
                directory.path.value.clone(),
            ],
            "an empty directory is enough",
        )),
        "unsupported-flag" => Fix::new("take the flag away").step(Step::note(format!(
            "remove --config-dir from {}, and move what its files set to the file that --config \
             names; or install a kubelet 1.30 or later",
            directory.path.at.source
        ))),
        _ => Fix::new(format!("correct {}", at.source)).step(Step::note(format!(
            "correct {}{}: {message}",
            at.line
                .map_or_else(String::new, |line| format!("line {line} of ")),
            at.source
        ))),
    };
    let finding = if fatal {
        Finding::fail(&kind, format!("the kubelet exits: {message}"))
    } else {
        Finding::warn(&kind, message)
    };
    finding
        .evidence(at, kind.replace('-', " "))
        .fix(fix.step(Step::restart_kubelet()))
}

fn passed_over(directory: &DropInDirectory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = &directory.path;
    if directory.is_link {
        findings.push(
            Finding::warn(
                "link-not-followed",
                format!(
                    "{} is a link, which the kubelet does not follow: no drop-in is read",
                    path.value
                ),
            )
            .evidence(path.at.clone(), path.value.clone())
            .fix(
                Fix::new("name the directory itself")
                    .step(Step::note(format!(
                        "end the path with a slash in {}: --config-dir={}/",
                        path.at.source, path.value
                    )))
                    .step(Step::restart_kubelet()),
            ),
        );
    }
    for file in &directory.passed_over {
        let stem = file
            .rsplit_once('.')
            .map_or(file.as_str(), |(stem, _)| stem);
        findings.push(
            Finding::warn(
                "name-ignored",
                format!("{file} is not read: only names that end in .conf are"),
            )
            .evidence(Location::source(file.clone()), "this is ignored")
            .fix(rename(file, &format!("{stem}.conf"), directory)),
        );
    }
    findings
}

/// A file that is read without its type ends the start.
fn rename(file: &str, name: &str, directory: &DropInDirectory) -> Fix {
    if directory.read.iter().any(|read| read == name) {
        return Fix::new("keep one of the two")
            .step(Step::note(format!(
                "{name} is there and is read: add to it what {file} says and is meant, then remove \
                 {file}"
            )))
            .step(Step::restart_kubelet());
    }
    let is = |pointer: &str, wanted: &str| {
        configs::get(file, pointer).is_ok_and(|found| {
            found.is_some_and(|found| matches!(found.scalar, Scalar::Text(text) if text == wanted))
        })
    };
    let mut fix = Fix::new("rename it");
    for (pointer, wanted) in [
        ("/apiVersion", "kubelet.config.k8s.io/v1beta1"),
        ("/kind", "KubeletConfiguration"),
    ] {
        if !is(pointer, wanted) {
            fix = fix.step(Step::set_value(
                file,
                pointer,
                format!("\"{wanted}\""),
                "without it the kubelet exits as soon as it reads the file",
            ));
        }
    }
    fix.step(Step::argv(
        vec!["mv".to_owned(), file.to_owned(), name.to_owned()],
        "its content stays YAML or JSON",
    ))
    .step(Step::restart_kubelet())
}

/// The base of the drop-ins is written without empty lists, and an absent list gets
/// its default. Only this one has one.
fn empty_list(at: Horizon) -> Result<Option<Finding>, Unavailable> {
    const LIST: &str = "/enforceNodeAllocatable";
    let Some(setting) = kubelet::setting(at, LIST)?.filter(|setting| setting.is_default) else {
        return Ok(None);
    };
    let Some(lost) = setting.overridden.first().filter(|lost| lost.value == "[]") else {
        return Ok(None);
    };
    Ok(Some(
        Finding::warn(
            "empty-list-lost",
            format!(
                "the empty enforceNodeAllocatable of {} is lost where drop-ins are merged: {} is \
                 enforced",
                lost.at.source, setting.json
            ),
        )
        .explained(lost.at.clone(), lost.value.clone(), "this is not in effect")
        .fix(
            Fix::new("say that nothing is enforced")
                .step(Step::set_value(
                    lost.at.source.clone(),
                    LIST,
                    "[\"none\"]",
                    "it says the same, and stays",
                ))
                .step(Step::restart_kubelet()),
        ),
    ))
}

fn less_than_it_seems(
    at: Horizon,
    directory: &DropInDirectory,
) -> Result<Vec<Finding>, Unavailable> {
    let mut findings = Vec::new();
    findings.extend(empty_list(at)?);
    for pointer in LISTS {
        let Some(setting) = kubelet::setting(at, pointer)? else {
            continue;
        };
        let Some(lost) = setting.overridden.first() else {
            continue;
        };
        let from_drop_in = directory.read.contains(&setting.at.source);
        if from_drop_in && lost.value.len() > 2 && lost.value != setting.json {
            let field = pointer.trim_start_matches('/');
            findings.push(
                Finding::warn(
                    "list-replaced",
                    format!(
                        "{} replaces {field} of {}: lists are not merged",
                        setting.at.source, lost.at.source
                    ),
                )
                .explained(
                    setting.at.clone(),
                    setting.json.clone(),
                    "this is in effect",
                )
                .explained(lost.at.clone(), lost.value.clone(), "this is not")
                .fix(
                    Fix::new("write the whole list")
                        .step(Step::note(format!(
                            "write every entry that is meant to {}",
                            setting.at.source
                        )))
                        .step(Step::restart_kubelet()),
                ),
            );
        }
    }
    for pointer in PATHS {
        // The files are read, or there were no lists. So what is not known is a
        // default, and none of a drop-in's.
        let Ok(Some(setting)) = kubelet::setting(at, pointer) else {
            continue;
        };
        let value = setting.display().to_owned();
        if directory.read.contains(&setting.at.source)
            && !value.is_empty()
            && !value.starts_with('/')
        {
            findings.push(
                Finding::warn(
                    "relative-path",
                    format!(
                        "{value} in {} is relative to the kubelet's working directory, not to \
                         the file",
                        setting.at.source
                    ),
                )
                .evidence(setting.at.clone(), value)
                .fix(
                    Fix::new("write the whole path")
                        .step(Step::note(format!(
                            "write the absolute path to {}",
                            setting.at.source
                        )))
                        .step(Step::restart_kubelet()),
                ),
            );
        }
    }
    Ok(findings)
}

nodepol_plugin::policy!(KubeletConfigDropins);
