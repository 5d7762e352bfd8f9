//! Builds, tests and runs nodepol: `cargo xtask help`.
//!
//! A fresh machine needs a Rust toolchain and nothing else: whatever compiles
//! the components is found, or installed where that is possible.

mod bench;
mod components;
mod freeze;
mod run;
mod toolchain;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, tests and runs nodepol.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and evaluate this node: `nodepol eval [ARGUMENTS]`.
    Eval {
        /// The arguments of `nodepol eval`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build everything and run all tests.
    Test {
        /// The arguments of `cargo test`, such as `-p nodepol-facts`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the components and the optimised `nodepol` that carries them.
    Build,
    /// Measure what an evaluation costs, beside programs that everybody knows.
    Bench(bench::Bench),
    /// Run a command and print what it cost.
    #[command(name = "__measure", hide = true)]
    Measure {
        /// How often, and the command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Make snapshots, run a command on them and print what it cost.
    #[command(name = "__judge", hide = true)]
    Judge {
        /// How many, like which, and the command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Build the components and print the size of each.
    Plugins,
    /// Keep a copy of the interface in wit/ as it is released.
    FreezeWit,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    if let Task::Measure { words } = &task {
        return bench::measure_in_child(words);
    }
    if let Task::Judge { words } = &task {
        return bench::judge_in_child(words);
    }
    let workspace = Workspace::locate()?;
    if matches!(task, Task::FreezeWit) {
        freeze::freeze(&workspace)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Task::Bench(bench) = &task
        && let Some(nodepol) = &bench.nodepol
    {
        bench::run(&workspace, bench, nodepol, bench.native.as_deref())?;
        return Ok(ExitCode::SUCCESS);
    }
    components::build(&workspace)?;
    match task {
        Task::Eval { arguments } => {
            run::step("building nodepol");
            run::build_program(&workspace, "nodepol")?;
            let nodepol = workspace.target.join("debug/nodepol");
            run::step(&format!(
                "{} eval {}",
                nodepol.display(),
                arguments.join(" ")
            ));
            run::status(
                std::process::Command::new(nodepol)
                    .arg("eval")
                    .args(arguments),
            )
        }
        Task::Test { arguments } => {
            run::step("running the tests");
            let mut words = vec!["test".to_owned()];
            if arguments.is_empty() {
                words.push("--workspace".to_owned());
            }
            words.extend(arguments);
            run::cargo(
                &workspace,
                &words.iter().map(String::as_str).collect::<Vec<_>>(),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Build => {
            println!("{}", build(&workspace)?.display());
            Ok(ExitCode::SUCCESS)
        }
        Task::Bench(bench) => {
            let nodepol = build(&workspace)?;
            run::step("building the policies without the sandbox");
            let arguments = ["build", "--release", "--package", "xtask-native"];
            run::cargo(&workspace, &arguments)?;
            let native = workspace.target.join("release/xtask-native");
            bench::run(&workspace, &bench, &nodepol, Some(&native))?;
            Ok(ExitCode::SUCCESS)
        }
        // They are done before anything is built.
        Task::Measure { .. } | Task::Judge { .. } => Ok(ExitCode::SUCCESS),
        Task::Plugins => {
            components::print_sizes(&workspace)?;
            Ok(ExitCode::SUCCESS)
        }
        // Done above: it needs no component.
        Task::FreezeWit => Ok(ExitCode::SUCCESS),
    }
}

/// Builds the optimised nodepol.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    run::step("building nodepol, optimised");
    run::cargo(workspace, &["build", "--release", "--package", "nodepol"])?;
    Ok(workspace.target.join("release/nodepol"))
}
