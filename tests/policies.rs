//! Every case of every standard policy in the real sandbox: through its own
//! component, and through the one with all of them that nodepol carries. And what
//! holds for every policy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_cases::{Case, differences};
use nodepol_facts::{Facts, Question};
use nodepol_model::snapshot::Source;
use nodepol_model::{Horizon, Snapshot, Verdict};
use nodepol_sandbox::{
    Card, CompileLimits, Compiler, Embedded, Grants, Limits, Prepared, Sandbox, Standard,
    parameters,
};

/// The headings of a policy's README, which `nodepol explain` prints.
const HEADINGS: [&str; 5] = [
    "What it checks",
    "Why a node stays down",
    "Example",
    "Fix",
    "Sources",
];

/// Restricts the cases to some policies while one is written: `NODEPOL_ONLY=id,id`.
const ONLY: &str = "NODEPOL_ONLY";

/// The largest component: what a person on a slow link accepts.
const MAX_COMPONENT: u64 = 100 * 1024;

struct Policy {
    id: String,
    directory: PathBuf,
    component: PathBuf,
}

fn policies() -> Vec<Policy> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let executable = std::env::current_exe().unwrap();
    // target/debug/deps/policies-…
    let target = executable.ancestors().nth(3).unwrap();
    let mut policies: Vec<_> = std::fs::read_dir(root.join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists() && !path.ends_with("sdk"))
        .map(|directory| {
            let id = directory.file_name().unwrap().to_str().unwrap().to_owned();
            let component = target.join("components").join(format!("{id}.wasm"));
            assert!(
                component.exists(),
                "{id} is not built: run `cargo xtask test`"
            );
            Policy {
                id,
                directory,
                component,
            }
        })
        .collect();
    if let Ok(only) = std::env::var(ONLY) {
        policies.retain(|policy| only.split(',').any(|id| id == policy.id));
    }
    policies.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(!policies.is_empty(), "no policy of that id");
    policies
}

/// The component that nodepol carries.
fn standard(sandbox: &Sandbox, policy: &Policy) -> Standard {
    let built = |kind: &str| -> &'static [u8] {
        let path = policy.component.with_file_name("nodepol-standard");
        std::fs::read(path.with_extension(kind)).unwrap().leak()
    };
    let embedded = Embedded {
        wasm: built("wasm"),
        artifact: built("cwasm"),
    };
    sandbox.load_standard(&embedded).unwrap()
}

fn prepare(sandbox: &Sandbox, policy: &Policy) -> Prepared {
    let wasm = std::fs::read(&policy.component).unwrap();
    sandbox
        .load(&wasm, &Grants::standard())
        .unwrap_or_else(|error| panic!("{}: {error}", policy.id))
}

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    files
}

#[test]
fn every_case_of_every_policy_holds() {
    let sandbox = Sandbox::new(Compiler::InProcess, None).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    let mut reached: BTreeMap<String, BTreeSet<Verdict>> = BTreeMap::new();
    let policies = policies();
    let standard = standard(&sandbox, &policies[0]);
    for policy in policies {
        let prepared = prepare(&sandbox, &policy);
        let description = sandbox.describe(&prepared, &Limits::default()).unwrap();
        assert_eq!(
            description.id, policy.id,
            "a policy's id is the name of its directory"
        );
        let card = Card {
            inspection: prepared.inspection().clone(),
            description: description.clone(),
        };
        let carried = standard.member(&card, &Grants::standard()).unwrap();
        let verdicts = reached.entry(policy.id.clone()).or_default();
        for path in yaml_files(&policy.directory.join("cases")) {
            count += 1;
            let case = Case::read(&path).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                !case.proves.is_empty(),
                "{}: `proves` is missing",
                path.display()
            );
            let snapshot =
                nodepol_cases::snapshot(&case, &path).unwrap_or_else(|error| panic!("{error}"));
            let horizons: &[Horizon] = match snapshot.source {
                Source::Live => &[Horizon::Now, Horizon::NextBoot],
                Source::Tree => &[Horizon::NextBoot],
            };
            let question = Question {
                at: case.at.and_then(|at| at.instant(snapshot.taken_at)),
                ..Question::default()
            };
            let facts = Arc::new(Facts::new(Arc::new(snapshot), question));
            let arguments = parameters::check(&description.parameters, &case.parameters)
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display()));
            let evaluation =
                sandbox.evaluate(&prepared, &facts, horizons, &arguments, &Limits::default());
            let said = sandbox
                .evaluate(&carried, &facts, horizons, &arguments, &Limits::default())
                .outcome;
            if said != evaluation.outcome {
                failures.push(format!(
                    "{}\n    its own component and nodepol's differ: {:?}\n    {said:?}",
                    path.display(),
                    evaluation.outcome
                ));
            }
            let expected = case
                .expect
                .unwrap_or_else(|| panic!("{}: no `expect`", path.display()));
            let wrong = match evaluation.outcome {
                Ok(answer) => {
                    verdicts.extend([answer.verdicts.now, answer.verdicts.next_boot]);
                    let mut wrong = differences(&expected, answer.verdicts, &answer.findings);
                    if !wrong.is_empty() {
                        wrong.push(format!("summary: {}", answer.summary));
                        wrong.extend(
                            answer
                                .findings
                                .iter()
                                .map(|f| format!("{}: {}", f.id, f.message)),
                        );
                    }
                    wrong
                }
                Err(error) => vec![format!("{:?}: {}", error.kind, error.message)],
            };
            if !wrong.is_empty() {
                failures.push(format!("{}\n    {}", path.display(), wrong.join("\n    ")));
            }
        }
    }
    for (id, verdicts) in &reached {
        let words: Vec<_> = verdicts.iter().map(ToString::to_string).collect();
        println!("{id}: {}", words.join(", "));
        for wanted in [Verdict::Pass, Verdict::Unknown, Verdict::NotApplicable] {
            if !verdicts.contains(&wanted) {
                failures.push(format!("{id}: no case reaches {wanted}"));
            }
        }
        if !verdicts.contains(&Verdict::Fail) && !verdicts.contains(&Verdict::Warn) {
            failures.push(format!("{id}: no case reaches fail or warn"));
        }
    }
    println!("{count} cases, {} wrong", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_readme_has_the_headings_that_explain_prints() {
    for policy in policies() {
        let readme = std::fs::read_to_string(policy.directory.join("README.md"))
            .unwrap_or_else(|error| panic!("{}: README.md: {error}", policy.id));
        assert!(
            readme.starts_with(&format!("# {}\n", policy.id)),
            "{}",
            policy.id
        );
        let headings: Vec<_> = readme
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(headings, HEADINGS, "{}", policy.id);
    }
}

#[test]
fn no_component_is_larger_than_it_may_be() {
    for policy in policies() {
        let size = std::fs::metadata(&policy.component).unwrap().len();
        assert!(size <= MAX_COMPONENT, "{} is {size} bytes", policy.id);
    }
}

/// Where a panic happened is part of the code; which machine built it is nobody's
/// business, and would make every build another one.
#[test]
fn no_component_tells_where_it_was_built() {
    let policies = policies();
    let all = policies[0]
        .component
        .with_file_name("nodepol-standard.wasm");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let root = root.to_str().unwrap().as_bytes();
    for path in policies.iter().map(|it| &it.component).chain([&all]) {
        let bytes = std::fs::read(path).unwrap();
        let found = bytes.windows(root.len()).any(|it| it == root);
        assert!(!found, "{}", path.display());
    }
}

/// On a CPU or with a linker for which the machine code is of no use.
#[test]
fn what_nodepol_carries_can_be_compiled_anew() {
    let policies = policies();
    let wasm = policies[0]
        .component
        .with_file_name("nodepol-standard.wasm");
    let embedded = Embedded {
        wasm: std::fs::read(wasm).unwrap().leak(),
        artifact: b"for another machine",
    };
    let compiler = Compiler::Child {
        exe: nodepol_tests::binary(),
        limits: CompileLimits::default(),
    };
    let sandbox = Sandbox::new(compiler, None).unwrap();
    let standard = sandbox.load_standard(&embedded).unwrap();
    let card = nodepol_sandbox::card(&std::fs::read(&policies[0].component).unwrap()).unwrap();
    let policy = standard.member(&card, &Grants::standard()).unwrap();
    let snapshot = Snapshot::empty(Source::Tree, Timestamp::UNIX_EPOCH);
    let facts = Arc::new(Facts::new(Arc::new(snapshot), Question::default()));
    let arguments = parameters::check(&card.description.parameters, &BTreeMap::new()).unwrap();
    let limits = Limits::default();
    let evaluation = sandbox.evaluate(&policy, &facts, &[Horizon::NextBoot], &arguments, &limits);
    assert!(evaluation.outcome.is_ok(), "{evaluation:?}");
}
