//! `--only` and `--skip`.

use anyhow::{Result, bail};
use nodepol_report::nearest;

use crate::arguments;
use crate::policy::Policy;

/// Leaves of `policies` those that are asked for.
///
/// # Errors
/// Ids that no policy of the set has, with the nearest that one has; and a
/// selection that leaves nothing.
pub(crate) fn select(
    mut policies: Vec<Policy>,
    arguments: &arguments::Policies,
) -> Result<Vec<Policy>> {
    let unknown: Vec<String> = [("--only", &arguments.only), ("--skip", &arguments.skip)]
        .into_iter()
        .flat_map(|(option, ids)| ids.iter().map(move |id| (option, id)))
        .filter(|(_, id)| !policies.iter().any(|policy| policy.id == **id))
        .map(|(option, id)| {
            let ids = policies.iter().map(|policy| policy.id.as_str());
            match nearest(id, ids) {
                Some(nearest) => {
                    format!("{option}: there is no policy `{id}`; did you mean `{nearest}`?")
                }
                None => format!(
                    "{option}: there is no policy `{id}` in the policy set; \
                     `nodepol list` shows all"
                ),
            }
        })
        .collect();
    if !unknown.is_empty() {
        bail!("{}", unknown.join("\n"));
    }
    policies.retain(|policy| {
        (arguments.only.is_empty() || arguments.only.contains(&policy.id))
            && !arguments.skip.contains(&policy.id)
    });
    if policies.is_empty() {
        bail!("no policy is left to judge: `--only` and `--skip` leave nothing of the policy set");
    }
    Ok(policies)
}
