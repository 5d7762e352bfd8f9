//! `nodepol snapshot`: read a node into one file.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::arguments::{Source, View};
use crate::judge::Court;
use crate::node::Node;
use crate::progress::Progress;
use crate::{component, output, policy};

/// The arguments of `nodepol snapshot`.
#[derive(Debug, Args)]
pub(crate) struct Take {
    /// Read the files below DIR (a mounted image, a dead node's disk) and not
    /// this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// A policy set whose policies may read more than the standard ones
    #[arg(long, value_name = "FILE|NAME")]
    policies: Vec<String>,

    /// Write the snapshot to FILE and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Takes the snapshot.
///
/// What a policy looks at is part of it, so that it can be judged elsewhere:
/// the policies are run, and what they say is thrown away.
///
/// # Errors
/// If the node cannot be read or the file not be written.
pub(crate) fn run(arguments: &Take) -> Result<()> {
    let sandbox = policy::sandbox()?;
    let (set, mistakes) = if arguments.policies.is_empty() && component::ids().is_empty() {
        tracing::warn!("{}; a policy may later miss evidence", component::NONE);
        Default::default()
    } else {
        policy::set(&arguments.policies)
    };
    let components = policy::find(&sandbox, &set, mistakes)?;
    let progress = Progress::start("reading the node");
    let mut node = Node::open(&Source {
        root: arguments.root.clone(),
        snapshot: None,
    })?;
    drop(progress);

    // From here on components run.
    node.give_up(arguments.root.as_deref(), arguments.output.as_deref());
    let progress = Progress::start("reading what policies look at");
    let policies = policy::describe(&sandbox, components)?;
    let court = Court {
        sandbox: &sandbox,
        policies: &policies,
        phase: None,
        timed: false,
        known: Default::default(),
        said: Some(Default::default()),
    };
    node.look(&View::default(), |facts| {
        let _ = facts.summary();
        let _ = court.judge(facts, court.phase(facts).name);
    })?;
    drop(progress);
    output::write(arguments.output.as_deref(), &node.snapshot().to_json()?)
}
