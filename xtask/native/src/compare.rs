//! Measures both sides, in turns, and tells where the difference goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use nix::time::{ClockId, clock_gettime};
use nodepol_facts::Facts;
use nodepol_facts::facts::Question;
use nodepol_model::{Horizon, Snapshot, Verdict};
use nodepol_sandbox::{
    Argument, Card, Compiler, Grants, Hearing, Limits, Prepared, Sandbox, parameters,
};

use crate::component::Native;
use crate::generated::exports::nodepol::policy::check;
use crate::generated::nodepol::policy::types;
use crate::{clean, embedded, host};

/// One policy, ready on both sides.
struct Policy {
    id: &'static str,
    native: Native,
    native_arguments: Vec<check::Argument>,
    prepared: Prepared,
    arguments: Vec<Argument>,
}

/// What one round took, in microseconds of CPU time.
#[derive(Clone, Copy)]
struct Round {
    /// Every policy, and the facts that they ask for.
    native: f64,
    sandboxed: f64,
    /// The same again, where every fact is known.
    native_again: f64,
    sandboxed_again: f64,
    /// Every policy, asked about no horizon.
    empty: f64,
    /// Every component, loaded into a new sandbox.
    load: f64,
}

/// Compares `rounds` times on the node of `snapshot`, and prints the medians.
pub(crate) fn compare(snapshot: Snapshot, rounds: usize) -> Result<()> {
    let snapshot = Arc::new(snapshot);
    let cards = cards()?;
    let mut calls = 0;
    let mut all = Vec::new();
    for number in 0..rounds {
        let sandbox = Sandbox::new(Compiler::None, None)?;
        let mut policies = Vec::new();
        let load = time(|| {
            policies = load(&sandbox, &cards)?;
            Ok(())
        })?;
        if number == 0 {
            calls = same_answers(&policies, &snapshot)?;
        }
        let (known, others) = (facts(&snapshot), facts(&snapshot));
        natively(&policies, &known)?;
        let again = |horizons| time(|| sandboxed(&policies, &known, horizons));
        all.push(Round {
            load,
            native: time(|| natively(&policies, &facts(&snapshot)))?,
            sandboxed: time(|| sandboxed(&policies, &others, &BOTH))?,
            native_again: time(|| natively(&policies, &known))?,
            sandboxed_again: again(&BOTH)?,
            empty: again(&[])?,
        });
    }
    print(cards.len(), calls, &|field| median(&all, field));
    Ok(())
}

fn natively(policies: &[Policy], facts: &Arc<Facts>) -> Result<()> {
    policies
        .iter()
        .for_each(|policy| drop(policy.natively(facts)));
    Ok(())
}

fn sandboxed(policies: &[Policy], facts: &Arc<Facts>, horizons: &[Horizon]) -> Result<()> {
    let mut hearing = Hearing::new(Arc::clone(facts));
    policies
        .iter()
        .try_for_each(|policy| policy.sandboxed(&mut hearing, horizons).map(drop))
}

fn cards() -> Result<BTreeMap<&'static str, Card>> {
    embedded::ids()
        .into_iter()
        .map(|id| {
            let component = embedded::find(id).context("it is in the table")?;
            let card = component.card();
            Ok((id, card.map_err(|error| anyhow::anyhow!(error.message))?))
        })
        .collect()
}

fn load(sandbox: &Sandbox, cards: &BTreeMap<&'static str, Card>) -> Result<Vec<Policy>> {
    let embedded = embedded::EMBEDDED.as_ref().context(embedded::NONE)?;
    ensure!(
        sandbox.runs_in_place(embedded),
        "the policies do not run in place: their load would be another than nodepol's"
    );
    let standard = sandbox.load_standard(embedded)?;
    let mut policies = Vec::new();
    for (id, native) in crate::NATIVE {
        let card = cards
            .get(id)
            .with_context(|| format!("the component of {id} is not built: `cargo xtask build`"))?;
        let native = native();
        let declared = (native.describe)().parameters.into_iter();
        let arguments = parameters::check(&card.description.parameters, &BTreeMap::new());
        policies.push(Policy {
            id,
            native,
            native_arguments: declared
                .map(|parameter| check::Argument {
                    name: parameter.name,
                    value: parameter.default,
                })
                .collect(),
            prepared: standard.member(card, &Grants::standard())?,
            arguments: arguments.map_err(|_| anyhow::anyhow!("{id}: its own defaults"))?,
        });
    }
    Ok(policies)
}

const BOTH: [Horizon; 2] = [Horizon::Now, Horizon::NextBoot];

fn facts(snapshot: &Arc<Snapshot>) -> Arc<Facts> {
    Arc::new(Facts::new(Arc::clone(snapshot), Question::default()))
}

impl Policy {
    fn natively(&self, facts: &Arc<Facts>) -> (Result<check::Answer, check::Failure>, u64) {
        host::serve(facts, || {
            let horizons = vec![types::Horizon::Now, types::Horizon::NextBoot];
            (self.native.evaluate)(horizons, self.native_arguments.clone())
        })
    }

    fn sandboxed(
        &self,
        hearing: &mut Hearing,
        horizons: &[Horizon],
    ) -> Result<nodepol_sandbox::Answer> {
        let (arguments, limits) = (&self.arguments, Limits::default());
        let evaluation = hearing.evaluate(&self.prepared, horizons, arguments, &limits);
        match evaluation.outcome {
            Ok(answer) => Ok(answer),
            Err(error) => bail!("{}: {}", self.id, error.message),
        }
    }
}

/// Makes sure that both sides do the same; gives the number of calls of the host.
fn same_answers(policies: &[Policy], snapshot: &Arc<Snapshot>) -> Result<u64> {
    let (facts, mut hearing) = (facts(snapshot), Hearing::new(facts(snapshot)));
    let mut sum = 0;
    for policy in policies {
        let (native, calls) = policy.natively(&facts);
        let Ok(native) = native else {
            bail!("{}: it could not work without the sandbox", policy.id);
        };
        let sandboxed = policy.sandboxed(&mut hearing, &BOTH)?;
        ensure!(
            clean::clean_line(&native.summary) == sandboxed.summary
                && word(native.now) == sandboxed.verdicts.now
                && word(native.next_boot) == sandboxed.verdicts.next_boot
                && native.findings.len() == sandboxed.findings.len(),
            "{}: it says `{}` in the sandbox and `{}` without it",
            policy.id,
            sandboxed.summary,
            native.summary
        );
        sum += calls;
    }
    Ok(sum)
}

const fn word(verdict: check::Verdict) -> Verdict {
    match verdict {
        check::Verdict::Pass => Verdict::Pass,
        check::Verdict::Warn => Verdict::Warn,
        check::Verdict::Fail => Verdict::Fail,
        check::Verdict::Waiting => Verdict::Waiting,
        check::Verdict::Unknown => Verdict::Unknown,
        check::Verdict::NotApplicable => Verdict::NotApplicable,
    }
}

/// The CPU time of this thread, in microseconds.
fn time(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    let started = now()?;
    work()?;
    let took = now()? - started;
    Ok(took.tv_sec() as f64 * 1e6 + took.tv_nsec() as f64 / 1e3)
}

fn median(rounds: &[Round], field: fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(field).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The last line is the ratio that `cargo xtask bench` looks at.
fn print(policies: usize, calls: u64, median: &dyn Fn(fn(&Round) -> f64) -> f64) {
    let (native, sandboxed) = (median(|it| it.native), median(|it| it.sandboxed));
    let (known, again) = (
        median(|it| it.native_again),
        median(|it| it.sandboxed_again),
    );
    let (empty, load) = (median(|it| it.empty), median(|it| it.load));
    let row = |name: &str, value: f64, unit: &str| println!("  {name:<54} {value:>8.2} {unit}");
    println!("{policies} policies, {calls} calls of the host, both horizons");
    row("without the sandbox, the facts included", native, "us");
    row("in the sandbox, the facts included", sandboxed, "us");
    row("without the sandbox, every fact known", known, "us");
    row("in the sandbox, every fact known", again, "us");
    let each = |value: f64| value / policies as f64;
    println!("where it goes, for each policy");
    row("load, once for a process", each(load), "us");
    row(
        "an instance, and an answer about nothing",
        each(empty),
        "us",
    );
    row(
        "the policy's work and its facts' copies, native",
        each(known),
        "us",
    );
    let rest = again - empty - known;
    row("calls, lifting, lowering, slower code", each(rest), "us");
    row("the same for each call", rest / calls as f64, "us");
    println!("{:.3}", sandboxed / native);
}
