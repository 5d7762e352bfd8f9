//! The node that is looked at: live, a tree, or a snapshot that was taken
//! before.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use nodepol_facts::Facts;
use nodepol_facts::facts::Question;
use nodepol_gather::{Gatherer, Options};
use nodepol_model::Snapshot;

use crate::arguments::{Source, View};
use crate::rights::{self, Needs};
use crate::{snapshot_file, summary};

/// How often facts are worked out at most. What one round misses, such as a file
/// that another one names, the next one has; real nodes need four.
const MAX_ROUNDS: usize = 12;

/// A node, and the way to see more of it.
pub(crate) struct Node {
    snapshot: Arc<Snapshot>,
    gatherer: Option<Gatherer>,
    live: bool,
    /// The facts of that snapshot, once nothing is missing in them, and what they
    /// were asked for.
    facts: Option<(View, Arc<Facts>)>,
}

impl Node {
    /// Reads what every snapshot holds, or a snapshot.
    ///
    /// # Errors
    /// If the source cannot be read at all.
    pub(crate) fn open(source: &Source) -> Result<Self> {
        if let Some(file) = &source.snapshot {
            return Ok(Self {
                snapshot: Arc::new(snapshot_file::read(file)?),
                gatherer: None,
                live: false,
                facts: None,
            });
        }
        let options = Options::default();
        let mut gatherer = match &source.root {
            Some(root) => Gatherer::tree(root, options)?,
            None => Gatherer::live(options)?,
        };
        let now = Timestamp::now();
        // Nothing of a node is told more precisely than to the second.
        let taken_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let snapshot = gatherer.start(taken_at);
        Ok(Self {
            snapshot: Arc::new(snapshot),
            gatherer: Some(gatherer),
            live: source.root.is_none(),
            facts: None,
        })
    }

    /// Whether it is the machine that this runs on, as it is now.
    pub(crate) const fn is_live(&self) -> bool {
        self.live
    }

    /// Gives up what the rest of the way needs not, here and on every thread that
    /// reads the node, before a component runs.
    pub(crate) fn give_up(&self, root: Option<&Path>, output: Option<&Path>) {
        if let Some(gatherer) = &self.gatherer {
            // What it still says is said on a socket that is open.
            let held = gatherer.run_on_threads(|| rights::give_up(&Needs::default()));
            if !held {
                tracing::info!("systemd is not asked again: its connection was lost");
            }
        }
        let root = root.unwrap_or(Path::new("/"));
        rights::give_up(&Needs {
            read: self.gatherer.iter().map(|_| root.to_owned()).collect(),
            write: output.into_iter().map(Path::to_owned).collect(),
        });
    }

    /// All that was read.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Reads what the facts themselves ask for, so that policies seldom have to
    /// be run a second time: most of what they read is known by then.
    ///
    /// # Errors
    /// As [`Node::look`].
    pub(crate) fn gather(&mut self, view: &View) -> Result<()> {
        if self.gatherer.is_none() {
            return Ok(());
        }
        self.look(view, |facts| {
            let _ = facts.summary();
            summary::ask_ahead(facts);
        })
    }

    /// Lets `look` look at the node's facts until there is nothing more to read
    /// that it misses; gives what it saw last.
    ///
    /// # Errors
    /// If `view` asks for an instant that does not exist.
    pub(crate) fn look<T>(&mut self, view: &View, look: impl Fn(&Arc<Facts>) -> T) -> Result<T> {
        let at = match view.at {
            None => None,
            Some(at) => Some(
                at.instant(self.snapshot.taken_at)
                    .context("`--at` is further away than time goes")?,
            ),
        };
        let mut round = 0;
        loop {
            round += 1;
            let facts = match self.facts.take() {
                Some((question, facts)) if question == *view => facts,
                _ => Arc::new(Facts::new(
                    Arc::clone(&self.snapshot),
                    Question {
                        at,
                        ..summary::question(view)
                    },
                )),
            };
            let seen = look(&facts);
            let wants = facts.take_wants();
            tracing::debug!("round {round}: {} things are still to be read", wants.len());
            if wants.is_empty() {
                self.facts = Some((view.clone(), facts));
                return Ok(seen);
            }
            drop(facts);
            let Some(gatherer) = &mut self.gatherer else {
                return Ok(seen);
            };
            for want in &wants {
                tracing::trace!("{want:?}");
            }
            if round >= MAX_ROUNDS {
                // What was not read is unknown to whoever asks for it.
                tracing::warn!(
                    "after {MAX_ROUNDS} rounds the node still names {} things that were not \
                     read; `-vvv` names them",
                    wants.len()
                );
                return Ok(seen);
            }
            // Nothing else holds it now, so this copies nothing.
            if !gatherer.extend(Arc::make_mut(&mut self.snapshot), &wants) {
                return Ok(seen);
            }
        }
    }
}
