//! The README's commands print what the README says.
//!
//! A block ```` ```console ```` holds commands after `$ ` and what they print;
//! `…` on a line of its own stands for any lines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::process::Command;

struct Example {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (index, line) in readme.lines().enumerate() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => examples.push(Example {
                    line: index + 1,
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                None => {
                    examples
                        .last_mut()
                        .expect("a command first")
                        .output
                        .push(line.to_owned());
                }
            },
        }
    }
    examples
}

/// Whether `actual` is `expected`, with `…` for any lines.
fn matches(expected: &[String], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=actual.len()).any(|skipped| matches(rest, &actual[skipped..]))
        }
        Some((first, rest)) => {
            actual
                .first()
                .is_some_and(|line| line.trim_end() == first.trim_end())
                && matches(rest, &actual[1..])
        }
    }
}

#[test]
fn every_command_of_the_readme_prints_what_it_says() {
    let readme = std::fs::read_to_string(nodepol_tests::workspace().join("README.md")).unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 3, "the README has lost its examples");
    let mut failures = Vec::new();
    for example in examples {
        let Some(arguments) = example.command.strip_prefix("nodepol ") else {
            panic!("README.md:{}: only `nodepol` can be tested", example.line);
        };
        let (arguments, code) = match arguments.split_once("; echo $?") {
            Some((arguments, _)) => (arguments, true),
            None => (arguments, false),
        };
        let output = Command::new(nodepol_tests::binary())
            .args(arguments.split_whitespace())
            .current_dir(nodepol_tests::workspace())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let mut printed = String::from_utf8(output.stdout).unwrap();
        printed.push_str(&String::from_utf8(output.stderr).unwrap());
        if code {
            printed.push_str(&format!("{}\n", output.status.code().unwrap()));
        }
        let lines: Vec<_> = printed.lines().collect();
        if !matches(&example.output, &lines) {
            failures.push(format!(
                "README.md:{}: $ {}\n{printed}",
                example.line, example.command
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
