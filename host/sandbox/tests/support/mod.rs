//! Writes components by hand: a core module in text, encoded for a world.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::{Facts, Question};
use nodepol_model::Snapshot;
use nodepol_model::snapshot::Source as Taken;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The parts of a policy of which a test changes one or two.
pub struct Policy {
    /// Interfaces in its world, beside `log`.
    pub interfaces: Vec<&'static str>,
    /// Imports of its core module.
    pub imports: String,
    /// Pages of its memory.
    pub pages: u32,
    /// Fields of its core module.
    pub fields: String,
    /// What `describe` and `evaluate` do before they answer.
    pub describe: String,
    pub evaluate: String,
    /// The verdicts of its answer, by their place in the enum.
    pub verdicts: [u8; 2],
    /// The summary, escaped as text of WebAssembly wants it, and its length.
    pub summary: (String, u32),
    /// Where its findings are, and how many.
    pub findings: (u32, u32),
    /// The discriminant of its result: 1 is a failure.
    pub failed: u8,
}

pub const PASS: u8 = 0;
pub const FAIL: u8 = 2;
pub const NOT_APPLICABLE: u8 = 5;

impl Default for Policy {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            imports: String::new(),
            pages: 2,
            fields: String::new(),
            describe: String::new(),
            evaluate: String::new(),
            verdicts: [PASS, PASS],
            summary: ("all is well".to_owned(), 11),
            findings: (0, 0),
            failed: 0,
        }
    }
}

/// Where the summary and a finding stand in the memory of a [`Policy`].
const SUMMARY: u32 = 16384;
pub const FINDING: u32 = 3072;

impl Policy {
    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let words = |words: &[u32]| {
            words
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .map(|byte| format!("\\{byte:02x}"))
                .collect::<String>()
        };
        // Records of the canonical ABI: see wit/check.wit for their fields.
        let description = words(&[1024, 5, 1056, 5, 1088, 11, 0, 1120, 1, 0, 0, 0, 0, 0]);
        let verdicts = u32::from(self.verdicts[0]) | u32::from(self.verdicts[1]) << 8;
        let answer = if self.failed == 0 {
            words(&[
                0,
                verdicts,
                SUMMARY,
                self.summary.1,
                self.findings.0,
                self.findings.1,
            ])
        } else {
            words(&[1, 1, SUMMARY, self.summary.1])
        };
        let finding = words(&[
            1152,
            7, // id
            u32::from(FAIL),
            1184,
            2, // horizons
            1216,
            5, // message
            0,
            0, // evidence
            0,
            0,
            0,
            0,
            0, // no fix
            0,
            0, // symptom-of
        ]);
        let text = format!(
            r#"(module
  {imports}
  (memory (export "memory") {pages})
  (data (i32.const 1024) "probe")
  (data (i32.const 1056) "Probe")
  (data (i32.const 1088) "Nothing is.")
  (data (i32.const 1120) "\03")
  (data (i32.const 1152) "swap-on")
  (data (i32.const 1184) "\00\01")
  (data (i32.const 1216) "it is")
  (data (i32.const {SUMMARY}) "{summary}")
  (data (i32.const 2048) "{description}")
  (data (i32.const {FINDING}) "{finding}")
  (data (i32.const 4096) "{answer}")
  (global $next (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    local.get $at)
  (func (export "nodepol:policy/check@0.1.0#describe") (result i32)
    {describe}
    i32.const 2048)
  (func (export "nodepol:policy/check@0.1.0#evaluate")
    (param i32 i32 i32 i32) (result i32)
    {evaluate}
    i32.const 4096)
  {fields}
)"#,
            imports = self.imports,
            pages = self.pages,
            summary = self.summary.0,
            describe = self.describe,
            evaluate = self.evaluate,
            fields = self.fields,
        );
        encode(&text, &self.interfaces)
    }
}

fn encode(module: &str, interfaces: &[&str]) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    resolve.push_dir(wit).unwrap();
    let imports: String = interfaces
        .iter()
        .map(|name| format!("import nodepol:policy/{name}@0.1.0;"))
        .collect();
    let world = format!(
        "package test:probe;\n\
         world probe {{ include nodepol:policy/policy@0.1.0; {imports} }}"
    );
    let package = resolve.push_str("probe.wit", &world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

/// Facts of a node of which nothing was gathered.
pub fn no_facts() -> Arc<Facts> {
    let snapshot = Snapshot::empty(Taken::Tree, Timestamp::UNIX_EPOCH);
    Arc::new(Facts::new(Arc::new(snapshot), Question::default()))
}
