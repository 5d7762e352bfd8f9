//! `nodepol plugin`: a project of each language builds and passes its own cases
//! as it is generated, and the custom policies in `tests/authoring/` do too.
//!
//! A language of which the compiler is not at hand is skipped, and said to be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use nodepol_tests::project::{at_hand, done, lay_over, nodepol, refused, skipped, text};
use nodepol_toolchain::Rust;

/// A generated project, with every promise that is made of one.
fn generated(language: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let project = scratch.path().join("acme-agent");
    done(
        scratch.path(),
        &["plugin", "new", "acme-agent", "--lang", language],
    );
    if !at_hand(language, &project) {
        return;
    }
    let built = done(&project, &["plugin", "build"]);
    assert!(built.contains("files@0.1.0: "), "{built}");
    assert!(built.contains("sha256"), "{built}");
    assert!(!built.contains("wasi"), "{built}");

    let component = "build/acme-agent.wasm";
    let shown = done(&project, &["inspect", "--format", "json", component]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    nodepol_tests::assert_valid("inspection", &shown);
    assert!(built.contains(shown["digest"].as_str().unwrap()), "{built}");

    let junit = project.join("results.xml");
    let tested = done(
        &project,
        &["plugin", "test", "--junit", junit.to_str().unwrap()],
    );
    assert!(tested.contains("6 passed, 0 failed"), "{tested}");
    assert!(
        tested.contains("verdicts reached: not-applicable, pass, unknown, fail"),
        "{tested}"
    );
    let junit = std::fs::read_to_string(junit).unwrap();
    let junit = roxmltree::Document::parse(&junit).unwrap();
    let suite = junit
        .descendants()
        .find(|node| node.has_tag_name("testsuite"))
        .unwrap();
    for (name, value) in [("name", "acme-agent"), ("tests", "6"), ("failures", "0")] {
        assert_eq!(suite.attribute(name), Some(value));
    }

    let checked = done(&project, &["plugin", "check", "--format", "json"]);
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    nodepol_tests::assert_valid("check", &checked);
    // The engine of JavaScript has a seed of its own in each build.
    if !["javascript", "typescript"].contains(&language) {
        assert_eq!(checked["digest"], shown["digest"], "not built alike twice");
    }
    assert_eq!(checked["cases"], 6);
    ci_steps_work(&project, language);

    let checked = done(&project, &["plugin", "check", "--strict"]);
    assert!(checked.starts_with("0 errors, 0 warnings"), "{checked}");

    // The policy set that was written beside it grants what it needs.
    let image = project.join("image");
    std::fs::create_dir_all(image.join("etc")).unwrap();
    std::fs::write(
        image.join("etc/acme-agent.conf"),
        "# agent\nenabled = false\n",
    )
    .unwrap();
    let judged = nodepol(
        &project,
        &["eval", "--root", "image", "--policies", "policy-set.yaml"],
    );
    assert_eq!(judged.status.code(), Some(1), "{}", text(&judged));
    assert!(
        text(&judged).contains("/etc/acme-agent.conf:2"),
        "{}",
        text(&judged)
    );
}

/// What the project's workflow does with nodepol works, and it sets up what the
/// language needs.
fn ci_steps_work(project: &Path, language: &str) {
    let workflow = std::fs::read_to_string(project.join(".github/workflows/policy.yaml")).unwrap();
    let workflow: serde_yaml::Value = serde_yaml::from_str(&workflow).unwrap();
    let steps = workflow["jobs"]["test"]["steps"].as_sequence().unwrap();
    let word =
        |step: &serde_yaml::Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let setup = match language {
        "rust" => "rustup target add wasm32-unknown-unknown",
        "c" => "clang lld",
        "go" => "actions/setup-go@",
        _ => "npm install",
    };
    assert!(
        steps.iter().any(|step| {
            word(step, "run").contains(setup) || word(step, "uses").contains(setup)
        }),
        "{setup}: {workflow:?}"
    );
    let runs: Vec<String> = steps.iter().map(|step| word(step, "run")).collect();
    let mut count = 0;
    for run in runs.iter().filter_map(|run| run.strip_prefix("nodepol ")) {
        done(project, &run.split(' ').collect::<Vec<_>>());
        count += 1;
    }
    assert_eq!(count, 2, "{runs:?}");
}

#[test]
fn a_generated_rust_project_passes() {
    generated("rust");
}

#[test]
fn a_generated_c_project_passes() {
    generated("c");
}

/// Where there is no clang, `zig` compiles C.
#[test]
fn a_c_project_is_built_by_zig() {
    if nodepol_toolchain::which("zig")
        .or(nodepol_toolchain::which("python-zig"))
        .is_none()
    {
        return skipped("zig is not at hand");
    }
    let scratch = tempfile::tempdir().unwrap();
    let new = ["plugin", "new", "acme-agent", "--lang", "c"];
    done(scratch.path(), &new);
    // All that this machine has, but for LLVM: whatever `zig` is may need the rest.
    let path = std::env::var_os("PATH").unwrap();
    let without_llvm = std::env::split_paths(&path)
        .enumerate()
        .map(|(at, directory)| {
            let copy = scratch.path().join(format!("bin{at}"));
            std::fs::create_dir(&copy).unwrap();
            for entry in std::fs::read_dir(directory).into_iter().flatten() {
                let program = entry.unwrap().path();
                let name = program.file_name().unwrap().to_str().unwrap();
                if !["clang", "wasm-ld", "lld"]
                    .iter()
                    .any(|of_llvm| name.starts_with(of_llvm))
                {
                    std::os::unix::fs::symlink(&program, copy.join(name)).unwrap();
                }
            }
            copy
        });
    let without_llvm = std::env::join_paths(without_llvm).unwrap();
    let tested = Command::new(nodepol_tests::binary())
        .args(["plugin", "test", "acme-agent"])
        .current_dir(scratch.path())
        .env("PATH", without_llvm)
        .output()
        .unwrap();
    assert!(
        text(&tested).contains("6 passed, 0 failed"),
        "{}",
        text(&tested)
    );
}

#[test]
fn a_generated_go_project_passes() {
    generated("go");
}

#[test]
fn a_generated_javascript_project_passes() {
    generated("javascript");
}

#[test]
fn a_generated_typescript_project_passes() {
    generated("typescript");
}

/// The custom policy `tests/authoring/ID`, laid over a generated project.
fn custom(id: &str, language: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let project = scratch.path().join(id);
    done(scratch.path(), &["plugin", "new", id, "--lang", language]);
    if !at_hand(language, &project) {
        return;
    }
    std::fs::remove_dir_all(project.join("cases")).unwrap();
    lay_over(
        &nodepol_tests::workspace().join("tests/authoring").join(id),
        &project,
    );
    let tested = done(&project, &["plugin", "test"]);
    assert!(tested.contains(", 0 failed"), "{tested}");
    let checked = done(&project, &["plugin", "check", "--strict"]);
    assert!(checked.starts_with("0 errors, 0 warnings"), "{checked}");
}

#[test]
fn a_custom_policy_in_rust_passes() {
    custom("time-sync", "rust");
}

#[test]
fn a_custom_policy_in_c_passes() {
    custom("kernel-setting", "c");
}

#[test]
fn a_custom_policy_in_javascript_passes() {
    custom("proxy-excludes", "javascript");
}

#[test]
fn a_rust_policy_is_tested_natively() {
    let scratch = tempfile::tempdir().unwrap();
    let project = scratch.path().join("acme-agent");
    done(scratch.path(), &["plugin", "new", "acme-agent"]);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet"])
        .current_dir(&project)
        .env(
            "CARGO_TARGET_DIR",
            nodepol_tests::target_directory().join("authoring"),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("1 passed"), "{}", text(&output));
}

/// A project with the component of a policy that is built already, so that the
/// tools around it can be tested without a compiler.
fn with_component() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let component = nodepol_tests::target_directory()
        .join("components")
        .join("swap-active.wasm");
    let project = scratch.path();
    std::fs::write(
        project.join("plugin.yaml"),
        "apiVersion: nodepol.dev/v1\nkind: Plugin\nid: swap-active\nlanguage: rust\n",
    )
    .unwrap();
    let wit = project.join("wit/deps/nodepol-policy");
    std::fs::create_dir_all(&wit).unwrap();
    for entry in std::fs::read_dir(nodepol_tests::workspace().join("wit")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, wit.join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::write(
        project.join("wit/world.wit"),
        "package local:swap-active;\nworld plugin {\n  include nodepol:policy/policy@0.1.0;\n  \
         import nodepol:policy/swap@0.1.0;\n  import nodepol:policy/node@0.1.0;\n  \
         import nodepol:policy/kubelet@0.1.0;\n  import nodepol:policy/cgroups@0.1.0;\n}\n",
    )
    .unwrap();
    std::fs::create_dir(project.join("cases")).unwrap();
    (scratch, component)
}

const SWAP: &str = "proves: a row\nbase: kubeadm\nfiles:\n  /proc/swaps: \"Filename Type Size \
                    Used Priority\\n/dev/sda2 partition 8388604 0 -2\\n\"\n";

#[test]
fn a_difference_is_told_and_blessed() {
    let (scratch, component) = with_component();
    let component = component.to_str().unwrap();
    let case = scratch.path().join("cases/swap.yaml");
    std::fs::write(
        &case,
        format!("{SWAP}expect:\n  now: pass\n  next-boot: not-applicable # as said\n# the end\n"),
    )
    .unwrap();
    let failed = nodepol(
        scratch.path(),
        &["plugin", "test", "--component", component],
    );
    assert_eq!(failed.status.code(), Some(1));
    let said = text(&failed);
    for expected in [
        "FAILED   swap",
        "proves: a row",
        "now: expected pass, it is warn",
        "findings: expected [], they are [swap-on-later]",
        "0 passed, 1 failed",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    done(
        scratch.path(),
        &["plugin", "test", "--component", component, "--bless"],
    );
    let blessed = std::fs::read_to_string(&case).unwrap();
    assert_eq!(
        blessed,
        format!(
            "{SWAP}expect:\n  now: warn\n  next-boot: not-applicable # as said\n  findings: \
             [swap-on-later]\n# the end\n"
        )
    );
    done(
        scratch.path(),
        &["plugin", "test", "--component", component],
    );
}

#[test]
fn a_case_is_recorded_from_a_snapshot_with_only_what_is_looked_at() {
    let (scratch, component) = with_component();
    let component = component.to_str().unwrap();
    let case = nodepol_cases::Case::parse(Path::new("node"), SWAP).unwrap();
    let mut snapshot = nodepol_cases::snapshot(&case, Path::new("node")).unwrap();
    let present = |snapshot: &nodepol_model::Snapshot| {
        let files = snapshot.files.values();
        files.filter(|file| file.present().is_some()).count()
    };
    let whole = present(&snapshot);
    snapshot.journal = nodepol_model::Part::Present(Default::default());
    // What it could see through its imports, and does not need.
    let secret = "as if it held a secret".to_owned();
    snapshot.programs.insert(
        "containerd config dump".to_owned(),
        nodepol_model::Part::Unreadable(secret.clone()),
    );
    snapshot.files.insert(
        "/etc/acme/token".to_owned(),
        nodepol_model::Part::Unreadable(secret),
    );
    if let nodepol_model::Part::Present(systemd) = &mut snapshot.systemd {
        systemd
            .manager
            .insert("Environment".to_owned(), "TOKEN=1".into());
    }
    let file = scratch.path().join("node.json");
    std::fs::write(&file, snapshot.to_json().unwrap()).unwrap();
    let said = done(
        scratch.path(),
        &[
            "plugin",
            "record",
            "real-node",
            "--from",
            "node.json",
            "--component",
            component,
        ],
    );
    assert!(said.contains("now warn"), "{said}");
    let kept = std::fs::read(scratch.path().join("cases/real-node.json")).unwrap();
    let kept = nodepol_model::Snapshot::from_json(&kept).unwrap();
    assert!(kept.files.contains_key("/proc/swaps"));
    assert!(present(&kept) < whole, "{} of {whole}", present(&kept));
    assert!(kept.journal.present().is_none(), "it reads no journal");
    for other in ["/etc/fstab", "/etc/containerd/config.toml"] {
        assert!(!kept.files.contains_key(other), "it never looks at {other}");
    }
    let kept = kept.to_json().unwrap();
    for other in ["as if it held", "acme", "TOKEN"] {
        assert!(!kept.contains(other), "{other}: {kept}");
    }
    done(
        scratch.path(),
        &["plugin", "test", "--component", component],
    );
    // Without a name the case is called as the snapshot.
    let record = [
        "plugin",
        "record",
        "--from",
        "node.json",
        "--component",
        component,
    ];
    let said = done(scratch.path(), &record);
    assert!(said.contains("cases/node.yaml: now warn"), "{said}");
    let again = refused(scratch.path(), 2, &record);
    assert!(again.contains("node.yaml is there already"), "{again}");
}

#[test]
fn what_a_publisher_would_say_is_said() {
    let (scratch, component) = with_component();
    let component = component.to_str().unwrap();
    let world = scratch.path().join("wit/world.wit");
    let wit = std::fs::read_to_string(&world).unwrap();
    std::fs::write(
        &world,
        wit.replace(
            "import nodepol:policy/swap",
            "import nodepol:policy/certs@0.1.0;\n  import nodepol:policy/swap",
        ),
    )
    .unwrap();
    std::fs::write(
        scratch.path().join("cases/none.yaml"),
        "base: kubeadm\nexpect: {now: pass, next-boot: not-applicable}\n",
    )
    .unwrap();
    let arguments = ["plugin", "check", "--component", component];
    let output = nodepol(scratch.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    for code in [
        "error[no-readme]",
        "error[verdict-not-reached]: no case reaches `fail` or `warn`",
        "warning[unused-import]: wit/world.wit imports `certs`",
        "warning[no-documentation]",
    ] {
        assert!(said.contains(code), "{code}\n{said}");
    }
    // What the code reads and its world does not import is refused outright.
    std::fs::write(&world, wit.replace("import nodepol:policy/swap@0.1.0;", "")).unwrap();
    let output = nodepol(scratch.path(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("`swap`"), "{}", text(&output));
}

#[test]
fn a_missing_compiler_is_told_with_the_command_that_installs_it() {
    let scratch = tempfile::tempdir().unwrap();
    for (language, command) in [
        ("rust", "rustup"),
        ("c", "clang lld"),
        ("go", "https://go.dev/dl/go1."),
        ("javascript", "/acme && npm install"),
        ("typescript", "/acme && npm install"),
    ] {
        done(
            scratch.path(),
            &["plugin", "new", "acme", "--lang", language],
        );
        let project = scratch.path().join("acme");
        let output = Command::new(nodepol_tests::binary())
            .args(["plugin", "build", "acme"])
            .current_dir(scratch.path())
            .env("PATH", "/nonexistent")
            .output()
            .unwrap();
        // Debian's own Rust compiler is found without a PATH.
        if language != "rust" || Rust::debian().is_none() {
            assert_eq!(output.status.code(), Some(2), "{}", text(&output));
            let said = text(&output);
            assert!(said.contains("was not found; install it with"), "{said}");
            assert!(said.contains(command), "{said}");
        }
        std::fs::remove_dir_all(project).unwrap();
    }
}

#[test]
fn a_component_is_written_as_wit() {
    let component = nodepol_tests::target_directory().join("components/swap-active.wasm");
    let wit = done(
        nodepol_tests::workspace(),
        &["inspect", "--wit", component.to_str().unwrap()],
    );
    assert!(wit.contains("import nodepol:policy/swap@0.1.0;"), "{wit}");
    assert!(
        wit.contains("active: func() -> result<list<device>, unavailable>;"),
        "{wit}"
    );
    assert!(
        !wit.contains("at-next-boot:"),
        "what it does not call is gone\n{wit}"
    );
}

/// Replaces a text in every file below a directory.
fn replace_in(directory: &Path, from: &str, to: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            replace_in(&path, from, to);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace(from, to)).unwrap();
        }
    }
}

/// A guest of a later 0.1.x runs here as long as it calls nothing new.
#[test]
fn a_policy_for_a_later_version_runs_until_it_needs_what_is_new() {
    let scratch = tempfile::tempdir().unwrap();
    let project = scratch.path().join("acme-agent");
    done(
        scratch.path(),
        &["plugin", "new", "acme-agent", "--lang", "c"],
    );
    if !at_hand("c", &project) {
        return;
    }
    replace_in(&project.join("wit"), "@0.1.0", "@0.1.7");
    let files = project.join("wit/deps/nodepol-policy/files.wit");
    let wit = std::fs::read_to_string(&files).unwrap();
    let with_more = wit.replace(
        "  /// lstat(2)",
        "  @since(version = 0.1.7)\n  owner: func(path: string) -> u32;\n\n  /// lstat(2)",
    );
    assert_ne!(wit, with_more);
    std::fs::write(&files, with_more).unwrap();
    let tested = done(&project, &["plugin", "test"]);
    assert!(tested.contains("6 passed, 0 failed"), "{tested}");
    let built = done(&project, &["plugin", "build"]);
    assert!(
        built.contains("nodepol:policy/files@0.1.7: text"),
        "{built}"
    );

    let source = project.join("src/policy.c");
    let code = std::fs::read_to_string(&source).unwrap();
    let calls = code.replace(
        "  plugin_option_string_t text;\n",
        "  plugin_option_string_t text;\n  if (nodepol_policy_files_owner(&path) != 0) return true;\n",
    );
    assert_ne!(code, calls);
    std::fs::write(&source, calls).unwrap();
    let refused = nodepol(&project, &["plugin", "test"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    let said = text(&refused);
    assert!(
        said.contains("owner") || said.contains("files@0.1.7"),
        "{said}"
    );

    replace_in(&project.join("wit"), "@0.1.7", "@0.2.0");
    std::fs::write(&source, code).unwrap();
    let refused = nodepol(&project, &["plugin", "test"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("0.2.0"), "{}", text(&refused));
}

/// A guest of every version that was ever frozen runs here.
#[test]
fn a_policy_for_every_frozen_version_runs() {
    let frozen = nodepol_tests::workspace().join("wit/frozen");
    let Ok(versions) = std::fs::read_dir(&frozen) else {
        skipped("no version is frozen yet");
        return;
    };
    for version in versions {
        let version = version.unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let project = scratch.path().join("acme-agent");
        done(
            scratch.path(),
            &["plugin", "new", "acme-agent", "--lang", "c"],
        );
        if !at_hand("c", &project) {
            return;
        }
        let wit = project.join("wit/deps/nodepol-policy");
        std::fs::remove_dir_all(&wit).unwrap();
        lay_over(&version.path(), &wit);
        let name = version.file_name().to_string_lossy().into_owned();
        replace_in(
            &project.join("wit"),
            &format!("@{}", nodepol_sandbox::inspect::WIT_VERSION),
            &format!("@{name}"),
        );
        let tested = done(&project, &["plugin", "test"]);
        assert!(tested.contains("6 passed, 0 failed"), "{name}: {tested}");
    }
}

/// A panic is told in the words of the panic, and a mistake in a parameter's
/// name is told at all.
#[test]
fn mistakes_in_a_policy_are_readable() {
    let scratch = tempfile::tempdir().unwrap();
    let project = scratch.path().join("acme-agent");
    done(scratch.path(), &["plugin", "new", "acme-agent"]);
    let source = project.join("src/lib.rs");
    let code = std::fs::read_to_string(&source).unwrap();
    let broken = code
        .replace("parameters.text(\"key\")", "parameters.text(\"kye\")")
        .replace(
            "let finding = Finding::fail(",
            "assert!(!text.contains(\"verbose\"), \"a line that nobody expected\");\n    \
             let finding = Finding::fail(",
        );
    assert_ne!(code, broken);
    std::fs::write(&source, broken).unwrap();
    let output = nodepol(&project, &["plugin", "test"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    for expected in [
        "a line that nobody expected",
        "src/lib.rs:",
        "the parameter `kye` is not declared",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let output = nodepol(&project, &["plugin", "check"]);
    assert!(
        text(&output).contains("error[undeclared-parameter]: the parameter `kye`"),
        "{}",
        text(&output)
    );
}

/// An SDK elsewhere is depended on and not copied.
#[test]
fn a_project_can_depend_on_the_sdk_of_a_checkout() {
    let scratch = tempfile::tempdir().unwrap();
    let sdk = nodepol_tests::workspace().join("plugins/sdk");
    done(
        scratch.path(),
        &["plugin", "new", "acme", "--sdk", sdk.to_str().unwrap()],
    );
    let project = scratch.path().join("acme");
    assert!(!project.join("sdk").exists());
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(&format!("path = \"{}\"", sdk.display())),
        "{manifest}"
    );
    // Nothing is written over.
    let again = nodepol(scratch.path(), &["plugin", "new", "acme"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again).contains("is there already"));
    let bad = nodepol(scratch.path(), &["plugin", "new", "Acme_Proxy"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad).contains("kebab-case"));
}
