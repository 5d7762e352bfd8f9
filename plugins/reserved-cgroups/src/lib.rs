//! The cgroups on which reservations are enforced are there, whole.

mod group;

use nodepol_plugin::kubelet::SettingValue;
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Parameters, Phase, Policy, Severity, Step,
    Unavailable, kubelet, no_settings, runbook,
};

use group::Group;

struct ReservedCgroups;

/// A reservation: its name in enforceNodeAllocatable, its cgroup, its amounts.
const KINDS: [(&str, &str, &str, &str); 2] = [
    (
        "system-reserved",
        "/systemReservedCgroup",
        "/systemReserved",
        "System Reserved",
    ),
    (
        "kube-reserved",
        "/kubeReservedCgroup",
        "/kubeReserved",
        "Kube Reserved",
    ),
];

impl Policy for ReservedCgroups {
    fn describe() -> Description {
        Description::new(
            "reserved-cgroups",
            "The cgroups of enforced reservations are there",
            "each cgroup of enforceNodeAllocatable exists under the cgroup driver's name for it, \
             with every controller",
        )
        .severity(Severity::Blocker)
        .phases(&[Phase::Image, Phase::Boot, Phase::Running])
    }

    fn judge(at: Horizon, _: &Parameters) -> Result<Judgement, Unavailable> {
        if let Some(judgement) = no_settings(at)? {
            return Ok(judgement);
        }
        let Some(enforced) = kubelet::setting(at, "/enforceNodeAllocatable")? else {
            return Ok(Judgement::pass("nothing is enforced"));
        };
        let mut findings = Vec::new();
        let mut count = 0;
        for (kind, cgroup, amounts, title) in KINDS {
            if !enforced.json.contains(&format!("\"{kind}")) {
                continue;
            }
            count += 1;
            // A name that is missing is kubelet-config-valid's to tell.
            let named = kubelet::setting(at, cgroup)?.filter(|name| !name.display().is_empty());
            let Some(named) = named else { continue };
            let reserved = kubelet::setting(at, amounts)?;
            if reserved
                .as_ref()
                .is_none_or(|reserved| reserved.json.len() <= 2)
            {
                findings.push(nothing_reserved(at, kind, amounts, &named, &enforced));
                continue;
            }
            // The compressible part limits no memory.
            let whole = enforced.json.contains(&format!("\"{kind}\""));
            let limit = reserved.filter(|_| whole);
            let driver = kubelet::cgroup_driver(at)?.value;
            let group = Group {
                path: path_of(named.display(), &driver),
                title,
                cgroup,
                amounts,
                named,
                driver,
            };
            findings.extend(group.judge(at, limit.as_ref())?);
        }
        Ok(Judgement::of(
            findings,
            if count == 0 {
                "no reservation is enforced"
            } else {
                "the cgroups of the reservations are there"
            },
        ))
    }
}

fn nothing_reserved(
    at: Horizon,
    kind: &str,
    amounts: &str,
    named: &SettingValue,
    enforced: &SettingValue,
) -> Finding {
    let field = amounts.trim_start_matches('/');
    let mut left = String::new();
    for word in enforced.json.trim_matches(['[', ']']).split(',') {
        if !word.trim().trim_matches('"').starts_with(kind) {
            left.push_str(if left.is_empty() { "[" } else { "," });
            left.push_str(word);
        }
    }
    if left.is_empty() {
        left.push_str("[\"pods\"");
    }
    left.push(']');
    Finding::fail(
        "nothing-reserved",
        format!("the kubelet exits: {kind} is enforced and {field} is empty: `cgroup is not configured properly`"),
    )
    .evidence(named.at.clone(), named.display())
    .fix(
        Fix::new("reserve something, or enforce nothing")
            .step(Step::note(format!(
                "to enforce it, set {field} to what is needed at a peak, and leave the next step out"
            )))
            .steps(runbook::set_field(
                at,
                &enforced.at,
                "/enforceNodeAllocatable",
                &left,
                "enforce what is reserved, and nothing else",
            ))
            .step(Step::restart_kubelet()),
    )
}

/// What the driver makes of a name: systemd takes the last part, and each dash
/// of it is a level (`ParseSystemdToCgroupName`, `ToSystemd`).
fn path_of(name: &str, driver: &str) -> String {
    if driver != "systemd" {
        return format!("/{}", name.trim_matches('/'));
    }
    let base = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(name);
    let base = base.strip_suffix(".slice").unwrap_or(base);
    let mut path = String::new();
    let mut prefix = String::new();
    for part in base.split('-') {
        if !prefix.is_empty() {
            prefix.push('-');
        }
        prefix.push_str(part);
        path.push_str(&format!("/{prefix}.slice"));
    }
    path
}

nodepol_plugin::policy!(ReservedCgroups);
