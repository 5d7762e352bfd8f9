//! `nodepol eval`: judge a node.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_report::{Explanation, FailOn, Format, Options, Outcome, render};

use crate::arguments::{PhaseArgument, Policies, Source, View};
use crate::judge::{self, Court};
use crate::many::{self, Session, Snapshots};
use crate::node::Node;
use crate::policy::{self, Policy};
use crate::progress::Progress;
use crate::rights::{self, Needs};
use crate::{output, selection, summary};

/// The arguments of `nodepol eval`.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    source: Source,

    /// Judge many nodes: the snapshots in a directory (`*.json`), in a file with
    /// one a line, or on standard input (`-`). One line each, then a summary
    #[arg(
        long,
        value_name = "DIR|FILE|-",
        conflicts_with_all = ["root", "snapshot", "output", "explain"]
    )]
    snapshots: Option<PathBuf>,

    #[command(flatten)]
    policies: Policies,

    /// The point in the node's life at which it is judged
    #[arg(long, value_enum, default_value_t)]
    phase: PhaseArgument,

    #[command(flatten)]
    view: View,

    /// How the report is written: text or json
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,

    /// Write the report to FILE and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What counts as a failure (exit code 1) besides a policy that fails: warn
    /// adds warnings, unknown adds evidence that could not be read
    #[arg(long, value_name = "fail|warn|unknown", default_value_t = FailOn::Fail)]
    fail_on: FailOn,

    /// Say of each policy that speaks what its rule is and where to read more
    #[arg(long)]
    explain: bool,
}

/// Judges the node; gives the exit code.
///
/// # Errors
/// If there is no report.
pub(crate) fn run(arguments: &Eval) -> Result<u8> {
    // Mistakes in the policy set are told before a node is read.
    let sandbox = policy::sandbox()?;
    let (set, mistakes) = policy::set(&arguments.policies.policies);
    let components = policy::find(&sandbox, &set, mistakes)?;
    if let Some(source) = &arguments.snapshots {
        many::check_format(arguments.format)?;
        let snapshots = Snapshots::open(source)?;
        rights::give_up(&Needs {
            read: snapshots
                .reads(source)
                .into_iter()
                .map(Into::into)
                .collect(),
            write: Vec::new(),
        });
        let policies = policy::describe(&sandbox, components)?;
        let session = Session {
            sandbox: &sandbox,
            set: &set,
            policies: &selection::select(policies, &arguments.policies)?,
            phase: arguments.phase.phase(),
            view: &arguments.view,
            format: arguments.format,
            fail_on: arguments.fail_on,
        };
        return many::judge(&session, snapshots);
    }
    let progress = Progress::start("reading the node");
    let mut node = Node::open(&arguments.source)?;
    node.gather(&arguments.view)?;
    drop(progress);

    // From here on components run.
    let root = arguments.source.root.as_deref();
    node.give_up(root, arguments.output.as_deref());
    let policies = policy::describe(&sandbox, components)?;
    let policies = selection::select(policies, &arguments.policies)?;
    let progress = Progress::start("judging the node");
    let court = Court {
        sandbox: &sandbox,
        policies: &policies,
        phase: arguments.phase.phase(),
        timed: node.is_live(),
        known: Default::default(),
        said: Some(Default::default()),
    };
    let report = node.look(&arguments.view, |facts| {
        let phase = court.phase(facts);
        let said = court.judge(facts, phase.name);
        let taken_at = facts.evidence.taken_at();
        judge::report(summary::node(facts), taken_at, phase, said, &set)
    })?;
    drop(progress);

    let file = arguments.output.as_deref();
    let options = Options {
        color: output::color(file),
        width: output::width(file),
        fail_on: arguments.fail_on,
        explanations: if arguments.explain {
            policies.iter().filter_map(explanation).collect()
        } else {
            Default::default()
        },
    };
    output::write(file, &render(arguments.format, &report, &options)?)?;
    let code = Outcome::of(&report, arguments.fail_on).exit_code();
    // The process ends, and the system takes back all of this at once: to free it
    // piece by piece is a tenth of the work.
    std::mem::forget((report, policies, node, sandbox));
    Ok(code)
}

fn explanation(policy: &Policy) -> Option<(String, Explanation)> {
    let description = &policy.ready.as_ref().ok()?.description;
    Some((
        policy.id.clone(),
        Explanation {
            title: description.title.clone(),
            rule: description.rule.clone(),
            documentation: description.documentation.clone(),
        },
    ))
}
