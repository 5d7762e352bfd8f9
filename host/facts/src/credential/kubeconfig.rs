//! A kubeconfig as client-go decodes it (tools/clientcmd/api/v1): what its
//! current context names.

use nodepol_model::{Location, Unavailable};

use super::key_pair::decode_base64;
use super::read::{self, Read, join};
use crate::document::{Node, Value, yaml};
use crate::evidence::Evidence;

/// A text of a kubeconfig and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) value: String,
    pub(super) at: Location,
}

/// The user of the current context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    /// Made absolute against the kubeconfig's directory, as all paths.
    pub(super) certificate: Option<Field>,
    pub(super) certificate_data: Option<Field>,
    pub(super) key: Option<Field>,
    pub(super) key_data: Option<Field>,
    pub(super) token: bool,
    pub(super) token_file: Option<Field>,
    pub(super) basic: bool,
    pub(super) auth_provider: bool,
    /// `Some` if there is an exec plugin; what its declaration lacks.
    pub(super) exec: Option<Exec>,
}

impl User {
    /// What a file is called since it was renamed.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for field in [&mut self.certificate, &mut self.key].into_iter().flatten() {
            if field.value == from {
                to.clone_into(&mut field.value);
            }
        }
    }

    /// What there is instead of a certificate, or as well.
    pub(super) fn other_credential(&self) -> Option<String> {
        let words: Vec<&str> = [
            ("token", self.token),
            ("token-file", self.token_file.is_some()),
            ("basic", self.basic),
            ("exec", self.exec.is_some()),
            ("auth-provider", self.auth_provider),
        ]
        .into_iter()
        .filter_map(|(word, there)| there.then_some(word))
        .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// What an exec plugin must declare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Exec {
    pub(super) command: bool,
    /// Empty if it is not said.
    pub(super) api_version: String,
    pub(super) interactive_mode: Option<String>,
}

/// The cluster of the current context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) name: String,
    /// It stands in the file and says something.
    pub(super) present: bool,
    pub(super) server: Option<String>,
    pub(super) ca: Option<Field>,
    pub(super) ca_data: Option<Field>,
    pub(super) insecure: bool,
}

/// A decoded kubeconfig, seen from its current context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The current context if the file has no such context.
    pub(super) missing_context: Option<String>,
    pub(super) user: User,
    pub(super) cluster: Cluster,
}

/// Why a kubeconfig cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoadError {
    /// As [`super::Fault::kind`].
    pub(super) kind: &'static str,
    /// In client-go's words.
    pub(super) message: String,
    pub(super) at: Location,
}

/// `ClientConfigLoadingRules{ExplicitPath: path}.Load()`.
///
/// # Errors
/// Outside, [`Unavailable`] if the snapshot does not know the file; inside, what
/// client-go would say.
pub(super) fn load(
    evidence: &Evidence,
    path: &str,
) -> Result<Result<Decoded, LoadError>, Unavailable> {
    let fail = |kind, message: String, at| Ok(Err(LoadError { kind, message, at }));
    let (canonical, text) = match read::read(evidence, path)? {
        Read::Text(canonical, text) => (canonical, text),
        Read::Absent => {
            return fail(
                "kubeconfig-absent",
                format!("stat {path}: no such file or directory"),
                Location::source(path),
            );
        }
        Read::Directory => {
            return fail(
                "kubeconfig-malformed",
                format!("error loading config file \"{path}\": read {path}: is a directory"),
                Location::source(path),
            );
        }
        Read::Binary(canonical) => {
            return fail(
                "kubeconfig-malformed",
                format!(
                    "error loading config file \"{path}\": yaml: control characters are not allowed"
                ),
                Location::source(canonical),
            );
        }
    };
    let document = match yaml::parse(text) {
        Ok(document) => document,
        Err(error) => {
            return fail(
                "kubeconfig-malformed",
                format!(
                    "error loading config file \"{path}\": yaml: line {}: {}",
                    error.line, error.message
                ),
                Location::position(canonical, error.line, error.column),
            );
        }
    };
    let reader = Reader {
        file: canonical,
        directory: path
            .rsplit_once('/')
            .map_or("/", |(head, _)| head)
            .to_owned(),
    };
    Ok(reader.decode(&document.root).map_err(|error| LoadError {
        message: format!("error loading config file \"{path}\": {}", error.message),
        ..error
    }))
}

struct Reader {
    file: String,
    directory: String,
}

impl Reader {
    fn at(&self, node: &Node, pointer: &str) -> Location {
        Location::position(&self.file, node.line, node.column).with_pointer(pointer)
    }

    fn malformed(&self, node: &Node, message: String) -> LoadError {
        LoadError {
            kind: "kubeconfig-malformed",
            message,
            at: Location::position(&self.file, node.line, node.column),
        }
    }

    fn decode(&self, root: &Node) -> Result<Decoded, LoadError> {
        if !matches!(root.value, Value::Null | Value::Object(_)) {
            return Err(self.malformed(
                root,
                format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go \
                     value of type struct {{ APIVersion string; Kind string }}",
                    json_word(root)
                ),
            ));
        }
        let kind = self.text(root, "kind", "Config.kind")?.unwrap_or_default();
        let version = self
            .text(root, "apiVersion", "Config.apiVersion")?
            .unwrap_or_default();
        if !(matches!(kind.as_str(), "" | "Config") && matches!(version.as_str(), "" | "v1")) {
            return Err(self.malformed(
                root,
                format!("no kind \"{kind}\" is registered for version \"{version}\""),
            ));
        }
        let current = self
            .text(root, "current-context", "Config.current-context")?
            .unwrap_or_default();
        let contexts = self.named(root, "contexts", "context", "Context")?;
        let users = self.named(root, "users", "user", "AuthInfo")?;
        let clusters = self.named(root, "clusters", "cluster", "Cluster")?;
        // Every entry is decoded, not only those that the context names.
        let mut chosen = None;
        for (_, name, node) in &contexts {
            let user = self.text(node, "user", "Context.contexts.context.user")?;
            let cluster = self.text(node, "cluster", "Context.contexts.context.cluster")?;
            self.text(node, "namespace", "Context.contexts.context.namespace")?;
            // Of equal names the first one counts.
            if *name == current && chosen.is_none() {
                chosen = Some((user.unwrap_or_default(), cluster.unwrap_or_default()));
            }
        }
        let missing_context = (!current.is_empty() && chosen.is_none()).then_some(current);
        let (user, cluster) = chosen.unwrap_or_default();
        let mut decoded = Decoded {
            missing_context,
            user: User {
                name: user.clone(),
                ..User::default()
            },
            cluster: Cluster {
                name: cluster.clone(),
                ..Cluster::default()
            },
        };
        let mut found = false;
        for (index, name, node) in &users {
            let read = self.user(name, node, &format!("/users/{index}/user"))?;
            if *name == user && !found {
                decoded.user = read;
                found = true;
            }
        }
        found = false;
        for (index, name, node) in &clusters {
            let read = self.cluster(name, node, &format!("/clusters/{index}/cluster"))?;
            if *name == cluster && !found {
                decoded.cluster = read;
                found = true;
            }
        }
        Ok(decoded)
    }

    /// The entries of a list of `{name, <key>}`.
    fn named<'n>(
        &self,
        root: &'n Node,
        list: &str,
        key: &str,
        kind: &str,
    ) -> Result<Vec<(usize, String, &'n Node)>, LoadError> {
        let Some(node) = root.get(list) else {
            return Ok(Vec::new());
        };
        let items = match &node.value {
            Value::Null => return Ok(Vec::new()),
            Value::Array(items) => items,
            _ => {
                return Err(self.malformed(
                    node,
                    format!(
                        "json: cannot unmarshal {} into Go struct field Config.{list} of type \
                         []v1.Named{kind}",
                        json_word(node)
                    ),
                ));
            }
        };
        let mut entries = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let name = self
                .text(item, "name", &format!("Named{kind}.{list}.name"))?
                .unwrap_or_default();
            // An entry without a body is an empty one.
            let inner = item.get(key).unwrap_or(item);
            if !matches!(inner.value, Value::Object(_) | Value::Null) {
                return Err(self.malformed(
                    inner,
                    format!(
                        "json: cannot unmarshal {} into Go struct field Named{kind}.{list}.{key} of \
                         type v1.{kind}",
                        json_word(inner)
                    ),
                ));
            }
            entries.push((index, name, inner));
        }
        Ok(entries)
    }

    fn user(&self, name: &str, node: &Node, pointer: &str) -> Result<User, LoadError> {
        let field = |key: &str| self.field(node, key, pointer, "AuthInfo.users.user");
        let path = |key: &str| {
            field(key).map(|field| {
                field.map(|field| Field {
                    value: join(&self.directory, &field.value),
                    ..field
                })
            })
        };
        let exec = match node.get("exec") {
            Some(exec) if matches!(exec.value, Value::Object(_)) => Some(Exec {
                command: self.has_text(exec, "command")?,
                api_version: self
                    .text(exec, "apiVersion", "ExecConfig.users.user.exec.apiVersion")?
                    .unwrap_or_default(),
                interactive_mode: self.text(
                    exec,
                    "interactiveMode",
                    "ExecConfig.users.user.exec.interactiveMode",
                )?,
            }),
            _ => None,
        };
        Ok(User {
            name: name.to_owned(),
            certificate: path("client-certificate")?,
            certificate_data: field("client-certificate-data")?,
            key: path("client-key")?,
            key_data: field("client-key-data")?,
            token: field("token")?.is_some(),
            token_file: path("tokenFile")?,
            basic: field("username")?.is_some() || field("password")?.is_some(),
            auth_provider: node
                .get("auth-provider")
                .is_some_and(|node| !matches!(node.value, Value::Null)),
            exec,
        })
    }

    fn cluster(&self, name: &str, node: &Node, pointer: &str) -> Result<Cluster, LoadError> {
        let field = |key: &str| self.field(node, key, pointer, "Cluster.clusters.cluster");
        let insecure = match node.get("insecure-skip-tls-verify") {
            Some(value) => value.as_bool().unwrap_or(false),
            None => false,
        };
        let ca = field("certificate-authority")?.map(|field| Field {
            value: join(&self.directory, &field.value),
            ..field
        });
        let ca_data = field("certificate-authority-data")?;
        let server = field("server")?.map(|field| field.value);
        Ok(Cluster {
            name: name.to_owned(),
            present: server.is_some() || ca.is_some() || ca_data.is_some() || insecure,
            server,
            ca,
            ca_data,
            insecure,
        })
    }

    /// A text that is not empty.
    fn field(
        &self,
        node: &Node,
        key: &str,
        pointer: &str,
        go: &str,
    ) -> Result<Option<Field>, LoadError> {
        let Some(entry) = node.entry(key) else {
            return Ok(None);
        };
        let value = self.text(node, key, &format!("{go}.{key}"))?;
        if let Some(data) = value.as_deref()
            && key.ends_with("-data")
            && !data.starts_with("nodepol-redacted")
            && let Err(message) = decode_base64(data)
        {
            return Err(self.malformed(&entry.value, message));
        }
        Ok(value.filter(|value| !value.is_empty()).map(|value| Field {
            value,
            at: self.at(&entry.value, &format!("{pointer}/{key}")),
        }))
    }

    fn has_text(&self, node: &Node, key: &str) -> Result<bool, LoadError> {
        Ok(self
            .text(node, key, &format!("ExecConfig.users.user.exec.{key}"))?
            .is_some_and(|text| !text.is_empty()))
    }

    fn text(&self, node: &Node, key: &str, go: &str) -> Result<Option<String>, LoadError> {
        let Some(value) = node.get(key) else {
            return Ok(None);
        };
        match &value.value {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.clone())),
            _ => Err(self.malformed(
                value,
                format!(
                    "json: cannot unmarshal {} into Go struct field {go} of type string",
                    json_word(value)
                ),
            )),
        }
    }
}

/// What Go's `encoding/json` calls a value.
fn json_word(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "null",
        Value::Boolean(_) => "bool",
        Value::Integer(_) | Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
