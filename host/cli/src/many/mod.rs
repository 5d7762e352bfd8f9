//! Many nodes: a stream of snapshots, judged on all cores.
//!
//! One thread reads, one for each core judges, and this one writes, in the order
//! in which the snapshots came. Only so many are on their way at a time, so a
//! stream of any length takes the same memory. Nothing is kept of a node but
//! what the summary counts; only of a few kinds of nodes one is kept as a whole
//! ([`fleet`]).

mod fleet;
mod input;
mod line;
mod summary;

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nodepol_facts::Facts;
use nodepol_model::Snapshot;
use nodepol_model::report::NodeSummary;
use nodepol_report::{FailOn, Format, Outcome};
use nodepol_sandbox::Sandbox;

use crate::arguments::View;
use crate::judge::{self, Court};
use crate::policy::Policy;
use crate::policy_set::PolicySet;
use crate::{diagnostics, snapshot_file, summary as node_summary};

use fleet::{Fleet, Turn};
use input::Item;
pub(crate) use input::Snapshots;
pub(crate) use line::check as check_format;
use summary::Summary;

/// How many snapshots are on their way for each core.
const AHEAD: usize = 8;

/// How often the progress on a terminal is new.
const PROGRESS: Duration = Duration::from_millis(200);

/// A snapshot that could not be judged: undecided, whatever the others are.
const UNREADABLE: u8 = 3;

/// What every node is judged by.
pub(crate) struct Session<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) set: &'a PolicySet,
    pub(crate) policies: &'a [Policy],
    pub(crate) phase: Option<nodepol_model::Phase>,
    pub(crate) view: &'a View,
    pub(crate) format: Format,
    pub(crate) fail_on: FailOn,
}

/// A node that was judged.
struct Judged {
    number: u64,
    /// What is written of it.
    line: String,
    /// What is counted of it; none of a snapshot that could not be read.
    score: Option<summary::Score>,
}

/// Judges every snapshot; gives the exit code.
///
/// # Errors
/// If standard output cannot be written, or no thread be started.
pub(crate) fn judge(session: &Session<'_>, snapshots: Snapshots) -> Result<u8> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // A permit for each snapshot that is on its way.
    let (permit, permits) = mpsc::sync_channel::<()>(cores * AHEAD);
    let (send, received) = mpsc::sync_channel::<(u64, Item)>(cores * AHEAD);
    let items = Arc::new(Mutex::new(received));
    let (done, judged) = mpsc::channel::<Judged>();
    let fleet = Fleet::default();
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("nodepol-read".to_owned())
            .spawn_scoped(scope, move || read(snapshots, &permit, &send))
            .context("no thread can be started")?;
        for core in 0..cores {
            let (items, done, fleet) = (Arc::clone(&items), done.clone(), &fleet);
            let worker = std::thread::Builder::new().name(format!("nodepol-judge-{core}"));
            let started = worker.spawn_scoped(scope, move || work(session, fleet, &items, &done));
            if core == 0 {
                started.context("no thread can be started")?;
            }
        }
        drop((items, done));
        write(session, &judged, permits, cores * AHEAD / 2)
    })
}

/// Reads the stream until it ends, or nobody wants more of it.
fn read(snapshots: Snapshots, permit: &SyncSender<()>, send: &SyncSender<(u64, Item)>) {
    for (number, item) in (0..).zip(snapshots) {
        if permit.send(()).is_err() || send.send((number, item)).is_err() {
            return;
        }
    }
}

fn work(
    session: &Session<'_>,
    fleet: &Fleet,
    items: &Mutex<Receiver<(u64, Item)>>,
    done: &Sender<Judged>,
) {
    loop {
        let next = items.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, item)) = next else { return };
        let turn = fleet.turn(number);
        // Whoever waits for the node waits for ever if this thread ends.
        let judged = catch_unwind(AssertUnwindSafe(|| judge_one(session, &item, turn)))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("nodepol itself failed: please report it")));
        let judged = match judged {
            Ok((line, score)) => Judged {
                number,
                line,
                score: Some(score),
            },
            Err(error) => Judged {
                number,
                line: line::unreadable(session.format, &item.name, &format!("{error:#}")),
                score: None,
            },
        };
        if done.send(judged).is_err() {
            return;
        }
    }
}

/// The snapshot, as of the instant that is asked about.
fn parse(session: &Session<'_>, item: &Item) -> Result<Snapshot> {
    let bytes = item.bytes.as_ref();
    let bytes = bytes.map_err(|why| anyhow::anyhow!("{why}"))?;
    let mut snapshot = snapshot_file::parse(bytes)?;
    if let Some(at) = session.view.at {
        snapshot.taken_at = at
            .instant(snapshot.taken_at)
            .context("`--at` is further away than time goes")?;
    }
    Ok(snapshot)
}

fn judge_one(
    session: &Session<'_>,
    item: &Item,
    turn: Turn<'_>,
) -> Result<(String, summary::Score)> {
    let started = Instant::now();
    let snapshot = Arc::new(parse(session, item)?);
    let question = node_summary::question(session.view);
    let mut court = Court {
        sandbox: session.sandbox,
        policies: session.policies,
        phase: session.phase,
        timed: true,
        known: BTreeMap::new(),
        said: None,
    };
    // To wait for others, or for the model of them all, is no work of this node.
    let before = Instant::now();
    let size = item.bytes.as_ref().map_or(0, Vec::len);
    let model = turn.count(&snapshot, size);
    if let Some(model) = &model {
        model.prepare(&court, &question);
    }
    let elsewhere = before.elapsed();
    let facts = Arc::new(Facts::new(Arc::clone(&snapshot), question.clone()));
    let (phase, node) = match model {
        Some(model) => {
            let known = model.known(&court, &question, &snapshot, &facts);
            court.known = known.said;
            (known.phase, known.node)
        }
        None => (court.phase(&facts), None),
    };
    let mut said = court.judge(&facts, phase.name);
    let mut times = BTreeMap::new();
    for policy in &mut said {
        // Taken out: the same snapshots give the same lines.
        if let Some(micros) = policy.cost.micros.take() {
            times.insert(policy.id.clone(), micros);
        }
    }
    let node = NodeSummary {
        name: node_summary::name(&facts),
        ..node.unwrap_or_else(|| node_summary::without_name(&facts))
    };
    let report = judge::report(node, snapshot.taken_at, phase, said, session.set);
    let outcome = Outcome::of(&report, session.fail_on);
    let line = line::of(session.format, &item.name, &report, outcome)?;
    let took = started.elapsed().saturating_sub(elsewhere);
    let score = summary::Score::new(&item.name, &report, outcome, times, took);
    Ok((line, score))
}

/// Writes the lines in their order, then the summary. Lets so many snapshots more be
/// read whenever it has written a `group` of lines.
fn write(
    session: &Session<'_>,
    judged: &Receiver<Judged>,
    permits: Receiver<()>,
    group: usize,
) -> Result<u8> {
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    let mut summary = Summary::default();
    // Those that were judged before their turn.
    let mut early: BTreeMap<u64, Judged> = BTreeMap::new();
    let (mut next, mut written) = (0, 0);
    let mut progress = Progress::default();
    while let Ok(node) = judged.recv() {
        early.insert(node.number, node);
        while let Some(node) = early.remove(&next) {
            next += 1;
            match stdout.write_all(node.line.as_bytes()) {
                Ok(()) => {}
                // The reader has seen enough. Nobody waits for the rest of the
                // input, which may never end.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    std::process::exit(summary.exit_code().into());
                }
                Err(error) => {
                    diagnostics::fail(&anyhow::anyhow!("cannot write to standard output: {error}"));
                    std::process::exit(crate::UNUSABLE.into());
                }
            }
            summary.add(node.score);
            written += 1;
        }
        // In groups, so that the reader does not wake up for each. There is a permit
        // for each line, so this waits for nobody.
        if written >= group {
            for _ in 0..std::mem::take(&mut written) {
                let _ = permits.recv();
            }
        }
        progress.show(&summary);
    }
    progress.end();
    let text = summary.text();
    let written = if session.format == Format::Text {
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
    } else {
        // Every line of standard output is a document.
        let flushed = stdout.flush();
        // Nobody else reads the summary.
        let _ = std::io::stderr().write_all(text.as_bytes());
        flushed
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(summary.exit_code()),
    }
}

/// How far it is, on a terminal.
struct Progress {
    shown: Option<Instant>,
    started: Instant,
    terminal: bool,
}

impl Default for Progress {
    fn default() -> Self {
        // Where the lines themselves go to a terminal they show how far it is.
        let terminal = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Self {
            shown: None,
            started: Instant::now(),
            terminal,
        }
    }
}

impl Progress {
    fn show(&mut self, summary: &Summary) {
        let last = self.shown.unwrap_or(self.started);
        if !self.terminal || last.elapsed() < PROGRESS {
            return;
        }
        self.shown = Some(Instant::now());
        let nodes = summary.nodes();
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = nodes as f64 / seconds;
        // A terminal that is gone needs no progress.
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[Knodepol: {nodes} nodes judged, {} not ready, {rate:.0} per second",
            summary.failed()
        );
    }

    fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
