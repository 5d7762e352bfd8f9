//! What systemd passes over in the files of the unit: the unit loads, and does
//! not do what its author meant.

use nodepol_plugin::{Finding, Fix, Problem, Step, Unavailable, units};

use crate::KUBELET;

pub(crate) fn settings() -> Result<Vec<Finding>, Unavailable> {
    let ignored = units::ignored_settings(KUBELET)?;
    Ok(ignored.iter().filter_map(finding).collect())
}

fn finding(problem: &Problem) -> Option<Finding> {
    let meant = problem.nearest.clone().unwrap_or_default();
    // What it does to the limit is kubelet-unit-restart's to tell.
    if meant.contains("StartLimit") {
        return None;
    }
    let step = match problem.kind.as_str() {
        "wrong-section" => format!("move it to {meant}="),
        "unknown-setting" => format!("write {meant}="),
        "unknown-section" => format!("write {meant}"),
        _ => "make it a line `Setting=value` below a `[Section]`, or remove it".to_owned(),
    };
    let source = &problem.at.source;
    Some(
        Finding::warn(
            &problem.kind,
            format!(
                "systemd ignores a line of kubelet.service: {}",
                problem.message
            ),
        )
        .explained(problem.at.clone(), problem.kind.clone(), step.clone())
        .fix(
            Fix::new("let the line count")
                .step(Step::note(match problem.at.line {
                    Some(line) => format!("in {source}, line {line}: {step}"),
                    None => format!("in {source}: {step}"),
                }))
                .step(Step::daemon_reload().verify(["systemd-analyze", "verify", KUBELET])),
        ),
    )
}
