//! The node that is looked at: live, a tree, or a snapshot that was taken
//! before.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use nodepol_facts::Facts;
use nodepol_facts::facts::Question;
use nodepol_gather::{Gatherer, Options};
use nodepol_model::Snapshot;

use crate::arguments::{Source, View};
use crate::{snapshot_file, summary};

/// How often facts are worked out at most. What one round misses, such as a file
/// that another one names, the next one has; real nodes need four.
const MAX_ROUNDS: usize = 12;

/// A node, and the way to see more of it.
pub(crate) struct Node {
    snapshot: Arc<Snapshot>,
    gatherer: Option<Gatherer>,
    live: bool,
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
        })
    }

    /// Whether it is the machine that this runs on, as it is now.
    pub(crate) const fn is_live(&self) -> bool {
        self.live
    }

    /// Whether more of it can be read than was read so far.
    pub(crate) const fn is_extended(&self) -> bool {
        self.gatherer.is_some()
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
            let facts = Arc::new(Facts::new(
                Arc::clone(&self.snapshot),
                Question {
                    at,
                    ..summary::question(view)
                },
            ));
            let seen = look(&facts);
            let wants = facts.take_wants();
            drop(facts);
            let Some(gatherer) = &mut self.gatherer else {
                return Ok(seen);
            };
            tracing::debug!("round {round}: {} things are still to be read", wants.len());
            for want in &wants {
                tracing::trace!("{want:?}");
            }
            if wants.is_empty() {
                return Ok(seen);
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
