//! `cargo xtask bench`: what an evaluation costs, beside programs that everybody
//! knows.
//!
//! Every number is of this machine and this minute: the baselines are run in
//! between, so that their ratios mean something where the numbers do not.

mod measure;
mod snapshots;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::run::step;
use crate::workspace::Workspace;
pub(crate) use measure::in_child as measure_in_child;
use measure::{Cost, measure, own_peak};
pub(crate) use snapshots::in_child as judge_in_child;
use snapshots::{Nodes, Template};

/// What an evaluation of a node may cost: CPU in milliseconds, memory in MiB.
const AIM: (f64, f64) = (15.0, 30.0);

/// What the sandbox may cost, in times of the same policies without it.
const AIM_SANDBOX: f64 = 2.0;

/// Snapshots that a core judges in a second, at least.
const AIM_MANY: f64 = 1000.0;

/// The arguments of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Bench {
    /// Compare with `kubeadm join phase preflight` of this kubeadm.
    #[arg(long)]
    kubeadm: Option<PathBuf>,
    /// The tree of a node to evaluate, besides this machine; the largest below
    /// it if it holds several.
    #[arg(long)]
    tree: Option<PathBuf>,
    /// The optimised nodepol to measure; built if it is not named.
    #[arg(long)]
    pub(crate) nodepol: Option<PathBuf>,
    /// The optimised `xtask-native` to measure; built if neither it nor nodepol is
    /// named.
    #[arg(long)]
    pub(crate) native: Option<PathBuf>,
    /// How often each is run.
    #[arg(long, default_value_t = 20)]
    runs: u32,
    /// How many snapshots are judged in the last of three runs; before it a
    /// hundredth and a tenth of them are.
    #[arg(long, default_value_t = 100_000)]
    snapshots: usize,
}

/// The table that is printed, row by row.
struct Table {
    runs: u32,
    floor: Cost,
}

impl Table {
    /// Measures a command and prints its row.
    fn add(&self, name: &str, command: &Command) -> Result<Cost> {
        let cost = measure(command, self.runs).with_context(|| name.to_owned())?;
        println!(
            "{name:<44} {:>8.2} {:>8.2} {:>9.1} {:>8.1}",
            cost.wall,
            cost.cpu,
            cost.peak,
            cost.cpu / self.floor.cpu
        );
        Ok(cost)
    }
}

/// Measures, and prints what it finds.
pub(crate) fn run(
    workspace: &Workspace,
    bench: &Bench,
    nodepol: &Path,
    native: Option<&Path>,
) -> Result<()> {
    let nodepol = nodepol.canonicalize().context("no nodepol to measure")?;
    let scratch = workspace.target.join("bench");
    let empty = scratch.join("empty-cache");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&empty)?;
    let tree = match &bench.tree {
        Some(tree) => largest(tree)?,
        None => workspace.root.join("tests/nodes/image-with-swap"),
    };
    let nodepol = |arguments: &[&str]| {
        let mut command = Command::new(&nodepol);
        command.args(arguments).env("XDG_CACHE_HOME", &empty);
        command
    };
    let root = tree.to_str().context("the tree's name is not UTF-8")?;

    println!(
        "{:<44} {:>8} {:>8} {:>9} {:>8}",
        "", "wall ms", "CPU ms", "peak MiB", "x true"
    );
    let floor = measure(&Command::new("/bin/true"), bench.runs)?;
    let table = Table {
        runs: bench.runs,
        floor,
    };
    table.add("/bin/true", &Command::new("/bin/true"))?;
    table.add(
        "nodepol --version: the program starts",
        &nodepol(&["--version"]),
    )?;
    let list = table.add("nodepol list: the set is read", &nodepol(&["list"]))?;
    let facts = table.add(
        "nodepol facts, tree: read and understood",
        &nodepol(&["facts", "--root", root]),
    )?;
    let eval = table.add(
        "nodepol eval, tree: all of it",
        &nodepol(&["eval", "--root", root]),
    )?;
    let live_facts = table.add("nodepol facts, this machine", &nodepol(&["facts"]))?;
    let live = table.add("nodepol eval, this machine", &nodepol(&["eval"]))?;
    let mut show = Command::new("systemctl");
    show.args(["show", "*"]);
    let show = table.add("systemctl show '*'", &show);
    let kubeadm = bench.kubeadm.as_ref().map(|path| {
        let mut command = Command::new(path);
        command.args([
            "join",
            "phase",
            "preflight",
            "--discovery-token-unsafe-skip-ca-verification",
        ]);
        command.args(["--token", "abcdef.0123456789abcdef", "127.0.0.1:6443"]);
        table.add("kubeadm join phase preflight", &command)
    });

    println!("\nratios of CPU time");
    ratio("policies / facts, tree", eval.cpu - facts.cpu, facts.cpu);
    ratio(
        "policies / facts, this machine",
        live.cpu - live_facts.cpu,
        live_facts.cpu,
    );
    for (name, other) in [
        ("systemctl show '*'", Some(show)),
        ("kubeadm preflight", kubeadm),
    ] {
        match other {
            Some(Ok(cost)) => ratio(
                &format!("nodepol eval, this machine / {name}"),
                live.cpu,
                cost.cpu,
            ),
            Some(Err(error)) => println!("  {name} does not run here: {error:#}"),
            None => println!("  {name} was not named"),
        }
    }
    if std::fs::read_dir(empty.join("nodepol")).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("something was compiled, and standard components never are");
    }
    println!("\nthe cache is still empty: no standard component was compiled");
    aim("CPU of nodepol eval, tree (ms)", eval.cpu, AIM.0, false);
    aim(
        "CPU beyond the reading, this machine (ms)",
        live.cpu - live_facts.cpu + list.cpu,
        AIM.0,
        false,
    );
    aim(
        "memory of nodepol eval, tree (MiB)",
        eval.peak,
        AIM.1,
        false,
    );
    // Of what it runs, `containerd config dump` takes most.
    aim(
        "memory of nodepol itself, this machine (MiB)",
        own_peak(&nodepol(&["eval"]))?,
        AIM.1,
        false,
    );

    let taken = nodepol(&["snapshot", "--root", root])
        .output()
        .context("nodepol snapshot")?;
    let snapshot = scratch.join("snapshot.json");
    std::fs::write(&snapshot, &taken.stdout)?;
    if let Some(native) = native {
        step("running the policies without the sandbox");
        println!("\nthe price of the sandbox");
        let ratio = sandboxed(native, &snapshot, bench.runs * 10)?;
        aim("in the sandbox / without it", ratio, AIM_SANDBOX, false);
    }
    step("judging many snapshots");
    many(
        &nodepol(&["eval", "--snapshots", "-"]),
        &snapshot,
        bench.snapshots,
    )
}

/// Judges streams of snapshots like the one in the file `snapshot`.
fn many(command: &Command, snapshot: &Path, most: usize) -> Result<()> {
    let size = Template::new(&std::fs::read(snapshot)?, Nodes::Fleet)?.size();
    println!("\nmany snapshots, of {} KiB each", size >> 10);
    println!(
        "{:<24} {:>10} {:>12} {:>12} {:>12}",
        "", "a second", "a CPU second", "CPU us each", "peak MiB"
    );
    let judge = |name: &str, nodes, count: usize| -> Result<(f64, Cost)> {
        let cost = snapshots::judge(command, count, nodes, snapshot)?;
        let number = count as f64;
        println!(
            "{:<24} {:>10.0} {:>12.0} {:>12.1} {:>12.1}",
            format!("{count} {name}"),
            number / cost.wall * 1e3,
            number / cost.cpu * 1e3,
            cost.cpu / number * 1e3,
            cost.peak
        );
        Ok((number / cost.cpu * 1e3, cost))
    };
    judge("strangers", Nodes::Strangers, most / 10)?;
    let few = judge("of a fleet", Nodes::Fleet, most / 100)?;
    judge("of a fleet", Nodes::Fleet, most / 10)?;
    let all = judge("of a fleet", Nodes::Fleet, most)?;
    aim("snapshots per second of CPU", all.0, AIM_MANY, true);
    ratio("CPU of all / of a hundredth", all.1.cpu, few.1.cpu);
    ratio("peak of all / of a hundredth", all.1.peak, few.1.peak);
    Ok(())
}

/// Prints what `xtask-native` says, and gives the ratio that it ends with.
fn sandboxed(native: &Path, snapshot: &Path, rounds: u32) -> Result<f64> {
    let output = Command::new(native)
        .arg(snapshot)
        .arg(rounds.to_string())
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", native.display()))?;
    let said = String::from_utf8(output.stdout)?;
    let (text, ratio) = said
        .trim_end()
        .rsplit_once('\n')
        .context("the policies do not run without the sandbox")?;
    println!("{text}");
    Ok(ratio.trim().parse()?)
}

fn ratio(name: &str, cost: f64, baseline: f64) {
    println!("  {name:<54} {:>8.2}", cost / baseline);
}

fn aim(name: &str, value: f64, aim: f64, at_least: bool) {
    let (word, met) = if at_least {
        ("at least", value >= aim)
    } else {
        ("at most", value <= aim)
    };
    let met = if met { "met" } else { "MISSED" };
    println!("  {name:<44} {value:>8.1}, {word} {aim:.0}: {met}");
}

/// The directory itself, or the one in it that holds most files, if it holds
/// nothing but trees.
fn largest(directory: &Path) -> Result<PathBuf> {
    if directory.join("etc").is_dir() || directory.join("usr").is_dir() {
        return Ok(directory.to_owned());
    }
    let mut trees = Vec::new();
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            trees.push((count(&path), path));
        }
    }
    let (_, tree) = trees.into_iter().max().context("there is no tree in it")?;
    Ok(tree)
}

fn count(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => count(&entry.path()),
            _ => 1,
        })
        .sum()
}
