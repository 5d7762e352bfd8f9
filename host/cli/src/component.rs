//! The standard policies, embedded: see `build.rs`.

use nodepol_model::report::{PolicyError, PolicyErrorKind};
use nodepol_report::nearest;
use nodepol_sandbox::{Card, Embedded};

/// What is said where a build has none.
pub(crate) const NONE: &str =
    "this build has no standard policies: build it with `cargo xtask build`";

/// One standard policy.
#[derive(Debug)]
pub(crate) struct Component {
    /// Its id.
    pub(crate) id: &'static str,
    /// Its card, as JSON: what it says and shows of itself.
    card: &'static str,
    /// Its documentation, in Markdown.
    pub(crate) readme: &'static str,
}

/// Machine code starts at a page.
#[repr(C, align(4096))]
struct Page<T>(T);

include!(concat!(env!("OUT_DIR"), "/components.rs"));

impl Component {
    /// What it says and shows of itself.
    ///
    /// # Errors
    /// If this build is broken.
    pub(crate) fn card(&self) -> Result<Card, PolicyError> {
        serde_json::from_str(self.card).map_err(|error| PolicyError {
            kind: PolicyErrorKind::NotLoadable,
            message: format!(
                "this build of nodepol is broken: the card of {}: {error}",
                self.id
            ),
        })
    }
}

/// The ids of all of them, sorted.
pub(crate) fn ids() -> Vec<&'static str> {
    COMPONENTS.iter().map(|component| component.id).collect()
}

/// The standard policy of that id.
pub(crate) fn find(id: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.id == id)
}

/// What to say of an id that no standard policy has.
pub(crate) fn unknown(id: &str) -> String {
    if COMPONENTS.is_empty() {
        return NONE.to_owned();
    }
    match nearest(id, ids()) {
        Some(nearest) => format!("there is no standard policy `{id}`; did you mean `{nearest}`?"),
        None => format!("there is no standard policy `{id}`; `nodepol list` shows all"),
    }
}
