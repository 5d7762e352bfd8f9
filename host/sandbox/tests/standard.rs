//! The standard policies: one component, and what its policies share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod support;

use std::collections::BTreeSet;

use nodepol_model::Horizon;
use nodepol_model::report::{PolicyError, PolicyErrorKind};
use nodepol_sandbox::{
    Card, Compiler, Embedded, Grants, Hearing, Interface, Limits, LoadError, Prepared, Sandbox,
    Standard, inspect,
};
use support::{Policy, no_facts};

const BOTH: [Horizon; 2] = [Horizon::Now, Horizon::NextBoot];

/// Its summary is as long as the number of its calls. A policy whose id begins with
/// `t` traps, one with `l` loops, and one with `g` takes three pages of memory more.
fn counting() -> Vec<u8> {
    Policy {
        evaluate: r"
            (i32.store (i32.const 4108) (i32.add (i32.load (i32.const 6000)) (i32.const 1)))
            (i32.store (i32.const 6000) (i32.load (i32.const 4108)))
            (if (i32.eq (i32.load8_u (i32.load offset=16 (local.get 2))) (i32.const 0x74))
              (then unreachable))
            (if (i32.eq (i32.load8_u (i32.load offset=16 (local.get 2))) (i32.const 0x6c))
              (then (loop $again (br $again))))
            (if (i32.eq (i32.load8_u (i32.load offset=16 (local.get 2))) (i32.const 0x67))
              (then (drop (memory.grow (i32.const 3)))))"
            .to_owned(),
        ..Policy::default()
    }
    .build()
}

fn embedded(wasm: Vec<u8>) -> Embedded {
    let artifact = nodepol_sandbox::engine::compile_trusted(&wasm).unwrap();
    Embedded {
        wasm: wasm.leak(),
        artifact: artifact.leak(),
    }
}

struct Node {
    standard: Standard,
    card: Card,
    hearing: Hearing,
}

impl Node {
    fn new() -> Self {
        let wasm = counting();
        let sandbox = Sandbox::new(Compiler::None, None).unwrap();
        Self {
            card: nodepol_sandbox::card(&wasm).unwrap(),
            standard: sandbox.load_standard(&embedded(wasm)).unwrap(),
            hearing: Hearing::new(no_facts()),
        }
    }

    fn member(&self, id: &str) -> Prepared {
        let mut card = self.card.clone();
        card.description.id = id.to_owned();
        self.standard.member(&card, &Grants::standard()).unwrap()
    }

    /// How often the instance that answers was called.
    fn calls_within(&mut self, id: &str, limits: &Limits) -> Result<usize, PolicyError> {
        let policy = self.member(id);
        let evaluation = self.hearing.evaluate(&policy, &BOTH, &[], limits);
        evaluation.outcome.map(|answer| answer.summary.len())
    }

    fn calls(&mut self, id: &str) -> Result<usize, PolicyError> {
        self.calls_within(id, &Limits::default())
    }
}

#[test]
fn they_share_an_instance_until_one_of_them_fails() {
    let mut node = Node::new();
    assert_eq!(node.calls("one"), Ok(1));
    assert_eq!(node.calls("one-more"), Ok(2));
    let error = node.calls("trap").unwrap_err();
    assert_eq!(error.kind, PolicyErrorKind::Trap, "{}", error.message);
    assert_eq!(node.calls("one"), Ok(1));
    let error = node.calls("loop").unwrap_err();
    assert_eq!(error.kind, PolicyErrorKind::Fuel, "{}", error.message);
    assert_eq!(node.calls("one"), Ok(1));
}

#[test]
fn each_has_all_of_its_limits() {
    let mut node = Node::new();
    let one = node.member("one");
    let cost = |node: &mut Node, limits: &Limits| {
        let evaluation = node.hearing.evaluate(&one, &BOTH, &[], limits);
        evaluation.outcome.unwrap();
        evaluation.cost.fuel
    };
    let once = cost(&mut node, &Limits::default());
    // Enough for one call and not for two.
    let limits = Limits {
        fuel: once + once / 2,
        ..Limits::default()
    };
    for _ in 0..10 {
        assert_eq!(cost(&mut node, &limits), once);
    }
}

#[test]
fn one_with_limits_of_its_own_has_an_instance_of_its_own() {
    let mut node = Node::new();
    let small = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(node.calls("one"), Ok(1));
    assert_eq!(node.calls_within("one", &small), Ok(1));
    assert_eq!(node.calls("one"), Ok(2));
}

#[test]
fn memory_that_another_holds_is_not_its_own() {
    let mut node = Node::new();
    // Of two pages at the start: enough to grow once.
    let limits = Limits {
        memory: 6 << 16,
        ..Limits::default()
    };
    assert_eq!(node.calls_within("grow", &limits), Ok(1));
    assert_eq!(node.calls_within("grow", &limits), Ok(1));
    assert_eq!(node.calls_within("one", &limits), Ok(2));
}

#[test]
fn a_foreign_policy_shares_nothing() {
    let mut node = Node::new();
    let sandbox = Sandbox::new(Compiler::InProcess, None).unwrap();
    let foreign = sandbox.load(&Policy::default().build(), &Grants::none());
    let foreign = foreign.unwrap();
    assert_eq!(node.calls("one"), Ok(1));
    for _ in 0..2 {
        let limits = Limits::default();
        let evaluation = node.hearing.evaluate(&foreign, &BOTH, &[], &limits);
        assert_eq!(evaluation.outcome.unwrap().summary, "all is well");
    }
    assert_eq!(node.calls("one"), Ok(2));
}

#[test]
fn another_node_gets_another_instance() {
    let mut node = Node::new();
    assert_eq!(node.calls("one"), Ok(1));
    node.hearing = Hearing::new(no_facts());
    assert_eq!(node.calls("one"), Ok(1));
}

/// What a policy may read is what its own component imports.
#[test]
fn a_policy_is_refused_what_is_not_granted() {
    let node = Node::new();
    let reader = Policy {
        interfaces: vec!["files"],
        imports: r#"(import "nodepol:policy/files@0.1.0" "lstat" (func (param i32 i32 i32)))"#
            .to_owned(),
        ..Policy::default()
    }
    .build();
    let card = nodepol_sandbox::card(&reader).unwrap();
    let refused = node.standard.member(&card, &Grants::none());
    assert_eq!(
        refused.unwrap_err(),
        LoadError::NotGranted(vec![Interface::Files])
    );
    let grants = Grants {
        interfaces: BTreeSet::from([Interface::Files]),
        files: BTreeSet::new(),
    };
    assert!(node.standard.member(&card, &grants).is_ok());
}

#[test]
fn what_is_embedded_runs_without_a_compiler() {
    let wasm = counting();
    let card = nodepol_sandbox::card(&wasm).unwrap();
    assert_eq!(card.inspection, inspect(&wasm).unwrap());
    assert_eq!(card.description.id, "probe");
    let embedded = embedded(wasm);
    let none = Sandbox::new(Compiler::None, None).unwrap();
    assert!(none.load_standard(&embedded).is_ok());
    // For another build: compiled anew, if there is a compiler.
    let other = Embedded {
        artifact: b"not for this build",
        ..embedded
    };
    assert!(none.load_standard(&other).is_err());
    let compiling = Sandbox::new(Compiler::InProcess, None).unwrap();
    assert!(compiling.load_standard(&other).is_ok());
}
