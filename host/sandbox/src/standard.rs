//! The standard policies, many in one component.
//!
//! Each of them is a component of its own as well, whose imports are what it may
//! read; that one is built, shown and tested, and its [`Card`] is what counts here.
//! What runs is one component with all of them: it is read once, its policies share
//! their SDK, and one instance of it judges a node. They trust each other, as the
//! files of one program do. Nobody else's policy ever shares anything with them.

use std::sync::Arc;

use crate::bindings::exports::nodepol::policy::check;
use crate::card::Card;
use crate::linker::Grants;
use crate::load::{Linked, LoadError, Prepared, check_permissions};

/// The argument that says which policy is meant; see `xtask/standard`.
const POLICY: &str = "policy";

/// The component that holds the standard policies.
#[derive(Clone)]
pub struct Standard(Arc<Linked>);

impl Standard {
    pub(crate) fn new(linked: Linked) -> Self {
        Self(Arc::new(linked))
    }

    /// The policy of which `card` was made.
    ///
    /// # Errors
    /// If it reads what `grants` does not grant.
    pub fn member(&self, card: &Card, grants: &Grants) -> Result<Prepared, LoadError> {
        check_permissions(&card.inspection, grants)?;
        let which = check::Argument {
            name: POLICY.to_owned(),
            value: check::Value::Text(card.description.id.clone()),
        };
        let inspection = Arc::new(card.inspection.clone());
        Ok(Prepared::new(
            Arc::clone(&self.0),
            Some(which),
            inspection,
            grants,
        ))
    }
}

impl std::fmt::Debug for Standard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standard").finish_non_exhaustive()
    }
}
