//! What goes wrong in a project of a policy is told in words that help: in its
//! names, its code, its cases, its manifest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::{Path, PathBuf};

use nodepol_tests::project::{at_hand, done, lay_over, nodepol, refused, text};

/// A project in `language`; none if its compiler is not at hand.
fn project(scratch: &Path, id: &str, language: &str) -> Option<PathBuf> {
    done(scratch, &["plugin", "new", id, "--lang", language]);
    let directory = scratch.join(id);
    at_hand(language, &directory).then_some(directory)
}

/// Writes `to` for `from` in a file that has it.
#[track_caller]
fn change(file: &Path, from: &str, to: &str) {
    let old = std::fs::read_to_string(file).unwrap();
    assert!(old.contains(from), "{}: {from:?}\n{old}", file.display());
    std::fs::write(file, old.replace(from, to)).unwrap();
}

#[test]
fn names_that_cannot_be_are_refused_and_others_build() {
    let scratch = tempfile::tempdir().unwrap();
    let new = |name: &str, language: &str| {
        nodepol(scratch.path(), &["plugin", "new", name, "--lang", language])
    };
    for (name, why) in [
        ("Acme_Proxy", "kebab-case"),
        ("../acme", "kebab-case"),
        ("self", "the name is taken"),
        ("nodepol-plugin", "the name is taken"),
        ("swap-active", "is a standard policy"),
    ] {
        let output = new(name, "rust");
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output).contains(why), "{name}: {}", text(&output));
        assert!(!scratch.path().join(name).exists(), "{name}");
    }
    // Words of WIT, and words that begin with a digit, are names as any other.
    for name in ["record", "self", "acme-2"] {
        let Some(directory) = project(scratch.path(), name, "c") else {
            return;
        };
        done(&directory, &["plugin", "build"]);
    }
    // Whatever lies above it, and however it is called.
    let above = scratch.path().join("a workspace's");
    std::fs::create_dir(&above).unwrap();
    std::fs::write(above.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    for language in ["rust", "c", "go", "javascript", "typescript"] {
        if let Some(directory) = project(&above, &format!("in-{language}"), language) {
            done(&above, &["plugin", "build", directory.to_str().unwrap()]);
        }
    }
}

/// Parameters of every type arrive in every language; one that is read with
/// another type is told.
#[test]
fn parameters_of_every_type_arrive() {
    for (language, file, right, wrong) in [
        ("rust", "src/lib.rs", "text(\"word\")", "text(\"age\")"),
        (
            "c",
            "src/policy.c",
            "_text(parameters, \"word\")",
            "_text(parameters, \"age\")",
        ),
        ("go", "src/policy.go", "Text(\"word\")", "Text(\"age\")"),
        (
            "javascript",
            "src/policy.js",
            "count, word,",
            "count, wrod: word,",
        ),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let Some(directory) = project(scratch.path(), "all-types", language) else {
            continue;
        };
        std::fs::remove_dir_all(directory.join("cases")).unwrap();
        let sources = nodepol_tests::workspace().join("tests/parameters");
        lay_over(&sources.join("common"), &directory);
        lay_over(&sources.join(language), &directory);
        change(
            &directory.join("plugin.yaml"),
            "files:\n  - /etc/all-types.conf\n",
            "",
        );
        let tested = done(&directory, &["plugin", "test"]);
        assert!(
            tested.contains("2 passed, 0 failed"),
            "{language}: {tested}"
        );

        change(&directory.join(file), right, wrong);
        let said = refused(&directory, 1, &["plugin", "test"]);
        assert!(
            said.contains("it logged an error: the parameter `"),
            "{language}: {said}"
        );
        assert!(said.contains("is not declared"), "{language}: {said}");
        let said = refused(&directory, 1, &["plugin", "check"]);
        assert!(
            said.contains("error[undeclared-parameter]"),
            "{language}: {said}"
        );
    }
}

/// Rust's own tests of a policy that takes parameters.
#[test]
fn a_native_test_can_set_parameters() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "all-types", "rust") else {
        return;
    };
    let sources = nodepol_tests::workspace().join("tests/parameters");
    lay_over(&sources.join("rust"), &directory);
    let output =
        std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["test", "--quiet"])
            .current_dir(&directory)
            .env(
                "CARGO_TARGET_DIR",
                nodepol_tests::target_directory().join("authoring"),
            )
            .output()
            .unwrap();
    assert!(text(&output).contains("1 passed"), "{}", text(&output));
}

/// Where a policy gives up is told in the report, in every language.
#[test]
fn a_panic_is_told_with_its_place() {
    for (language, file, from, to, expected) in [
        (
            "rust",
            "src/lib.rs",
            "    let line = text",
            "    assert!(text.len() > 99, \"too short\");\n    let line = text",
            "panicked at src/lib.rs:35:5: too short",
        ),
        (
            "c",
            "src/policy.c",
            "  np_text line, value;",
            "  np_panic(\"too short\");\n  np_text line, value;",
            "src/policy.c:33)",
        ),
        (
            "go",
            "src/policy.go",
            "\tfinding := Find(",
            "\t_ = text[99]\n\tfinding := Find(",
            "index out of range [99] with length 16 (src/policy.go:39)",
        ),
        (
            "javascript",
            "src/policy.js",
            "  const lines =",
            "  text.short();\n  const lines =",
            "/src/policy.js:14:",
        ),
        (
            "typescript",
            "src/policy.ts",
            "  const lines =",
            "  if (text.length < 99) throw new Error('too short');\n  const lines =",
            "too short (at judgeText (/build/js/policy.js:8:",
        ),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let Some(directory) = project(scratch.path(), "acme-agent", language) else {
            continue;
        };
        change(&directory.join(file), from, to);
        done(&directory, &["plugin", "build"]);
        std::fs::create_dir_all(directory.join("node/etc")).unwrap();
        std::fs::write(
            directory.join("node/etc/acme-agent.conf"),
            "enabled = false\n",
        )
        .unwrap();
        let arguments = ["eval", "--root", "node", "--policies", "policy-set.yaml"];
        let said = refused(
            &directory,
            3,
            &[&arguments[..], &["--format", "json"]].concat(),
        );
        assert!(said.contains(expected), "{language}: {said}");
        let said = refused(&directory, 3, &arguments);
        assert!(said.contains("ERROR  acme-agent"), "{language}: {said}");
        // Once: in the report.
        assert_eq!(said.matches("ERROR").count(), 1, "{language}: {said}");
    }
}

/// Whatever the environment says of programs for this machine, and wherever cargo
/// is told to build.
#[test]
fn a_rust_build_is_its_own() {
    let scratch = tempfile::tempdir().unwrap();
    let said = done(
        scratch.path(),
        &["plugin", "new", "acme-agent", "--directory", "my policy"],
    );
    assert!(said.contains("    cd 'my policy'\n"), "{said}");
    let directory = scratch.path().join("my policy");
    if !at_hand("rust", &directory) {
        return;
    }
    let build = || {
        std::process::Command::new(nodepol_tests::binary())
            .args(["plugin", "build", "my policy"])
            .current_dir(scratch.path())
            .env("RUSTFLAGS", "-Clink-arg=--no-such-flag")
            .env("CARGO_TARGET_DIR", "built here")
            .output()
            .unwrap()
    };
    let built = build();
    assert!(built.status.success(), "{}", text(&built));
    assert!(scratch.path().join("built here/guest").is_dir());
    // A crate of another name does not pass for what was built before.
    change(
        &directory.join("Cargo.toml"),
        "name = \"acme-agent\"",
        "name = \"acme-other\"",
    );
    let said = text(&build());
    assert!(
        said.contains("cargo built no library `acme-agent`"),
        "{said}"
    );
    assert!(said.contains("write `name = \"acme-agent\"`"), "{said}");
}

/// What TypeScript finds wrong ends the build, with the line; and the helpers and
/// the policy of a project in JavaScript hold to the same types.
#[test]
fn types_are_checked() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "acme-agent", "typescript") else {
        return;
    };
    let policy = directory.join("src/policy.ts");
    change(&policy, "if (text == null)", "if (text.length === 0)");
    let said = refused(&directory, 2, &["plugin", "build"]);
    assert!(
        said.contains("src/policy.ts(45,9): error TS18047: 'text' is possibly 'null'"),
        "{said}"
    );
    change(&policy, "if (text.length === 0)", "if (text == null)");
    change(
        &policy,
        "judgement('not-applicable',",
        "judgement('inapplicable',",
    );
    let said = refused(&directory, 2, &["plugin", "build"]);
    assert!(
        said.contains("'\"inapplicable\"' is not assignable"),
        "{said}"
    );

    let Some(directory) = project(scratch.path(), "in-javascript", "javascript") else {
        return;
    };
    done(&directory, &["plugin", "build"]);
    let nodepol_toolchain::Tsc(tsc) = nodepol_toolchain::Tsc::find(&directory).unwrap();
    let checked = std::process::Command::new(tsc)
        .args(["--project", "jsconfig.json", "--noEmit"])
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
}

#[test]
fn cases_that_cannot_be_used_are_told_together() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "acme-agent", "c") else {
        return;
    };
    let cases = directory.join("cases");
    let said = refused(&directory, 2, &["plugin", "test", "--only", "nothing"]);
    assert!(
        said.contains("no case has `nothing` in its name; there are fail-disabled,"),
        "{said}"
    );

    std::fs::write(cases.join("one.yaml"), "bass: kubeadm\n").unwrap();
    std::fs::write(cases.join("two.yaml"), "base: kubadm\n").unwrap();
    let said = refused(&directory, 2, &["plugin", "test"]);
    for expected in ["one.yaml", "`bass`", "two.yaml", "kubadm"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said = done(&directory, &["plugin", "test", "--only", "pass"]);
    assert!(said.contains("2 passed, 0 failed"), "{said}");
    assert!(
        !said.contains("no case reaches"),
        "it ran a part of them: {said}"
    );

    std::fs::rename(cases.join("one.yaml"), cases.join("one.yml")).unwrap();
    let said = refused(&directory, 2, &["plugin", "test"]);
    assert!(said.contains("one.yml is never run"), "{said}");
}

/// What is wrong in the project's world is shown with its line.
#[test]
fn a_world_that_makes_no_sense_is_told_with_its_line() {
    let scratch = tempfile::tempdir().unwrap();
    done(scratch.path(), &["plugin", "new", "acme-agent"]);
    let directory = scratch.path().join("acme-agent");
    let world = directory.join("wit/world.wit");
    change(&world, "policy/files@", "policy/flies@");
    let said = refused(&directory, 2, &["plugin", "test"]);
    assert!(said.contains("world.wit:9:25"), "{said}");
    assert!(
        said.contains("import nodepol:policy/flies@0.1.0;"),
        "{said}"
    );
    change(
        &world,
        "import nodepol:policy/flies@",
        "imprt nodepol:policy/files@",
    );
    let said = refused(&directory, 2, &["plugin", "test"]);
    assert!(said.contains("world.wit:9:3"), "{said}");
    std::fs::write(&world, "package local:acme-agent;\nworld policy {}\n").unwrap();
    let said = refused(&directory, 2, &["plugin", "test"]);
    assert!(said.contains("there is no `world plugin` in it"), "{said}");
}

/// A policy in C that a publisher would have much to say about.
const BAD: &str = r#"
#include "nodepol.h"

static const char big[5 << 20] = {1};
static volatile unsigned asked;

void policy_describe(np_description *out) {
  np_describe(out, "acme-bad", "Bad", "nothing holds", np_blocker, np_running, NULL);
  np_parameter(out, "limit", np_integer_value(1), "a limit");
}

bool policy_judge(np_horizon at, const np_parameters *parameters, np_judgement *out,
                  np_unavailable *missing) {
  (void)at, (void)parameters, (void)missing;
  for (unsigned i = 0; i < 4000000; i++) asked += (unsigned)big[i % sizeof big];
  np_say(out, asked > 1 ? np_pass : np_not_applicable, "it is so");
  return true;
}
"#;

#[test]
fn a_publisher_says_each_thing_that_is_wrong() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "acme-bad", "c") else {
        return;
    };
    std::fs::write(directory.join("src/policy.c"), BAD).unwrap();
    std::fs::write(directory.join("README.md"), "# acme-bad\n\nTODO\n").unwrap();
    std::fs::remove_dir_all(directory.join("cases")).unwrap();
    std::fs::create_dir(directory.join("cases")).unwrap();
    std::fs::write(
        directory.join("cases/one.yaml"),
        "base: no-kubelet\nexpect: {now: fail, next-boot: pass}\n",
    )
    .unwrap();
    let said = refused(&directory, 1, &["plugin", "check"]);
    for expected in [
        "error[case-fails]: the case `one` does not hold",
        "error[nondeterministic]: asked about `next-boot` alone, the case `one` gets another",
        "error[verdict-not-reached]: no case reaches `fail` or `warn`",
        "warning[verdict-not-reached]: no case reaches `unknown`",
        "warning[fuel]: the case `one` uses",
        "warning[size]: the component has 52",
        "warning[no-documentation]",
        "warning[unfinished-readme]",
        "warning[undocumented-parameter]: README.md says nothing of the parameter `limit`",
        "warning[untested-parameter]: no case sets the parameter `limit`",
        "warning[unused-files]",
        "warning[unused-import]: wit/world.wit imports `files`",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    // Every code that there is, is in the page for vendors.
    let page = std::fs::read_to_string(nodepol_tests::workspace().join("docs/vendors.md")).unwrap();
    for line in said.lines().filter(|line| line.contains("]: ")) {
        let code = line.split(['[', ']']).nth(1).unwrap();
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}

/// A verdict that a policy cannot give needs no case, if it says why.
#[test]
fn a_verdict_that_is_never_given_is_declared() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "acme-agent", "c") else {
        return;
    };
    std::fs::remove_file(directory.join("cases/unknown-unreadable.yaml")).unwrap();
    let strict = ["plugin", "check", "--strict"];
    let said = refused(&directory, 1, &strict);
    assert!(said.contains("`unreached: {unknown: …}`"), "{said}");
    let manifest = directory.join("plugin.yaml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}unreached: {{unknown: ''}}\n")).unwrap();
    let said = refused(&directory, 2, &strict);
    assert!(
        said.contains("does not say why `unknown` is never reached"),
        "{said}"
    );
    std::fs::write(
        &manifest,
        format!("{text}unreached: {{unknown: it reads nothing}}\n"),
    )
    .unwrap();
    done(&directory, &strict);
    std::fs::write(&manifest, format!("{text}unreached: {{pass: never}}\n")).unwrap();
    let said = refused(&directory, 1, &strict);
    assert!(
        said.contains("plugin.yaml says that `pass` is never reached"),
        "{said}"
    );
}

/// What JUnit says of cases that fail is XML, whatever a policy said.
#[test]
fn results_are_xml_whatever_is_in_them() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(directory) = project(scratch.path(), "acme-agent", "c") else {
        return;
    };
    change(
        &directory.join("src/policy.c"),
        "np_c(key), \" to true\"",
        "np_c(key), \" to <true> & \\\"\\x1b[31m\\xef\\xbf\\xbf\"",
    );
    change(
        &directory.join("cases/pass-enabled.yaml"),
        "enabled = true",
        "enabled = no",
    );
    refused(&directory, 1, &["plugin", "test", "--junit", "results.xml"]);
    let xml = std::fs::read_to_string(directory.join("results.xml")).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let named = |name| {
        xml.descendants()
            .filter(move |node| node.has_tag_name(name))
    };
    assert_eq!(named("testcase").count(), 6);
    assert_eq!(named("failure").count(), 1);
    let suite = named("testsuite").next().unwrap();
    assert_eq!(suite.attribute("failures"), Some("1"));
    assert_eq!(suite.attribute("errors"), Some("0"));
    let failure = named("failure").next().unwrap();
    assert!(
        failure
            .text()
            .unwrap()
            .contains("now: expected pass, it is fail")
    );
    for case in named("testcase") {
        assert!(case.attribute("time").unwrap().parse::<f64>().is_ok());
        assert!(case.attribute("file").unwrap().ends_with(".yaml"));
    }

    // A policy that fails by itself is an error and no failure.
    change(
        &directory.join("src/policy.c"),
        "  np_text line, value;",
        "  abort();\n  np_text line, value;",
    );
    refused(&directory, 1, &["plugin", "test", "--junit", "results.xml"]);
    let xml = std::fs::read_to_string(directory.join("results.xml")).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let suite = xml
        .descendants()
        .find(|node| node.has_tag_name("testsuite"))
        .unwrap();
    assert_eq!(suite.attribute("failures"), Some("0"));
    assert_eq!(suite.attribute("errors"), Some("4"));
}
