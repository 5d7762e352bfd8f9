//! A node made of texts or of a tree, and how systemd would start its services.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use nodepol_facts::cgroup::Cgroups;
use nodepol_facts::evidence::Evidence;
use nodepol_facts::kubelet::{Assumptions, Kubelet, Starts};
use nodepol_facts::node::Node;
use nodepol_facts::runtime::{Launch, Runtimes};
use nodepol_facts::sourced::{Sourced, Version};
use nodepol_model::snapshot::{Content, File, FileNode, Source};
use nodepol_model::{Location, Part, Snapshot, Unavailable};

/// What a test says of units.
#[derive(Debug, Default, Clone)]
pub(crate) struct Units {
    pub(crate) exec: BTreeMap<(String, String), Vec<Vec<String>>>,
    pub(crate) environment: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) assignments: BTreeMap<(String, String), Vec<String>>,
}

impl Units {
    pub(crate) fn start(mut self, unit: &str, argv: &str) -> Self {
        let argv = argv.split_whitespace().map(str::to_owned).collect();
        self.exec
            .insert((unit.to_owned(), "ExecStart".to_owned()), vec![argv]);
        self
    }
}

fn said(text: &str, unit: &str) -> Sourced<String> {
    Sourced::new(text.to_owned(), Location::source(unit))
}

impl Starts for Units {
    fn started(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Vec<Vec<Sourced<String>>>>, Unavailable> {
        let found = self.exec.get(&(unit.to_owned(), key.to_owned()));
        Ok(found.map(|commands| {
            let words = |argv: &Vec<String>| argv.iter().map(|word| said(word, unit)).collect();
            commands.iter().map(words).collect()
        }))
    }

    fn variable(&self, unit: &str, name: &str) -> Result<Option<Sourced<String>>, Unavailable> {
        let variables = self.environment.get(unit);
        Ok(variables
            .and_then(|all| all.get(name))
            .map(|value| said(value, unit)))
    }

    fn service_setting(
        &self,
        unit: &str,
        key: &str,
    ) -> Result<Option<Sourced<String>>, Unavailable> {
        Ok(Launch::assignments(self, unit, "Service", key)?.pop())
    }
}

impl Launch for Units {
    fn assignments(
        &self,
        unit: &str,
        _: &str,
        key: &str,
    ) -> Result<Vec<Sourced<String>>, Unavailable> {
        let found = self.assignments.get(&(unit.to_owned(), key.to_owned()));
        Ok(found
            .into_iter()
            .flatten()
            .map(|value| said(value, unit))
            .collect())
    }
}

/// A tree of texts, by path, with every directory listed.
pub(crate) fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::empty(Source::Tree, Timestamp::UNIX_EPOCH);
    snapshot.systemd = Part::Absent;
    let mut directories: BTreeMap<String, Vec<String>> = BTreeMap::from([("/".to_owned(), vec![])]);
    for (path, text) in files {
        snapshot.files.insert(
            (*path).to_owned(),
            file(FileNode::Regular(Content::Text((*text).to_owned()))),
        );
        let mut below = (*path).to_owned();
        while let Some((parent, name)) = below.clone().rsplit_once('/') {
            let directory = if parent.is_empty() { "/" } else { parent };
            directories
                .entry(directory.to_owned())
                .or_default()
                .push(name.to_owned());
            if parent.is_empty() {
                break;
            }
            below = parent.to_owned();
        }
    }
    for (path, mut names) in directories {
        names.sort();
        names.dedup();
        snapshot
            .files
            .insert(path, file(FileNode::Directory(Part::Present(names))));
    }
    snapshot
}

fn file(node: FileNode) -> Part<File> {
    Part::Present(File {
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        modified: Timestamp::UNIX_EPOCH,
        node,
    })
}

/// The facts of a snapshot.
pub(crate) struct Facts {
    pub(crate) node: Arc<Node>,
    pub(crate) cgroups: Arc<Cgroups>,
    pub(crate) runtimes: Runtimes,
}

pub(crate) fn facts(snapshot: Snapshot, units: Units, containerd: Option<&str>) -> Facts {
    let evidence = Arc::new(Evidence::new(Arc::new(snapshot)));
    with(evidence, Arc::new(units), containerd)
}

/// The facts of a tree, its units read from their files.
pub(crate) fn real(snapshot: Snapshot) -> Facts {
    let evidence = Arc::new(Evidence::new(Arc::new(snapshot)));
    let units = nodepol_facts::systemd::Units::new(Arc::clone(&evidence));
    with(evidence, Arc::new(units), None)
}

fn with<L: Launch + 'static>(
    evidence: Arc<Evidence>,
    units: Arc<L>,
    containerd: Option<&str>,
) -> Facts {
    let assumptions = Assumptions {
        kubelet: None,
        containerd: containerd
            .and_then(|version| Version::parse(version, Location::source("--assume"))),
    };
    let kubelet = Arc::new(Kubelet::new(
        Arc::clone(&evidence),
        units.clone(),
        assumptions,
    ));
    let node = Arc::new(Node::new(Arc::clone(&evidence), Arc::clone(&kubelet)));
    let cgroups = Arc::new(Cgroups::new(Arc::clone(&evidence), Arc::clone(&node)));
    let runtimes = Runtimes::new(
        evidence,
        units,
        kubelet,
        Arc::clone(&node),
        Arc::clone(&cgroups),
    );
    Facts {
        node,
        cgroups,
        runtimes,
    }
}
