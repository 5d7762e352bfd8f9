//! `nodepol facts`: what the node's files really mean.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nodepol_report::Format;

use crate::arguments::{Source, View};
use crate::node::Node;
use crate::progress::Progress;
use crate::{output, summary};

/// The arguments of `nodepol facts`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    view: View,

    /// How the facts are written: text or json
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,

    /// Write them to FILE and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Shows the facts.
///
/// # Errors
/// If the node cannot be read.
pub(crate) fn run(arguments: &Show) -> Result<()> {
    let progress = Progress::start("reading the node");
    let mut node = Node::open(&arguments.source)?;
    let facts = node.look(&arguments.view, |facts| {
        serde_json::to_value(facts.summary())
    })??;
    drop(progress);
    let file = arguments.output.as_deref();
    let text = match arguments.format {
        Format::Json => format!("{facts:#}\n"),
        Format::Text => summary::text(&facts, output::color(file), output::width(file)),
    };
    output::write(file, &text)
}
