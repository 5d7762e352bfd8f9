//! Structured files, by path and pointer: the interface `configs`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use nodepol_model::snapshot::{Content, FileNode};
use nodepol_model::{Location, Part, Unavailable};
use serde::Serialize;

use crate::document::{Node, SyntaxError, Value as Tree, json, toml, yaml};
use crate::evidence::Evidence;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the types of JSON")]
pub enum Kind {
    Null,
    Boolean,
    Integer,
    Float,
    Text,
    Array,
    Object,
}

/// A value that holds no others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the types of JSON")]
pub enum Scalar {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Its type.
    pub kind: Kind,
    /// Itself; null for an array or an object.
    pub scalar: Scalar,
    /// Where it stands.
    pub at: Location,
}

/// A structured file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Its path.
    pub path: String,
    /// `yaml`, `json` or `toml`.
    pub format: &'static str,
    /// Why it cannot be read as what it claims to be.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Yaml,
    Json,
    Toml,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
        }
    }

    /// The format that a path stands for. `.conf` is what CRI-O calls its TOML
    /// and kubeadm its kubeconfigs.
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("yaml" | "yml") => Some(Self::Yaml),
            Some("json") => Some(Self::Json),
            Some("toml") => Some(Self::Toml),
            Some("conf") if path.contains("/crio/") || path.contains("/crio.conf.d/") => {
                Some(Self::Toml)
            }
            Some("conf") if path.starts_with("/etc/kubernetes/") => Some(Self::Yaml),
            // Of a CNI network, which is JSON under either name.
            Some("conf" | "conflist") if path.contains("/cni/") => Some(Self::Json),
            _ if name == "kubeconfig" => Some(Self::Yaml),
            // What the kubelet's resource managers remember.
            _ if name == "cpu_manager_state" || name == "memory_manager_state" => Some(Self::Json),
            _ => None,
        }
    }

    fn parse(self, text: &str) -> Result<Node, SyntaxError> {
        match self {
            Self::Yaml => yaml::parse(text).map(|document| document.root),
            Self::Json => json::parse(text).map(|document| document.root),
            Self::Toml => toml::parse(text),
        }
    }
}

/// What a path holds: a tree, nothing, or something that cannot be read.
type Parsed = Result<Option<Node>, Unavailable>;

/// The structured files of a node. Each is parsed once.
#[derive(Debug)]
pub struct Configs {
    evidence: Arc<Evidence>,
    parsed: Mutex<BTreeMap<String, Arc<Parsed>>>,
}

impl Configs {
    /// The files in `evidence`.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self {
            evidence,
            parsed: Mutex::default(),
        }
    }

    /// Every document that was gathered, sorted by path. A link to one is not
    /// listed beside it.
    pub fn documents(&self) -> Vec<Document> {
        let paths = self.evidence.paths();
        paths
            .filter_map(|path| {
                let format = Format::of(path)?;
                match &self.evidence.gathered(path)?.present()?.node {
                    FileNode::Regular(Content::NotRead) => None,
                    FileNode::Regular(_) => Some(Document {
                        path: path.to_owned(),
                        format: format.as_str(),
                        problem: match &*self.parsed(path) {
                            Ok(_) => None,
                            Err(unavailable) => Some(unavailable.reason.clone()),
                        },
                    }),
                    _ => None,
                }
            })
            .collect()
    }

    /// The value at an RFC 6901 pointer; none if the file or the value does not
    /// exist.
    ///
    /// # Errors
    /// [`Unavailable`] if the file could not be read, is not what its name says,
    /// or its name says nothing.
    pub fn get(&self, path: &str, pointer: &str) -> Result<Option<Value>, Unavailable> {
        self.node(path, pointer, |node| Value {
            kind: kind(&node.value),
            scalar: scalar(&node.value),
            at: Location::position(path, node.line, node.column).with_pointer(pointer),
        })
    }

    /// The keys of an object in their order, or `0` to `n-1` of an array; none
    /// of anything else.
    ///
    /// # Errors
    /// As [`Configs::get`].
    pub fn keys(&self, path: &str, pointer: &str) -> Result<Vec<String>, Unavailable> {
        let keys = self.node(path, pointer, |node| match &node.value {
            Tree::Object(entries) => entries.iter().map(|entry| entry.key.clone()).collect(),
            Tree::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        })?;
        Ok(keys.unwrap_or_default())
    }

    /// A subtree as JSON text; none if the file or the value does not exist.
    ///
    /// # Errors
    /// As [`Configs::get`].
    pub fn json(&self, path: &str, pointer: &str) -> Result<Option<String>, Unavailable> {
        self.node(path, pointer, |node| node.to_json().to_string())
    }

    fn node<T>(
        &self,
        path: &str,
        pointer: &str,
        f: impl FnOnce(&Node) -> T,
    ) -> Result<Option<T>, Unavailable> {
        match &*self.parsed(path) {
            Ok(Some(root)) => Ok(root.at(pointer).map(f)),
            Ok(None) => Ok(None),
            Err(unavailable) => Err(unavailable.clone()),
        }
    }

    fn parsed(&self, path: &str) -> Arc<Parsed> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.get(path) {
            return Arc::clone(known);
        }
        let result = Arc::new(self.parse(path));
        // What does not exist is cheap to find out again, and a policy can name
        // any number of such paths.
        if !matches!(*result, Ok(None)) && self.evidence.gathered(path).is_some() {
            parsed.insert(path.to_owned(), Arc::clone(&result));
        }
        result
    }

    fn parse(&self, path: &str) -> Parsed {
        let text = match self.evidence.text(path) {
            Part::Present(text) => text,
            Part::Absent => return Ok(None),
            Part::Unreadable(why) => return Err(Unavailable::new(path, why)),
        };
        let format = Format::of(path).ok_or_else(|| {
            Unavailable::new(path, "its name does not say that it is YAML, JSON or TOML")
        })?;
        format.parse(text).map(Some).map_err(|error| {
            Unavailable::new(path, format!("it is not {}: {error}", format.as_str()))
        })
    }
}

const fn kind(value: &Tree) -> Kind {
    match value {
        Tree::Null => Kind::Null,
        Tree::Boolean(_) => Kind::Boolean,
        Tree::Integer(_) => Kind::Integer,
        Tree::Float(_) => Kind::Float,
        Tree::Text(_) => Kind::Text,
        Tree::Array(_) => Kind::Array,
        Tree::Object(_) => Kind::Object,
    }
}

fn scalar(value: &Tree) -> Scalar {
    match value {
        Tree::Boolean(value) => Scalar::Boolean(*value),
        Tree::Integer(value) => Scalar::Integer(*value),
        Tree::Float(value) => Scalar::Float(*value),
        Tree::Text(text) => Scalar::Text(text.clone()),
        Tree::Null | Tree::Array(_) | Tree::Object(_) => Scalar::Null,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use nodepol_model::Snapshot;
    use nodepol_model::snapshot::{File, Source};

    use super::*;

    fn configs(files: &[(&str, &str)]) -> Configs {
        let mut snapshot = Snapshot::empty(Source::Tree, Timestamp::UNIX_EPOCH);
        for (path, text) in files {
            snapshot.files.insert(
                (*path).to_owned(),
                Part::Present(File {
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                    size: 0,
                    modified: Timestamp::UNIX_EPOCH,
                    node: FileNode::Regular(Content::Text((*text).to_owned())),
                }),
            );
        }
        snapshot.files.insert("/etc/none".to_owned(), Part::Absent);
        Configs::new(Arc::new(Evidence::new(Arc::new(snapshot))))
    }

    #[test]
    fn documents_are_those_whose_name_says_so() {
        let configs = configs(&[
            ("/etc/b.yaml", "a: 1"),
            ("/etc/a.json", "{"),
            ("/etc/c.txt", "a: 1"),
            ("/etc/crio/crio.conf", "[crio]\nx = 1\n"),
            ("/etc/kubernetes/kubelet.conf", "kind: Config"),
            ("/etc/sysctl.conf", "a=1"),
        ]);
        let documents = configs.documents();
        let list: Vec<_> = documents
            .iter()
            .map(|d| (d.path.as_str(), d.format, d.problem.is_some()))
            .collect();
        assert_eq!(
            list,
            [
                ("/etc/a.json", "json", true),
                ("/etc/b.yaml", "yaml", false),
                ("/etc/crio/crio.conf", "toml", false),
                ("/etc/kubernetes/kubelet.conf", "yaml", false),
            ]
        );
        assert!(configs.get("/etc/a.json", "").is_err());
        assert!(configs.get("/etc/c.txt", "").is_err());
    }

    #[test]
    fn values_have_their_type_and_place() {
        let configs = configs(&[("/a.yaml", "x:\n  - yes\n  - 7\n  - 'no'\nm: {b: 1, a: 2}\n")]);
        let value = configs.get("/a.yaml", "/x/1").unwrap().unwrap();
        assert_eq!(value.scalar, Scalar::Integer(7));
        assert_eq!(value.at.line, Some(3));
        assert_eq!(value.at.pointer.as_deref(), Some("/x/1"));
        let boolean = configs.get("/a.yaml", "/x/0").unwrap().unwrap();
        assert_eq!(boolean.scalar, Scalar::Boolean(true));
        let array = configs.get("/a.yaml", "/x").unwrap().unwrap();
        assert_eq!((array.kind, array.scalar), (Kind::Array, Scalar::Null));
        assert_eq!(configs.get("/a.yaml", "/z").unwrap(), None);
        assert_eq!(configs.get("/a.yaml", "x").unwrap(), None);
        assert_eq!(configs.keys("/a.yaml", "/m").unwrap(), ["b", "a"]);
        assert_eq!(configs.keys("/a.yaml", "/x").unwrap(), ["0", "1", "2"]);
        assert_eq!(
            configs.json("/a.yaml", "/m").unwrap().as_deref(),
            Some(r#"{"b":1,"a":2}"#)
        );
    }

    #[test]
    fn absent_is_not_unavailable() {
        let configs = configs(&[]);
        assert_eq!(configs.get("/etc/none", "/a").unwrap(), None);
        assert!(configs.get("/not/gathered.yaml", "/a").is_err());
    }
}
