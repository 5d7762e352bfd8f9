//! The parameters of one evaluation.

use crate::{Argument, Description, Value, log};

/// The parameters of one evaluation. The host has checked them: every declared
/// one is there with its declared type.
///
/// A native test starts from the defaults:
///
/// ```
/// # use nodepol_plugin::{Description, Parameters};
/// let description = Description::new("acme-lease", "The lease is fresh", "it is young")
///     .parameter("strict", false, "whether a missing lease fails")
///     .parameter("server", "lease.acme.example", "who gives it");
/// let parameters = Parameters::defaults(&description).with("strict", true);
/// assert!(parameters.boolean("strict"));
/// assert_eq!(parameters.text("server"), "lease.acme.example");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<Argument>);

impl Parameters {
    /// These arguments: what the host does.
    pub fn new(arguments: Vec<Argument>) -> Self {
        Self(arguments)
    }

    /// Every parameter of a policy with its default, for native tests.
    pub fn defaults(description: &Description) -> Self {
        let declared = description.0.parameters.iter();
        Self(
            declared
                .map(|parameter| Argument {
                    name: parameter.name.clone(),
                    value: parameter.default.clone(),
                })
                .collect(),
        )
    }

    /// The same with another value for one of them, for native tests.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.retain(|argument| argument.name != name);
        self.0.push(Argument {
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// The value of a parameter that was declared with the type that `read`
    /// takes. One that was not is a mistake of the policy: the log says so, which
    /// `nodepol plugin test` shows.
    fn get<'a, T>(&'a self, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self
            .0
            .iter()
            .find(|argument| argument.name == name)
            .and_then(|argument| read(&argument.value));
        if value.is_none() && cfg!(target_arch = "wasm32") {
            let mut message = String::from("the parameter `");
            message.push_str(name);
            message.push_str("` is not declared with the type that it is read with");
            log::write(log::Level::Error, &message);
        }
        value
    }

    /// A declared boolean; `false` for a name that is not declared as one.
    pub fn boolean(&self, name: &str) -> bool {
        self.get(name, |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A declared integer; 0 for a name that is not declared as one.
    pub fn integer(&self, name: &str) -> i64 {
        self.get(name, |value| match value {
            Value::Integer(value) => Some(*value),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A declared text; empty for a name that is not declared as one.
    pub fn text(&self, name: &str) -> &str {
        self.get(name, |value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A declared list of texts; empty for a name that is not declared as one.
    pub fn texts(&self, name: &str) -> &[String] {
        self.get(name, |value| match value {
            Value::TextList(texts) => Some(texts.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A declared duration in seconds; 0 for a name that is not declared as one.
    pub fn seconds(&self, name: &str) -> u64 {
        self.get(name, |value| match value {
            Value::Duration(seconds) => Some(*seconds),
            _ => None,
        })
        .unwrap_or_default()
    }
}
