//! Who a policy is.

use std::time::Duration;

use crate::bindings::exports::nodepol::policy::check;
use crate::{Phase, Severity, Value};

/// Who a policy is: what `nodepol list` shows and what a policy set may change.
///
/// ```
/// use std::time::Duration;
/// use nodepol_plugin::{Description, Phase, Severity};
///
/// Description::new("acme-lease", "The lease is fresh", "the lease is younger than `age`")
///     .severity(Severity::TimeBomb)
///     .phases(&[Phase::Boot, Phase::Running])
///     .parameter("age", Duration::from_secs(3600), "how old it may be")
///     .parameter("retries", 3, "how often the agent tries")
///     .parameter("servers", ["a.example", "b.example"], "who may have given it")
///     .documentation("https://wiki.acme.example/lease");
/// ```
#[derive(Debug, Clone)]
pub struct Description(pub(crate) check::Description);

impl Description {
    /// A policy with a kebab-case `id`, a title, and the rule that must hold, in
    /// one line. It is a [`Severity::Blocker`] in every phase until told otherwise.
    pub fn new(id: &str, title: &str, rule: &str) -> Self {
        Self(check::Description {
            id: id.to_owned(),
            title: title.to_owned(),
            rule: rule.to_owned(),
            severity: Severity::Blocker,
            phases: vec![Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running],
            parameters: Vec::new(),
            documentation: None,
        })
    }

    /// What is at stake if it fails.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// The phases in which it means something.
    #[must_use]
    pub fn phases(mut self, phases: &[Phase]) -> Self {
        self.0.phases = phases.to_vec();
        self
    }

    /// A parameter that a policy set may give; the default says its type: a
    /// `bool`, an `i64`, a text, a list of texts or a [`Duration`].
    #[must_use]
    pub fn parameter(mut self, name: &str, default: impl Into<Value>, description: &str) -> Self {
        self.0.parameters.push(check::Parameter {
            name: name.to_owned(),
            default: default.into(),
            description: description.to_owned(),
        });
        self
    }

    /// Where its documentation is.
    #[must_use]
    pub fn documentation(mut self, url: &str) -> Self {
        self.0.documentation = Some(url.to_owned());
        self
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::TextList(texts)
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(texts: [&str; N]) -> Self {
        Self::TextList(texts.map(str::to_owned).to_vec())
    }
}

/// In whole seconds.
impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration.as_secs())
    }
}
