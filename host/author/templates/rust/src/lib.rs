//! /etc/{{id}}.conf enables the agent.

use nodepol_plugin::{
    Description, Finding, Fix, Horizon, Judgement, Location, Parameters, Policy, Severity, Step,
    Unavailable, files,
};

const PATH: &str = "/etc/{{id}}.conf";

struct {{type}};

impl Policy for {{type}} {
    fn describe() -> Description {
        Description::new(
            "{{id}}",
            "The agent is enabled",
            "/etc/{{id}}.conf enables the agent",
        )
        .severity(Severity::Degraded)
        .parameter("key", "enabled", "the key that must be true")
        .documentation("https://example.org/policies/{{id}}")
    }

    fn judge(_at: Horizon, parameters: &Parameters) -> Result<Judgement, Unavailable> {
        // A file that cannot be read ends here: `?` makes the verdict `unknown`.
        match files::text(PATH)? {
            None => Ok(Judgement::not_applicable("there is no agent here")),
            Some(text) => Ok(judge_text(&text, parameters.text("key"))),
        }
    }
}

/// The rule itself, without a node: `cargo test` tests it.
fn judge_text(text: &str, key: &str) -> Judgement {
    let line = text
        .lines()
        .zip(1..)
        .find(|(line, _)| line.split_once('=').is_some_and(|(name, _)| name.trim() == key));
    let finding = Finding::fail("not-enabled", format!("{PATH} does not set {key} to true"));
    let finding = match line {
        Some((line, _)) if line.split_once('=').is_some_and(|(_, it)| it.trim() == "true") => {
            return Judgement::pass("the agent is enabled");
        }
        Some((line, number)) => finding.evidence(Location::line(PATH, number), line),
        None => finding.evidence(Location::source(PATH), format!("no {key}")),
    };
    let fix = Fix::new("enable the agent").step(Step::write_file(
        PATH,
        0o644,
        format!("{key} = true\n"),
        "say so in its configuration",
    ));
    finding.fix(fix).into()
}

nodepol_plugin::policy!({{type}});

#[cfg(test)]
mod tests {
    use super::*;
    use nodepol_plugin::Verdict;

    #[test]
    fn the_last_word_is_true() {
        assert_eq!(judge_text("enabled = true\n", "enabled").verdict(), Verdict::Pass);
        let judgement = judge_text("# agent\nenabled = no\n", "enabled");
        assert_eq!(judgement.verdict(), Verdict::Fail);
        assert_eq!(judgement.findings()[0].id(), "not-enabled");
    }
}
