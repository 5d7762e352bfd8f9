//! Components that do what they can to harm the host, one file each in
//! `hostile/`, run through the tool itself. Each ends in an error with a name,
//! or in a harmless answer; every other policy says what it says without them;
//! time and memory stay within bounds.
//!
//! The head of a file says what it does and what comes of it:
//!
//! ```text
//! ;; error: KIND: a part of the message      or   ;; answer: the summary
//! ;; grants: {...}, limits: {...}            as in a policy set
//! ;; component                               the text is the whole of it
//! ;; bytes: text with escapes                it is no WebAssembly
//! ```
//!
//! Any other file has fields that are put into `hostile/base.wat`. In it,
//! `;; repeat N: TEXT` stands for N times that text, `#` for the number of the
//! time and `@` for the one before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

#[path = "hostile/component.rs"]
mod component;
#[path = "hostile/run.rs"]
mod run;

use std::time::Instant;

use serde_json::Value as Json;

use component::{Expected, Hostile, all};
use run::{STANDARD, eval, policies, said, set};

/// Address space that a run may have, as `ulimit -v` counts it: in KiB. The
/// program itself is a hundred MiB of it where it is not optimised.
const ADDRESS_SPACE: usize = 512 * 1024;

/// The same where all of them are loaded at once.
const ADDRESS_SPACE_FOR_ALL: usize = 1024 * 1024;

/// Checks what came of a hostile component, and gives its own report.
fn check(hostile: &Hostile, policies: &[Json]) -> Result<(), String> {
    let report = policies
        .iter()
        .find(|policy| policy["id"] == *hostile.id || policy["id"] == *hostile.name)
        .ok_or_else(|| format!("{}: it is not reported", hostile.name))?;
    let right = match &hostile.expected {
        Expected::Error { kind, message } => {
            let said = report["error"]["message"].as_str().unwrap_or_default();
            report["error"]["kind"] == **kind && said.contains(message.as_str())
        }
        Expected::Answer(summary) => report["error"].is_null() && report["summary"] == **summary,
    };
    if !right {
        return Err(format!("{}: {report:#}", hostile.name));
    }
    Ok(())
}

#[test]
fn each_ends_in_an_error_of_its_own_within_its_limits() {
    let place = tempfile::tempdir().unwrap();
    let alone = policies(&said(&eval(
        place.path(),
        &set(place.path(), &[]),
        "json",
        ADDRESS_SPACE,
    )));
    assert_eq!(alone.len(), STANDARD.len());
    let mut wrong = Vec::new();
    for hostile in all() {
        let started = Instant::now();
        let run = eval(
            place.path(),
            &set(place.path(), &[&hostile]),
            "json",
            ADDRESS_SPACE,
        );
        let (took, peak) = (started.elapsed(), run.peak);
        println!(
            "{:>6} ms {:>7} KiB  {}",
            took.as_millis(),
            peak,
            hostile.name
        );
        let policies = policies(&said(&run));
        if let Err(message) = check(&hostile, &policies) {
            wrong.push(message);
        }
        for standard in &alone {
            assert!(
                policies.contains(standard),
                "{}: {policies:#?}",
                hostile.name
            );
        }
        assert_eq!(policies.len(), alone.len() + 1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_of_them_together_change_nothing_for_the_others() {
    let place = tempfile::tempdir().unwrap();
    let alone = policies(&said(&eval(
        place.path(),
        &set(place.path(), &[]),
        "json",
        ADDRESS_SPACE_FOR_ALL,
    )));
    let all = all();
    let set = set(place.path(), &all.iter().collect::<Vec<_>>());
    let policies = policies(&said(&eval(
        place.path(),
        &set,
        "json",
        ADDRESS_SPACE_FOR_ALL,
    )));
    assert_eq!(policies.len(), alone.len() + all.len());
    let wrong: Vec<_> = all
        .iter()
        .filter_map(|hostile| check(hostile, &policies).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for standard in &alone {
        assert!(policies.contains(standard), "{policies:#?}");
    }
    // What people read is as clean as what programs read.
    let text = said(&eval(place.path(), &set, "text", ADDRESS_SPACE_FOR_ALL));
    for hostile in &all {
        assert!(
            text.contains(&hostile.id) || text.contains(&hostile.name),
            "{text}"
        );
    }
}
