//! No flag hides what a file says.

mod moved;

use nodepol_plugin::kubelet::FlagOverride;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Place, Policy, Severity,
    Sourced, Step, Unavailable, kubelet, no_settings, node, runbook,
};

struct KubeletFlagOverrides;

impl Policy for KubeletFlagOverrides {
    fn describe() -> Description {
        Description::new(
            "kubelet-flag-overrides",
            "No flag hides what a file says",
            "a setting that a flag and a file give differently is known: the flag wins",
        )
        .severity(Severity::Hygiene)
        .phases(&[Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let overrides: Vec<FlagOverride> = kubelet::flag_overrides(at)?
            .into_iter()
            // How much is logged is a flag's to say, for a day.
            .filter(|found| found.flag != "v")
            .filter(|found| !is_empty(&found.hidden.value) && differ(found))
            .collect();
        let hiding: Vec<String> = overrides.iter().map(|found| found.flag.clone()).collect();
        let mut findings: Vec<Finding> = overrides
            .into_iter()
            .map(|found| finding(at, found))
            .collect();
        // What the process that runs was started with is past.
        if at == Horizon::NextBoot {
            findings.extend(deprecated(&hiding)?);
        }
        Ok(Judgement::of(findings, "no flag hides what a file says"))
    }
}

/// kubeadm writes fields that it leaves to a flag as empty.
fn is_empty(json: &str) -> bool {
    matches!(json, "null" | "\"\"" | "[]" | "{}")
}

/// An endpoint with and without its scheme is the same.
fn differ(found: &FlagOverride) -> bool {
    let plain = |json: &str| {
        let text = json.trim_matches('"');
        let text = text.strip_prefix("unix://").unwrap_or(text);
        match text.strip_prefix("/var/run/") {
            Some(rest) => format!("/run/{rest}"),
            None => text.to_owned(),
        }
    };
    plain(&found.value.value) != plain(&found.hidden.value)
}

fn finding(at: Horizon, found: FlagOverride) -> Finding {
    let FlagOverride {
        flag,
        pointer,
        value,
        hidden,
    } = found;
    let field = pointer.trim_start_matches('/').replace('/', ".");
    let fix = Fix::new("say it in one place");
    // A running process does not tell the file that its arguments came from.
    let given = match at {
        Horizon::Now => kubelet::flag(Horizon::NextBoot, &flag).ok().flatten(),
        Horizon::NextBoot => Some(Sourced {
            value: value.value.clone(),
            at: value.at.clone(),
        }),
    };
    let fix = match given {
        Some(given) => {
            let fix = fix.step(Step::note(format!(
                "if {} is meant, remove --{flag} from {}; if {} is meant, write it to {} as \
                 {field}, and remove the flag all the same",
                hidden.value,
                place(&given),
                value.value,
                hidden.at.source
            )));
            if runbook::is_of_a_unit(&given.at.source) {
                fix.step(Step::daemon_reload())
            } else {
                fix
            }
        }
        None => fix.step(Step::note(format!(
            "the next start does not give --{flag} any more: {} of {} counts then",
            hidden.value, hidden.at.source
        ))),
    };
    Finding::warn(
        "flag-wins",
        format!(
            "--{flag} in {} wins over {field} in {}",
            value.at.source, hidden.at.source
        ),
    )
    .explained(value.at, value.value, "this is in effect")
    .explained(hidden.at, hidden.value, "this is not")
    .fix(fix.step(Step::restart_kubelet()))
}

fn place(given: &Sourced) -> String {
    match given.at.line {
        Some(line) => format!("{}, line {line}", given.at.source),
        None => given.at.source.clone(),
    }
}

/// The flags of the next start that have become fields of the configuration
/// file, but for those that hide a field, which are told one by one.
fn deprecated(hiding: &[String]) -> Result<Option<Finding>, Unavailable> {
    let at = Horizon::NextBoot;
    let named: Vec<String> = kubelet::argv(at)?
        .iter()
        .skip(1)
        .filter_map(|word| word.value.strip_prefix("--"))
        .map(|word| word.split('=').next().unwrap_or(word).replace('_', "-"))
        .collect();
    let mut found = Vec::new();
    for (name, field) in moved::MOVED {
        if !named.iter().any(|named| named == name) || hiding.iter().any(|flag| flag == name) {
            continue;
        }
        let Some(flag) = kubelet::flag(at, name)? else {
            continue;
        };
        if !is_endpoint(name) || is_of_the_file(&flag)? {
            found.push((name, field, flag));
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = found.iter().map(|(name, ..)| format!("--{name}")).collect();
    let finding = Finding::note(
        "deprecated-flags",
        format!(
            "deprecated, for the configuration file says the same: {}",
            names.join(", ")
        ),
    );
    let fix = to_the_file(&found)?;
    Ok(Some(
        found
            .into_iter()
            .fold(finding, |finding, (name, field, flag)| {
                finding.explained(
                    flag.at,
                    format!("--{name}={}", flag.value),
                    format!(
                        "the field {}",
                        field.trim_start_matches('/').replace('/', ".")
                    ),
                )
            })
            .fix(fix),
    ))
}

fn is_endpoint(name: &str) -> bool {
    matches!(
        name,
        "container-runtime-endpoint" | "image-service-endpoint"
    )
}

/// The endpoints became fields in 1.27; kubeadm writes its flag until 1.33 all
/// the same, and writes its file anew.
fn is_of_the_file(flag: &Sourced) -> Result<bool, Unavailable> {
    let is_own = !flag.at.source.ends_with("/kubeadm-flags.env");
    let has_field =
        kubelet::get_version()?.is_some_and(|version| (version.major, version.minor) >= (1, 27));
    Ok(is_own && has_field)
}

fn to_the_file(found: &[(&str, &str, Sourced)]) -> Result<Fix, Unavailable> {
    let at = Horizon::NextBoot;
    let mut fix = Fix::new("say it in the configuration file");
    match kubelet::config_path(at)? {
        Some(path) if kubelet::config_present(at)? => {
            for (_, field, _) in found {
                if let Some(setting) = kubelet::setting(at, field)? {
                    fix = fix.step(Step::set_value(
                        path.value.clone(),
                        *field,
                        setting.json,
                        "what is in effect now",
                    ));
                }
            }
            if node::flavour().value == "kubeadm" {
                fix = fix.step(
                    Step::note(format!(
                        "what is meant for every node, write to the ConfigMap kubelet-config of \
                         kube-system as well: kubeadm upgrade writes {} from it",
                        path.value
                    ))
                    .on(Place::Admin),
                );
            }
        }
        _ => {
            fix = fix.step(Step::note(
                "write these fields to a file of the kind KubeletConfiguration, and name it with \
                 --config",
            ));
        }
    }
    let mut reload = false;
    for (name, _, flag) in found {
        reload |= runbook::is_of_a_unit(&flag.at.source);
        fix = fix.step(Step::note(format!("remove --{name} from {}", place(flag))));
    }
    if reload {
        fix = fix.step(Step::daemon_reload());
    }
    Ok(fix.step(Step::restart_kubelet()))
}

nodepol_plugin::policy!(KubeletFlagOverrides);
