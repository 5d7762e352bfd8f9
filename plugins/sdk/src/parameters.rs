//! The parameters of one evaluation.

use crate::{Argument, Value};

/// The parameters of one evaluation. The host has checked them: every declared
/// one is there with its declared type.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<Argument>);

impl Parameters {
    pub(crate) fn new(arguments: Vec<Argument>) -> Self {
        Self(arguments)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|argument| argument.name == name)
            .map(|argument| &argument.value)
    }

    /// A declared boolean; `false` for a name that is not declared as one.
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Boolean(true)))
    }

    /// A declared integer; 0 for a name that is not declared as one.
    pub fn integer(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Integer(value)) => *value,
            _ => 0,
        }
    }

    /// A declared text; empty for a name that is not declared as one.
    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A declared list of texts; empty for a name that is not declared as one.
    pub fn texts(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Value::TextList(texts)) => texts,
            _ => &[],
        }
    }

    /// A declared duration in seconds; 0 for a name that is not declared as one.
    pub fn seconds(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Value::Duration(seconds)) => *seconds,
            _ => 0,
        }
    }
}
