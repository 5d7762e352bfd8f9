//! `nodepol list`: the policies of a set.

use anyhow::Result;
use clap::Args;
use nodepol_report::Format;
use nodepol_sandbox::inspect::ImportClass;
use serde_json::json;

use crate::arguments::Policies;
use crate::policy::{self, Policy};
use crate::{output, selection};

/// The arguments of `nodepol list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    policies: Policies,

    /// How the list is written: text or json
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// Prints the list.
///
/// # Errors
/// If the policy set has mistakes.
pub(crate) fn run(arguments: &List) -> Result<()> {
    let sandbox = policy::sandbox()?;
    let policies = policy::of(&sandbox, &arguments.policies.policies)?;
    let policies = selection::select(policies, &arguments.policies)?;
    let text = match arguments.format {
        Format::Text => table(&policies),
        Format::Json => {
            let list: Vec<_> = policies.iter().map(to_json).collect();
            format!("{:#}\n", json!({ "policies": list }))
        }
    };
    output::write(None, &text)
}

/// The interfaces that a policy reads: its permissions.
fn permissions(policy: &Policy) -> Vec<String> {
    let imports = policy.inspection.iter().flat_map(|it| &it.imports);
    imports
        .filter(|import| import.class == ImportClass::Capability)
        .filter_map(|import| import.interface.clone())
        .filter(|interface| interface != "log")
        .collect()
}

fn title(policy: &Policy) -> String {
    match &policy.ready {
        Ok(ready) => ready.description.title.clone(),
        Err(error) => format!("cannot be run: {}", error.message),
    }
}

fn table(policies: &[Policy]) -> String {
    let head = ["POLICY", "SEVERITY", "PHASES", "READS", "TITLE"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(policies.iter().map(|policy| {
        let phases: Vec<String> = policy.phases.iter().map(ToString::to_string).collect();
        [
            policy.id.clone(),
            policy.severity.to_string(),
            phases.join(","),
            permissions(policy).join(","),
            title(policy),
        ]
    }));
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn to_json(policy: &Policy) -> serde_json::Value {
    let ready = policy.ready.as_ref().ok();
    let parameters: Vec<_> = ready
        .into_iter()
        .flat_map(|ready| &ready.description.parameters)
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "type": parameter.default.type_name(),
                "default": parameter.default.to_string(),
                "description": parameter.description,
            })
        })
        .collect();
    json!({
        "id": policy.id,
        "origin": policy.identity.origin,
        "digest": policy.identity.digest,
        "severity": policy.severity,
        "phases": policy.phases,
        "permissions": permissions(policy),
        "title": ready.map(|it| &it.description.title),
        "rule": ready.map(|it| &it.description.rule),
        "documentation": ready.and_then(|it| it.description.documentation.as_ref()),
        "parameters": parameters,
        "error": policy.ready.as_ref().err(),
    })
}
