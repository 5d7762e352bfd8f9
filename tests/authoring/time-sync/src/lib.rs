//! One daemon keeps the clock: it runs, and it starts at every boot.

use nodepol_plugin::units::{self, Unit};
use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Policy, Severity, Step,
    Unavailable, UnitVerb,
};

struct TimeSync;

impl Policy for TimeSync {
    fn describe() -> Description {
        Description::new(
            "time-sync",
            "The clock is kept",
            "one of the daemons that keep the clock runs and is enabled",
        )
        .severity(Severity::TimeBomb)
        .parameter(
            "daemons",
            ["chrony.service", "chronyd.service", "systemd-timesyncd.service"],
            "the units of which one must run",
        )
        .documentation("https://example.org/policies/time-sync")
    }

    fn judge(at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        let mut daemons = Vec::new();
        for name in parameters.texts("daemons") {
            let daemon = units::get(at, name)?;
            if daemon.load_state != "not-found" {
                daemons.push(daemon);
            }
        }
        Ok(judge_daemons(at, &daemons))
    }
}

/// The rule, for the daemons that are installed.
fn judge_daemons(at: Horizon, daemons: &[Unit]) -> Judgement {
    let Some(first) = daemons.first() else {
        return Judgement::not_applicable("no daemon that keeps the clock is installed");
    };
    let kept = |daemon: &&Unit| match at {
        Horizon::Now => daemon.active_state.as_deref() == Some("active"),
        Horizon::NextBoot => daemon.file_state == "enabled",
    };
    if let Some(daemon) = daemons.iter().find(kept) {
        return Judgement::pass(format!("{} keeps the clock", daemon.name));
    }
    let (id, message, state) = match at {
        Horizon::Now => (
            "no-daemon-runs",
            format!("{} does not run: the clock drifts", first.name),
            first.active_state.clone().unwrap_or_default(),
        ),
        Horizon::NextBoot => (
            "no-daemon-enabled",
            format!("{} does not start at boot", first.name),
            first.file_state.clone(),
        ),
    };
    let place = first.fragment.clone().unwrap_or_else(|| "systemd".to_owned());
    Finding::fail(id, message)
        .evidence(Location::source(place), state)
        .fix(
            Fix::new("let systemd start it, now and at boot")
                .step(Step::unit(UnitVerb::Enable, &first.name, "start it at boot"))
                .step(Step::unit(UnitVerb::Start, &first.name, "start it now")),
        )
        .into()
}

nodepol_plugin::policy!(TimeSync);

#[cfg(test)]
mod tests {
    use super::*;
    use nodepol_plugin::Verdict;

    #[test]
    fn one_daemon_is_enough() {
        let daemon = |name: &str, file_state: &str| Unit {
            name: name.to_owned(),
            load_state: "loaded".to_owned(),
            load_error: None,
            fragment: None,
            drop_ins: Vec::new(),
            file_state: file_state.to_owned(),
            active_state: None,
            sub_state: None,
        };
        let daemons = [daemon("a.service", "disabled"), daemon("b.service", "enabled")];
        let judged = judge_daemons(Horizon::NextBoot, &daemons);
        assert_eq!(judged.verdict(), Verdict::Pass);
        let judged = judge_daemons(Horizon::NextBoot, &daemons[..1]);
        assert_eq!(judged.findings()[0].id(), "no-daemon-enabled");
    }
}
