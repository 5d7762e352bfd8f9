//! What is wrong with a policy set, and where.

use std::fmt;

use nodepol_model::Location;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where.
    pub(crate) at: Location,
    /// What is wrong, and what to do about it.
    pub(crate) message: String,
}

impl Mistake {
    pub(crate) fn new(at: Location, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// All mistakes, in the order of the files.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(crate) fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if there are no mistakes.
    ///
    /// # Errors
    /// The mistakes, if there are any.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Mistake> = self.0.iter().collect();
        // Files stay in the order in which they were named.
        sorted.sort_by_key(|mistake| {
            let file = self
                .0
                .iter()
                .position(|it| it.at.source == mistake.at.source);
            (file, mistake.at.line, mistake.at.column)
        });
        match sorted.len() {
            1 => f.write_str("the policy set has a mistake:")?,
            count => write!(f, "the policy sets have {count} mistakes:")?,
        }
        for mistake in sorted {
            write!(f, "\n  {}: {}", mistake.at, mistake.message)?;
        }
        Ok(())
    }
}
