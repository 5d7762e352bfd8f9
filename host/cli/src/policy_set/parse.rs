//! From the text of a policy set to what it says.

use std::collections::BTreeMap;
use std::path::Path;

use nodepol_facts::document::{Entry as Key, Node, Value, yaml};
use nodepol_model::{API_VERSION, Location, Phase, Severity};

use super::mistake::{Mistake, Mistakes};
use super::reader::{Reader, kind, unknown};
use super::{Entry, Given, Limits, PolicySet, Source, Waiver, place, value};

const KIND: &str = "PolicySet";

const PHASES: [(&str, Phase); 4] = [
    ("image", Phase::Image),
    ("pre-join", Phase::PreJoin),
    ("boot", Phase::Boot),
    ("running", Phase::Running),
];

const SEVERITIES: [(&str, Severity); 5] = [
    ("blocker", Severity::Blocker),
    ("boot-blocker", Severity::BootBlocker),
    ("degraded", Severity::Degraded),
    ("time-bomb", Severity::TimeBomb),
    ("hygiene", Severity::Hygiene),
];

/// The interfaces of `wit/`, but for `log`, which every policy has.
const INTERFACES: [&str; 11] = [
    "certs", "cgroups", "configs", "files", "journal", "kubelet", "network", "node", "runtimes",
    "swap", "units",
];

/// What the file `name` says, as far as it can be read, and its mistakes.
/// `known` are the ids of the standard policies.
pub(super) fn parse(name: &str, text: &str, known: &[&str]) -> (PolicySet, Mistakes) {
    let mut reader = Reader {
        file: name,
        mistakes: Mistakes::default(),
    };
    let document = match yaml::parse(text) {
        Ok(document) => document,
        Err(error) => {
            reader.mistake(
                Location::position(name, error.line, error.column),
                format!("it is no YAML: {}", error.message),
            );
            return (PolicySet::default(), reader.mistakes);
        }
    };
    for duplicate in &document.duplicates {
        let key = duplicate.pointer.rsplit('/').next().unwrap_or_default();
        reader.mistake(
            Location::position(name, duplicate.line, duplicate.column),
            format!("the key `{key}` stands twice; remove one of them"),
        );
    }
    let set = read_set(&mut reader, &document.root, known);
    (set, reader.mistakes)
}

fn read_set(reader: &mut Reader<'_>, root: &Node, known: &[&str]) -> PolicySet {
    let mut set = PolicySet::default();
    let legal = ["apiVersion", "kind", "policies", "waivers"];
    let Some(_) = reader.object(root, "a policy set", &legal) else {
        return set;
    };
    for (key, wanted) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        match root.get(key) {
            Some(node) if node.as_str() == Some(wanted) => {}
            Some(node) => {
                let at = reader.at(node);
                reader.mistake(
                    at,
                    format!("`{key}` must be \"{wanted}\", not {}", kind(node)),
                );
            }
            None => {
                let at = reader.at(root);
                reader.mistake(at, format!("there is no `{key}`; add `{key}: {wanted}`"));
            }
        }
    }
    let mut first: BTreeMap<Source, u32> = BTreeMap::new();
    if let Some(policies) = root.get("policies") {
        for item in reader.items(policies, "`policies`") {
            let Some(entry) = read_entry(reader, item, known) else {
                continue;
            };
            if let Some(line) = first.get(&entry.source) {
                reader.mistake(
                    entry.at.clone(),
                    format!("this policy stands twice, first in line {line}; keep one of them"),
                );
                continue;
            }
            first.insert(entry.source.clone(), item.line);
            set.entries.push(entry);
        }
    }
    if let Some(waivers) = root.get("waivers") {
        for item in reader.items(waivers, "`waivers`") {
            if let Some(waiver) = read_waiver(reader, item) {
                set.waivers.push(waiver);
            }
        }
    }
    if root.get("policies").is_none() && root.get("waivers").is_none() {
        let at = reader.at(root);
        reader.mistake(
            at,
            "it names no `policies` and no `waivers`, so it would judge nothing",
        );
    }
    set
}

fn read_entry(reader: &mut Reader<'_>, item: &Node, known: &[&str]) -> Option<Entry> {
    let legal = [
        "id",
        "path",
        "phases",
        "parameters",
        "severity",
        "grants",
        "limits",
    ];
    reader.object(item, "a policy", &legal)?;
    let source = match (item.get("id"), item.get("path")) {
        (Some(id), None) => {
            read_id(reader, id, known).map(|id| (Source::Standard(id), reader.at(id_node(item))))
        }
        (None, Some(path)) => {
            let at = reader.at(path);
            reader
                .text(path, "`path`")
                .map(|path| (Source::File(beside(reader.file, path)), at))
        }
        (Some(_), Some(path)) => {
            let at = reader.at(path);
            reader.mistake(
                at,
                "a policy has an `id` (a standard one) or a `path` (a file), not both",
            );
            None
        }
        (None, None) => {
            let at = reader.at(item);
            reader.mistake(
                at,
                "it says of no policy that it is meant: add `id` (a standard one) or `path` (a file)",
            );
            None
        }
    };
    let phases = item.get("phases").map(|node| {
        let mut phases: Vec<Phase> = Vec::new();
        for item in reader.items(node, "`phases`") {
            phases.extend(reader.word(item, "phase", &PHASES));
        }
        phases
    });
    let severity = item
        .get("severity")
        .and_then(|node| reader.word(node, "severity", &SEVERITIES));
    let parameters = read_parameters(reader, item.get("parameters"));
    let (interfaces, files) = read_grants(reader, item.get("grants"));
    let limits = read_limits(reader, item.get("limits"));
    let (source, at) = source?;
    Some(Entry {
        source,
        at,
        phases,
        parameters,
        severity,
        interfaces,
        files,
        limits,
    })
}

/// The node that names a standard policy; the item itself if there is none.
fn id_node(item: &Node) -> &Node {
    item.get("id").unwrap_or(item)
}

fn read_id(reader: &mut Reader<'_>, node: &Node, known: &[&str]) -> Option<String> {
    let id = reader.text(node, "`id`")?;
    // A build without any says so once, and not for every line.
    if known.is_empty() || known.contains(&id) {
        return Some(id.to_owned());
    }
    let at = reader.at(node);
    let message = unknown("standard policy", id, known);
    reader.mistake(
        at,
        format!("{message} (a policy in a file is named by `path`)"),
    );
    None
}

/// A path of a set is meant from the set's own directory.
fn beside(file: &str, path: &str) -> std::path::PathBuf {
    match Path::new(file).parent() {
        Some(directory) => directory.join(path),
        None => path.into(),
    }
}

fn read_parameters(reader: &mut Reader<'_>, node: Option<&Node>) -> BTreeMap<String, Given> {
    let Some(node) = node else {
        return BTreeMap::new();
    };
    if !matches!(node.value, Value::Object(_) | Value::Null) {
        let at = reader.at(node);
        reader.mistake(
            at,
            format!(
                "`parameters` must be a mapping of names to values, not {}",
                kind(node)
            ),
        );
    }
    let given = |entry: &Key| Given {
        value: entry.value.to_json(),
        key_at: reader.key_at(entry),
        value_at: reader.at(&entry.value),
    };
    node.entries()
        .iter()
        .map(|entry| (entry.key.clone(), given(entry)))
        .collect()
}

fn read_grants(reader: &mut Reader<'_>, node: Option<&Node>) -> (Option<Vec<String>>, Vec<String>) {
    let Some(node) = node else {
        return (None, Vec::new());
    };
    if reader
        .object(node, "`grants`", &["interfaces", "files"])
        .is_none()
    {
        return (None, Vec::new());
    }
    let interfaces = node.get("interfaces").map(|node| {
        let words = INTERFACES.map(|name| (name, name));
        let mut interfaces = Vec::new();
        for item in reader.items(node, "`interfaces`") {
            interfaces.extend(reader.word(item, "interface", &words).map(str::to_owned));
        }
        interfaces
    });
    let mut files = Vec::new();
    if let Some(node) = node.get("files") {
        for (path, item) in reader.texts(node, "`files`") {
            let normal = path.starts_with('/')
                && !path.split('/').any(|part| part == "." || part == "..")
                && !path.contains(['*', '?']);
            if normal {
                files.push(path.to_owned());
            } else {
                let at = reader.at(item);
                reader.mistake(
                    at,
                    format!(
                        "`{path}` must be the absolute path of one file, without `..` and wildcards"
                    ),
                );
            }
        }
    }
    (interfaces, files)
}

fn read_limits(reader: &mut Reader<'_>, node: Option<&Node>) -> Limits {
    let mut limits = Limits::default();
    let Some(node) = node else {
        return limits;
    };
    if reader
        .object(node, "`limits`", &["fuel", "wall", "memory"])
        .is_none()
    {
        return limits;
    }
    if let Some(fuel) = node.get("fuel") {
        limits.fuel = match fuel.value {
            Value::Integer(number) if number > 0 => u64::try_from(number).ok(),
            _ => None,
        };
        if limits.fuel.is_none() {
            let at = reader.at(fuel);
            reader.mistake(
                at,
                format!("`fuel` must be a whole number above 0, not {}", kind(fuel)),
            );
        }
    }
    if let Some(wall) = node.get("wall") {
        limits.wall = wall
            .as_str()
            .and_then(value::duration)
            .filter(|wall| !wall.is_zero());
        if limits.wall.is_none() {
            let at = reader.at(wall);
            reader.mistake(
                at,
                format!(
                    "`wall` must be a time such as `5s` or `500ms`, not {}",
                    kind(wall)
                ),
            );
        }
    }
    if let Some(memory) = node.get("memory") {
        let bytes = match &memory.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Text(text) => value::bytes(text),
            _ => None,
        };
        limits.memory = bytes
            .filter(|bytes| *bytes > 0)
            .and_then(|bytes| usize::try_from(bytes).ok());
        if limits.memory.is_none() {
            let at = reader.at(memory);
            reader.mistake(
                at,
                format!(
                    "`memory` must be an amount such as `64MiB`, not {}",
                    kind(memory)
                ),
            );
        }
    }
    limits
}

fn read_waiver(reader: &mut Reader<'_>, item: &Node) -> Option<Waiver> {
    let legal = ["policy", "finding", "reason", "expires"];
    reader.object(item, "a waiver", &legal)?;
    let at = reader.at(item);
    let names = match (item.get("policy"), item.get("finding")) {
        (Some(policy), None) => reader
            .text(policy, "`policy`")
            .map(|policy| (policy.to_owned(), None)),
        (None, Some(finding)) => read_finding(reader, finding),
        _ => {
            reader.mistake(
                at.clone(),
                "a waiver names a `policy`, or a `finding` as `policy/finding`, one of the two",
            );
            None
        }
    };
    let reason = match item.get("reason") {
        Some(reason) => reader.text(reason, "`reason`").map(str::to_owned),
        None => {
            reader.mistake(
                at.clone(),
                "a waiver must have a `reason`, for those who read the report",
            );
            None
        }
    };
    let mut expires = None;
    if let Some(node) = item.get("expires") {
        expires = node.as_str().and_then(value::instant);
        if expires.is_none() {
            let at = place(reader.file, node);
            reader.mistake(
                at,
                format!(
                    "`expires` must be a date such as `2027-01-31` or an instant such as \
                     `2027-01-31T12:00:00Z`, not {}",
                    kind(node)
                ),
            );
        }
    }
    let ((policy, finding), reason) = (names?, reason?);
    Some(Waiver {
        policy,
        finding,
        reason,
        expires,
        at,
    })
}

fn read_finding(reader: &mut Reader<'_>, node: &Node) -> Option<(String, Option<String>)> {
    let text = reader.text(node, "`finding`")?;
    match text.split_once('/') {
        Some((policy, finding)) if !policy.is_empty() && !finding.is_empty() => {
            Some((policy.to_owned(), Some(finding.to_owned())))
        }
        _ => {
            let at = reader.at(node);
            reader.mistakes.push(Mistake::new(
                at,
                format!("`{text}` must be `policy/finding`; to waive all of a policy, say `policy: {text}`"),
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: nodepol.dev/v1\nkind: PolicySet\n";
    const KNOWN: [&str; 2] = ["swap-active", "cgroup-version"];

    fn parsed(body: &str) -> PolicySet {
        let (set, mistakes) = parse("dir/site.yaml", &format!("{HEAD}{body}"), &KNOWN);
        mistakes.none_or(set).unwrap()
    }

    fn mistakes(body: &str) -> String {
        let (set, mistakes) = parse("site.yaml", &format!("{HEAD}{body}"), &KNOWN);
        mistakes.none_or(set).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_set() {
        let set = parsed(
            "policies:
  - id: swap-active
    phases: [pre-join]
    severity: hygiene
    parameters: {warn-before: 30d, tolerate: yes}
    limits: {fuel: 1000, wall: 500ms, memory: 16MiB}
  - path: mine.wasm
    grants: {interfaces: [files, units], files: [/etc/site.conf]}
waivers:
  - finding: swap-active/swap-on
    reason: these nodes are built without a kubelet
    expires: 2027-01-31
",
        );
        let [swap, mine] = set.entries.as_slice() else {
            panic!("two policies, not {:?}", set.entries);
        };
        assert_eq!(swap.source, Source::Standard("swap-active".to_owned()));
        assert_eq!(swap.phases, Some(vec![Phase::PreJoin]));
        assert_eq!(swap.severity, Some(Severity::Hygiene));
        assert_eq!(swap.parameters["warn-before"].value, "30d");
        assert_eq!(swap.parameters["tolerate"].value, true);
        assert_eq!(swap.parameters["tolerate"].key_at.line, Some(7));
        assert_eq!(swap.limits.memory, Some(16 << 20));
        assert_eq!(mine.source, Source::File("dir/mine.wasm".into()));
        assert_eq!(mine.files, ["/etc/site.conf"]);
        assert_eq!(set.waivers[0].names(), "swap-active/swap-on");
    }

    #[test]
    fn ids_are_known_or_told() {
        let said = mistakes(
            "policies:\n  - id: swap-actve\n  - id: cgroup-version\n  - id: cgroup-version\n  - id: zzz\n",
        );
        assert!(said.contains("3 mistakes"), "{said}");
        assert!(
            said.contains(
                "site.yaml:4:9: unknown standard policy `swap-actve`; did you mean `swap-active`?"
            ),
            "{said}"
        );
        assert!(
            said.contains("site.yaml:6:9: this policy stands twice, first in line 5"),
            "{said}"
        );
        assert!(said.contains("site.yaml:7:9: unknown standard policy `zzz`; there is `swap-active`, `cgroup-version`"), "{said}");
    }

    #[test]
    fn the_standard_set_is_every_policy_of_this_repository() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let mut ids: Vec<String> = std::fs::read_dir(plugins)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().join("Cargo.toml").exists())
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|id| id != "sdk")
            .collect();
        ids.sort();
        let known: Vec<&str> = ids.iter().map(String::as_str).collect();
        let text = super::super::standard::text("standard").unwrap();
        let (set, mistakes) = parse("standard", text, &known);
        let set = mistakes.none_or(set).unwrap();
        let named: Vec<Source> = set.entries.into_iter().map(|entry| entry.source).collect();
        let all: Vec<Source> = ids.into_iter().map(Source::Standard).collect();
        assert_eq!(named, all);
    }
}
