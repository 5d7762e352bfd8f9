//! Every command and every code block of the pages in `docs/` works.
//!
//! Each page is followed from its top in an empty directory, as a reader would:
//!
//! - a block with `file=PATH` is written to that file;
//! - a block `console` holds commands after `$ ` and what they print; `…` stands
//!   for any lines, or for any text in a line; `cd` stays in force;
//! - a block `console only=LANGUAGE` is followed only where the compiler of the
//!   language is.
//!
//! There is no other kind of block: one that nothing runs would be one that
//! nobody notices when it breaks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block of a page.
struct Block {
    line: usize,
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, number) in page.lines().zip(1..) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block {
                    line: number,
                    info: info.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Whether a printed line is the expected one, with `…` for any text.
fn line_matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = actual.trim_end().strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Whether lines are the expected ones, with a line `…` for any lines.
fn lines_match(expected: &[&str], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((&"…", rest)) => (0..=actual.len()).any(|skip| lines_match(rest, &actual[skip..])),
        Some((first, rest)) => match actual.split_first() {
            Some((line, others)) => line_matches(first, line) && lines_match(rest, others),
            None => false,
        },
    }
}

/// A page that is followed.
struct Reader {
    directory: PathBuf,
    failures: Vec<String>,
}

impl Reader {
    fn command(&mut self, name: &str, line: usize, command: &str, expected: &[&str]) {
        if let Some(directory) = command.strip_prefix("cd ") {
            self.directory.push(directory);
            return;
        }
        let binary = nodepol_tests::binary();
        let path =
            std::env::join_paths(std::iter::once(binary.parent().unwrap().to_owned()).chain(
                std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()),
            ))
            .unwrap();
        let output = Command::new("bash")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(&self.directory)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env(
                "CARGO_TARGET_DIR",
                nodepol_tests::target_directory().join("authoring"),
            )
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let actual: Vec<&str> = printed.lines().map(str::trim_end).collect();
        // What no text is shown of must at least succeed.
        let holds = if expected.is_empty() {
            output.status.success()
        } else {
            lines_match(expected, &actual)
        };
        if !holds {
            self.failures.push(format!(
                "docs/{name}.md:{line}: $ {command}\n({})\n{printed}",
                output.status
            ));
        }
    }

    fn console(&mut self, name: &str, block: &Block) {
        let mut commands: Vec<(usize, &str, Vec<&str>)> = Vec::new();
        for (line, number) in block.text.lines().zip(block.line + 1..) {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((number, command, Vec::new())),
                (None, Some((_, _, output))) => output.push(line),
                (None, None) => panic!("docs/{name}.md:{number}: output without a command"),
            }
        }
        for (line, command, expected) in commands {
            self.command(name, line, command, &expected);
        }
    }
}

/// Whether the compiler of a language is at hand: `only=LANGUAGE`.
fn is_at_hand(language: &str) -> bool {
    nodepol_tests::project::at_hand(language, Path::new("/"))
}

/// Follows a page; how many blocks it has.
fn follow(name: &str) -> usize {
    let path = nodepol_tests::workspace().join(format!("docs/{name}.md"));
    let page = std::fs::read_to_string(&path).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut reader = Reader {
        directory: scratch.path().to_owned(),
        failures: Vec::new(),
    };
    let blocks = blocks(&page);
    for block in &blocks {
        let words: Vec<&str> = block.info.split_whitespace().collect();
        let file = words.iter().find_map(|word| word.strip_prefix("file="));
        let only = words.iter().find_map(|word| word.strip_prefix("only="));
        match (file, words.first()) {
            (Some(file), _) => {
                let path = reader.directory.join(file);
                std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
                std::fs::write(&path, &block.text).unwrap();
            }
            (None, Some(&"console")) => {
                if only.is_none_or(is_at_hand) {
                    reader.console(name, block);
                }
            }
            _ => panic!(
                "docs/{name}.md:{}: nothing runs this block; see tests/docs.rs",
                block.line
            ),
        }
    }
    assert!(
        reader.failures.is_empty(),
        "\n{}",
        reader.failures.join("\n")
    );
    blocks.len()
}

/// The pages that hold blocks, one test each, so that they run side by side.
const PAGES: [&str; 7] = [
    "cases",
    "facts",
    "languages",
    "policy-sets",
    "stability",
    "tutorial",
    "vendors",
];

#[test]
fn the_tutorial_works_word_for_word() {
    assert!(follow("tutorial") > 8);
}

#[test]
fn the_examples_of_every_fact_compile() {
    assert!(follow("facts") > 10);
}

#[test]
fn the_reference_of_policy_sets_works() {
    assert!(follow("policy-sets") > 3);
}

#[test]
fn the_format_of_cases_works() {
    assert!(follow("cases") > 3);
}

#[test]
fn the_page_for_vendors_works() {
    assert!(follow("vendors") > 1);
}

#[test]
fn the_page_on_languages_works() {
    assert!(follow("languages") > 0);
}

#[test]
fn the_page_on_stability_works() {
    follow("stability");
}

#[test]
fn every_page_with_blocks_is_followed() {
    for entry in std::fs::read_dir(nodepol_tests::workspace().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(
            blocks(&page).is_empty() || PAGES.contains(&name.as_str()),
            "docs/{name}.md has blocks that no test follows"
        );
    }
}

/// Every function of every interface that a policy can import is in the guide
/// to facts, by the name that Rust has for it.
#[test]
fn the_guide_to_facts_names_every_function() {
    let mut resolve = wit_parser::Resolve::default();
    resolve
        .push_dir(nodepol_tests::workspace().join("wit"))
        .unwrap();
    let guide = std::fs::read_to_string(nodepol_tests::workspace().join("docs/facts.md")).unwrap();
    let mut missing = Vec::new();
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.as_deref().unwrap_or_default();
        if name == "check" {
            continue;
        }
        for function in interface.functions.keys() {
            let call = format!("{name}::{}(", function.replace('-', "_"));
            if !guide.contains(&call) {
                missing.push(call);
            }
        }
    }
    assert!(missing.is_empty(), "docs/facts.md lacks {missing:?}");
}
